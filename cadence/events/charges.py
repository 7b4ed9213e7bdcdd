"""Late interest and costs: claimed, or given up."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from cadence.events.base import Fact
from cadence.words import Currency, Money, PartOrder, Slug

Sum = Annotated[Money, Field(ge=0)]


class LateChargesClaimed(Fact):
    """A manager claimed interest for the days up to `up_to`, and costs, as the regime allows.

    `once` says that the regime's fixed sum or fine is among the costs; `order` is the regime's order of appropriation.
    """

    type: Literal["late_charges_claimed"] = "late_charges_claimed"
    interest: Sum
    costs: Sum
    currency: Currency
    up_to: date | None = None
    once: bool = False
    regime: Slug
    order: PartOrder


class LateChargesWaived(Fact):
    """The creditor gave up late interest and costs that were claimed and not paid."""

    type: Literal["late_charges_waived"] = "late_charges_waived"
    interest: Sum
    costs: Sum
    currency: Currency
