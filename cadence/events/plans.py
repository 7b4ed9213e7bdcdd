"""What was agreed to be paid in parts, and what became of the parts."""

from datetime import date
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, field_validator

from cadence.events.base import Fact
from cadence.words import Code, Money

MOST_INSTALMENTS = 60


class AgreedInstalment(Fact):
    """One part of a plan: `amount` by the end of the day `due_on`, where the customer is."""

    due_on: Annotated[date, Field(ge=date(1990, 1, 1), lt=date(2100, 1, 1))]
    amount: Annotated[Money, Field(gt=0)]


class PlanAgreed(Fact):
    """The customer pays in parts, day after day; it takes the place of promises and of an earlier plan.

    `method` is how, as a code, the invoice's own where empty.
    """

    type: Literal["plan_agreed"] = "plan_agreed"
    instalments: Annotated[tuple[AgreedInstalment, ...], Field(min_length=1, max_length=MOST_INSTALMENTS)]
    method: Code = ""

    @field_validator("instalments")
    @classmethod
    def _one_after_the_other(cls, instalments: tuple[AgreedInstalment, ...]) -> tuple[AgreedInstalment, ...]:
        if any(later.due_on <= earlier.due_on for earlier, later in pairwise(instalments)):
            message = "each instalment is due after the one before it"
            raise ValueError(message)
        return instalments


class InstalmentMissed(Fact):
    """The day of an instalment and its grace passed, and part of it at least is owed; `number` is the invoice's own count."""

    type: Literal["instalment_missed"] = "instalment_missed"
    number: int


class PlanEnded(Fact):
    """The plan stands no more: too many instalments were missed, or somebody cancelled it; `reason` is a code."""

    type: Literal["plan_ended"] = "plan_ended"
    outcome: Literal["missed", "cancelled"] = "cancelled"
    reason: str = "unspecified"
