"""What was told before: an event has one origin's id, and whoever tells it again is answered by what the log holds."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ARRAY, Text, any_, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ledger.tables import events_table, invoices
from ledger.unit import Origin


async def was_told(connection: AsyncConnection, origin: Origin) -> bool:
    """Whether an event was told under the origin's id."""
    return (await connection.execute(select(events_table.c.id).where(_of(origin)))).first() is not None


async def told_under(connection: AsyncConnection, origin: Origin) -> Any:
    """The invoice's event that was told under the origin's id: its `type`, `payload` and invoice's `number`, or None."""
    if origin.external_id is None:
        return None
    told = select(invoices.c.number, events_table.c.type, events_table.c.payload)
    found = await connection.execute(told.join_from(events_table, invoices).where(_of(origin)))
    return found.one_or_none()


async def known_ids(engine: AsyncEngine, external_ids: Iterable[str]) -> set[tuple[str, str]]:
    """Which of these ids the log holds, each with the source that told it."""
    # As one array: a statement takes 65,535 parameters at most.
    wanted = literal(sorted(set(external_ids)), ARRAY(Text))
    told = select(events_table.c.source, events_table.c.external_id)
    async with engine.connect() as connection:
        found = await connection.execute(told.where(events_table.c.external_id == any_(wanted)))
        return {(source, external_id) for source, external_id in found}


def _of(origin: Origin) -> Any:
    return (events_table.c.source == origin.source) & (events_table.c.external_id == origin.external_id)
