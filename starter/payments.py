"""The generic payment webhook: what a bank or a shop posts to /payments, signed as a Standard Webhook."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from cadence import events as e
from cadence.words import MINOR_UNITS, Currency, Line, Money
from ledger.access import Ledger
from ledger.recording import Fact, record
from ledger.unit import Origin

# The key space of payments, which webhooks, Temporal's signals and the command line share: told by two of them
# under one id, a payment counts once.
PAYMENT_SOURCE = "payment"
# Clocks differ by minutes; a day ahead is a mistake.
FUTURE = timedelta(days=1)
# Years before this one do not survive a change of zone, and are no payment's.
PAST = datetime(1990, 1, 1, tzinfo=UTC)


class PaymentRefused(Exception):
    """A payment that cannot be understood; the text says which field is wrong, and what it should be."""


class PaymentNote(BaseModel):
    """The body: `amount` as decimal text, `currency` ISO 4217, `paid_at` an instant with its offset.

    `invoice` is the creditor's own number, `method` a code such as `pix`; what else is there is not read.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: Annotated[Line, StringConstraints(max_length=200)]
    amount: Annotated[Money, Field(gt=0)]
    currency: Currency
    paid_at: AwareDatetime
    invoice: Annotated[Line, StringConstraints(max_length=60)]
    method: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{0,40}$")] = ""

    @model_validator(mode="after")
    def _amount_fits_its_currency(self) -> Self:
        digits = MINOR_UNITS[self.currency]
        if self.amount != round(self.amount, digits):
            raise ValueError(f"amount: {self.currency} has {digits} decimals at most")
        return self


def read_payment(body: Mapping[str, Any], now: datetime) -> PaymentNote:
    """Read a verified body; raise PaymentRefused with a sentence for the first field that is wrong."""
    try:
        payment = PaymentNote.model_validate(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) + ": " if first["loc"] else ""
        raise PaymentRefused(place + first["msg"].removeprefix("Value error, ")) from None
    if payment.paid_at < PAST:
        raise PaymentRefused("paid_at: this instant lies before 1990; check the sender's clock")
    if payment.paid_at > now + FUTURE:
        raise PaymentRefused("paid_at: this instant lies in the future; check the sender's clock")
    return payment


async def record_payment(ledger: Ledger, payment: PaymentNote, actor: str, now: datetime) -> bool:
    """Record a payment; False where its id was told before. Raises UnknownInvoice."""
    invoice_id = await ledger.invoice_id(payment.invoice)
    event = e.PaymentReceived(amount=payment.amount, currency=payment.currency, method=payment.method)
    fact = Fact(event, payment.paid_at, Origin(actor, PAYMENT_SOURCE, payment.id))
    return (await record(ledger, invoice_id, [fact], now)).new > 0
