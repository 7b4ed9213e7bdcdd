"""Merging: what becomes of the invoices that a message listed, once it is known what became of the message."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import select

from cadence import events as e
from cadence.document import Cadence
from cadence.facts import InvoiceFacts, MessageState, StepFacts
from cadence.marks import marks
from cadence.rules import Rules
from cadence.words import Channel
from ledger.storing import store
from ledger.tables import attempts, listed, messages
from ledger.unit import PLANNER, Held, Unit

_REACHED_NOBODY = (MessageState.REJECTED, MessageState.REFUSED, MessageState.FAILED)


async def merge_listed(unit: Unit, held: Held, condition: Any) -> None:
    """Take the steps as said that were listed by the attempts at a message of `held` which `condition` finds."""
    if not _may_have_listed(held):
        return
    for row in await _listed(unit, condition):
        other = unit.invoice(row.invoice_id)
        known = other.facts.step(row.step, row.occurrence)
        if known.outcome is None or (known.outcome == "merged" and known.into != row.reference):
            merged = e.StepMerged(
                step=row.step,
                occurrence=row.occurrence,
                channel=Channel(row.channel),
                into=row.reference,
            )
            await unit.tell(other, merged, PLANNER)


async def finish(unit: Unit, told: int | None = None) -> None:
    """Store what a transaction was told. `told` is the invoice whose workflow learns its directive by return.

    Only planning shows which steps go no further, and so for whom no message will speak.
    """
    await store(unit, told)
    await _release_left(unit)
    await store(unit, told)


async def _release_left(unit: Unit) -> None:
    """Open the steps again for which a message was to speak that reached nobody, once its own step goes no further."""
    for held in [held for held in unit.held.values() if _may_have_listed(held)]:
        for step, occurrence in _given_up(held.facts, unit.rules(held), held.cadence):
            of_step = (messages.c.invoice_id == held.id) & (messages.c.step == step)
            for row in await _listed(unit, of_step & (messages.c.occurrence == occurrence)):
                await _release(unit, row)


def _may_have_listed(held: Held) -> bool:
    """Whether a message of it may speak for others: what was permitted under an earlier cadence does so still."""
    return held.cadence.group_by is not None or held.facts.moved_on


async def _listed(unit: Unit, condition: Any) -> Iterable[Any]:
    """What those attempts list, the invoices locked."""
    found = await unit.connection.execute(
        select(*listed.c[("invoice_id", "step", "occurrence")], messages.c.reference, messages.c.channel)
        .join_from(listed, attempts)
        .join(messages)
        .where(condition)
        .order_by(listed.c.invoice_id)
        .distinct()
    )
    rows = found.all()
    if rows:
        await unit.hold_invoices({row.invoice_id for row in rows})
    return rows


def _given_up(facts: InvoiceFacts, rules: Rules, cadence: Cadence) -> list[tuple[str, int]]:
    """The occurrences of steps whose messages reached nobody, and that will send no more."""
    unheard = [key for key, step in facts.steps.items() if _reached_nobody(step)]
    if not unheard:
        return []
    # Another cadence may not have the step, or have it do something else; another due date has its next occurrence.
    speaks = {mark.key for mark in marks(facts, cadence, rules) if mark.step.send and mark.open}
    keys = (key.rpartition("/") for key in unheard if facts.closed or key not in speaks)
    return [(step, int(occurrence)) for step, _, occurrence in keys]


def _reached_nobody(step: StepFacts) -> bool:
    return bool(step.messages) and all(m.state in _REACHED_NOBODY for m in step.messages.values())


async def _release(unit: Unit, row: Any) -> None:
    other = unit.invoice(row.invoice_id)
    known = other.facts.step(row.step, row.occurrence)
    if (known.outcome, known.into) == ("merged", row.reference) and other.facts.closed is None:
        released = e.StepReleased(step=row.step, occurrence=row.occurrence, into=row.reference)
        await unit.tell(other, released, PLANNER)
