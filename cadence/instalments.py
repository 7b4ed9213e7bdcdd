"""Instalments: the reminders of a plan that stands, and the days on which its instalments are judged."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from cadence.agenda import SEND_KIND, AgendaItem, Settled
from cadence.agreements import Instalment
from cadence.branches import InstalmentReminder
from cadence.directive import ItemKind
from cadence.document import Cadence
from cadence.facts import InvoiceFacts, StepFacts, step_key
from cadence.plans import judged_at, to_come
from cadence.routing import RouteKind, route
from cadence.rules import Rules
from cadence.timing import FOREVER, Timing, silenced_until


def instalments_judged(facts: InvoiceFacts, cadence: Cadence, rules: Rules) -> Iterator[AgendaItem]:
    """When each instalment that is owed is judged; nobody misses one while held or disputed."""
    if facts.plan is None:
        return
    silenced = silenced_until(facts, cadence, rules)
    if silenced == FOREVER:
        return
    for instalment in to_come(facts):
        at = judged_at(instalment, facts, cadence, rules)
        at, number = max(at, silenced or at), instalment.number
        yield AgendaItem(
            f"instalment/{number}", ItemKind.CHECK_INSTALMENT, at, "instalment_due", number=number
        )


@dataclass(frozen=True, slots=True)
class _Reminder:
    """One reminder of one instalment that was not said yet, and the opening of the window on its day."""

    written: InstalmentReminder
    instalment: Instalment
    record: StepFacts
    at: datetime

    @property
    def key(self) -> str:
        return step_key(self.written.step, self.instalment.number)


def plan_instalments(timing: Timing, settled: list[Settled]) -> Iterator[AgendaItem]:
    """The reminders of instalments that are owed, in the order of their days.

    One whose day has passed says nothing any more: the next one of its instalment does, or that it was missed.
    """
    if timing.facts.plan is None or timing.silenced == FOREVER:
        return
    for reminder in sorted(_unsaid(timing), key=lambda each: each.at):
        yield from _item(timing, reminder, settled)


def _unsaid(timing: Timing) -> Iterator[_Reminder]:
    for instalment in to_come(timing.facts):
        for written in timing.cadence.branches.plan.reminders:
            record = timing.facts.step(written.step, instalment.number)
            if record.outcome is None:
                day = written.at.from_day(instalment.due_on, timing.rules.calendar.add)
                at = timing.rules.contact_at(timing.rules.business_day(day))
                yield _Reminder(written, instalment, record, at)


def _item(timing: Timing, reminder: _Reminder, settled: list[Settled]) -> Iterator[AgendaItem]:
    way, record = route(reminder.written.send, reminder.record, timing.rules), reminder.record
    at = max(reminder.at, record.deferred_until or reminder.at)
    if way.kind is RouteKind.EXHAUSTED:
        settled.append(_over(reminder, way.reason))
    if way.channel is None:
        return
    if way.not_before:
        at = max(at, timing.rules.window.next_open(way.not_before))
    at = timing.off_spoken_days(reminder.key, at)
    until = timing.silenced
    floor = max(timing.now, until or timing.now)
    if timing.rules.window.around(at)[1] <= floor and not record.permitted_at:
        # Under a hold this is a forecast; it is settled when the hold is over.
        if until is None:
            settled.append(_over(reminder, "instalment_day_passed"))
        return
    at = timing.in_window(at, floor)
    at = max(at, timing.rules.window.next_open(until)) if until else at
    at = timing.on_a_day_of_its_own(reminder.key, at)
    yield AgendaItem(
        f"{reminder.key}/{way.key}", SEND_KIND[way.channel], at, way.reason, reminder.written.step,
        reminder.instalment.number, way.channel, reminder.written.send,
    )  # fmt: skip


def _over(reminder: _Reminder, reason: str) -> Settled:
    outcome: Literal["failed", "skipped"] = "failed" if reminder.record.messages else "skipped"
    return Settled(reminder.written.step, reminder.instalment.number, outcome, reason, reminder.at)
