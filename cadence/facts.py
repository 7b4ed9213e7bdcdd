"""The facts of an invoice: what its event log adds up to, and all that `plan()` knows of it."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Literal

from pydantic import Field

from cadence.agreements import ZERO, Dispute, Hold, Plan, Promise
from cadence.frozen import Frozen
from cadence.late_charges import LateCharges
from cadence.words import BILLING, Channel, Language

# Under this name an agent's answers are kept among an invoice's steps.
ANSWER_STEP = "on:answer"
# And under this one the thanks for a payment that leaves a balance.
THANKS_STEP = "on:payment"


class State(StrEnum):
    """Where an invoice stands; the last five are closed."""

    SCHEDULED = "scheduled"
    ACTIVE = "active"
    ON_HOLD = "on_hold"
    DISPUTED = "disputed"
    PROMISED = "promised"
    ON_PLAN = "on_plan"
    AWAITING_APPROVAL = "awaiting_approval"
    PAID = "paid"
    CREDITED = "credited"
    WRITTEN_OFF = "written_off"
    HANDED_OVER = "handed_over"
    CANCELLED = "cancelled"


Closed = Literal["paid", "credited", "written_off", "handed_over", "cancelled"]


class MessageState(StrEnum):
    """What became of a message at the provider, as far as the ledger knows."""

    RESERVED = "reserved"
    REFUSED = "refused"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    FAILED = "failed"
    GIVEN_UP = "given_up"


class MessageFacts(Frozen):
    """One message of a step by one channel. `readings` counts empty readings of the provider's list.

    `to` and `copies` are the roles of those to whom it was permitted last; `left_out` says of roles that its document
    names why they were not among them.
    """

    state: MessageState
    at: datetime
    attempts: int = 0
    permitted_at: datetime | None = None
    accepted_at: datetime | None = None
    delivery: str | None = None
    readings: int = 0
    resent: bool = False
    to: str = BILLING
    copies: tuple[str, ...] = ()
    left_out: dict[str, str] = Field(default_factory=dict)


class Approval(Frozen):
    """Somebody was asked for leave for one occurrence of a step; `answer` is None while nobody said yes or no."""

    asked_at: datetime
    reminded: int = 0
    answer: Literal["given", "refused", "timed_out"] | None = None
    answered_at: datetime | None = None


class StepFacts(Frozen):
    """One occurrence of a step (or of a notice). `planned_at` is kept for what was skipped.

    `into` is the reference of the message, on another of the customer's invoices, that said this step's word as well.
    """

    outcome: Literal["sent", "merged", "skipped", "failed", "unknown", "performed"] | None = None
    into: str | None = None
    reason: str | None = None
    outcome_at: datetime | None = None
    planned_at: datetime | None = None
    permitted_at: datetime | None = None
    approval: Approval | None = None
    deferred_until: datetime | None = None
    deferred_reason: str | None = None
    messages: dict[Channel, MessageFacts] = Field(default_factory=dict)


class Rebase(Frozen):
    """From this instant the ruler goes on from the first step not `done` by then; later steps keep distances."""

    kind: Literal["arrived", "escalated", "resumed", "migrated"]
    at: datetime
    stage: str | None = None
    done: tuple[str, ...] = ()


class Notice(Frozen):
    """A message that a branch owes the customer: which branch, its running number, since when.

    `amount` and `by` are the money and the day it speaks of; `channel` is the only one by which it may go, and
    `address`, a fingerprint, where to, if that is not the billing contact's.
    """

    branch: Literal[
        "dispute",
        "dispute_resolved",
        "dispute_upheld",
        "promise",
        "broken_promise",
        "plan",
        "instalment_missed",
        "payment",
        "answer",
    ]
    number: int
    at: datetime
    amount: Decimal | None = None
    by: date | None = None
    channel: Channel | None = None
    address: str | None = None

    @property
    def step(self) -> str:
        """The name under which its message is kept, which no step's id can be."""
        return f"on:{self.branch}"


class CaseDue(Frozen):
    """Work for a person that the facts call for; `key` is unique within the invoice.

    `times` counts how often it was called for: a closed case that is owed again opens again. `over` says, as a code,
    why nobody need look at it any more.
    """

    key: str
    reason: str
    queue: str | None = None
    times: int = 1
    over: str | None = None


class InvoiceFacts(Frozen):
    """Everything that happened to an invoice, reduced. `cleared_at` is when the money that closed it came.

    `moved` is the customer's credit that came from other invoices (above zero) or went there, by our ids of them;
    `refunded` is credit that was given back to the customer. `extended_from` is the due date that the creditor's
    books have, where the customer was given longer. `moved_on` is whether it ever went on by another cadence than
    the one it began under.
    """

    amount: Decimal
    currency: str
    issued_on: date
    due_on: date
    extended_from: date | None = None
    payment_method: str = ""
    close_below: Decimal = ZERO
    arrived_at: datetime
    paid: Decimal = ZERO
    credited: Decimal = ZERO
    refunded: Decimal = ZERO
    moved: dict[int, Decimal] = Field(default_factory=dict)
    charges: LateCharges = LateCharges()
    closed: Closed | None = None
    cleared_at: datetime | None = None
    dispute: Dispute | None = None
    disputes: int = 0
    holds: tuple[Hold, ...] = ()
    promises_open: tuple[Promise, ...] = ()
    promises: int = 0
    kept_promises: int = 0
    partly_kept_promises: int = 0
    broken_promises: int = 0
    plan: Plan | None = None
    plans: int = 0
    instalments: int = 0
    rearmed: int = 0
    moved_on: bool = False
    rebases: tuple[Rebase, ...] = ()
    steps: dict[str, StepFacts] = Field(default_factory=dict)
    notices: tuple[Notice, ...] = ()
    cases: tuple[CaseDue, ...] = ()

    @property
    def balance(self) -> Decimal:
        """What is still owed, late charges that were claimed with it; negative where too much was paid."""
        return self.amount + self.charges.claimed - self.credited - self.money

    @property
    def credit(self) -> Decimal:
        """What lies here to the customer's good."""
        return max(ZERO, -self.balance)

    @property
    def principal(self) -> Decimal:
        """What is still owed without late charges; negative where too much was paid."""
        return self.amount - self.credited - (self.money - self.charges.settled)

    @property
    def money(self) -> Decimal:
        """The money that lies on the invoice."""
        return self.paid - self.refunded + sum(self.moved.values(), ZERO)

    @property
    def disputed(self) -> bool:
        """Whether the customer disputes the invoice, or a part of it."""
        return self.dispute is not None

    @property
    def disputed_amount(self) -> Decimal:
        """How much of what is owed is disputed."""
        owed = max(self.balance, ZERO)
        if self.dispute is None:
            return ZERO
        return owed if self.dispute.amount is None else min(self.dispute.amount, owed)

    @property
    def state(self) -> State:
        """Closed first, then what forbids reminders, then whether anything was done yet."""
        if self.closed:
            return State(self.closed)
        if self.disputed:
            return State.DISPUTED
        if self.holds:
            return State.ON_HOLD
        if self.plan:
            return State.ON_PLAN
        if self.trusts:
            return State.PROMISED
        if self.awaiting:
            return State.AWAITING_APPROVAL
        begun = any(step.permitted_at or step.outcome == "performed" for step in self.steps.values())
        return State.ACTIVE if begun else State.SCHEDULED

    @property
    def awaiting(self) -> tuple[str, ...]:
        """The occurrences of steps that wait for somebody's yes or no."""
        return tuple(
            key
            for key, step in self.steps.items()
            if step.approval and step.approval.answer is None and step.outcome is None
        )

    @property
    def trusts(self) -> bool:
        """Whether a promise is open that is believed, so that reminders wait for it."""
        return any(promise.trusted for promise in self.promises_open)

    @property
    def promised(self) -> Decimal:
        """What the open promises have still to bring."""
        return sum((promise.missing for promise in self.promises_open), ZERO)

    def step(self, step_id: str, occurrence: int) -> StepFacts:
        """What is known of one occurrence of a step; nothing yet gives empty facts."""
        return self.steps.get(step_key(step_id, occurrence), NOTHING_YET)


NOTHING_YET = StepFacts()


def step_key(step_id: str, occurrence: int) -> str:
    """The name of an occurrence of a step within its invoice."""
    return f"{step_id}/{occurrence}"


class ContactFacts(Frozen):
    """A person at the customer beside the billing contact, by our id; without a `language` it is the customer's."""

    contact: int
    role: str
    language: Language | None = None
    addresses: dict[Channel, str] = Field(default_factory=dict)
