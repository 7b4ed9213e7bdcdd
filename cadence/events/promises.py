"""What the customer promised to pay, and what became of it."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from cadence.events.base import Fact
from cadence.words import Code, Money


class PromiseMade(Fact):
    """The customer promised to pay `amount` by the end of the day `by`, where the customer is.

    `method` is how, as a code, the invoice's own where empty. With `replaces` it takes the place of all open ones.
    """

    type: Literal["promise_made"] = "promise_made"
    amount: Annotated[Money, Field(gt=0)]
    by: Annotated[date, Field(lt=date(2100, 1, 1))]
    method: Code = ""
    replaces: bool = False


class PromiseBroken(Fact):
    """The day of a promise and its grace passed: none of the money came, or part of it."""

    type: Literal["promise_broken"] = "promise_broken"
    number: int
    outcome: Literal["broken", "partly_kept"] = "broken"
