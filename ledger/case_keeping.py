"""Keeping cases as the facts call for them: opened, opened again, called for again, and closed when they are over."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import insert, literal, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from cadence.document import Cadence
from cadence.facts import CaseDue
from cadence.reducing.approvals import REASON as APPROVAL
from ledger.tables import cases_table, notes

# The reasons of the cases that what customers write, and what becomes of the answers, opens.
CONVERSATION_CASES = ("replied", "says_paid", "may_opt_out", "answer_not_sent")
# Who writes the notes that no person wrote.
HOUSE = "regua"


async def keep_cases(
    connection: AsyncConnection, invoice_id: int, cadence: Cadence, due: Sequence[CaseDue], now: datetime
) -> None:
    """Bring an invoice's cases up to the facts: `due` are those that are new or that changed."""
    if not due:
        return
    await _open(connection, invoice_id, cadence, due, now)
    for case in due:
        if case.over:
            await _close(connection, invoice_id, case, now)
        elif case.reason == APPROVAL and case.times > 1:
            await _note(connection, invoice_id, case.key, f"asked again, {case.times} times by now", now)


async def _open(
    connection: AsyncConnection, invoice_id: int, cadence: Cadence, due: Sequence[CaseDue], now: datetime
) -> None:
    rows = [
        {
            "invoice_id": invoice_id,
            "key": case.key,
            "queue": case.queue or queue_for(case, cadence),
            "reason": case.reason,
            "status": "open",
            "opened_at": now,
        }
        for case in due
    ]
    statement = upsert(cases_table).values(rows)
    # Owed again while it is open, a case is the same case; closed, it opens again.
    again = statement.on_conflict_do_update(
        index_elements=["invoice_id", "key"],
        set_={"status": "open", "claimed_by": None, "closed_at": None},
        where=cases_table.c.status == "closed",
    )
    await connection.execute(again)


async def _close(connection: AsyncConnection, invoice_id: int, case: CaseDue, now: datetime) -> None:
    """Close a case about which nobody need do anything any more, and say why."""
    mine = (cases_table.c.invoice_id == invoice_id) & (cases_table.c.key == case.key)
    ended = update(cases_table).where(mine, cases_table.c.status != "closed")
    await connection.execute(ended.values(status="closed", closed_at=now))
    await _note(connection, invoice_id, case.key, f"over: {case.over}", now)


async def _note(connection: AsyncConnection, invoice_id: int, key: str, text: str, now: datetime) -> None:
    written = select(cases_table.c.id, literal(now, notes.c.at.type), literal(HOUSE), literal(text)).where(
        cases_table.c.invoice_id == invoice_id, cases_table.c.key == key
    )
    columns = ["case_id", "at", "actor", "text"]
    await connection.execute(insert(notes).from_select(columns, written))


def queue_for(case: CaseDue, cadence: Cadence) -> str:
    """The queue that the cadence names for a case of this reason."""
    branches = cadence.branches
    named = {
        "dispute": branches.dispute.queue,
        "dispute_to_confirm": branches.dispute.queue,
        "dispute_overdue": branches.dispute.queue,
        "hold_without_end": branches.hold.queue,
        "broken_promise": branches.broken_promise.queue,
        "instalment_missed": branches.plan.missed.queue,
        "plan_ended": branches.plan.missed.queue,
    }
    if case.reason in CONVERSATION_CASES:
        return branches.reply.queue
    return named.get(case.reason) or cadence.queue
