"""What the customer's own acts do, beside the ruler."""

from typing import Annotated, Literal, Self

from pydantic import (
    Field,
    model_validator,
)

from cadence.creditor import Document
from cadence.grace import OTHER_METHODS, Grace
from cadence.naming import refuse_duplicates
from cadence.offsets import Anchor, WrittenOffset
from cadence.problems import MisplacedError
from cadence.sends import Send
from cadence.words import Slug


class DisputeBranch(Document):
    """What a dispute does: the notice that answers it, the queue that works on it, the notice when it is over.

    `undisputed` says what becomes of the rest where a part is disputed: it waits as well, or is collected
    meanwhile, and then `partial_notice` answers. `upheld_notice` says that a part was credited and the rest stands.
    """

    notice: Send | None = None
    undisputed: Literal["collect", "wait"] = "wait"
    partial_notice: Send | None = None
    queue: Slug = "disputes"
    resolved_notice: Send | None = None
    upheld_notice: Send | None = None


class PromiseBranch(Document):
    """What a promise does: the notice that confirms it and how many business days the money may take to show."""

    notice: Send | None = None
    grace: Grace = Field(default_factory=lambda: {OTHER_METHODS: 1})


class BrokenPromiseBranch(Document):
    """What a broken promise does before the ruler goes on from its next step."""

    reminder: Send | None = None
    queue: Slug | None = None


INSTALMENT_STEP = "instalment:"


class InstalmentReminder(Document):
    """A reminder of an instalment: `at` is counted from the instalment's own due day."""

    at: WrittenOffset
    send: Send

    @model_validator(mode="after")
    def _counted_from_its_due_day(self) -> Self:
        if self.at.anchor is not Anchor.DUE:
            message = f"'{self.at}': an instalment has only a due day; write for example 'due - 3d' or due"
            raise MisplacedError(message, ("at",))
        return self

    @property
    def step(self) -> str:
        """The name under which its message is kept, which no step's id can be."""
        return f"{INSTALMENT_STEP}{self.at}".replace(" ", "")


class MissedInstalmentBranch(Document):
    """What a missed instalment does: the reminder that asks for it, and the queue of its case."""

    reminder: Send | None = None
    queue: Slug | None = None


class PlanBranch(Document):
    """What a payment plan does: the notice that confirms it, reminders of each instalment, and what a missed one does.

    `grace` is business days until an instalment counts as missed; the plan ends with the `ends_after_missed`th.
    """

    notice: Send | None = None
    reminders: tuple[InstalmentReminder, ...] = ()
    grace: Grace = Field(default_factory=lambda: {OTHER_METHODS: 1})
    missed: MissedInstalmentBranch = MissedInstalmentBranch()
    ends_after_missed: Annotated[int, Field(ge=1, le=12)] = 2

    @model_validator(mode="after")
    def _reminders_differ(self) -> Self:
        refuse_duplicates(
            "reminder at", [(str(each.at), ("reminders", i, "at")) for i, each in enumerate(self.reminders)]
        )
        return self


class PaymentBranch(Document):
    """What a payment that leaves a balance does."""

    notice: Send | None = None


class HoldBranch(Document):
    """What a hold does: nothing is said; a hold without an end opens a case in `queue` so that it is not lost."""

    queue: Slug = "holds"


class ReplyBranch(Document):
    """Who reads what customers write, and what became of the answers."""

    queue: Slug = "replies"


class Branches(Document):
    """What the customer's own acts do, beside the ruler."""

    dispute: DisputeBranch = DisputeBranch()
    hold: HoldBranch = HoldBranch()
    promise: PromiseBranch = PromiseBranch()
    broken_promise: BrokenPromiseBranch = BrokenPromiseBranch()
    plan: PlanBranch = PlanBranch()
    payment: PaymentBranch = PaymentBranch()
    reply: ReplyBranch = ReplyBranch()
