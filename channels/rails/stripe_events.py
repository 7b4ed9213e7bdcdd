"""What Stripe's events say of payments, refunds and disputes, each as one note of money."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field

from channels.rails.bodies import Body, Code, named, of_kind, plain, read_as, slug
from channels.rails.money import MoneyKind, MoneyNote, Reference

# docs.stripe.com/currencies: what is counted in whole units, and in thousandths; all else, also ISK and UGX,
# is counted in hundredths.
_WHOLE = frozenset(
    ("BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF")
)
_THOUSANDTHS = frozenset(("BHD", "JOD", "KWD", "OMR", "TND"))
Minor = Annotated[int, Field(gt=0, lt=10**14)]


class _Metadata(Body):
    invoice: str | None = None
    reference: str | None = None


class _Person(Body):
    name: str | None = None


class _Object(Body):
    """What payments, refunds and disputes have in common; `amount` in the currency's smallest unit."""

    id: Code
    currency: Annotated[str, Field(pattern=r"^[A-Za-z]{3}$")]
    metadata: _Metadata | None = None
    description: str | None = None


class Payment(_Object):
    """A PaymentIntent or, from older integrations, a Charge."""

    amount: Minor
    amount_received: int | None = None
    amount_captured: int | None = None
    status: str = ""
    captured: bool = True
    payment_intent: Code | None = None
    invoice: str | None = None
    payment_method_types: tuple[str, ...] = ()
    payment_method_details: dict[str, Any] | None = None
    billing_details: _Person | None = None

    @property
    def paid(self) -> int:
        """What came, in the smallest unit."""
        told = self.amount_received if self.amount_received is not None else self.amount_captured
        return self.amount if told is None else told


class _Session(_Object):
    """A Checkout Session; `client_reference_id` is what the payment link carried."""

    amount_total: Minor
    payment_status: str = ""
    payment_intent: Code | None = None
    client_reference_id: str | None = None
    customer_details: _Person | None = None


class _Movement(_Object):
    """A Refund or a Dispute."""

    amount: Minor
    status: str = ""
    payment_intent: Code | None = None
    charge: Code | None = None


class _Data(Body):
    object: dict[str, Any]


class Event(Body):
    """An event that is acted on; `created` in Unix seconds, from 1990 on."""

    id: Code
    type: Annotated[str, Field(max_length=200)]
    created: Annotated[int, Field(gt=631152000, lt=10**11)]
    data: _Data

    @property
    def at(self) -> datetime:
        """When it happened, in UTC."""
        return datetime.fromtimestamp(self.created, UTC)


def digits_of(currency: str) -> int:
    """How many decimals Stripe's smallest unit of `currency` (ISO 4217, in capitals) stands for."""
    return 0 if currency in _WHOLE else 3 if currency in _THOUSANDTHS else 2


def amount_of(minor: int, currency: str) -> Decimal:
    """An amount in Stripe's smallest unit as an exact amount of `currency` (ISO 4217, in capitals)."""
    return Decimal(minor).scaleb(-digits_of(currency))


def _note(
    kind: MoneyKind,
    minor: int,
    told: _Object,
    event: Event,
    *,
    identity: str | None = None,
    method: str = "",
    references: tuple[Reference, ...] = (),
    payer: _Person | None = None,
    of: str | None = None,
) -> MoneyNote:
    currency = told.currency.upper()
    return MoneyNote(
        kind=kind,
        id=identity or told.id,
        amount=amount_of(minor, currency),
        currency=currency,
        at=event.at,
        method=method,
        references=references,
        payer=plain(payer.name) if payer else None,
        of=of,
    )


def _own_references(told: _Object) -> tuple[Reference, ...]:
    metadata = told.metadata or _Metadata()
    return (*of_kind("invoice", metadata.invoice), *named(metadata.reference))


def _payment(event: Event) -> MoneyNote | None:
    payment = read_as(Payment, event.data.object)
    # A charge of an intent is told by the intent; an authorised one has moved nothing yet.
    if payment.payment_intent is not None or not payment.captured or payment.paid <= 0:
        return None
    method = (payment.payment_method_details or {}).get("type")
    if method is None and len(payment.payment_method_types) == 1:
        method = payment.payment_method_types[0]
    references = (
        *_own_references(payment),
        *of_kind("provider", payment.id),
        *of_kind("provider", payment.invoice),
        *of_kind("text", payment.description),
    )
    payer = payment.billing_details
    return _note(
        "payment", payment.paid, payment, event, method=slug(method), references=references, payer=payer
    )


def _session(event: Event) -> MoneyNote | None:
    session = read_as(_Session, event.data.object)
    if session.payment_intent is None or session.payment_status != "paid":
        return None
    references = (
        *named(session.client_reference_id),
        *_own_references(session),
        *of_kind("provider", session.payment_intent),
    )
    return _note(
        "payment",
        session.amount_total,
        session,
        event,
        identity=session.payment_intent,
        references=references,
        payer=session.customer_details,
    )


def _refund(event: Event) -> MoneyNote | None:
    refund = read_as(_Movement, event.data.object)
    if refund.status != "succeeded":
        return None
    return _note("reversal", refund.amount, refund, event, of=refund.payment_intent or refund.charge)


def _dispute(kind: MoneyKind, suffix: str = "") -> Callable[[Event], MoneyNote]:
    def read(event: Event) -> MoneyNote:
        dispute = read_as(_Movement, event.data.object)
        return _dispute_note(kind, dispute, event, suffix)

    return read


def _dispute_note(kind: MoneyKind, dispute: _Movement, event: Event, suffix: str) -> MoneyNote:
    payment = dispute.payment_intent or dispute.charge
    return _note(kind, dispute.amount, dispute, event, identity=dispute.id + suffix, of=payment)


def _closed(event: Event) -> MoneyNote:
    """A dispute that ended; `warning_closed` is an inquiry that came to nothing."""
    dispute = read_as(_Movement, event.data.object)
    kind: MoneyKind = "dispute_lost" if dispute.status == "lost" else "dispute_won"
    return _dispute_note(kind, dispute, event, ":closed")


# By an event's type; None where nothing moved.
READERS: dict[str, Callable[[Event], MoneyNote | None]] = {
    "payment_intent.succeeded": _payment,
    "charge.succeeded": _payment,
    "checkout.session.completed": _session,
    "checkout.session.async_payment_succeeded": _session,
    "refund.created": _refund,
    "refund.updated": _refund,
    "charge.refund.updated": _refund,
    "charge.dispute.created": _dispute("dispute"),
    "charge.dispute.funds_withdrawn": _dispute("reversal", ":funds_withdrawn"),
    "charge.dispute.funds_reinstated": _dispute("payment", ":funds_reinstated"),
    "charge.dispute.closed": _closed,
}
