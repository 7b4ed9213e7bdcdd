"""The planner: `plan(facts, cadence, rules, now)` decides everything that has a date, and says why.

Every planned instant is an opening of a send window or the instant of an event, never `now` itself: so planning
again a second later, without a new fact, changes nothing, and an item whose instant has passed is due.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from cadence.agenda import SEND_KIND, Agenda, AgendaItem, Settled
from cadence.directive import ItemKind
from cadence.document import Cadence, MissedPolicy, Send, Step
from cadence.facts import InvoiceFacts, MessageState, Notice, StepFacts, step_key
from cadence.marks import Mark, marks
from cadence.routing import Route, RouteKind, route
from cadence.rules import Rules
from cadence.words import Channel

FOREVER = datetime.max.replace(tzinfo=UTC)
# E-mail is settled by a receipt alone; SMS and WhatsApp by the provider's list, read twice five minutes apart.
EMAIL_PATIENCE = timedelta(hours=24)
FIRST_READING = timedelta(minutes=2)
NEXT_READING = timedelta(minutes=5)
NEXT_DAY = timedelta(days=1)


def plan(facts: InvoiceFacts, cadence: Cadence, rules: Rules, now: datetime) -> Agenda:
    """The agenda of one invoice at the aware instant `now`: total, deterministic, and the same until a new fact.

    Closed invoices have none. `settled` holds the steps that are over without being performed; a caller that
    keeps records writes them down as events at once, and planning again then settles nothing more.
    """
    if facts.closed:
        return Agenda()
    planning = _Planning(facts, cadence, rules, now)
    items = [
        *_held_items(facts, cadence, rules),
        *_reconciliations(facts, rules),
        *planning.notices(),
        *planning.steps(),
    ]
    # Sorting is stable: at one instant, what ends a hold comes before notices, and notices before steps.
    return Agenda(tuple(sorted(items, key=lambda item: item.at)), tuple(planning.settled))


def promise_checked_at(facts: InvoiceFacts, cadence: Cadence, rules: Rules) -> datetime | None:
    """When the promise in force is judged: the end of its day where the customer is, after the branch's grace."""
    promise = facts.promise
    return rules.end_of(promise.by, cadence.branches.promise.grace) if promise else None


def blocked_until(facts: InvoiceFacts, cadence: Cadence, rules: Rules) -> datetime | None:
    """Until when reminders are forbidden: None if they are not, FOREVER while nobody knows."""
    ends = [hold.until or FOREVER for hold in facts.holds]
    if facts.disputed:
        ends.append(FOREVER)
    if checked_at := promise_checked_at(facts, cadence, rules):
        ends.append(checked_at)
    return max(ends, default=None)


def _held_items(facts: InvoiceFacts, cadence: Cadence, rules: Rules) -> Iterator[AgendaItem]:
    for hold in facts.holds:
        if hold.until:
            yield AgendaItem(f"hold/{hold.hold}", ItemKind.END_HOLD, hold.until, "hold_ends", hold=hold.hold)
    if facts.promise and (at := promise_checked_at(facts, cadence, rules)):
        yield AgendaItem(f"promise/{facts.promise.number}", ItemKind.CHECK_PROMISE, at, "promise_due")


def _reconciliations(facts: InvoiceFacts, rules: Rules) -> Iterator[AgendaItem]:
    for key, step in sorted(facts.steps.items()):
        step_id, _, occurrence = key.rpartition("/")
        for channel, message in step.messages.items():
            lost = message.state is MessageState.RESERVED and channel in rules.unusable
            if message.state is not MessageState.UNKNOWN and not lost:
                continue
            wait = NEXT_READING if message.readings else FIRST_READING
            at = message.at + (EMAIL_PATIENCE if channel is Channel.EMAIL else wait)
            name = f"reconcile/{key}/{channel}/{message.attempts}.{message.readings}"
            kind = ItemKind.RECONCILE_MESSAGE
            yield AgendaItem(name, kind, at, "delivery_unknown", step_id, int(occurrence), channel)


@dataclass(slots=True)
class _Planning:
    """One run of the planner. `floor` is the first instant at which a reminder may go."""

    facts: InvoiceFacts
    cadence: Cadence
    rules: Rules
    now: datetime
    settled: list[Settled] = field(default_factory=list)
    blocked: datetime | None = field(init=False)
    floor: datetime = field(init=False)
    earliest_day: date | None = None

    def __post_init__(self) -> None:
        self.blocked = blocked_until(self.facts, self.cadence, self.rules)
        self.floor = max(self.now, self.blocked or self.now)

    @property
    def _landing(self) -> datetime:
        """The opening of the window in which a late item goes: by that it is judged, so that waiting changes nothing."""
        return self.rules.window.around(self.floor)[0]

    # Notices answer the customer, so a hold or dispute does not stop them; the window does.

    def notices(self) -> Iterator[AgendaItem]:
        for notice in self.facts.notices:
            record = self.facts.step(notice.step, notice.number)
            send = _branch_message(self.cadence, notice)
            if record.outcome or send is None:
                continue
            if not self._still_true(notice):
                self._settle(notice.step, notice.number, record, "overtaken", notice.at)
                continue
            yield from self._notice(notice, send, record)

    def _notice(self, notice: Notice, send: Send, record: StepFacts) -> Iterator[AgendaItem]:
        way = route(send, record, self.rules)
        reminds = notice.branch == "broken_promise"
        floor = self.floor if reminds else self.now
        if way.kind is RouteKind.EXHAUSTED:
            self._settle(notice.step, notice.number, record, way.reason, notice.at)
        if way.channel is None or floor == FOREVER:
            return
        wanted = max(notice.at, record.deferred_until or notice.at, way.not_before or notice.at)
        at = self._in_window(wanted, floor)
        if reminds and self.blocked:
            at = max(at, self.rules.window.next_open(self.blocked))
        if reminds:
            at = self._on_a_day_of_its_own(f"{notice.step}/{notice.number}", at)
        else:
            self._keep_away_from(at)
        key, kind = f"{notice.step}/{notice.number}/{way.key}", SEND_KIND[way.channel]
        yield AgendaItem(
            key, kind, at, way.reason, notice.step, notice.number, way.channel, send, notice=not reminds
        )

    def _still_true(self, notice: Notice) -> bool:
        """Whether the notice still answers something: the branch is the one the invoice is in."""
        latest = max(n.number for n in self.facts.notices if n.branch == notice.branch) == notice.number
        match notice.branch:
            case "dispute":
                return latest and self.facts.disputed
            case "dispute_resolved":
                return latest and not self.facts.disputed
            case "promise":
                return latest and self.facts.promise is not None
            case "broken_promise":
                return latest and self.facts.promise is None
            case "payment":
                return latest

    # Steps, in the document's order.

    def steps(self) -> Iterator[AgendaItem]:
        ruler = marks(self.facts, self.cadence, self.rules)
        previous_at: datetime | None = None
        not_before: datetime | None = None
        for index, mark in enumerate(ruler):
            if mark.open and mark.passed and not _in_flight(mark.record):
                previous_at = self._planned_at(mark, previous_at)
                self._settle(mark.step.id, mark.occurrence, mark.record, mark.passed, previous_at)
                continue
            if not mark.open:
                yield from self._silence(mark, ruler[index + 1 :])
                previous_at = mark.record.permitted_at or mark.record.planned_at or mark.record.outcome_at
                continue
            at = self._planned_at(mark, previous_at)
            for item in self._step(mark, at, ruler[index + 1 :], not_before):
                at = item.at
                not_before = max(at, not_before or at)
                yield item
            previous_at = mark.record.permitted_at or at

    def _planned_at(self, mark: Mark, previous_at: datetime | None) -> datetime:
        """The step's own instant: the opening of the window on its day, not before what it was deferred to."""
        day = mark.day
        if day is None:
            base = self.rules.window.local_day(previous_at) if previous_at else self.facts.due_on
            day = mark.step.at.from_day(base, self.rules.calendar.add)
        at = self.rules.contact_at(self.rules.business_day(day))
        return max(at, mark.record.deferred_until or at)

    def _step(
        self, mark: Mark, at: datetime, later: list[Mark], not_before: datetime | None
    ) -> Iterator[AgendaItem]:
        way = route(mark.step.send, mark.record, self.rules) if mark.step.send else None
        if way and way.kind is RouteKind.WAITING:
            return
        if way and way.kind is RouteKind.EXHAUSTED and mark.record.messages:
            self._fail(mark, way.reason, at)
            return
        if way and way.not_before:
            at = max(at, self.rules.window.next_open(way.not_before))
            if self._overtaken(at, later):
                self._fail(mark, "fallback_overtaken", at)
                return
        if self.floor == FOREVER:
            return
        at = self._off_spoken_days(_key(mark), at)
        missed = self._missed(mark, at, later)
        if missed in (MissedPolicy.COLLAPSE, MissedPolicy.SKIP_AFTER):
            if self.blocked is None:
                reason = "collapsed" if missed is MissedPolicy.COLLAPSE else "too_late"
                self._settle(mark.step.id, mark.occurrence, mark.record, reason, at)
            return
        at = self._in_window(at, self.floor)
        if self.blocked:
            at = max(at, self.rules.window.next_open(self.blocked))
        if not_before and not mark.record.permitted_at:
            at = max(at, not_before)
        if way and way.channel and missed is not MissedPolicy.ASK:
            at = self._on_a_day_of_its_own(_key(mark), at)
        yield _step_item(mark, way, at, ask=missed is MissedPolicy.ASK)

    def _missed(self, mark: Mark, at: datetime, later: list[Mark]) -> MissedPolicy | None:
        """What the step's policy makes of a day that has passed; None where the step is to be performed."""
        if self.rules.window.around(at)[1] > self.floor or _in_flight(mark.record):
            return None
        missed = mark.step.missed_policy
        if missed.skip_after is not None:
            return MissedPolicy.SKIP_AFTER if self._landing > at + missed.skip_after else None
        if missed.policy is MissedPolicy.COLLAPSE:
            day = self.rules.window.local_day(self._landing)
            return MissedPolicy.COLLAPSE if self._sends_by(day, later) else None
        return missed.policy if missed.policy is MissedPolicy.ASK else None

    def _sends_by(self, day: date, later: list[Mark]) -> bool:
        """Whether a later message falls due by `day`, so that a missed one is not to be sent beside it."""
        return any(
            mark.step.send and mark.step.when is None and mark.open and not mark.passed and mark.day is not None
            and self.rules.window.local_day(self._planned_at(mark, None)) <= day
            and self._will_speak(mark)
            for mark in later
        )  # fmt: skip

    def _will_speak(self, mark: Mark) -> bool:
        at, missed = self._off_spoken_days(_key(mark), self._planned_at(mark, None)), mark.step.missed_policy
        if self.rules.window.around(at)[1] > self.floor:
            return True
        too_late = missed.skip_after is not None and self._landing > at + missed.skip_after
        return not too_late and missed.policy is not MissedPolicy.ASK

    def _overtaken(self, at: datetime, later: list[Mark]) -> bool:
        """Whether a later step spoke, or speaks, before this one's next channel would."""
        return any(
            mark.record.permitted_at is not None
            or (mark.open and not mark.passed and mark.day is not None and self._planned_at(mark, None) <= at)
            for mark in later
            if mark.step.send
        )

    def _on_a_day_of_its_own(self, key: str, at: datetime) -> datetime:
        """At most one reminder a day, and none on the day of a notice: a customer hears us as one voice."""
        days = [day + NEXT_DAY for day in self._spoken_days(key)]
        earliest = max([*days, *([self.earliest_day] if self.earliest_day else [])], default=None)
        if earliest and self.rules.window.local_day(at) < earliest:
            at = self.rules.contact_at(earliest)
        self._keep_away_from(at)
        return at

    def _keep_away_from(self, at: datetime) -> None:
        """Let later reminders leave the local day of `at` alone."""
        day = self.rules.window.local_day(at) + NEXT_DAY
        self.earliest_day = max(day, self.earliest_day or day)

    def _off_spoken_days(self, key: str, at: datetime) -> datetime:
        """`at`, or the next day on which nothing else left: a day that was taken is no missed day."""
        spoken = self._spoken_days(key)
        while self.rules.window.local_day(at) in spoken:
            at = self.rules.contact_at(self.rules.window.local_day(at) + NEXT_DAY)
        return at

    def _spoken_days(self, key: str) -> set[date]:
        others = (step for name, step in self.facts.steps.items() if name != key)
        permits = (m.permitted_at for step in others for m in step.messages.values())
        return {self.rules.window.local_day(permitted) for permitted in permits if permitted}

    def _silence(self, mark: Mark, later: list[Mark]) -> Iterator[AgendaItem]:
        """The next channel of a step whose message was accepted and never reported as delivered."""
        if not mark.step.send or mark.record.outcome != "sent" or self.floor == FOREVER:
            return
        way = route(mark.step.send, mark.record, self.rules, silent=True)
        if way.channel is None or way.not_before is None:
            return
        at = self.rules.window.next_open(max(way.not_before, mark.record.deferred_until or way.not_before))
        late = self.rules.window.around(at)[1] <= self.floor
        if late or self._overtaken(at, later):
            return
        at = self._on_a_day_of_its_own(_key(mark), max(at, self.blocked or at))
        yield _step_item(mark, way, at, ask=False)

    def _in_window(self, at: datetime, floor: datetime) -> datetime:
        """`at` while its window is not over at `floor`, else the window that is open then or opens next."""
        at = self.rules.window.next_open(at)
        if self.rules.window.around(at)[1] <= floor:
            at = self.rules.window.around(floor)[0]
        return at

    def _settle(
        self, step: str, occurrence: int, record: StepFacts, reason: str, planned_at: datetime
    ) -> None:
        outcome: Literal["failed", "skipped"] = "failed" if record.messages else "skipped"
        self.settled.append(Settled(step, occurrence, outcome, reason, planned_at))

    def _fail(self, mark: Mark, reason: str, at: datetime) -> None:
        self.settled.append(Settled(mark.step.id, mark.occurrence, "failed", reason, at))


def _key(mark: Mark) -> str:
    return step_key(mark.step.id, mark.occurrence)


def _in_flight(record: StepFacts) -> bool:
    return any(m.state in (MessageState.RESERVED, MessageState.UNKNOWN) for m in record.messages.values())


def _step_item(mark: Mark, way: Route | None, at: datetime, *, ask: bool) -> AgendaItem:
    step, key = mark.step, f"{mark.step.id}/{mark.occurrence}"
    if way is None or ask:
        kind = ItemKind.OPEN_CASE if ask else _kind(step)
        return AgendaItem(key, kind, at, "missed_step" if ask else "planned", step.id, mark.occurrence)
    if way.channel is None:
        return AgendaItem(key, ItemKind.OPEN_CASE, at, way.reason, step.id, mark.occurrence)
    return AgendaItem(
        f"{key}/{way.key}",
        SEND_KIND[way.channel],
        at,
        way.reason,
        step.id,
        mark.occurrence,
        way.channel,
        step.send,
    )


def _kind(step: Step) -> ItemKind:
    if step.hand_over:
        return ItemKind.HAND_OVER
    return ItemKind.WRITE_OFF if step.write_off else ItemKind.OPEN_CASE


def _branch_message(cadence: Cadence, notice: Notice) -> Send | None:
    branches = cadence.branches
    match notice.branch:
        case "dispute":
            return branches.dispute.notice
        case "dispute_resolved":
            return branches.dispute.resolved_notice
        case "promise":
            return branches.promise.notice
        case "broken_promise":
            return branches.broken_promise.reminder
        case "payment":
            return branches.payment.notice
