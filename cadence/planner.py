"""The planner: `plan(facts, cadence, rules, now)` decides everything that has a date, and says why.

Every planned instant is an opening of a send window or the instant of an event, never `now` itself: so planning
again a second later, without a new fact, changes nothing, and an item whose instant has passed is due.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Literal

from cadence.agenda import SEND_KIND, Agenda, AgendaItem, Settled
from cadence.asking import question, reminders
from cadence.directive import ItemKind
from cadence.document import Cadence
from cadence.facts import InvoiceFacts, MessageState, StepFacts
from cadence.instalments import instalments_judged, plan_instalments
from cadence.marks import Mark, marks
from cadence.notices import plan_notices
from cadence.promises import checked_at
from cadence.routing import Route, RouteKind, route
from cadence.rules import Rules
from cadence.steps import MissedPolicy, Step
from cadence.timing import FOREVER, Timing
from cadence.words import Channel

# E-mail is settled by a receipt alone; SMS and WhatsApp by the provider's list, read twice five minutes apart.
EMAIL_PATIENCE = timedelta(hours=24)
FIRST_READING = timedelta(minutes=2)
NEXT_READING = timedelta(minutes=5)


def plan(facts: InvoiceFacts, cadence: Cadence, rules: Rules, now: datetime) -> Agenda:
    """The agenda of one invoice at the aware instant `now`: total, deterministic, and the same until a new fact.

    Closed invoices have none. `settled` holds the steps that are over without being performed; a caller that
    keeps records writes them down as events at once, and planning again then settles nothing more.
    """
    if facts.closed:
        return Agenda()
    timing = Timing(facts, cadence, rules, now)
    settled: list[Settled] = []
    notices = [*plan_notices(timing, settled), *plan_instalments(timing, settled)]
    messages = [*notices, *_Steps(timing, settled).plan()]
    items = [*_held_items(facts, cadence, rules), *_reconciliations(facts, messages), *messages]
    # Sorting is stable: at one instant, what ends a hold comes before notices, and notices before steps.
    return Agenda(tuple(sorted(items, key=lambda item: item.at)), tuple(settled))


def _held_items(facts: InvoiceFacts, cadence: Cadence, rules: Rules) -> Iterator[AgendaItem]:
    for hold in facts.holds:
        if hold.until:
            yield AgendaItem(f"hold/{hold.hold}", ItemKind.END_HOLD, hold.until, "hold_ends", hold=hold.hold)
    for promise in facts.promises_open:
        at, key = checked_at(promise, facts, cadence, rules), f"promise/{promise.number}"
        yield AgendaItem(key, ItemKind.CHECK_PROMISE, at, "promise_due", number=promise.number)
    dispute = facts.dispute
    if dispute and dispute.answer_by and not dispute.overdue:
        key, at = f"dispute/{dispute.number}/{dispute.answer_by}", rules.creditor_end_of(dispute.answer_by)
        yield AgendaItem(key, ItemKind.CHECK_DISPUTE, at, "dispute_due")
    yield from instalments_judged(facts, cadence, rules)


def _reconciliations(facts: InvoiceFacts, ahead: list[AgendaItem]) -> Iterator[AgendaItem]:
    """Look for what is unknown, and for what a worker was sending when the agenda moved on without it."""
    sending = {(item.step, item.occurrence, item.channel) for item in ahead if item.channel}
    for key, step in sorted(facts.steps.items()):
        step_id, _, occurrence = key.rpartition("/")
        for channel, message in sorted(step.messages.items()):
            unknown = message.state is MessageState.UNKNOWN
            left = (
                message.state is MessageState.RESERVED and (step_id, int(occurrence), channel) not in sending
            )
            if not unknown and not left:
                continue
            wait = NEXT_READING if message.readings else FIRST_READING
            at = message.at + (EMAIL_PATIENCE if unknown and channel is Channel.EMAIL else wait)
            name = f"reconcile/{key}/{channel}/{message.attempts}.{message.readings}"
            kind = ItemKind.RECONCILE_MESSAGE
            yield AgendaItem(name, kind, at, "delivery_unknown", step_id, int(occurrence), channel)


# Read once, as `cadence.offsets` says why.
_WAITING, _EXHAUSTED = RouteKind.WAITING, RouteKind.EXHAUSTED
_COLLAPSE, _SKIP_AFTER = MissedPolicy.COLLAPSE, MissedPolicy.SKIP_AFTER
_OPEN_CASE, _HAND_OVER, _WRITE_OFF = ItemKind.OPEN_CASE, ItemKind.HAND_OVER, ItemKind.WRITE_OFF


@dataclass(slots=True)
class _Steps:
    """The steps of one planning, in the document's order."""

    timing: Timing
    settled: list[Settled]
    ruler: list[Mark] = field(init=False)

    def __post_init__(self) -> None:
        self.ruler = marks(self.timing.facts, self.timing.cadence, self.timing.rules)

    def plan(self) -> Iterator[AgendaItem]:
        """Every step that has still something to do, each not before the open ones above it."""
        previous_at: datetime | None = None
        not_before: datetime | None = None
        for index, mark in enumerate(self.ruler):
            later = self.ruler[index + 1 :]
            if not mark.open:
                yield from self._silence(mark, later)
                previous_at = mark.record.permitted_at or mark.record.planned_at or mark.record.outcome_at
                continue
            at = self._planned_at(mark, previous_at)
            over = mark.passed or (mark.declined if mark.record.approval else None)
            if over and not _in_flight(mark.record):
                self._settle(mark, over, at)
                previous_at = at
                continue
            for item in self._step(mark, at, later, not_before):
                at = item.at
                not_before = max(at, not_before or at)
                yield item
            previous_at = mark.record.permitted_at or self._settled_at(mark) or at

    def _settled_at(self, mark: Mark) -> datetime | None:
        """For when a step was planned that this very planning settled: what hangs on it stays there once it is told."""
        last = self.settled[-1] if self.settled else None
        this = last is not None and (last.step, last.occurrence) == (mark.step.id, mark.occurrence)
        return last.planned_at if last is not None and this else None

    def _planned_at(self, mark: Mark, previous_at: datetime | None) -> datetime:
        """The step's own instant on its day, which may hang on the step before."""
        day = mark.day
        if day is None:
            base = (
                self.timing.rules.window.local_day(previous_at) if previous_at else self.timing.facts.due_on
            )
            day = mark.step.at.from_day(base, self.timing.rules.calendar.add)
        return mark.planned_at(day, self.timing.rules)

    def _step(
        self, mark: Mark, at: datetime, later: list[Mark], not_before: datetime | None
    ) -> Iterator[AgendaItem]:
        way = route(mark.step.send, mark.record, self.timing.rules) if mark.step.send else None
        # An older version of the step sent something: first it must be known what became of that.
        if way is None and _in_flight(mark.record):
            return
        if way and (way.kind is _WAITING or self._ends(mark, way, at, later)):
            return
        if self.timing.floor == FOREVER:
            return
        unapproved = mark.step.approval is not None and mark.unapproved
        if unapproved and mark.record.approval:
            yield from reminders(mark, self.timing.blocked)
            return
        if way and way.not_before:
            at = max(at, self.timing.rules.window.next_open(way.not_before))
        at = self.timing.off_spoken_days(mark.key, at)
        missed = self._missed(mark, at, later)
        if missed is _COLLAPSE or missed is _SKIP_AFTER:
            # Under a hold this is a forecast; it is settled when the hold is over.
            if self.timing.blocked is None:
                self._settle(mark, "collapsed" if missed is _COLLAPSE else "too_late", at)
            return
        ask = "missed_step" if missed is not None else _ask_instead(mark)
        reachable = way is None or way.channel is not None
        if unapproved and reachable and ask is None:
            yield question(mark, self._timed(mark, None, at, not_before))
        else:
            yield _step_item(mark, way, self._timed(mark, None if ask else way, at, not_before), ask)

    def _ends(self, mark: Mark, way: Route, at: datetime, later: list[Mark]) -> bool:
        """Whether a step that was begun goes no further: no channel is left, or a later step speaks first."""
        if way.kind is _EXHAUSTED and mark.record.messages:
            self._settle(mark, way.reason, at)
            return True
        if way.not_before:
            at = max(at, self.timing.rules.window.next_open(way.not_before))
            if self._overtaken(at, later):
                self._settle(mark, "fallback_overtaken", at)
                return True
        return False

    def _timed(self, mark: Mark, way: Route | None, at: datetime, not_before: datetime | None) -> datetime:
        """The instant of an item; one that reaches the customer, by `way`, gets a day of its own."""
        at = self.timing.after_block(self.timing.in_window(at, self.timing.floor))
        if not_before and not mark.record.permitted_at:
            at = max(at, not_before)
        if way and way.channel:
            # What it waits for may end at any hour, a question to a manager for one.
            at = self.timing.on_a_day_of_its_own(mark.key, self.timing.rules.window.next_open(at))
        return at

    def _missed(self, mark: Mark, at: datetime, later: list[Mark]) -> MissedPolicy | None:
        """What the step's policy makes of a day that has passed; None where the step is to be performed."""
        if not self.timing.is_over(at) or _in_flight(mark.record):
            return None
        missed = mark.step.missed_policy
        if missed.skip_after is not None:
            return MissedPolicy.SKIP_AFTER if self.timing.landing > at + missed.skip_after else None
        if missed.policy is MissedPolicy.COLLAPSE:
            day = self.timing.rules.window.local_day(self.timing.landing)
            return MissedPolicy.COLLAPSE if self._sends_by(day, later) else None
        return missed.policy if missed.policy is MissedPolicy.ASK else None

    def _sends_by(self, day: date, later: list[Mark]) -> bool:
        """Whether a later message falls due by `day`, so that a missed one is not to be sent beside it.

        One that has a condition, or that nobody approved, may be skipped when its time comes: it does not count.
        """
        local_day = self.timing.rules.window.local_day
        return any(
            mark.step.when is None
            and not mark.unapproved
            and _is_ahead(mark)
            and local_day(self._planned_at(mark, None)) <= day
            and self._will_speak(mark)
            for mark in later
        )

    def _will_speak(self, mark: Mark) -> bool:
        at = self.timing.off_spoken_days(mark.key, self._planned_at(mark, None))
        missed = mark.step.missed_policy
        if not self.timing.is_over(at):
            return True
        too_late = missed.skip_after is not None and self.timing.landing > at + missed.skip_after
        return not too_late and missed.policy is not MissedPolicy.ASK

    def _overtaken(self, at: datetime, later: list[Mark]) -> bool:
        """Whether a later step spoke, or speaks, before this one's next channel would."""
        return any(
            mark.record.permitted_at is not None
            or (_is_ahead(mark) and not mark.unapproved and self._planned_at(mark, None) <= at)
            for mark in later
            if mark.step.send
        )

    def _silence(self, mark: Mark, later: list[Mark]) -> Iterator[AgendaItem]:
        """The next channel of a step whose message was accepted and never reported as delivered."""
        timing = self.timing
        if not mark.step.send or mark.record.outcome != "sent" or timing.floor == FOREVER:
            return
        way = route(mark.step.send, mark.record, timing.rules, silent=True)
        if way.channel is None or way.not_before is None:
            return
        at = timing.rules.window.next_open(max(way.not_before, mark.record.deferred_until or way.not_before))
        if timing.is_over(at) or self._overtaken(at, later):
            return
        at = timing.on_a_day_of_its_own(mark.key, max(at, timing.blocked or at))
        yield _step_item(mark, way, at)

    def _settle(self, mark: Mark, reason: str, at: datetime) -> None:
        outcome: Literal["failed", "skipped"] = "failed" if mark.record.messages else "skipped"
        self.settled.append(Settled(mark.step.id, mark.occurrence, outcome, reason, at))


def _is_ahead(mark: Mark) -> bool:
    """Whether the step is a message that is still to be said, on a day that is known."""
    return mark.step.send is not None and mark.open and not mark.passed and mark.day is not None


def _in_flight(record: StepFacts) -> bool:
    return any(m.state in (MessageState.RESERVED, MessageState.UNKNOWN) for m in record.messages.values())


def _ask_instead(mark: Mark) -> str | None:
    """Why a person is to decide on the step, though nobody answered whether it may go; None where it goes."""
    rule, approval = mark.step.approval, mark.record.approval
    unanswered = approval is not None and approval.answer == "timed_out"
    return "approval_timed_out" if unanswered and rule and rule.otherwise == "ask" else None


def _step_item(mark: Mark, way: Route | None, at: datetime, ask: str | None = None) -> AgendaItem:
    """The item of a step; `ask` says why a person is to decide in its place."""
    step, key = mark.step, mark.key
    if way is None or ask:
        kind = _OPEN_CASE if ask else _kind(step)
        return AgendaItem(key, kind, at, ask or "planned", step.id, mark.occurrence)
    if way.channel is None:
        return AgendaItem(key, _OPEN_CASE, at, way.reason, step.id, mark.occurrence)
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
        return _HAND_OVER
    return _WRITE_OFF if step.write_off else _OPEN_CASE
