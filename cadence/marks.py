"""Marks: where each step of a cadence stands on the calendar of one invoice, before anything is timed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from cadence.document import Cadence
from cadence.facts import NOTHING_YET, InvoiceFacts, Rebase, StepFacts, step_key
from cadence.offsets import Anchor
from cadence.rules import Rules
from cadence.steps import Step

# Read once, as `cadence.offsets` says why.
_PREVIOUS, _ISSUED, _DUE = Anchor.PREVIOUS, Anchor.ISSUED, Anchor.DUE


@dataclass(slots=True)
class Mark:
    """One step of one invoice: its occurrence, its record, its day (None while it hangs on the step before).

    `key` is the name of that occurrence; `passed` says why the ruler goes past it without performing it.
    """

    step: Step
    occurrence: int
    record: StepFacts
    day: date | None
    after_due: bool
    key: str
    passed: str | None = None

    @property
    def unapproved(self) -> bool:
        """Whether the step needs leave that nobody gave: it may well never go."""
        approval = self.record.approval
        begun = self.record.messages or self.record.permitted_at
        return self.step.approval is not None and not begun and (approval is None or approval.answer is None)

    @property
    def declined(self) -> str | None:
        """Why the step does not go though it fell due: somebody refused it, or nobody answered in time."""
        approval = self.record.approval
        if approval and approval.answer == "refused":
            return "approval_refused"
        skips = self.step.approval is not None and self.step.approval.otherwise == "skip"
        return "approval_timed_out" if approval and approval.answer == "timed_out" and skips else None

    @property
    def open(self) -> bool:
        """Whether the step has no final outcome yet."""
        return self.record.outcome is None

    def planned_at(self, day: date, rules: Rules) -> datetime:
        """The step's instant: the opening of the window on its `day`, not before leave was given or it was put off to."""
        at, record = rules.opening(day), self.record
        if record.approval and record.approval.answered_at:
            at = max(at, rules.window.next_open(record.approval.answered_at))
        return max(at, record.deferred_until) if record.deferred_until else at


def marks(facts: InvoiceFacts, cadence: Cadence, rules: Rules) -> list[Mark]:
    """All steps in the document's order, shifted by late arrival, escalation, resumption and migration."""
    ruler = _raw_marks(facts, cadence, rules)
    for rebase in facts.rebases:
        _apply(rebase, ruler, cadence, rules)
    return ruler


def _raw_marks(facts: InvoiceFacts, cadence: Cadence, rules: Rules) -> list[Mark]:
    ruler: list[Mark] = []
    after_due = False
    records, rearmed, add = facts.steps, facts.rearmed, rules.calendar.add
    for step in cadence.steps:
        at, day = step.at, None
        if at.anchor is not _PREVIOUS:
            issued = at.anchor is _ISSUED
            day = at.from_day(facts.issued_on if issued else facts.due_on, add)
            after_due = at.count >= 0 and not issued
        occurrence = 1 + rearmed if after_due else 1
        key = step_key(step.id, occurrence)
        ruler.append(Mark(step, occurrence, records.get(key, NOTHING_YET), day, after_due, key))
    return ruler


def _apply(rebase: Rebase, ruler: Sequence[Mark], cadence: Cadence, rules: Rules) -> None:
    """Let the ruler go on from `rebase`: land its first step on the next open day, keep later distances."""
    said = _last_done(rebase, ruler) if rebase.kind == "migrated" else None
    first = _first_step(rebase, ruler, cadence, said)
    for index, mark in enumerate(ruler[:first]):
        if _pending_at(mark, rebase) and (reason := _passing(index, rebase, ruler, cadence, said, rules)):
            mark.passed = mark.passed or reason
    if first == len(ruler):
        return
    target = rules.window.local_day(rules.window.around(rebase.at)[0])
    day = _natural_day(ruler, first, rules)
    if rebase.kind != "escalated" and not _is_past(day, rebase, rules):
        return
    if said is not None:
        target = max(target, _at_its_distance(ruler, said, day, rules))
    ruler[first].day = target
    _shift(ruler[first + 1 :], target - day)


def _last_done(rebase: Rebase, ruler: Sequence[Mark]) -> int | None:
    """The furthest step of a new cadence that was done under the old one; nothing before it is caught up on."""
    return max((index for index, mark in enumerate(ruler) if not _pending_at(mark, rebase)), default=None)


def _at_its_distance(ruler: Sequence[Mark], said: int, day: date, rules: Rules) -> date:
    """Where a step stands whose natural day is `day`, as far after the last one done as the ruler has them apart.

    So a change of cadence never hurries whoever was behind the ruler: a late arrival keeps its pace.
    """
    done_on = _done_on(ruler[said], rules)
    return day if done_on is None else done_on + (day - _natural_day(ruler, said, rules))


def _done_on(mark: Mark, rules: Rules) -> date | None:
    """The local day on which a step first spoke, was planned to, or was settled."""
    at = mark.record.permitted_at or mark.record.planned_at or mark.record.outcome_at
    return rules.window.local_day(at) if at else None


def _natural_day(ruler: Sequence[Mark], index: int, rules: Rules) -> date:
    """The day of a mark as it stands, counted from the step before where it hangs on that."""
    mark = ruler[index]
    if mark.day is not None:
        return mark.day
    base = _done_on(ruler[index - 1], rules)
    if base is None:
        # Where it would be planned, as if it were: settling it then moves nothing.
        before = _natural_day(ruler, index - 1, rules)
        base = rules.window.local_day(ruler[index - 1].planned_at(before, rules))
    return mark.step.at.from_day(base, rules.calendar.add)


def _shift(ruler: Sequence[Mark], distance: timedelta) -> None:
    for mark in ruler:
        if mark.day is not None:
            mark.day += distance


def _first_step(rebase: Rebase, ruler: Sequence[Mark], cadence: Cadence, said: int | None) -> int:
    """Where the ruler goes on: the first overdue step, or the first of the stage, that was not done by then."""
    from_stage = _stage_of(rebase, cadence)
    begins = 0 if said is None else said + 1
    for index, mark in enumerate(ruler[begins:], begins):
        in_stage = cadence.stages.index(mark.step.stage) >= from_stage
        at_stage = rebase.stage is not None and rebase.kind == "arrived"
        counts = rebase.kind == "escalated" or at_stage or _is_overdue(mark)
        # What an earlier rebase goes past is not gone back to.
        if in_stage and counts and mark.passed is None and _pending_at(mark, rebase):
            return index
    return len(ruler)


def _stage_of(rebase: Rebase, cadence: Cadence) -> int:
    return cadence.stages.index(rebase.stage) if rebase.stage in cadence.stages else 0


def _is_overdue(mark: Mark) -> bool:
    return mark.after_due and not (mark.step.at.anchor is _DUE and mark.step.at.count == 0)


def _pending_at(mark: Mark, rebase: Rebase) -> bool:
    return mark.key not in rebase.done


def _passing(
    index: int, rebase: Rebase, ruler: Sequence[Mark], cadence: Cadence, said: int | None, rules: Rules
) -> str | None:
    """Why a step before the one from which the ruler goes on is passed over; None where it still has its day."""
    mark = ruler[index]
    match rebase.kind:
        case "escalated":
            return "escalated"
        case "arrived" if rebase.stage is not None:
            return "earlier_stage"
        case "arrived" if mark.day is not None and _is_past(mark.day, rebase, rules):
            return "before_arrival"
        case "migrated":
            milder = cadence.stages.index(mark.step.stage) < _stage_of(rebase, cadence)
            overtaken = milder or (said is not None and index < said)
            past = overtaken or _is_past(_natural_day(ruler, index, rules), rebase, rules)
            return "before_migration" if past else None
        case _:
            return None


def _is_past(day: date, rebase: Rebase, rules: Rules) -> bool:
    return rules.window.first_from(rules.business_day(day))[1] <= rebase.at
