"""The ledger as the other rooms hold it: an engine, the creditor, and the way into a transaction."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from cadence.creditor import Creditor
from cadence.directive import Directive
from cadence.packs import Packs
from cadence.rules import NO_PACKS, Rulebook
from ledger.database import UnknownCustomer, UnknownInvoice
from ledger.unit import Unit, customers, invoices


@dataclass(frozen=True, slots=True)
class Ledger:
    """The system of record. `shift` moves directives as they leave: rehearsals play other dates on this clock."""

    engine: AsyncEngine
    creditor: Creditor
    shift: timedelta = timedelta(0)
    packs: Packs = NO_PACKS

    @property
    def book(self) -> Rulebook:
        """Whose contact rules count beside a cadence's."""
        return Rulebook(self.creditor, self.packs)

    @asynccontextmanager
    async def unit(
        self, customer_id: int, invoice_ids: Iterable[int] | None, now: datetime, told: int | None = None
    ) -> AsyncIterator[Unit]:
        """One transaction on a customer and some invoices (None: all open ones), planned anew and stored at its end.

        `now` is the aware instant of the caller's clock. `told` is the invoice whose workflow gets its directive
        by return; all others are told by the relay.
        """
        async with self.engine.begin() as connection:
            unit = Unit(connection, self.book, now)
            await unit.lock(customer_id, invoice_ids)
            yield unit
            await unit.finish(told=told)

    @asynccontextmanager
    async def invoice_unit(
        self, invoice_id: int, now: datetime, told: int | None = None
    ) -> AsyncIterator[Unit]:
        """The same for one invoice by our id; raise UnknownInvoice where there is none."""
        async with self.engine.begin() as connection:
            unit = Unit(connection, self.book, now)
            await unit.lock_invoice(invoice_id)
            yield unit
            await unit.finish(told=told)

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

    async def customer_id(self, key: str) -> int:
        """Our id of the creditor's customer `key`; raise UnknownCustomer."""
        async with self.engine.connect() as connection:
            found = await connection.execute(select(customers.c.id).where(customers.c.key == key))
            customer_id: int | None = found.scalar_one_or_none()
        if customer_id is None:
            raise UnknownCustomer(key)
        return customer_id
