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
    type: Literal["payment_reversed"] = "payment_reversed"
    amount: Annotated[Money, Field(gt=0)]
    currency: Currency
