"""Cases: the work that agents have, claimed by one of them at a time."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Select, any_, insert, literal, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from cadence.reducing.approvals import REASON as APPROVAL
from cadence.words import rounded
from ledger.database import LedgerError
from ledger.names import check_names
from ledger.tables import cases_table, customers, invoices, notes
from ledger.views import CaseLine, NoteLine

STATUSES = ("open", "claimed", "closed")
Expect = Callable[[CaseLine], None]


async def list_cases(
    engine: AsyncEngine,
    *,
    queue: str | None = None,
    status: str | None = None,
    agent: str | None = None,
    after: tuple[datetime, int] | None = None,
    limit: int | None = None,
) -> list[CaseLine]:
    """Cases with their notes, the oldest first: those not closed, or those of one `status`.

    `agent` is who claimed them; `after` is where the page before ended: when its last case was opened, and its
    id. Raises LedgerError for a status that does not exist, and for a queue that nobody knows.
    """
    if status is not None and status not in STATUSES:
        raise LedgerError(
            "unknown_status", f"{status!r} is no status of a case; choose {', '.join(STATUSES)}"
        )
    wanted = _cases().order_by(cases_table.c.opened_at, cases_table.c.id).limit(limit)
    wanted = wanted.where(
        cases_table.c.status != "closed" if status is None else cases_table.c.status == status
    )
    if queue is not None:
        wanted = wanted.where(cases_table.c.queue == queue)
    if agent is not None:
        wanted = wanted.where(cases_table.c.claimed_by == agent)
    if after is not None:
        passed = (literal(after[0], cases_table.c.opened_at.type), literal(after[1], BigInteger))
        wanted = wanted.where(tuple_(cases_table.c.opened_at, cases_table.c.id) > tuple_(*passed))
    async with engine.connect() as connection:
        found = await _read(connection, wanted)
        if not found:
            await check_names(connection, queue=queue)
        return found


async def case(engine: AsyncEngine, case_id: int) -> CaseLine:
    """One case with its notes; raise LedgerError where it is unknown."""
    async with engine.connect() as connection:
        return await _case(connection, case_id)


async def cases_of(connection: AsyncConnection, invoice_id: int) -> list[CaseLine]:
    """Every case of an invoice by our id, the oldest first."""
    wanted = _cases().where(cases_table.c.invoice_id == invoice_id)
    return await _read(connection, wanted.order_by(cases_table.c.id))


async def claim(
    engine: AsyncEngine, case_id: int, actor: str, now: datetime, *, expect: Expect | None = None
) -> CaseLine:
    """Give the case to `actor`; claiming one's own again changes nothing.

    Atomic: of two that claim at once, one gets it and the other a LedgerError that says who did.
    `expect`, here and below, is shown the locked case first, and raises where it is not as its caller saw it.
    """
    free = (cases_table.c.id == case_id) & (cases_table.c.status == "open")
    async with _acting(engine, case_id, expect) as connection:
        taken = await connection.execute(
            update(cases_table)
            .where(free)
            .values(status="claimed", claimed_by=actor)
            .returning(cases_table.c.id)
        )
        if taken.first() is not None:
            await _write(connection, case_id, actor, "claimed", now)
        claimed = await _case(connection, case_id)
        if claimed.status == "closed":
            raise LedgerError("case_closed", f"case {case_id} is closed; there is nothing left to claim")
        if claimed.claimed_by != actor:
            raise LedgerError("case_claimed", f"case {case_id} is claimed by {claimed.claimed_by!r} already")
    return claimed


async def release(
    engine: AsyncEngine,
    case_id: int,
    actor: str,
    now: datetime,
    *,
    of_anybody: bool = False,
    expect: Expect | None = None,
) -> CaseLine:
    """Give a claimed case back to its queue: whose it is may, and with `of_anybody` (a manager) anybody.

    Raises LedgerError where it is not claimed, or claimed by somebody else; the text says by whom.
    """
    held = (cases_table.c.id == case_id) & (cases_table.c.status == "claimed")
    if not of_anybody:
        held &= cases_table.c.claimed_by == actor
    async with _acting(engine, case_id, expect) as connection:
        freed = await connection.execute(
            update(cases_table).where(held).values(status="open", claimed_by=None).returning(cases_table.c.id)
        )
        found = await _case(connection, case_id)
        if freed.first() is None:
            raise _not_released(found)
        await _write(connection, case_id, actor, "released", now)
        return await _case(connection, case_id)


def _not_released(found: CaseLine) -> LedgerError:
    if found.status != "claimed":
        return LedgerError("case_not_claimed", f"case {found.id} is {found.status}; nobody has claimed it")
    by = f"case {found.id} is claimed by {found.claimed_by!r}"
    return LedgerError("case_claimed", f"{by}; they release it, or a manager does")


async def note(
    engine: AsyncEngine, case_id: int, actor: str, text: str, now: datetime, *, expect: Expect | None = None
) -> CaseLine:
    """Write `text` on the case, also on a closed one; raise LedgerError where it is empty or the case unknown."""
    if not text.strip():
        raise LedgerError("empty_note", "the note is empty; write what was agreed or found")
    async with _acting(engine, case_id, expect) as connection:
        await _case(connection, case_id)
        await _write(connection, case_id, actor, text, now)
        return await _case(connection, case_id)


async def close(
    engine: AsyncEngine, case_id: int, actor: str, now: datetime, *, expect: Expect | None = None
) -> CaseLine:
    """Close the case; anybody may, because who claimed it may be gone, and the notes say who did.

    It lifts nothing by itself: where the case came from a hold without an end or a payment nobody could
    identify, reminders stay paused until somebody resumes the invoice. Raises LedgerError where it is closed, or
    where a step waits for its answer, which closes it.
    """
    async with _acting(engine, case_id, expect) as connection:
        ending = update(cases_table).where(
            cases_table.c.id == case_id,
            cases_table.c.status != "closed",
            cases_table.c.reason != APPROVAL,
        )
        ended = await connection.execute(
            ending.values(status="closed", closed_at=now).returning(cases_table.c.id)
        )
        if ended.first() is None:
            raise _not_closed(await _case(connection, case_id))
        await _write(connection, case_id, actor, "closed", now)
        return await _case(connection, case_id)


def _not_closed(found: CaseLine) -> LedgerError:
    if found.status == "closed":
        return LedgerError("case_closed", f"case {found.id} is closed already")
    return LedgerError(
        "approval_waits",
        f"case {found.id} asks for a yes or no: approve or refuse the step of {found.invoice}, and it closes",
    )


@asynccontextmanager
async def _acting(engine: AsyncEngine, case_id: int, expect: Expect | None) -> AsyncIterator[AsyncConnection]:
    """A transaction for one act on a case."""
    async with engine.begin() as connection:
        if expect:
            await connection.execute(
                select(cases_table.c.id).where(cases_table.c.id == case_id).with_for_update()
            )
            expect(await _case(connection, case_id))
        yield connection


async def _write(connection: AsyncConnection, case_id: int, actor: str, text: str, now: datetime) -> None:
    await connection.execute(insert(notes).values(case_id=case_id, at=now, actor=actor, text=text))


async def _case(connection: AsyncConnection, case_id: int) -> CaseLine:
    found = await _read(connection, _cases().where(cases_table.c.id == case_id))
    if not found:
        raise LedgerError(
            "unknown_case", f"no case {case_id} is known; the list of cases shows those that are"
        )
    return found[0]


def _cases() -> Select[Any]:
    return (
        select(
            cases_table,
            invoices.c.number.label("invoice"),
            customers.c.key.label("customer"),
            invoices.c.currency,
            invoices.c.balance,
            invoices.c.state.label("invoice_state"),
            invoices.c.closed_at.label("invoice_closed_at"),
        )
        .join_from(cases_table, invoices)
        .join(customers)
    )


async def _read(connection: AsyncConnection, wanted: Select[Any]) -> list[CaseLine]:
    """The cases that a selection of `_cases` finds, with their notes."""
    rows = (await connection.execute(wanted)).mappings().all()
    written = await _notes(connection, [row["id"] for row in rows])
    return [
        CaseLine.model_validate(
            dict(row)
            | {"balance": rounded(row["balance"], row["currency"]), "notes": written.get(row["id"], ())}
        )
        for row in rows
    ]


async def _notes(connection: AsyncConnection, case_ids: Sequence[int]) -> dict[int, list[NoteLine]]:
    ids = any_(literal(case_ids, ARRAY(BigInteger)))  # one parameter, however many cases
    found = await connection.execute(select(notes).where(notes.c.case_id == ids).order_by(notes.c.id))
    written: dict[int, list[NoteLine]] = {}
    for row in found.mappings():
        written.setdefault(row["case_id"], []).append(NoteLine.model_validate(dict(row)))
    return written
