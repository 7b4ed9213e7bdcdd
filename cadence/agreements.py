"""What was said about paying that stands: pauses, promises, plans, disputes."""

from datetime import date, datetime
from decimal import Decimal

from cadence.frozen import Frozen

ZERO = Decimal(0)


class Hold(Frozen):
    hold: str
    reason: str
    until: datetime | None = None


class Promise(Frozen):
    """A promise not judged yet; `paid` is what came for it, `method` a code, the invoice's own where empty.

    `trusted` no more once another one was broken: reminders go on beside it.
    """

    number: int
    amount: Decimal
    by: date
    at: datetime
    method: str = ""
    paid: Decimal = ZERO
    trusted: bool = True

    @property
    def missing(self) -> Decimal:
        """What has still to come for it to be kept."""
        return self.amount - self.paid


class Dispute(Frozen):
    """A dispute that nobody has resolved. `amount` is the disputed part, None where all of the invoice is.

    `owner` is the code of who deals with it, empty while nobody does; `answer_by` a day of the creditor's, by whose
    end the customer is to have an answer, and `overdue` that it passed.
    """

    number: int
    at: datetime
    reason: str
    amount: Decimal | None = None
    owner: str = ""
    answer_by: date | None = None
    confirmed: bool = True
    overdue: bool = False


class Instalment(Frozen):
    """One part of a plan. `number` counts the instalments of all plans of the invoice; `missed`, once it was found so."""

    number: int
    due_on: date
    amount: Decimal
    missed: bool = False


class Plan(Frozen):
    """A payment plan that stands; `paid_before` is the money that lay there when it was agreed."""

    number: int
    at: datetime
    instalments: tuple[Instalment, ...]
    paid_before: Decimal
    method: str = ""
