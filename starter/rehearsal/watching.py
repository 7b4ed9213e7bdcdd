"""Watch the ledger's directives for all lanes at once, with one question to the database at a time."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from sqlalchemy import select

from cadence.directive import Directive, Item
from ledger.access import Ledger
from ledger.unit import invoices

# Short beside a step's 50 ms; one query serves all lanes.
PAUSE = 0.01
# Far longer than any step takes on a loaded machine.
PATIENCE = 90.0


class Stuck(Exception):
    """An item was not performed; its invoice's number is for the reader, our id for Temporal's UI."""


@dataclass(slots=True)
class Directives:
    """The directives as stored: the calendar's own instants, not the server's."""

    ledger: Ledger
    waiting: dict[int, tuple[Item, asyncio.Future[None]]] = field(default_factory=dict)

    async def of(self, invoice_ids: Iterable[int]) -> dict[int, Directive]:
        """The current directives of some invoices."""
        wanted = select(invoices.c.id, invoices.c.directive).where(invoices.c.id.in_(list(invoice_ids)))
        async with self.ledger.engine.connect() as connection:
            rows = (await connection.execute(wanted)).all()
        return {row.id: Directive.model_validate(row.directive) for row in rows}

    async def moved_on(self, invoice_id: int, item: Item) -> None:
        """Wait until the invoice's next item is another than `item`; raise Stuck where it never is."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiting[invoice_id] = (item, done)
        try:
            await asyncio.wait_for(done, PATIENCE)
        except TimeoutError:
            message = (
                f"{item.kind} ({item.key}) of invoice {invoice_id} was not performed within {PATIENCE:.0f} s; "
                "see worker.log in the rehearsal's folder"
            )
            raise Stuck(message) from None
        finally:
            self.waiting.pop(invoice_id, None)

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Watch while the block runs."""
        watching = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(PAUSE)
            if not self.waiting:
                continue
            current = await self.of(self.waiting)
            for invoice_id, directive in current.items():
                item, done = self.waiting.get(invoice_id, (None, None))
                if done and not done.done() and directive.item != item:
                    done.set_result(None)
