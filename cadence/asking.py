"""Asking for leave: the items of a step that somebody has to approve, before it may go."""

from collections.abc import Iterator
from datetime import datetime

from cadence.agenda import AgendaItem
from cadence.directive import ItemKind
from cadence.facts import step_key
from cadence.marks import Mark


def question(mark: Mark, at: datetime) -> AgendaItem:
    """The item that asks for leave at `at`, when the step itself would fall due."""
    return _item(mark, ItemKind.ASK_APPROVAL, at, "approval_needed", "ask")


def reminders(mark: Mark, blocked: datetime | None) -> Iterator[AgendaItem]:
    """What comes while nobody answers: the next reminder, and the end of the time; neither before `blocked` ends."""
    rule, asked = mark.step.approval, mark.record.approval
    assert rule is not None, "only an unapproved step waits for an answer"
    assert asked is not None, "only an unapproved step waits for an answer"
    ends_at = asked.asked_at + rule.within
    remind_at = asked.asked_at + rule.remind * (asked.reminded + 1)
    if remind_at < ends_at:
        at = max(remind_at, blocked or remind_at)
        yield _item(mark, ItemKind.REMIND_APPROVAL, at, "approval_needed", f"remind{asked.reminded + 1}")
    at = max(ends_at, blocked or ends_at)
    yield _item(mark, ItemKind.TIME_OUT_APPROVAL, at, "awaiting_approval", "end")


def _item(mark: Mark, kind: ItemKind, at: datetime, why: str, what: str) -> AgendaItem:
    key = f"approval/{step_key(mark.step.id, mark.occurrence)}/{what}"
    return AgendaItem(key, kind, at, why, mark.step.id, mark.occurrence)
