"""What the customer promised to pay, and what became of it."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from cadence.events.base import Fact
from cadence.words import Money


class PromiseMade(Fact):
    """The customer promised to pay `amount` by the end of the day `by`, where the customer is."""

    type: Literal["promise_made"] = "promise_made"
    amount: Annotated[Money, Field(gt=0)]
    by: Annotated[date, Field(lt=date(2100, 1, 1))]


class PromiseBroken(Fact):
    type: Literal["promise_broken"] = "promise_broken"
