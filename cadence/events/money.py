"""Money that came, or was taken back."""

from typing import Annotated, Literal

from pydantic import Field

from cadence.events.base import Fact
from cadence.words import Currency, Money


class PaymentReceived(Fact):
    type: Literal["payment_received"] = "payment_received"
    amount: Annotated[Money, Field(gt=0)]
    currency: Currency
    method: str = ""


class PaymentUnidentified(Fact):
    """Money was announced without an id, amount or the invoice's currency: reminders stop, a person looks."""

    type: Literal["payment_unidentified"] = "payment_unidentified"


class PaymentReversed(Fact):
    """Money was taken back; `of` is the event of its payment, by our id of it, where that was told."""

    type: Literal["payment_reversed"] = "payment_reversed"
    amount: Annotated[Money, Field(gt=0)]
    currency: Currency
    of: int | None = None


class CreditNoteIssued(Fact):
    """The creditor gave up a part of what was invoiced, or all of it."""

    type: Literal["credit_note_issued"] = "credit_note_issued"
    amount: Annotated[Money, Field(gt=0)]
    currency: Currency


class CreditMoved(Fact):
    """The customer's credit went from here to the invoice `to`, by our id of it."""

    type: Literal["credit_moved"] = "credit_moved"
    amount: Annotated[Money, Field(gt=0)]
    currency: Currency
    to: int


class CreditApplied(Fact):
    """The customer's credit came here from the invoice `of`, by our id of it."""

    type: Literal["credit_applied"] = "credit_applied"
    amount: Annotated[Money, Field(gt=0)]
    currency: Currency
    of: int


class CreditRefunded(Fact):
    """The customer's credit was given back to the customer."""

    type: Literal["credit_refunded"] = "credit_refunded"
    amount: Annotated[Money, Field(gt=0)]
    currency: Currency
