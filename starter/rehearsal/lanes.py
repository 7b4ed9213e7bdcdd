"""Lanes: each group of customers plays its own calendar, one thing at a time, beside the others."""

import asyncio
import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cadence.directive import Item
from ledger.customer_intake import ContactIntake
from ledger.intake import InvoiceIntake
from ledger.keys import workflow_id
from ledger.turns import Word, set_turn
from starter.happenings import Happening
from starter.rehearsal.player import Entry, HeldReceipt, Player
from starter.rehearsal.stage import Stage
from starter.rehearsal.watching import Directives, patient

SEND_PREFIX = "send_"
Played = Entry | Happening | HeldReceipt | Item


@dataclass(order=True, slots=True)
class Due:
    """Something on a lane's calendar. A tie goes: happening, receipt, agenda item; then invoice and step."""

    at: datetime
    rank: int
    order: tuple[str, str]
    what: Played = field(compare=False)


@dataclass(slots=True)
class Lane:
    """Customers who share an address, or one alone, and everything that happens to them.

    Nothing is performed before its turn, so what the lane sees of the ledger stands still while it looks.
    """

    stage: Stage
    player: Player
    directives: Directives
    ends: datetime
    now: datetime
    calendar: list[Due] = field(default_factory=list)
    addresses: set[str] = field(default_factory=set)
    invoices: dict[str, int] = field(default_factory=dict)
    customers: set[int] = field(default_factory=set)
    receipts_seen: set[str] = field(default_factory=set)

    def expect_entry(self, at: datetime, row: InvoiceIntake, people: Sequence[ContactIntake] = ()) -> None:
        """An invoice will arrive, and with it the people at its customer."""
        heapq.heappush(self.calendar, Due(at, 0, ("", row.number), Entry(row, tuple(people))))
        arriving: list[InvoiceIntake | ContactIntake] = [row, *people]
        self.addresses |= {address.lower() for each in arriving for address in _addresses(each)}

    def expect_happening(self, happening: Happening) -> None:
        """A customer or an agent will act: after whatever enters at that instant, in the order of the file."""
        order = ("~", f"{happening.line:09d}")
        heapq.heappush(self.calendar, Due(happening.at, 0, order, happening))

    async def play(self) -> None:
        """Play the lane to the end of the rehearsal."""
        while (due := await self._next()) is not None:
            self.now = due.at
            if isinstance(due.what, Item):
                await self._perform(self.invoices[due.order[0]], due.what)
            else:
                await self._set_turn()
                await self._happen(heapq.heappop(self.calendar).what)
        self.now = self.ends

    async def _next(self) -> Due | None:
        """The next thing on this lane, an agenda item included; None where the rehearsal ends before it."""
        dues = self.calendar[:1]
        words = await self._told()
        for number, invoice_id in self.invoices.items():
            if item := words[invoice_id].directive.item:
                dues.append(Due(max(item.at, self.now), 2, (number, item.key), item))
        first = min(dues, default=None)
        return first if first and first.at <= self.ends else None

    async def _told(self) -> dict[int, Word]:
        """The directives of the lane's invoices, once the workflows have heard of all that changed."""
        async with patient("the workflows did not hear of what changed"):
            words = await self.directives.of(self.invoices.values())
            while any(word.untold for word in words.values()):
                await self.player.relay()
                words = await self.directives.of(self.invoices.values())
        return words

    async def _happen(self, what: Played) -> None:
        if isinstance(what, Entry):
            invoice_id, customer_id = await self.player.enter(what, self.now)
            self.invoices[what.row.number] = invoice_id
            self.customers.add(customer_id)
        elif isinstance(what, Happening):
            await self.player.happen(what, self.now)
        elif isinstance(what, HeldReceipt):
            await self.player.release([what, *self._receipts_beside()], self.now)

    def _receipts_beside(self) -> list[HeldReceipt]:
        """The other receipts of this instant, which is reached once all that happens at it has happened."""
        beside: list[HeldReceipt] = []
        while self.calendar and self.calendar[0].at == self.now:
            what = heapq.heappop(self.calendar).what
            assert isinstance(what, HeldReceipt), "happenings of an instant come before its receipts"
            beside.append(what)
        return beside

    async def _perform(self, invoice_id: int, item: Item) -> None:
        """Give an item its turn, bring its workflow to the instant, and wait until it is done or put off."""
        async with self.directives.moving_on(invoice_id, item) as moved:
            await self._set_turn(invoice_id, item)
            async with asyncio.TaskGroup() as both:
                skipping = both.create_task(self._skip_to(invoice_id, item.at))
                await moved()
                skipping.cancel()
        if item.kind.startswith(SEND_PREFIX):
            await self._expect_receipts()

    async def _set_turn(self, invoice_id: int | None = None, item: Item | None = None) -> None:
        await set_turn(self.stage.ledger.engine, self.customers, self.now, invoice_id, item)

    async def _skip_to(self, invoice_id: int, at: datetime) -> None:
        """Advance the workflow's own clock; one that is there already needs nothing."""
        handle = self.stage.client.get_workflow_handle(workflow_id(invoice_id))
        clock = await self.stage.skipper.get_current_time(handle)
        remaining = at + self.stage.ledger.shift - clock
        if remaining > timedelta(0):
            await self.stage.skipper.fast_forward(handle, remaining)

    async def _expect_receipts(self) -> None:
        """Ask which receipts the providers hold for this lane's customers, and when each will come."""
        for receipt in await self.player.held(self.addresses):
            if receipt.id in self.receipts_seen:
                continue
            # Of two at one instant, the one that the provider made first comes first.
            order = (f"{len(self.receipts_seen):09d}", "")
            self.receipts_seen.add(receipt.id)
            heapq.heappush(self.calendar, Due(self.now + receipt.after, 1, order, receipt))


def _addresses(row: InvoiceIntake | ContactIntake) -> Iterator[str]:
    yield from filter(None, (row.email, row.phone, row.whatsapp))


def lanes_of(
    rows: Sequence[InvoiceIntake | ContactIntake], happenings: Sequence[Happening] = ()
) -> list[set[str]]:
    """Customers by their keys, those who share an address, or are merged, together: what they hear and say comes in one order."""
    groups: dict[str, set[str]] = {}
    by_address: dict[str, str] = {}
    for row in rows:
        group = groups.setdefault(row.customer, {row.customer})
        for address in _addresses(row):
            known = by_address.setdefault(address.lower(), row.customer)
            if groups[known] is not group:
                group = _merged(groups, groups[known], group)
    owners = {row.number: row.customer for row in rows if isinstance(row, InvoiceIntake)}
    for each in happenings:
        if each.into is not None:
            _merged(groups, groups[owners[each.invoice]], groups[owners[each.into]])
    return list({id(group): group for group in groups.values()}.values())


def _merged(groups: dict[str, set[str]], one: set[str], other: set[str]) -> set[str]:
    together = one | other
    for customer in together:
        groups[customer] = together
    return together
