"""A rehearsal's calendar: the instant each customer's lane is playing, for activities to act at.

The table is made in a rehearsal's own throw-away database, and is no part of the ledger's schema.
"""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine


async def prepare_turns(engine: AsyncEngine) -> None:
    """Make room for the lanes' instants."""
    async with engine.begin() as connection:
        await connection.execute(
            text("CREATE UNLOGGED TABLE turn (customer_id bigint PRIMARY KEY, now timestamptz NOT NULL)")
        )


async def set_turn(engine: AsyncEngine, customer_id: int, now: datetime) -> None:
    """Move a customer's lane to `now`."""
    async with engine.begin() as connection:
        await connection.execute(
            text(
                "INSERT INTO turn VALUES (:customer, :now) ON CONFLICT (customer_id) DO UPDATE SET now = excluded.now"
            ),
            {"customer": customer_id, "now": now},
        )


async def turn_of(engine: AsyncEngine, invoice_id: int) -> datetime | None:
    """The instant that the lane of an invoice's customer is playing; None before it plays."""
    async with engine.connect() as connection:
        found = await connection.execute(
            text("SELECT now FROM turn JOIN invoice USING (customer_id) WHERE invoice.id = :invoice"),
            {"invoice": invoice_id},
        )
        now: datetime | None = found.scalar_one_or_none()
    return now
