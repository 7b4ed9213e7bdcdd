"""What was told before: an event has one origin's id, and whoever tells it again is answered by what the log holds."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, Text, any_, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ledger.access import Ledger
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


@dataclass(frozen=True, slots=True)
class Span:
    """What lies between two events, by their types: where they name a hold, of the same hold."""

    begins: tuple[str, ...]
    ends: tuple[str, ...]


CUSTOMER_HOLD = Span(("customer_hold_placed",), ("customer_hold_ended",))
HOLD = Span(("hold_placed", *CUSTOMER_HOLD.begins), ("hold_ended", *CUSTOMER_HOLD.ends))
PLAN = Span(("plan_agreed",), ("plan_ended",))


async def ended_since(ledger: Ledger, invoice_id: int, span: Span, at: datetime) -> bool:
    """Whether the invoice, or its customer, lay within such a span at the aware instant `at`, and it ended since.

    Who tells that end late is right, and the log knows: the worker may have been quicker.
    """
    owner = await ledger.owner(invoice_id)
    begun, ended = events_table.alias(), events_table.alias()
    hold = ended.c.payload["hold"].astext
    found = (
        select(begun.c.id)
        .join(ended, ended.c.id > begun.c.id)
        .where(_about(begun, invoice_id, owner), _about(ended, invoice_id, owner))
        .where(begun.c.type.in_(span.begins), ended.c.type.in_(span.ends))
        .where(begun.c.at <= at, ended.c.at >= at)
        .where(hold.is_(None) | (hold == begun.c.payload["hold"].astext))
    )
    async with ledger.engine.connect() as connection:
        return (await connection.execute(found.limit(1))).first() is not None


def _about(told: Any, invoice_id: int, owner: int) -> Any:
    """What was told of the invoice, or of its customer as such."""
    return (told.c.invoice_id == invoice_id) | ((told.c.customer_id == owner) & told.c.invoice_id.is_(None))


def _of(origin: Origin) -> Any:
    return (events_table.c.source == origin.source) & (events_table.c.external_id == origin.external_id)
