"""What the customer disagrees with, who deals with that, and how it ended."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from cadence.events.base import Fact
from cadence.words import Money, Slug

Owner = Slug | Literal[""]


class DisputeOpened(Fact):
    """The customer disagrees; where that was only read from a reply, a person has yet to confirm it.

    `amount` is the disputed part, None where all of the invoice is. `owner` is the code of who deals with it, empty
    while nobody does; `answer_by` the creditor's day by whose end the customer is to have an answer.
    """

    type: Literal["dispute_opened"] = "dispute_opened"
    reason: Slug = "unspecified"
    confirmed: bool = True
    amount: Annotated[Money, Field(gt=0)] | None = None
    owner: Owner = ""
    answer_by: Annotated[date, Field(lt=date(2100, 1, 1))] | None = None


class DisputeAssigned(Fact):
    """Somebody else deals with the dispute, or until another day; both as they are from now on."""

    type: Literal["dispute_assigned"] = "dispute_assigned"
    owner: Owner = ""
    answer_by: Annotated[date, Field(lt=date(2100, 1, 1))] | None = None


class DisputeOverdue(Fact):
    """The day ended by which the dispute was to be answered."""

    type: Literal["dispute_overdue"] = "dispute_overdue"


class DisputeResolved(Fact):
    """The dispute ended; upheld, it credits what was disputed, paid or not, or `credit` where that is less."""

    type: Literal["dispute_resolved"] = "dispute_resolved"
    outcome: Literal["upheld", "rejected", "withdrawn"]
    credit: Annotated[Money, Field(gt=0)] | None = None
