"""A rehearsal's calendar: whose turn it is in each customer's lane, and word of directives that changed.

Tables and triggers here are made in a rehearsal's own throw-away database, and are no part of the ledger's schema.
"""

from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

import psycopg
from sqlalchemy import exists, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from cadence.directive import Directive, Item, ItemOrder
from ledger.tables import invoices, outbox

_TABLE = text("""
CREATE UNLOGGED TABLE turn
    (customer_id bigint PRIMARY KEY, now timestamptz NOT NULL, invoice_id bigint, key text, at timestamptz)
""")
_FUNCTION = text("""
CREATE FUNCTION say_directive_changed() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_notify('directive_changed', NEW.id::text); RETURN NULL; END $$
""")
_TRIGGER = text("""
CREATE TRIGGER directive_changed AFTER UPDATE OF directive ON invoice FOR EACH ROW
    WHEN (OLD.directive IS DISTINCT FROM NEW.directive) EXECUTE FUNCTION say_directive_changed()
""")
_MOVED = text("""
INSERT INTO turn SELECT unnest(CAST(:customers AS bigint[])), :now, :invoice, :key, :at
ON CONFLICT (customer_id) DO UPDATE
SET now = excluded.now, invoice_id = excluded.invoice_id, key = excluded.key, at = excluded.at
""")
# An order that the ledger no longer stands by may be answered at any time: it is found stale, and nothing is done.
_ANSWERED = text("""
SELECT now FROM turn JOIN invoice USING (customer_id) WHERE invoice.id = :invoice AND (
    (turn.invoice_id = :invoice AND turn.key = :key AND turn.at = :at)
    OR invoice.next_at IS DISTINCT FROM :at OR invoice.directive->'item'->>'key' IS DISTINCT FROM :key
)
""")


@dataclass(frozen=True, slots=True)
class Word:
    """A directive as stored (the calendar's own instants, not the server's), and whether the relay owes it."""

    directive: Directive
    untold: bool


async def prepare_turns(engine: AsyncEngine) -> None:
    """Make room for the lanes' turns, and let the database say which directives change."""
    async with engine.begin() as connection:
        for statement in (_TABLE, _FUNCTION, _TRIGGER):
            await connection.execute(statement)


async def set_turn(
    engine: AsyncEngine,
    customer_ids: Collection[int],
    now: datetime,
    invoice_id: int | None = None,
    item: Item | None = None,
) -> None:
    """Move the customers of a lane to the aware instant `now`, and give an invoice's item its turn, or none."""
    turn = {"invoice": invoice_id, "key": item and item.key, "at": item and item.at}
    async with engine.begin() as connection:
        await connection.execute(_MOVED, {"customers": list(customer_ids), "now": now, **turn})


async def turn_of(engine: AsyncEngine, order: ItemOrder) -> datetime | None:
    """The instant that the lane is playing, if it is this order's turn or the order is stale; None until then.

    `order` carries the calendar's instant, not the server's.
    """
    wanted = {"invoice": order.invoice_id, "key": order.key, "at": order.at}
    async with engine.connect() as connection:
        now: datetime | None = (await connection.execute(_ANSWERED, wanted)).scalar_one_or_none()
    return now


async def words_of(engine: AsyncEngine, invoice_ids: Iterable[int]) -> dict[int, Word]:
    """The current words of some invoices, by our ids."""
    owed = exists().where(outbox.c.invoice_id == invoices.c.id, outbox.c.relayed_at.is_(None))
    wanted = select(invoices.c.id, invoices.c.directive, owed).where(invoices.c.id.in_(list(invoice_ids)))
    async with engine.connect() as connection:
        rows = (await connection.execute(wanted)).all()
    return {row[0]: Word(Directive.model_validate(row[1]), row[2]) for row in rows}


@asynccontextmanager
async def directive_changes(engine: AsyncEngine) -> AsyncIterator[AsyncIterator[int]]:
    """Our ids of the invoices whose directives change from now on, as they do."""
    address = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    async with await psycopg.AsyncConnection.connect(address, autocommit=True) as connection:
        await connection.execute("LISTEN directive_changed")
        # Closed before the connection, which it holds a lock on.
        async with aclosing(connection.notifies()) as notices:
            yield (int(notice.payload) async for notice in notices)
