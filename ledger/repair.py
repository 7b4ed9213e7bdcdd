"""Repair: what a sweep looks for, and puts right, after workers, relays or servers died."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from ledger.access import Ledger
from ledger.attempts import Result, attempt_of, settle
from ledger.tables import attempts, invoices

# A worker that is still alive concludes its call long before: the lease outlasts any provider's time-out.
PATIENCE = timedelta(minutes=5)


async def stale_calls(ledger: Ledger, now: datetime) -> int:
    """Settle as `unknown` every attempt that was left in `calling` by a worker that died; how many there were.

    Such an attempt's lease ended over five minutes before the aware instant `now`. Nothing is sent: each
    becomes an agenda item that looks for the message at the provider.
    """
    lost = (attempts.c.state == "calling") & (attempts.c.lease_until < now - PATIENCE)
    async with ledger.engine.connect() as connection:
        found = await connection.execute(select(attempts.c.id).where(lost).order_by(attempts.c.lease_until))
        ids = list(found.scalars())
    return sum([await _settle_lost_call(ledger, attempt_id, now) for attempt_id in ids])


async def _settle_lost_call(ledger: Ledger, attempt_id: str, now: datetime) -> bool:
    found = await attempt_of(ledger, attempts.c.id == attempt_id)
    assert found is not None, "attempts stay"
    async with ledger.invoice_unit(found.invoice_id, now) as unit:
        # Read again under the lock: a receipt or the call's own end may have settled it meanwhile.
        state = await unit.connection.execute(select(attempts.c.state).where(attempts.c.id == attempt_id))
        if state.scalar_one() != "calling":
            return False
        await settle(unit, unit.invoice(found.invoice_id), found, Result(state="unknown"))
    return True


async def overdue(engine: AsyncEngine, now: datetime, grace: timedelta) -> list[int]:
    """Our ids of the open invoices whose next instant passed over `grace` before `now`, the oldest first."""
    late = invoices.c.closed_at.is_(None) & (invoices.c.next_at < now - grace)
    return await _ids(engine, select(invoices.c.id).where(late).order_by(invoices.c.next_at, invoices.c.id))


async def open_invoices(engine: AsyncEngine) -> list[int]:
    """Our ids of all open invoices: each must have a running workflow."""
    return await _ids(
        engine, select(invoices.c.id).where(invoices.c.closed_at.is_(None)).order_by(invoices.c.id)
    )


async def _ids(engine: AsyncEngine, found: Any) -> list[int]:
    async with engine.connect() as connection:
        return list((await connection.execute(found)).scalars())
