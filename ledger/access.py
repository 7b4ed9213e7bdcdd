"""The ledger as the other rooms hold it: an engine, the creditor, and the way into a transaction."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from cadence.creditor import Creditor
from cadence.directive import Directive
from cadence.packs import Packs
from cadence.rules import NO_PACKS, Rulebook
from cadence.segments import Segments
from ledger.database import CustomerMoved, UnknownCustomer, UnknownInvoice
from ledger.ownership import key_of, known_as
from ledger.spoken_for import finish
from ledger.tables import invoices
from ledger.unit import Unit

Lock = Callable[[Unit, int | None], Awaitable[None]]
"""Takes a transaction's locks; given the customer who took over the one that was meant, where there is one."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """The system of record. `shift` moves directives as they leave: rehearsals play other dates on this clock."""

    engine: AsyncEngine
    creditor: Creditor
    shift: timedelta = timedelta(0)
    packs: Packs = NO_PACKS
    segments: Segments | None = None

    @property
    def book(self) -> Rulebook:
        """Whose rules count beside a cadence's."""
        return Rulebook(self.creditor, self.packs, self.segments)

    @asynccontextmanager
    async def unit(
        self, customer_id: int, invoice_ids: Iterable[int] | None, now: datetime
    ) -> AsyncIterator[Unit]:
        """One transaction on a customer and some invoices (None: all open ones), planned anew and stored at its end.

        `now` is the aware instant of the caller's clock.
        """
        named = None if invoice_ids is None else list(invoice_ids)

        async def lock(unit: Unit, moved_to: int | None) -> None:
            await unit.lock(customer_id if moved_to is None else moved_to, named)

        async with self._transaction(lock, now) as unit:
            yield unit

    @asynccontextmanager
    async def invoice_unit(
        self, invoice_id: int, now: datetime, told: int | None = None
    ) -> AsyncIterator[Unit]:
        """The same for one invoice by our id; raise UnknownInvoice where there is none.

        `told` is the invoice whose workflow gets its directive by return; all others are told by the relay.
        """

        async def lock(unit: Unit, _moved_to: int | None) -> None:
            await unit.lock_invoice(invoice_id)

        async with self._transaction(lock, now, told) as unit:
            yield unit

    @asynccontextmanager
    async def _transaction(self, lock: Lock, now: datetime, told: int | None = None) -> AsyncIterator[Unit]:
        async with self.engine.connect() as connection:
            moved_to: int | None = None
            while True:
                unit = Unit(connection, self.book, now)
                try:
                    await lock(unit, moved_to)
                except CustomerMoved as moved:
                    # Whoever holds a merged customer's row waits for nothing: so locks cannot close a circle.
                    await connection.rollback()
                    moved_to = moved.into
                else:
                    break
            yield unit
            await finish(unit, told)
            await connection.commit()

    @asynccontextmanager
    async def single(self) -> AsyncIterator[AsyncConnection]:
        """For statements that stand alone: each is a transaction of its own, with none around it to begin and end."""
        async with self.engine.connect() as connection:
            yield await connection.execution_options(isolation_level="AUTOCOMMIT")

    async def directive(self, invoice_id: int) -> Directive:
        """What the invoice's workflow is to be told now."""
        async with self.engine.connect() as connection:
            found = await connection.execute(select(invoices.c.directive).where(invoices.c.id == invoice_id))
            stored = found.scalar_one_or_none()
        if stored is None:
            raise UnknownInvoice(invoice_id)
        return self.leaving(Directive.model_validate(stored))

    def leaving(self, directive: Directive) -> Directive:
        """A directive as it leaves the ledger."""
        return directive.shifted(self.shift)

    async def invoice_id(self, number: str) -> int:
        """Our id of the creditor's invoice `number`; raise UnknownInvoice."""
        async with self.engine.connect() as connection:
            found = await connection.execute(select(invoices.c.id).where(invoices.c.number == number))
            invoice_id: int | None = found.scalar_one_or_none()
        if invoice_id is None:
            raise UnknownInvoice(number)
        return invoice_id

    async def numbers(self, ids: Iterable[int]) -> dict[int, str]:
        """The creditor's numbers of invoices by our ids; those that are not known are left out."""
        wanted = select(invoices.c.id, invoices.c.number).where(invoices.c.id.in_(list(ids)))
        async with self.engine.connect() as connection:
            return {row.id: row.number for row in await connection.execute(wanted)}

    async def owner(self, invoice_id: int) -> int:
        """Our id of the customer whose invoice (by our id) it is now; raise UnknownInvoice."""
        async with self.engine.connect() as connection:
            found = await connection.execute(
                select(invoices.c.customer_id).where(invoices.c.id == invoice_id)
            )
            customer_id: int | None = found.scalar_one_or_none()
        if customer_id is None:
            raise UnknownInvoice(invoice_id)
        return customer_id

    async def customer_key(self, customer_id: int) -> str:
        """The creditor's key of a customer by our id, or of who took them over; raise UnknownCustomer."""
        async with self.engine.connect() as connection:
            key: str | None = (await connection.execute(key_of(customer_id))).scalar_one_or_none()
        if key is None:
            raise UnknownCustomer(customer_id)
        return key

    async def customer_id(self, key: str) -> int:
        """Our id of the customer whom the creditor's `key` names, by their own key or by a merged one's; raise UnknownCustomer."""
        async with self.engine.connect() as connection:
            found = await connection.execute(select(known_as(key)))
            customer_id: int | None = found.scalar_one()
        if customer_id is None:
            raise UnknownCustomer(key)
        return customer_id
