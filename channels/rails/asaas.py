"""Asaas: events about charges, authenticated by a token in a header, confirmed by its API where a key is set.

Subscribe the webhook to PAYMENT_CONFIRMED, PAYMENT_RECEIVED, PAYMENT_DUNNING_RECEIVED, PAYMENT_REFUNDED,
PAYMENT_PARTIALLY_REFUNDED, PAYMENT_RECEIVED_IN_CASH_UNDONE, PAYMENT_CHARGEBACK_REQUESTED and
PAYMENT_AWAITING_CHARGEBACK_REVERSAL.
"""

import hmac
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from typing_extensions import override

from channels.rails import asking
from channels.rails.bodies import (
    PAST,
    Amount,
    Body,
    Code,
    json_object,
    json_text,
    named,
    of_kind,
    read_as,
    slug,
)
from channels.rails.money import Entry, MoneyKind, MoneyNote, NotConfirmed, Rail
from channels.rails.signing import accept_only, header, octets

_ZONE = ZoneInfo("America/Sao_Paulo")
# What a charge's status may be once it was paid; a reversal or a chargeback that followed is told by itself.
_PAID = frozenset(
    (
        "RECEIVED",
        "CONFIRMED",
        "RECEIVED_IN_CASH",
        "DUNNING_RECEIVED",
        "REFUND_REQUESTED",
        "REFUND_IN_PROGRESS",
        "REFUNDED",
        "CHARGEBACK_REQUESTED",
        "CHARGEBACK_DISPUTE",
        "AWAITING_CHARGEBACK_REVERSAL",
    )
)
_LOST = frozenset(("DISPUTE_LOST", "DONE"))
# What it is once its money was taken back, whole or by the payer's bank.
_TAKEN_BACK = frozenset(
    ("REFUNDED", "CHARGEBACK_REQUESTED", "CHARGEBACK_DISPUTE", "AWAITING_CHARGEBACK_REVERSAL")
)
_CHARGEBACKS = ("PAYMENT_CHARGEBACK_REQUESTED", "PAYMENT_AWAITING_CHARGEBACK_REVERSAL")


def _in_utc(value: datetime) -> datetime:
    """Asaas writes local time without saying so."""
    at = value.replace(tzinfo=value.tzinfo or _ZONE)
    if at < PAST:
        raise ValueError("this instant lies before 1990")
    return at.astimezone(UTC)


def _listed(value: object) -> object:
    return value if value is not None else ()


LocalTime = Annotated[datetime, AfterValidator(_in_utc)]


class _Refund(Body):
    dateCreated: str  # noqa: N815  # Asaas's spelling
    value: Amount
    status: str


class _Chargeback(Body):
    status: str = ""


class _Payment(Body):
    """A charge: `value` in BRL is what was paid, with interest and fine where they were due."""

    id: Code
    value: Amount
    status: str = ""
    billingType: str | None = None  # noqa: N815  # Asaas's spelling
    externalReference: str | None = None  # noqa: N815  # Asaas's spelling
    description: str | None = None
    paymentLink: str | None = None  # noqa: N815  # Asaas's spelling
    refunds: Annotated[tuple[_Refund, ...], BeforeValidator(_listed)] = ()
    chargeback: _Chargeback | None = None


class _Event(Body):
    event: str
    dateCreated: LocalTime  # noqa: N815  # Asaas's spelling
    payment: _Payment


class _Envelope(Body):
    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_&-]{1,150}$")]
    event: str


def _note(kind: MoneyKind, event: _Event, suffix: str = "", amount: Decimal | None = None) -> MoneyNote:
    payment = event.payment
    return MoneyNote(
        kind=kind,
        id=payment.id + suffix,
        amount=amount or payment.value,
        currency="BRL",
        at=event.dateCreated,
        method=slug(payment.billingType),
        of=payment.id,
    )


def _paid(event: _Event) -> list[MoneyNote]:
    payment = event.payment
    note = MoneyNote(
        kind="payment",
        id=payment.id,
        amount=payment.value,
        currency="BRL",
        at=event.dateCreated,
        method=slug(payment.billingType),
        references=(
            *named(payment.externalReference),
            *of_kind("provider", payment.id),
            *of_kind("provider", payment.paymentLink),
            *of_kind("text", payment.description),
        ),
    )
    return [note]


def _refunded(event: _Event) -> list[MoneyNote]:
    """The refunds that are done; a charge that was taken back whole may list none (a lost chargeback)."""
    payment = event.payment
    seen: Counter[str] = Counter()
    notes = []
    for refund in (each for each in payment.refunds if each.status == "DONE"):
        # Asaas gives refunds no id: the second it was asked for and its amount tell one from the next.
        key = f":refund:{refund.dateCreated}:{refund.value:f}".replace(" ", "T")[:80]
        seen[key] += 1
        suffix = key if seen[key] == 1 else f"{key}:{seen[key]}"
        notes.append(_note("reversal", event, suffix, refund.value))
    if not notes and event.event == "PAYMENT_REFUNDED":
        notes = [_note("reversal", event, ":refunded")]
    if payment.chargeback is not None and payment.chargeback.status in _LOST:
        notes.append(_note("dispute_lost", event, ":chargeback:lost"))
    return notes


_READERS: dict[str, Callable[[_Event], list[MoneyNote]]] = {
    # Confirmed is paid by card and not yet at our disposal; it is the same payment as the received one.
    "PAYMENT_CONFIRMED": _paid,
    "PAYMENT_RECEIVED": _paid,
    "PAYMENT_DUNNING_RECEIVED": _paid,
    "PAYMENT_REFUNDED": _refunded,
    "PAYMENT_PARTIALLY_REFUNDED": _refunded,
    "PAYMENT_RECEIVED_IN_CASH_UNDONE": lambda event: [_note("reversal", event, ":undone")],
    "PAYMENT_CHARGEBACK_REQUESTED": lambda event: [_note("dispute", event, ":chargeback")],
    "PAYMENT_AWAITING_CHARGEBACK_REVERSAL": lambda event: [_note("dispute_won", event, ":chargeback:won")],
}


class AsaasRail(Rail):
    """The header asaas-access-token, compared in constant time; the inbox's key is the event's id (evt_...).

    A payment's id is the charge's (pay_...). Only HTTP 200 counts as an answer, and 15 others stop the queue.
    """

    source = "asaas"
    answer_status = 200

    def __init__(self, token: SecretStr, api_key: SecretStr | None, base_url: str, timeout: float) -> None:
        self._token = token.get_secret_value().encode()
        self._api_key, self._base_url, self._timeout = api_key, base_url, timeout

    @override
    def verify(self, raw: bytes, headers: Mapping[str, str], query: Mapping[str, str], now: datetime) -> None:
        accept_only(hmac.compare_digest(octets(header(headers, "asaas-access-token")), self._token))

    @override
    def entries(self, raw: bytes, headers: Mapping[str, str], query: Mapping[str, str]) -> list[Entry]:
        body = json_object(raw)
        event = read_as(_Envelope, body)
        return [Entry(event.id, json_text(body))] if event.event in _READERS else []

    @override
    async def read(self, body: str) -> list[MoneyNote]:
        event = read_as(_Event, json_object(body))
        reader = _READERS[event.event]
        if self._api_key is None:
            return reader(event)
        truth = await self._ask(event.payment.id, self._api_key)
        claimed = tuple(reader(event))
        if truth is None:
            raise NotConfirmed("unknown_to_provider", claimed)
        payment = asking.understood(_Payment, truth, claimed)
        _agree(event, payment, claimed)
        return reader(event.model_copy(update={"payment": payment}))

    async def _ask(self, payment_id: str, api_key: SecretStr) -> dict[str, Any] | None:
        # Asaas refuses requests without a User-Agent of one's own.
        headers = {"access_token": api_key.get_secret_value(), "User-Agent": "regua"}
        async with asking.client(self._base_url, self._timeout) as http:
            return await asking.get(http, f"/v3/payments/{payment_id}", headers)


def _agree(event: _Event, truth: _Payment, claimed: tuple[MoneyNote, ...]) -> None:
    """Raise `NotConfirmed` unless the charge stands as the event says, for its amount."""
    if not _can_have_led_to(event.event, truth):
        raise NotConfirmed("status_differs", claimed)
    if truth.value != event.payment.value:
        raise NotConfirmed("amount_differs", claimed)


def _can_have_led_to(event: str, truth: _Payment) -> bool:
    """Whether a charge can stand so after the event: a token alone must not take money back that is still there."""
    if event == "PAYMENT_RECEIVED_IN_CASH_UNDONE":
        return truth.status not in _PAID
    if event == "PAYMENT_REFUNDED":
        return truth.status in _TAKEN_BACK or any(each.status == "DONE" for each in truth.refunds)
    if event in _CHARGEBACKS:
        return truth.status in _TAKEN_BACK or truth.chargeback is not None
    return truth.status in _PAID
