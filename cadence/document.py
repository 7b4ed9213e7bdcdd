"""Cadence documents: the ruler that a collections manager writes, as pydantic models."""

from datetime import time, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from cadence.conditions import Condition
from cadence.creditor import Document
from cadence.grace import OTHER_METHODS, Grace
from cadence.offsets import Anchor, WrittenOffset, parse_span
from cadence.problems import MisplacedError, Path
from cadence.words import BILLING, Channel, Debtor, Line, Slug

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
SPAN_SCHEMA = WithJsonSchema({"type": "string", "pattern": r"^\d{1,3}[hdw]$", "examples": ["4h", "2d"]})
Span = Annotated[timedelta, BeforeValidator(parse_span), SPAN_SCHEMA]


def _local(clock: time) -> time:
    if clock.tzinfo is not None:
        message = "a window is in each customer's own time; write it without a zone, for example '09:00'"
        raise ValueError(message)
    return clock


Clock = Annotated[
    time,
    AfterValidator(_local),
    WithJsonSchema({"type": "string", "pattern": r"^\d\d:\d\d$", "examples": ["09:00"]}),
]


class Roll(StrEnum):
    """Where a day goes that is no business day."""

    FORWARD = "forward"
    BACKWARD = "backward"
    NONE = "none"


class BusinessCalendar(Document):
    """Which days are business days: `country` is an ISO 3166 code, or `customer` for where the customer is."""

    country: Annotated[str, StringConstraints(pattern=r"^([A-Z]{2}|customer)$")] = "customer"
    subdivision: str | None = None
    roll: Roll = Roll.FORWARD


class Window(Document):
    """When a person may be contacted, in the customer's local time; holidays of the calendar are never open."""

    days: Annotated[tuple[Weekday, ...], Field(min_length=1)] = ("mon", "tue", "wed", "thu", "fri")
    opens: Clock = time(9)
    closes: Clock = time(18)

    @model_validator(mode="after")
    def _opens_before_it_closes(self) -> Self:
        if self.opens >= self.closes:
            message = (
                f"the window opens at {self.opens:%H:%M} and closes at {self.closes:%H:%M}: no time is left"
            )
            raise ValueError(message)
        return self


class Fallback(Document):
    """When a step goes on to its next channel: at a failure, or when no delivery was reported for `silence`."""

    silence: Span | None = None

    @model_validator(mode="before")
    @classmethod
    def parse(cls, value: Any) -> Any:
        """Read `failure` or `silence 4h`."""
        if value == "failure":
            return {}
        if isinstance(value, str) and value.startswith("silence "):
            return {"silence": value.removeprefix("silence ").strip()}
        if isinstance(value, str):
            message = f"{value!r} is no fallback rule; write failure or 'silence 4h'"
            raise ValueError(message)  # noqa: TRY004 - pydantic reports ValueError with the field's place
        return value


WrittenFallback = Annotated[
    Fallback,
    WithJsonSchema({"type": "string", "pattern": r"^(failure|silence \d{1,3}[hdw])$", "default": "failure"}),
]
# A WhatsApp block gives no error and a message may stay `sent` for weeks (Twilio note on 63033): silence decides.
DEFAULT_FALLBACK = {Channel.WHATSAPP: Fallback(silence=timedelta(hours=4))}


class Send(Document):
    """Send one template by the first channel that reaches the customer, in the order given.

    It goes to the contact of the role `to`, and an e-mail also to those of the roles in `cc`. `attach: statement` adds
    the customer's whole account as a PDF.
    """

    template: Slug
    channels: Annotated[tuple[Channel, ...], Field(min_length=1)]
    fallback: dict[Channel, WrittenFallback] = Field(default_factory=dict)
    attach: Literal["statement"] | None = None
    to: Slug = BILLING
    cc: tuple[Slug, ...] = ()

    @model_validator(mode="after")
    def _only_an_email_has_room(self) -> Self:
        if self.attach and self.channels != (Channel.EMAIL,):
            message = "a statement is attached to an e-mail; write channels: [email] beside attach"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _only_an_email_has_copies(self) -> Self:
        if self.cc and self.channels != (Channel.EMAIL,):
            message = "only an e-mail can go to others in copy; write channels: [email] beside cc"
            raise ValueError(message)
        if len({self.to, *self.cc}) <= len(self.cc):
            message = "a role is named twice; the contact of each gets the message once"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _channels_make_sense(self) -> Self:
        if len(set(self.channels)) < len(self.channels):
            message = "a channel is named twice; a step goes by each channel once at most"
            raise ValueError(message)
        if stray := set(self.fallback) - set(self.channels):
            message = f"fallback speaks of {', '.join(sorted(stray))}, which the step does not use"
            raise ValueError(message)
        return self

    def silence(self, channel: Channel) -> timedelta | None:
        """How long an accepted message may stay unconfirmed before the next channel; None means for ever."""
        rule = self.fallback.get(channel) or DEFAULT_FALLBACK.get(channel)
        return rule.silence if rule else None


class OpenCase(Document):
    """Work for a person: the queue it goes to and what is to be done, as a code."""

    queue: Slug
    reason: Slug


class HandOver(Document):
    """Close the invoice and give it to somebody outside, named by a code."""

    to: Slug


class WriteOff(Document):
    """Close the invoice as lost; `reason` is a code."""

    reason: Slug


class MissedPolicy(StrEnum):
    """What becomes of a step whose day passed while nothing could be done."""

    SEND = "send"
    COLLAPSE = "collapse"
    ASK = "ask"
    SKIP_AFTER = "skip_after"


class Missed(Document):
    """A missed-step policy: `send`, `collapse`, `ask`, or `skip_after` with a length of time."""

    policy: MissedPolicy
    skip_after: Span | None = None

    @model_validator(mode="before")
    @classmethod
    def parse(cls, value: Any) -> Any:
        """Read `send`, `collapse`, `ask` or `skip_after: 2d`."""
        if isinstance(value, str) and value in {"send", "collapse", "ask"}:
            return {"policy": value}
        if isinstance(value, dict) and set(value) == {"skip_after"}:
            return {"policy": "skip_after", "skip_after": value["skip_after"]}
        if isinstance(value, dict) and "policy" in value and value["policy"] != "skip_after":
            return value
        if isinstance(value, dict) and value.get("skip_after") is not None:
            return value
        message = f"{value!r} is no policy for a missed step; write send, collapse, ask, or 'skip_after: 2d'"
        raise ValueError(message)


MISSED_SCHEMA = WithJsonSchema(
    {
        "anyOf": [
            {"enum": ["send", "collapse", "ask"]},
            {
                "type": "object",
                "properties": {"skip_after": {"type": "string", "pattern": r"^\d{1,3}[hdw]$"}},
                "required": ["skip_after"],
                "additionalProperties": False,
            },
        ]
    }
)


class Approval(Document):
    """Whose leave a step needs: asked when it falls due, reminded every `remind`, waited for `within`.

    `otherwise` says what becomes of the step when nobody answers: `skip`, `send` (it goes) or `ask` (a case opens).
    """

    by: Literal["manager"] = "manager"
    remind: Span = timedelta(days=2)
    within: Span = timedelta(days=5)
    otherwise: Literal["skip", "send", "ask"] = "skip"

    @model_validator(mode="before")
    @classmethod
    def parse(cls, value: Any) -> Any:
        """Read `manager`, or the keys."""
        return {"by": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _reminds_in_time(self) -> Self:
        if self.remind >= self.within:
            message = "nobody would be reminded: 'remind' is no shorter than 'within', when the time is out"
            raise ValueError(message)
        return self


APPROVAL_SCHEMA = WithJsonSchema(
    {
        "anyOf": [
            {"const": "manager"},
            {
                "type": "object",
                "properties": {
                    "by": {"const": "manager"},
                    "remind": {"type": "string", "pattern": r"^\d{1,3}[hdw]$", "default": "2d"},
                    "within": {"type": "string", "pattern": r"^\d{1,3}[hdw]$", "default": "5d"},
                    "otherwise": {"enum": ["skip", "send", "ask"], "default": "skip"},
                },
                "additionalProperties": False,
            },
        ]
    }
)


class Step(Document):
    """One mark on the ruler: when, in which stage, and exactly one thing to do."""

    id: Slug
    at: WrittenOffset
    stage: Slug
    send: Send | None = None
    open_case: OpenCase | None = None
    hand_over: HandOver | None = None
    write_off: WriteOff | None = None
    when: Condition | None = None
    missed: Annotated[Missed | None, MISSED_SCHEMA] = None
    approval: Annotated[Approval | None, APPROVAL_SCHEMA] = None

    @model_validator(mode="after")
    def _does_one_thing(self) -> Self:
        actions = [a for a in (self.send, self.open_case, self.hand_over, self.write_off) if a is not None]
        if len(actions) != 1:
            message = "a step does exactly one thing: send, open_case, hand_over or write_off"
            raise ValueError(message)
        if self.open_case and self.approval:
            message = "a case is for a person to decide on anyway; leave its approval out"
            raise ValueError(message)
        return self

    @property
    def missed_policy(self) -> Missed:
        """The step's own policy; by default messages collapse and work for people is done late."""
        default = MissedPolicy.COLLAPSE if self.send else MissedPolicy.SEND
        return self.missed or Missed(policy=default)


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


def _refuse_duplicates(what: str, names: list[tuple[str, Path]]) -> None:
    seen: set[str] = set()
    for name, place in names:
        if name in seen:
            message = f"{what} {name} is used more than once; each must be unique in its cadence"
            raise MisplacedError(message, place)
        seen.add(name)


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
        _refuse_duplicates(
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


class Cadence(Document):
    """A cadence document. `queue` takes every case that no step or branch names a queue for.

    `group_by: customer` lets reminders of one customer that fall due for one channel together leave as one message.
    `debtors` says whom its segments hold: some contact rules protect consumers alone. Without it, all rules apply.
    """

    name: Slug
    title: Line
    segments: Annotated[tuple[Slug, ...], Field(min_length=1)]
    debtors: Debtor | None = None
    group_by: Literal["customer"] | None = None
    calendar: BusinessCalendar = BusinessCalendar()
    window: Window = Window()
    stages: Annotated[tuple[Slug, ...], Field(min_length=1)]
    queue: Slug = "collections"
    steps: Annotated[tuple[Step, ...], Field(min_length=1)]
    branches: Branches = Branches()

    @model_validator(mode="after")
    def _steps_stand_in_order(self) -> Self:
        _refuse_duplicates("stage", [(stage, ("stages", i)) for i, stage in enumerate(self.stages)])
        _refuse_duplicates("step id", [(step.id, ("steps", i, "id")) for i, step in enumerate(self.steps)])
        furthest = 0
        for index, step in enumerate(self.steps):
            place: Path = ("steps", index, "stage")
            if step.stage not in self.stages:
                message = f"{step.stage!r} is not among the cadence's stages: {', '.join(self.stages)}"
                raise MisplacedError(message, place)
            if self.stages.index(step.stage) < furthest:
                message = f"{step.stage!r} comes after a later stage; write the steps stage by stage"
                raise MisplacedError(message, place)
            furthest = self.stages.index(step.stage)
        if self.steps[0].at.anchor is Anchor.PREVIOUS:
            message = "the first step has no step before it; anchor it to due or issued"
            raise MisplacedError(message, ("steps", 0, "at"))
        return self

    def step(self, step_id: str) -> Step | None:
        """The step of that id, if this version has one."""
        return next((step for step in self.steps if step.id == step_id), None)
