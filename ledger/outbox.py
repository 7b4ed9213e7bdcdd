"""The outbox: which invoices' workflows are to be told something, until the relay has told them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ledger import statements
from ledger.driving import run
from ledger.tables import outbox

OUTBOX_CHANNEL = "regua_outbox"


@dataclass(slots=True)
class Batch:
    """Invoices to be told, each with the outbox rows that ask for it; `told` collects those that were."""

    rows: dict[int, list[int]]
    told: set[int] = field(default_factory=set)


async def leave_word(connection: AsyncConnection, invoice_id: int, cause: str, now: datetime) -> None:
    """Ask the relay to tell the invoice's workflow its current directive."""
    word = {"invoice_id": invoice_id, "cause": cause, "created_at": now, "channel": OUTBOX_CHANNEL}
    await run(connection, statements.LEAVE_WORD, word)


@asynccontextmanager
async def claim(engine: AsyncEngine, limit: int, now: datetime) -> AsyncIterator[Batch]:
    """Take up to `limit` waiting rows, by the mark that they are not relayed, hidden from other relays meanwhile.

    The caller puts an invoice into `told` once its workflow knows; the rest stays waiting. A crash in between
    tells a workflow twice, which does no harm.
    """
    async with engine.begin() as connection:
        waiting = select(outbox.c.id, outbox.c.invoice_id).where(outbox.c.relayed_at.is_(None))
        claimed = await connection.execute(
            waiting.order_by(outbox.c.id).limit(limit).with_for_update(skip_locked=True)
        )
        batch = Batch({})
        for row_id, invoice_id in claimed.all():
            batch.rows.setdefault(invoice_id, []).append(row_id)
        yield batch
        done = [row_id for invoice_id in batch.told for row_id in batch.rows[invoice_id]]
        if done:
            await connection.execute(update(outbox).where(outbox.c.id.in_(done)).values(relayed_at=now))


async def waiting(engine: AsyncEngine) -> tuple[int, datetime | None]:
    """How many rows wait to be relayed, and since when the oldest does."""
    found = select(func.count(), func.min(outbox.c.created_at)).where(outbox.c.relayed_at.is_(None))
    async with engine.connect() as connection:
        count, oldest = (await connection.execute(found)).one()
    return count, oldest


async def forget(engine: AsyncEngine, before: datetime) -> int:
    """Delete rows that were relayed before an instant: what they said is in the event log; return how many."""
    async with engine.begin() as connection:
        gone = await connection.execute(delete(outbox).where(outbox.c.relayed_at < before))
    return gone.rowcount
