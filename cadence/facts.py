"""The facts of an invoice and of a customer: what the event log adds up to, and all that `plan()` knows."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict

from cadence.document import Weekday
from cadence.late_charges import LateCharges
from cadence.words import BILLING, Channel, DayHours, Language, PersonReason, Slug

ZERO = Decimal(0)
# Under this name an agent's answers are kept among an invoice's steps.
ANSWER_STEP = "on:answer"
# And under this one the thanks for a payment that leaves a balance.
THANKS_STEP = "on:payment"


class _Facts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


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


class MessageFacts(_Facts):
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
    left_out: dict[str, str] = {}


class Approval(_Facts):
    """Somebody was asked for leave for one occurrence of a step; `answer` is None while nobody said yes or no."""

    asked_at: datetime
    reminded: int = 0
    answer: Literal["given", "refused", "timed_out"] | None = None
    answered_at: datetime | None = None


class StepFacts(_Facts):
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
    messages: dict[Channel, MessageFacts] = {}


class Hold(_Facts):
    hold: str
    reason: str
    until: datetime | None = None


class Promise(_Facts):
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


class Dispute(_Facts):
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


class Instalment(_Facts):
    """One part of a plan. `number` counts the instalments of all plans of the invoice; `missed`, once it was found so."""

    number: int
    due_on: date
    amount: Decimal
    missed: bool = False


class Plan(_Facts):
    """A payment plan that stands; `paid_before` is the money that lay there when it was agreed."""

    number: int
    at: datetime
    instalments: tuple[Instalment, ...]
    paid_before: Decimal
    method: str = ""


class Rebase(_Facts):
    """From this instant the ruler goes on from the first step not `done` by then; later steps keep distances."""

    kind: Literal["arrived", "escalated", "resumed", "migrated"]
    at: datetime
    stage: str | None = None
    done: tuple[str, ...] = ()


class Notice(_Facts):
    """A message that a branch owes the customer: which branch, its running number, since when.

    `amount` and `by` are the money and the day it speaks of; `channel` is the only one by which it may go.
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

    @property
    def step(self) -> str:
        """The name under which its message is kept, which no step's id can be."""
        return f"on:{self.branch}"


class CaseDue(_Facts):
    """Work for a person that the facts call for; `key` is unique within the invoice.

    `times` counts how often it was called for: a closed case that is owed again opens again. `over` says, as a code,
    why nobody need look at it any more.
    """

    key: str
    reason: str
    queue: str | None = None
    times: int = 1
    over: str | None = None


class InvoiceFacts(_Facts):
    """Everything that happened to an invoice, reduced. `cleared_at` is when the money that closed it came.

    `moved` is the customer's credit that came from other invoices (above zero) or went there, by our ids of them;
    `refunded` is credit that was given back to the customer. `extended_from` is the due date that the creditor's
    books have, where the customer was given longer.
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
    moved: dict[int, Decimal] = {}
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
    rebases: tuple[Rebase, ...] = ()
    steps: dict[str, StepFacts] = {}
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
    def moved_on(self) -> bool:
        """Whether it goes on by another cadence than the one it began under."""
        return any(rebase.kind == "migrated" for rebase in self.rebases)

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


class Suppression(_Facts):
    """Why a channel is not to be used; with `address`, only as long as that is the address."""

    reason: str
    address: str | None = None


class ClosedAddress(_Facts):
    """An address, as a fingerprint, that is not to be used: one that the customer had before, or may have again."""

    channel: Channel
    address: str
    reason: str


class Preference(_Facts):
    """How a customer wants to be reached, by their own clock; None is any."""

    channels: tuple[Channel, ...] | None = None
    hours: DayHours | None = None
    days: tuple[Weekday, ...] | None = None


class Consent(_Facts):
    """That a customer agreed to a channel, under which version of the wording, and when."""

    channel: Channel
    wording: Slug
    proof_at: datetime


class Assignment(_Facts):
    """What gave a customer their segment: a person, for a `reason`, or a rule by its number from 1."""

    by: Literal["manual", "rule"]
    rule: int | None = None
    reason: str | None = None


class ContactFacts(_Facts):
    """A person at the customer beside the billing contact, by our id; without a `language` it is the customer's."""

    contact: int
    role: str
    language: Language | None = None
    addresses: dict[Channel, str] = {}


class CustomerFacts(_Facts):
    """What a customer's events add up to; addresses are fingerprints. `forbidden` closes every channel.

    `addresses` and `suppressed` are the billing contact's; `contacts` are all others, by their ids.

    `imported` is the segment of the creditor's file, where `assigned` gave them another one.

    `suppressed` holds what was said last of each channel; `closed_addresses` what was said of other addresses.
    """

    segment: str
    language: Language
    country: str
    subdivision: str | None = None
    zone: str
    addresses: dict[Channel, str] = {}
    suppressed: dict[Channel, Suppression] = {}
    closed_addresses: tuple[ClosedAddress, ...] = ()
    forbidden: tuple[PersonReason, ...] = ()
    preference: Preference = Preference()
    consents: tuple[Consent, ...] = ()
    holds: tuple[Hold, ...] = ()
    imported: str | None = None
    assigned: Assignment | None = None
    contacts: tuple[ContactFacts, ...] = ()

    @property
    def of_file(self) -> str:
        """The segment that the creditor's file gives."""
        return self.imported or self.segment

    def unusable(self, channel: Channel) -> str | None:
        """Why the billing contact cannot be reached by `channel`; None where it can."""
        return self.unusable_at(channel, self.addresses.get(channel))

    def unusable_at(self, channel: Channel, address: str | None) -> str | None:
        """Why nothing is to be sent by `channel` to an address, whichever contact's it is; None where it may be."""
        if self.forbidden:
            return self.forbidden[0]
        if address is None:
            return "no_address"
        if closed := self.closed(channel, address):
            return closed
        preferred = self.preference.channels
        return "not_preferred" if preferred is not None and channel not in preferred else None

    def closed(self, channel: Channel, address: str) -> str | None:
        """Why an address is closed; None where it is not. What the billing contact said holds where they are now."""
        if address == self.addresses.get(channel):
            suppression = self.suppression(channel)
            return suppression.reason if suppression else None
        before = self.suppressed.get(channel)
        if before is not None and before.address == address:
            return before.reason
        known = (each for each in self.closed_addresses if (each.channel, each.address) == (channel, address))
        return next((each.reason for each in known), None)

    def suppression(self, channel: Channel) -> Suppression | None:
        """What keeps `channel` from being used: for good, or at the address that is known now."""
        if not self.suppressed and not self.closed_addresses:
            return None
        found, address = self.suppressed.get(channel), self.addresses.get(channel)
        if found is not None and found.address in (None, address):
            return found
        closed = (
            each for each in self.closed_addresses if (each.channel, each.address) == (channel, address)
        )
        return next((Suppression(reason=each.reason, address=each.address) for each in closed), None)
