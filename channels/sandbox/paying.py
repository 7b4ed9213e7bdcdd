"""A payment as its rail tells it: what the provider's API answers afterwards, and the signed webhook."""

import hmac
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from standardwebhooks.webhooks import Webhook

from channels.rails.stripe_events import digits_of
from channels.sandbox.hub import Hub

# Variables of the payment rails, the same that the service reads: the sandbox signs and answers by them.
SECRETS = (
    "PAYMENT_WEBHOOK_SECRET",
    "STRIPE_WEBHOOK_SECRET",
    "STRIPE_API_KEY",
    "PIX_WEBHOOK_SECRET",
    "PIX_WEBHOOK_HEADER",
    "PIX_CLIENT_ID",
    "PIX_CLIENT_SECRET",
    "ASAAS_WEBHOOK_TOKEN",
    "ASAAS_API_KEY",
    "MERCADOPAGO_WEBHOOK_SECRET",
    "MERCADOPAGO_ACCESS_TOKEN",
)
_JSON = {"Content-Type": "application/json"}
Resource = dict[str, Any]


class Paid(BaseModel):
    """Money that moved on a rail: a payment, a reversal of one (`of`), or a dispute about one.

    `invoice` and `reference` travel where the rail has room for them; `id` repeats an earlier one. `copies` is
    how often it is told, 0 for a webhook that was lost. Not `confirmed`: the provider's API knows nothing of it.
    """

    model_config = ConfigDict(extra="forbid")

    rail: Literal["payment", "stripe", "pix", "asaas", "mercadopago"]
    kind: Literal["payment", "reversal", "dispute"] = "payment"
    amount: Annotated[Decimal, Field(gt=0, max_digits=14, decimal_places=2)]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "BRL"
    invoice: str | None = None
    reference: str | None = None
    payer: str | None = None
    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,60}$")] | None = None
    of: str | None = None
    at: AwareDatetime | None = None
    copies: Annotated[int, Field(ge=0, le=20)] = 1
    confirmed: bool = True

    @property
    def moment(self) -> datetime:
        """When the money moved, in UTC."""
        return (self.at or datetime.now(UTC)).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Told:
    """A webhook ready to be posted, signed anew by `sign` for each try, and what the API answers, by path."""

    id: str
    path: str
    body: bytes
    sign: Callable[[], Mapping[str, str]]
    resources: dict[str, Resource]
    copies: int


def tell(hub: Hub, paid: Paid) -> Told:
    """How the rail tells it; raises ValueError with a sentence where the rail has no such thing, or no secret."""
    if paid.kind != "payment" and paid.of is None:
        raise ValueError(f"of: say which payment this {paid.kind} is about, by its id")
    return _TELLERS[paid.rail](hub, paid)


def _secret(hub: Hub, name: str) -> str:
    value = hub.config.rails.get(name)
    if value is None:
        raise ValueError(f"the sandbox does not play this rail: start it with {name} in its environment")
    return value


def _told(
    paid: Paid, identity: str, body: object, sign: Callable[[bytes], Mapping[str, str]], **rest: Any
) -> Told:
    raw = json.dumps(body).encode()
    resources = rest["resources"] if paid.confirmed else {}
    path = rest.get("path", f"/payments/{paid.rail}")
    return Told(identity, path, raw, lambda: {**_JSON, **sign(raw)}, resources, paid.copies)


def _id(paid: Paid, prefix: str, size: int) -> str:
    return paid.id or prefix + secrets.token_hex(size)[: size - len(prefix)]


def _known(hub: Hub, path: str) -> Resource:
    """A copy of what was told before, to be changed."""
    found = hub.store.resources.get(path)
    if found is None:
        raise ValueError("of: the sandbox knows no such payment on this rail")
    copy: Resource = json.loads(json.dumps(found))
    return copy


def _generic(hub: Hub, paid: Paid) -> Told:
    if paid.kind != "payment":
        raise ValueError(f"kind: the generic webhook tells payments alone, no {paid.kind}")
    identity, message = _id(paid, "bank-", 20), "msg_" + secrets.token_hex(12)
    webhook = Webhook(_secret(hub, "PAYMENT_WEBHOOK_SECRET"))
    body = {
        "id": identity,
        "amount": str(paid.amount),
        "currency": paid.currency,
        "paid_at": paid.moment.isoformat(),
        "method": "transfer",
        "invoice": paid.invoice,
        "reference": paid.reference or "",
        "payer": {"name": paid.payer},
    }

    def sign(raw: bytes) -> Mapping[str, str]:
        now = datetime.now(UTC)
        stamp, signature = str(int(now.timestamp())), webhook.sign(message, now, raw.decode())
        return {"webhook-id": message, "webhook-timestamp": stamp, "webhook-signature": signature}

    return _told(paid, identity, body, sign, path="/payments", resources={})


# How Stripe names each kind: an id's beginning, the resource, its status, and the event.
_STRIPE = {
    "payment": ("pi_", "payment_intents", "succeeded", "payment_intent.succeeded"),
    "reversal": ("re_", "refunds", "succeeded", "refund.created"),
    "dispute": ("dp_", "disputes", "needs_response", "charge.dispute.created"),
}


def _stripe(hub: Hub, paid: Paid) -> Told:
    secret = _secret(hub, "STRIPE_WEBHOOK_SECRET").encode()
    prefix, resource, status, kind = _STRIPE[paid.kind]
    identity = _id(paid, prefix, 27)
    minor = int(paid.amount.scaleb(digits_of(paid.currency)))
    thing = {"id": identity, "amount": minor, "currency": paid.currency.lower(), "status": status}
    if paid.kind == "payment":
        given = {"invoice": paid.invoice, "reference": paid.reference}
        metadata = {name: value for name, value in given.items() if value is not None}
        thing |= {"amount_received": minor, "metadata": metadata, "payment_method_types": ["card"]}
    else:
        thing["payment_intent"] = paid.of
    event = {
        "id": "evt_" + secrets.token_hex(12),
        "object": "event",
        "type": kind,
        "created": int(paid.moment.timestamp()),
        "data": {"object": thing},
    }

    def sign(raw: bytes) -> Mapping[str, str]:
        stamp = str(int(datetime.now(UTC).timestamp()))
        digest = hmac.new(secret, stamp.encode() + b"." + raw, "sha256").hexdigest()
        return {"Stripe-Signature": f"t={stamp},v1={digest}"}

    return _told(paid, identity, event, sign, resources={f"/v1/{resource}/{identity}": thing})


def _pix(hub: Hub, paid: Paid) -> Told:
    secret = _secret(hub, "PIX_WEBHOOK_SECRET")
    if paid.kind == "dispute" or paid.currency != "BRL":
        raise ValueError("Pix moves BRL, and knows payments and reversals (devolutions) alone")
    at = paid.moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if paid.kind == "payment":
        identity = _id(paid, f"E00000000{paid.moment:%Y%m%d%H%M}", 32)
        told = {"endToEndId": identity, "valor": f"{paid.amount:.2f}", "horario": at}
        told |= {"txid": paid.reference} if paid.reference else {}
        told |= {"infoPagador": paid.invoice} if paid.invoice else {}
        thing: Resource = told | ({"pagador": {"nome": paid.payer}} if paid.payer else {})
        path = f"/pix/{identity}"
    else:
        identity, path = _id(paid, "D", 20), f"/pix/{paid.of}"
        thing = _known(hub, path)
        times = {"solicitacao": at, "liquidacao": at}
        returned = {"id": identity, "valor": f"{paid.amount:.2f}", "horario": times, "status": "DEVOLVIDO"}
        thing["devolucoes"] = [*thing.get("devolucoes", []), returned]
    header = {hub.config.rails.get("PIX_WEBHOOK_HEADER", "X-Pix-Secret"): secret}
    return _told(paid, identity, {"pix": [thing]}, lambda _raw: header, resources={path: thing})


def _asaas(hub: Hub, paid: Paid) -> Told:
    token = _secret(hub, "ASAAS_WEBHOOK_TOKEN")
    if paid.currency != "BRL":
        raise ValueError("Asaas charges in BRL")
    local = f"{paid.moment.astimezone(ZoneInfo('America/Sao_Paulo')):%Y-%m-%d %H:%M:%S}"
    identity = paid.of or _id(paid, "pay_", 20)
    path = f"/v3/payments/{identity}"
    if paid.kind == "payment":
        name, thing = "PAYMENT_RECEIVED", _asaas_charge(paid, identity)
    else:
        name, thing = _asaas_change(paid, _known(hub, path), local)
    event = {"id": "evt_" + secrets.token_hex(16), "event": name, "dateCreated": local, "payment": thing}
    return _told(paid, identity, event, lambda _raw: {"asaas-access-token": token}, resources={path: thing})


def _asaas_charge(paid: Paid, identity: str) -> Resource:
    return {
        "object": "payment",
        "id": identity,
        "value": float(paid.amount),  # Asaas's own JSON holds numbers
        "status": "RECEIVED",
        "billingType": "BOLETO",
        "externalReference": paid.reference or paid.invoice,
    }


def _asaas_change(paid: Paid, charge: Resource, local: str) -> tuple[str, Resource]:
    if paid.kind == "dispute":
        return "PAYMENT_CHARGEBACK_REQUESTED", charge | {"status": "CHARGEBACK_REQUESTED"}
    refund = {"dateCreated": local, "value": float(paid.amount), "status": "DONE"}
    charge["refunds"] = [*charge.get("refunds", []), refund]
    if sum(Decimal(str(each["value"])) for each in charge["refunds"]) < Decimal(str(charge["value"])):
        return "PAYMENT_PARTIALLY_REFUNDED", charge
    return "PAYMENT_REFUNDED", charge | {"status": "REFUNDED"}


def _mercadopago(hub: Hub, paid: Paid) -> Told:
    secret = _secret(hub, "MERCADOPAGO_WEBHOOK_SECRET").encode()
    about = paid.of or paid.id or str(secrets.randbelow(10**11) + 10**11)
    identity = about.removeprefix("mercadopago-")
    if not identity.isdecimal():
        raise ValueError("id and of: Mercado Pago numbers its payments")
    path, request = f"/v1/payments/{identity}", secrets.token_hex(16)
    if paid.kind == "payment":
        thing = _mercadopago_payment(paid, identity)
    else:
        thing = _mercadopago_change(paid, _known(hub, path))
    body = {"type": "payment", "action": "payment.updated", "data": {"id": identity}}

    def sign(_raw: bytes) -> Mapping[str, str]:
        stamp = str(int(datetime.now(UTC).timestamp() * 1000))
        manifest = f"id:{identity};request-id:{request};ts:{stamp};"
        digest = hmac.new(secret, manifest.encode(), "sha256").hexdigest()
        return {"x-request-id": request, "x-signature": f"ts={stamp},v1={digest}"}

    where = f"/payments/mercadopago?data.id={identity}&type=payment"
    return _told(paid, f"mercadopago-{identity}", body, sign, path=where, resources={path: thing})


def _mercadopago_payment(paid: Paid, identity: str) -> Resource:
    return {
        "id": int(identity),
        "status": "approved",
        "status_detail": "accredited",
        "transaction_amount": float(paid.amount),  # Mercado Pago's own JSON holds numbers
        "currency_id": paid.currency,
        "date_approved": paid.moment.isoformat(timespec="milliseconds"),
        "date_last_updated": paid.moment.isoformat(timespec="milliseconds"),
        "payment_method_id": "pix",
        "payment_type_id": "bank_transfer",
        "external_reference": paid.reference or paid.invoice,
        "payer": {"first_name": paid.payer},
        "refunds": [],
    }


def _mercadopago_change(paid: Paid, payment: Resource) -> Resource:
    at = paid.moment.isoformat(timespec="milliseconds")
    payment["date_last_updated"] = at
    if paid.kind == "dispute":
        return payment | {"status": "charged_back", "status_detail": "in_process"}
    number = len(payment["refunds"]) + 1 + payment["id"] * 10
    refund = {"id": number, "amount": float(paid.amount), "date_created": at, "status": "approved"}
    payment["refunds"].append(refund)
    whole = sum(Decimal(str(each["amount"])) for each in payment["refunds"])
    return payment | ({"status": "refunded"} if whole >= Decimal(str(payment["transaction_amount"])) else {})


_TELLERS: dict[str, Callable[[Hub, Paid], Told]] = {
    "payment": _generic,
    "stripe": _stripe,
    "pix": _pix,
    "asaas": _asaas,
    "mercadopago": _mercadopago,
}
