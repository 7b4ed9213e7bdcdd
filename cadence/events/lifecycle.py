"""Where an invoice begins, changes, moves on and ends without being paid."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from cadence.events.base import Fact
from cadence.words import Currency, Money, Slug


class InvoiceReceived(Fact):
    """The invoice arrived. `close_below` is the creditor's tolerance for its currency on that day."""

    type: Literal["invoice_received"] = "invoice_received"
    amount: Annotated[Money, Field(gt=0)]
    currency: Currency
    issued_on: date
    due_on: date
    payment_method: str = ""
    stage: str | None = None
    close_below: Money = Decimal(0)


class InvoiceChanged(Fact):
    """The creditor changed the invoice; `on` is the day it was told, in the creditor's zone."""

    type: Literal["invoice_changed"] = "invoice_changed"
    amount: Annotated[Money, Field(gt=0)]
    due_on: date
    payment_method: str = ""
    on: date


class DueDateExtended(Fact):
    """The customer was given longer to pay, until `due_on`; `on` is the day it was told, in the creditor's zone."""

    type: Literal["due_date_extended"] = "due_date_extended"
    due_on: Annotated[date, Field(lt=date(2103, 1, 1))]
    reason: Slug = "unspecified"
    on: date


class Escalated(Fact):
    """Somebody moved the invoice to a later stage, the next one where none is named."""

    type: Literal["escalated"] = "escalated"
    stage: str


class InvoiceMoved(Fact):
    """The invoice went with its customer when that one was merged into another; the ids are ours."""

    type: Literal["invoice_moved"] = "invoice_moved"
    from_customer: int
    to_customer: int


class Cancelled(Fact):
    type: Literal["cancelled"] = "cancelled"
    reason: Slug = "unspecified"


class SignalIgnored(Fact):
    """A signal that nobody could make sense of; `signal` is its name. It changes nothing."""

    type: Literal["signal_ignored"] = "signal_ignored"
    signal: Slug
