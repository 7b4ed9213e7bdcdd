"""Watch the ledger's directives for all lanes at once: the database says which of them change."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from cadence.directive import Item
from ledger.access import Ledger
from ledger.turns import Word, directive_changes, words_of

# Far longer than any step takes on a loaded machine.
PATIENCE = 90.0


class Stuck(Exception):
    """The machine does not get on; the text names our id of the invoice, for Temporal's UI."""


@asynccontextmanager
async def patient(what: str) -> AsyncIterator[None]:
    """Raise Stuck, saying what did not come about, where the block takes far too long."""
    try:
        async with asyncio.timeout(PATIENCE):
            yield
    except TimeoutError:
        message = f"{what} within {PATIENCE:.0f} s; see whether this machine is overloaded, and try again"
        raise Stuck(message) from None


@dataclass(slots=True)
class Directives:
    """What the ledger tells the workflows of some invoices, and when that changes."""

    ledger: Ledger
    waiting: dict[int, tuple[Item, asyncio.Event]] = field(default_factory=dict)

    async def of(self, invoice_ids: Iterable[int]) -> dict[int, Word]:
        """The current words of some invoices, by our ids."""
        return await words_of(self.ledger.engine, invoice_ids)

    @asynccontextmanager
    async def moving_on(self, invoice_id: int, item: Item) -> AsyncIterator[Callable[[], Awaitable[object]]]:
        """Give what waits until the invoice's next item is another than `item`; raise Stuck where all takes too long."""
        moved = asyncio.Event()
        self.waiting[invoice_id] = (item, moved)
        try:
            async with patient(f"{item.kind} ({item.key}) of invoice {invoice_id} was not performed"):
                # It may have moved on since the lane looked, and of that nobody tells again.
                await self._look(invoice_id)
                yield moved.wait
        finally:
            del self.waiting[invoice_id]

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Watch while the block runs."""
        async with directive_changes(self.ledger.engine) as changes:
            watching = asyncio.create_task(self._watch(changes))
            try:
                yield
            finally:
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)

    async def _watch(self, changes: AsyncIterator[int]) -> None:
        async for invoice_id in changes:
            if invoice_id in self.waiting:
                await self._look(invoice_id)

    async def _look(self, invoice_id: int) -> None:
        current = (await self.of([invoice_id]))[invoice_id].directive
        item, moved = self.waiting.get(invoice_id, (None, None))
        if moved and current.item != item:
            moved.set()
