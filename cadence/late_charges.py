"""Late charges: the interest and the costs that were claimed for being late, and how much of each is settled."""

from datetime import date
from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict

from cadence.words import Part, PartOrder

ZERO = Decimal(0)
# The house's own order, where a regime names none; each regime says where its order comes from.
HOUSE_ORDER: PartOrder = ("costs", "interest", "principal")
Charge = Literal["costs", "interest"]


class LateCharges(BaseModel):
    """What was claimed and not waived, in the invoice's currency, and what of it money has settled.

    Interest was claimed for the days up to `until`, which counts. `once` says that what comes once (a fixed sum, a
    fine) was claimed, even if it was waived since. `order` is that of the regime.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    interest: Decimal = ZERO
    costs: Decimal = ZERO
    interest_settled: Decimal = ZERO
    costs_settled: Decimal = ZERO
    until: date | None = None
    once: bool = False
    order: PartOrder = HOUSE_ORDER

    @property
    def claimed(self) -> Decimal:
        """All that was claimed and not waived."""
        return self.interest + self.costs

    @property
    def settled(self) -> Decimal:
        """All that money has settled of it."""
        return self.interest_settled + self.costs_settled

    @property
    def open(self) -> dict[Part, Decimal]:
        """What is still owed of each."""
        return {"costs": self.costs - self.costs_settled, "interest": self.interest - self.interest_settled}

    def settle(self, charge: Charge, amount: Decimal) -> "LateCharges":
        """The same with `amount` more of one charge settled; less, where it is negative."""
        name = f"{charge}_settled"
        return self.model_copy(update={name: getattr(self, name) + amount})
