"""Mercado Pago: a signed hint that a payment changed; what it is now is always read from its API.

Subscribe the application's webhooks to "payments". Notifications of QR codes, and the older IPN, are not
signed: they are refused, and the payments they speak of come by the signed ones or not at all.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, SecretStr
from typing_extensions import override

from channels.rails import asking
from channels.rails.bodies import (
    Amount,
    Body,
    Instant,
    json_object,
    json_text,
    named,
    of_kind,
    plain,
    read_as,
    slug,
)
from channels.rails.money import Entry, MoneyKind, MoneyNote, NotConfirmed, Rail
from channels.rails.signing import accept_only, any_equal, fresh, header, mac, octets, seconds

_MILLISECONDS_FROM = 10**11  # as seconds, this lies in the year 5138
# What a payment's status may be once it was approved.
_PAID = frozenset(("approved", "in_mediation", "refunded", "charged_back"))
_CHARGEBACKS: dict[str, MoneyKind] = {"settled": "dispute_lost", "reimbursed": "dispute_won"}


def _listed(value: object) -> object:
    return value if value is not None else ()


class _Hint(Body):
    payment: Annotated[str, Field(pattern=r"^[0-9]{1,30}$")]


class _Refund(Body):
    id: int
    amount: Amount
    date_created: Instant
    status: str = "approved"


class _Payer(Body):
    first_name: str | None = None
    last_name: str | None = None


class _Metadata(Body):
    invoice: str | None = None
    reference: str | None = None


class _Payment(Body):
    id: int
    status: str
    status_detail: str | None = None
    captured: bool = True
    transaction_amount: Amount
    currency_id: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    date_approved: Instant | None = None
    date_last_updated: Instant | None = None
    payment_method_id: str | None = None
    payment_type_id: str | None = None
    external_reference: str | None = None
    description: str | None = None
    metadata: _Metadata | None = None
    payer: _Payer | None = None
    refunds: Annotated[tuple[_Refund, ...], BeforeValidator(_listed)] = ()


class MercadoPagoRail(Rail):
    """x-signature (HMAC-SHA256 over the manifest id;request-id;ts, five minutes either way).

    The signature covers the query's data.id and not the body, which is therefore never read. The inbox's key
    is that id with x-request-id; a payment's id is mercadopago-<id>.
    """

    source = "mercadopago"
    answer_status = 200

    def __init__(self, secret: SecretStr, access_token: SecretStr, base_url: str, timeout: float) -> None:
        self._secret = secret.get_secret_value().encode()
        self._access_token, self._base_url, self._timeout = access_token, base_url, timeout

    @override
    def verify(self, raw: bytes, headers: Mapping[str, str], query: Mapping[str, str], now: datetime) -> None:
        stamp, offered = _signature(headers)
        about, request = query.get("data.id", ""), header(headers, "x-request-id")
        # The documentation signs a lower-case id, its own SDKs the id as it came.
        manifests = [_manifest(each, request, stamp) for each in (about.lower(), about)]
        expected = [mac(self._secret, octets(each)).hex().encode() for each in manifests]
        signed, recent = any_equal(expected, offered), fresh(_in_seconds(stamp), now.timestamp())
        accept_only(signed and recent)

    @override
    def entries(self, raw: bytes, headers: Mapping[str, str], query: Mapping[str, str]) -> list[Entry]:
        if query.get("type", "payment") != "payment":
            return []
        hint = read_as(_Hint, {"payment": query.get("data.id", "")})
        request = plain(header(headers, "x-request-id"), 100) or _signature(headers)[0]
        return [Entry(f"{hint.payment}:{request}", json_text({"payment": hint.payment}))]

    @override
    async def read(self, body: str) -> list[MoneyNote]:
        hint = read_as(_Hint, json_object(body))
        headers = {"Authorization": f"Bearer {self._access_token.get_secret_value()}"}
        async with asking.client(self._base_url, self._timeout) as http:
            truth = await asking.get(http, f"/v1/payments/{hint.payment}", headers)
        if truth is None:
            raise NotConfirmed("unknown_to_provider")
        return _notes(asking.understood(_Payment, truth))


def _signature(headers: Mapping[str, str]) -> tuple[str, list[str]]:
    parts = [part.partition("=") for part in header(headers, "x-signature").split(",")]
    stamp = next((value.strip() for name, _, value in parts if name.strip() == "ts"), "")
    return stamp, [value.strip() for name, _, value in parts if name.strip() == "v1"]


def _manifest(about: str, request: str, stamp: str) -> str:
    """What is signed; empty parts are left out."""
    parts = (("id", about), ("request-id", request), ("ts", stamp))
    return "".join(f"{name}:{value};" for name, value in parts if value)


def _in_seconds(stamp: str) -> float:
    """The documentation says milliseconds, its own example shows seconds: the size tells."""
    value = seconds(stamp)
    return value / 1000 if value >= _MILLISECONDS_FROM else value


def _notes(payment: _Payment) -> list[MoneyNote]:
    """All that has become of a payment, in the order in which it can have happened."""
    if payment.status not in _PAID or payment.date_approved is None or not payment.captured:
        return []
    refunds = [_refund(payment, each) for each in payment.refunds if each.status == "approved"]
    return [_paid(payment, payment.date_approved), *refunds, *_chargeback(payment, payment.date_approved)]


def _paid(payment: _Payment, at: datetime) -> MoneyNote:
    metadata, payer = payment.metadata or _Metadata(), payment.payer or _Payer()
    return MoneyNote(
        kind="payment",
        id=f"mercadopago-{payment.id}",
        amount=payment.transaction_amount,
        currency=payment.currency_id,
        at=at,
        method="pix" if payment.payment_method_id == "pix" else slug(payment.payment_type_id),
        references=(
            *of_kind("invoice", metadata.invoice),
            *named(metadata.reference),
            *named(payment.external_reference),
            *of_kind("provider", f"mercadopago-{payment.id}"),
            *of_kind("text", payment.description),
        ),
        payer=plain(f"{payer.first_name or ''} {payer.last_name or ''}"),
    )


def _later(kind: MoneyKind, payment: _Payment, suffix: str, amount: Any, at: datetime) -> MoneyNote:
    identity = f"mercadopago-{payment.id}"
    return MoneyNote(
        kind=kind,
        id=identity + suffix,
        amount=amount,
        currency=payment.currency_id,
        at=at,
        method="",
        of=identity,
    )


def _refund(payment: _Payment, refund: _Refund) -> MoneyNote:
    return _later("reversal", payment, f":refund:{refund.id}", refund.amount, refund.date_created)


def _chargeback(payment: _Payment, approved_at: datetime) -> list[MoneyNote]:
    """A chargeback and what came of it: `settled` took the money, `reimbursed` left or gave it back."""
    if payment.status != "charged_back":
        return []
    at, amount = payment.date_last_updated or approved_at, payment.transaction_amount
    notes = [_later("dispute", payment, ":chargeback", amount, at)]
    if payment.status_detail == "settled":
        notes.append(_later("reversal", payment, ":chargeback:settled", amount, at))
    ended = _CHARGEBACKS.get(payment.status_detail or "")
    if ended is not None:
        notes.append(_later(ended, payment, f":chargeback:{payment.status_detail}:end", amount, at))
    return notes
