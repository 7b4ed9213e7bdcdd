"""Migration: moving an invoice that is under way to another cadence, and what that changes of its agenda."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from cadence import events as e
from cadence.agenda import Agenda, AgendaItem
from cadence.document import Cadence
from cadence.facts import InvoiceFacts, Rebase, step_key
from cadence.marks import Mark, marks
from cadence.planner import plan
from cadence.reducer import reduce_invoice
from cadence.rules import Rules


@dataclass(frozen=True, slots=True)
class Edition:
    """One published version of a cadence."""

    cadence: Cadence
    version: int


@dataclass(frozen=True, slots=True)
class Difference:
    """What becomes of one planned step: it goes (`becomes` is None), comes (`was` is None) or moves to another instant."""

    step: str
    occurrence: int
    was: datetime | None
    becomes: datetime | None

    @property
    def kind(self) -> Literal["goes", "comes", "moves"]:
        """Which of the three it is."""
        if self.becomes is None:
            return "goes"
        return "comes" if self.was is None else "moves"


def change(facts: InvoiceFacts, before: Edition, after: Edition, rules: Rules) -> e.CadenceChanged:
    """The event by which an invoice goes on under `after`; `rules` are its customer's under `before`."""
    ruler = marks(facts, before.cadence, rules)
    stages = before.cadence.stages
    begun = [mark.step.stage for mark in ruler if _begun(mark)]
    named = [rebase.stage for rebase in facts.rebases if rebase.stage in stages]
    reached = max((stages.index(stage) for stage in (*begun, *named)), default=None)
    stage = None if reached is None else _nearest(stages[: reached + 1], after.cadence)
    return e.CadenceChanged(
        cadence=after.cadence.name,
        version=after.version,
        before=before.cadence.name,
        before_version=before.version,
        stage=stage,
        escalated=stage is not None and _waits_for_its_stage(facts.rebases, stages, ruler),
    )


def _begun(mark: Mark) -> bool:
    """Whether the step was said or done; one that was passed over tells the customer nothing."""
    return mark.record.permitted_at is not None or mark.record.outcome == "performed"


def _nearest(reached: Sequence[str], after: Cadence) -> str | None:
    """The furthest of the stages reached that the new cadence knows by name: never a later one."""
    return next((stage for stage in reversed(reached) if stage in after.stages), None)


def _waits_for_its_stage(rebases: Iterable[Rebase], stages: Sequence[str], ruler: Iterable[Mark]) -> bool:
    """Whether somebody escalated the invoice and nothing of that stage was begun since."""
    last = next((each for each in reversed(tuple(rebases)) if each.kind == "escalated"), None)
    if last is None or last.stage not in stages:
        return False
    late_ones = stages[stages.index(last.stage) :]
    return not any(
        _begun(mark) and step_key(mark.step.id, mark.occurrence) not in last.done
        for mark in ruler
        if mark.step.stage in late_ones
    )


def foresee(
    facts: InvoiceFacts, event: e.CadenceChanged, cadence: Cadence, rules: Rules, now: datetime
) -> Agenda:
    """The agenda that an invoice would have at `now` after `event`, under `cadence` and its customer's `rules`."""
    return plan(reduce_invoice(facts, event, now), cadence, rules, now)


def differences(before: Agenda, after: Agenda) -> tuple[Difference, ...]:
    """What differs between two agendas of one invoice, step by step, in the order of time."""
    return tuple(sorted(_differences(before, after), key=_instant))


def _instant(each: Difference) -> datetime:
    at = each.becomes or each.was
    assert at is not None, "a step that differs was planned or is"
    return at


def _differences(before: Agenda, after: Agenda) -> Iterator[Difference]:
    was, becomes = _steps(before.items), _steps(after.items)
    for name in was | becomes:
        if was.get(name) != becomes.get(name):
            yield Difference(*name, was.get(name), becomes.get(name))


def _steps(items: Iterable[AgendaItem]) -> dict[tuple[str, int], datetime]:
    """The first instant of each step; what has no step, such as a hold's end, no cadence changes."""
    found: dict[tuple[str, int], datetime] = {}
    for item in items:
        if item.step is not None:
            found.setdefault((item.step, item.occurrence), item.at)
    return found
