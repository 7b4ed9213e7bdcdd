"""Lanes: each group of customers plays its own calendar, one thing at a time, beside the others."""

import asyncio
import heapq
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cadence.directive import Item
from ledger.intake import InvoiceIntake
from ledger.keys import workflow_id
from ledger.turns import set_turn
from starter.happenings import Happening
from starter.rehearsal.player import Entry, Player
from starter.rehearsal.stage import Stage
from starter.rehearsal.watching import Directives

SEND_PREFIX = "send_"


@dataclass(order=True, slots=True)
class _Due:
    """Something on a lane's calendar. A tie goes: happening, receipt, agenda item; then invoice and key."""

    at: datetime
    rank: int
    order: tuple[str, str]
    what: object = field(compare=False)


@dataclass(slots=True)
class Lane:
    """Customers who share an address, or one alone, and everything that happens to them."""

    stage: Stage
    player: Player
    directives: Directives
    ends: datetime
    now: datetime
    calendar: list[_Due] = field(default_factory=list)
    invoices: dict[str, int] = field(default_factory=dict)
    customers: set[int] = field(default_factory=set)
    receipts_seen: set[str] = field(default_factory=set)

    def expect(self, at: datetime, what: Entry | Happening, order: tuple[str, str]) -> None:
        """Put something that will happen on the calendar."""
        heapq.heappush(self.calendar, _Due(at, 0, order, what))

    async def play(self) -> None:
        """Play the lane to the end of the rehearsal."""
        while (due := await self._next()) is not None:
            self.now = max(self.now, due.at)
            for customer in self.customers:
                await set_turn(self.stage.ledger.engine, customer, self.now)
            if isinstance(due.what, Item):
                await self._perform(due.order[0], due.what)
            else:
                heapq.heappop(self.calendar)
                await self._happen(due.what)
        self.now = self.ends

    async def _next(self) -> _Due | None:
        """The next thing on this lane, an agenda item included; None where the rehearsal ends before it."""
        dues = [] if not self.calendar else [self.calendar[0]]
        current = await self.directives.of(self.invoices.values())
        for number, invoice_id in self.invoices.items():
            if item := current[invoice_id].item:
                dues.append(_Due(max(item.at, self.now), 2, (number, item.key), item))
        first = min(dues, default=None)
        return first if first and first.at <= self.ends else None

    async def _happen(self, what: object) -> None:
        """Let something happen, and let the workflows hear of it."""
        if isinstance(what, Entry):
            invoice_id, customer_id = await self.player.enter(what, self.now)
            self.invoices[what.row.number] = invoice_id
            if customer_id not in self.customers:
                self.customers.add(customer_id)
                await set_turn(self.stage.ledger.engine, customer_id, self.now)
        elif isinstance(what, Happening):
            await self.player.happen(what, self.now)
        else:
            await self.player.release(str(what), self.now)
        await self.player.relay()

    async def _perform(self, number: str, item: Item) -> None:
        """Bring the invoice's workflow to the item's instant, and wait until the item is done or put off."""
        invoice_id = self.invoices[number]
        skipping = asyncio.create_task(self._skip_to(invoice_id, item.at))
        try:
            await self.directives.moved_on(invoice_id, item)
        finally:
            skipping.cancel()
            with suppress(asyncio.CancelledError):
                await skipping
        await self.player.relay()
        if item.kind.startswith(SEND_PREFIX):
            await self._expect_receipts()

    async def _skip_to(self, invoice_id: int, at: datetime) -> None:
        """Advance the workflow's own clock; one that is there already, or closed, needs nothing."""
        handle = self.stage.client.get_workflow_handle(workflow_id(invoice_id))
        clock = await self.stage.skipper.get_current_time(handle)
        remaining = at + self.stage.ledger.shift - clock
        if remaining > timedelta(0):
            await self.stage.skipper.fast_forward(handle, remaining)

    async def _expect_receipts(self) -> None:
        """Ask which receipts the providers hold for this lane's customers, and when each will come."""
        for receipt in await self.player.held(self.customers):
            if receipt.id in self.receipts_seen:
                continue
            # Of two at one instant, the one that the provider made first comes first.
            order = (f"{len(self.receipts_seen):09d}", "")
            self.receipts_seen.add(receipt.id)
            at = self.now + timedelta(seconds=receipt.delay)
            heapq.heappush(self.calendar, _Due(at, 1, order, receipt.id))


def lanes_of(rows: Sequence[InvoiceIntake]) -> list[set[str]]:
    """Customers by their keys, those who share an address together: what they hear and say comes in one order."""
    groups: dict[str, set[str]] = {}
    by_address: dict[str, str] = {}
    for row in rows:
        group = groups.setdefault(row.customer, {row.customer})
        for address in filter(None, (row.email, row.phone, row.whatsapp)):
            known = by_address.setdefault(address.lower(), row.customer)
            if groups[known] is not group:
                group = _merged(groups, groups[known], group)
    return list({id(group): group for group in groups.values()}.values())


def _merged(groups: dict[str, set[str]], one: set[str], other: set[str]) -> set[str]:
    together = one | other
    for customer in together:
        groups[customer] = together
    return together
