"""What the units of one invoice, in two processes, see of each other; and connections that did not survive a rest."""

import asyncio
from decimal import Decimal

import pytest
from sqlalchemy import Table, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from cadence import events as e
from cadence.words import Channel
from ledger.access import Ledger
from ledger.database import UnknownInvoice, connect
from ledger.tables import customers, invoices
from ledger.unit import Origin, Unit
from tests.integration.ledger.playing import ARRIVAL, row, take_in

TELLER = Origin("tester", "test")
WAITING = text(
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
)


async def until_one_waits(engine: AsyncEngine) -> None:
    """Wait until a statement waits for somebody else's lock."""
    async with asyncio.timeout(5), engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")  # else the first answer stays
        while not (await connection.execute(WAITING)).scalar_one():  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.01)


async def is_locked(engine: AsyncEngine, table: Table) -> bool:
    """Whether somebody holds the only row of a table."""
    async with engine.connect() as connection:
        try:
            await connection.execute(select(table).with_for_update(nowait=True))
        except DBAPIError:
            return True
    return False


async def test_a_unit_sees_all_that_the_one_it_waited_for_wrote(ledger: Ledger) -> None:
    """Both rows were read before the wait, and must be those that were committed during it."""
    (invoice_id,) = await take_in(ledger, row())

    async def second() -> Unit:
        async with ledger.invoice_unit(invoice_id, ARRIVAL) as unit:
            return unit

    async with ledger.invoice_unit(invoice_id, ARRIVAL) as unit:
        waiting = asyncio.create_task(second())
        await until_one_waits(ledger.engine)
        paid = e.PaymentReceived(amount=Decimal("20.50"), currency="EUR")
        await unit.tell(unit.invoice(invoice_id), paid, TELLER)
        stopped = e.ChannelSuppressed(channel=Channel.SMS, reason="opt_out")
        await unit.tell_customer(stopped, TELLER)
    after = await waiting
    assert after.invoice(invoice_id).facts.balance == Decimal("100.00")
    assert after.customer_facts.unusable(Channel.SMS) == "opt_out"


async def test_a_unit_that_waits_for_the_customer_holds_no_invoice(ledger: Ledger) -> None:
    (invoice_id,) = await take_in(ledger, row())

    async def unit() -> None:
        async with ledger.invoice_unit(invoice_id, ARRIVAL):
            pass

    async with ledger.engine.begin() as connection:
        await connection.execute(select(customers).with_for_update())
        waiting = asyncio.create_task(unit())
        await until_one_waits(ledger.engine)
        assert not await is_locked(ledger.engine, invoices)
    await waiting


async def test_a_unit_that_waits_for_the_invoice_holds_the_customer(ledger: Ledger) -> None:
    (invoice_id,) = await take_in(ledger, row())

    async def unit() -> None:
        async with ledger.invoice_unit(invoice_id, ARRIVAL):
            pass

    async with ledger.engine.begin() as connection:
        await connection.execute(select(invoices).with_for_update())
        waiting = asyncio.create_task(unit())
        await until_one_waits(ledger.engine)
        assert await is_locked(ledger.engine, customers)
    await waiting


async def test_a_unit_of_an_invoice_that_nobody_knows_is_refused(ledger: Ledger) -> None:
    with pytest.raises(UnknownInvoice):
        async with ledger.invoice_unit(77, ARRIVAL):
            pass


async def test_connections_that_died_while_they_rested_are_replaced(database_url: str) -> None:
    """As after a restart of PostgreSQL: whoever asks next gets an answer, and not the old connection's error."""
    engine = connect(database_url, pool_size=2)
    who = text("SELECT pg_backend_pid()")
    async with engine.connect() as first, engine.connect() as second:
        old = {(await each.execute(who)).scalar_one() for each in (first, second)}
    other = connect(database_url)
    async with other.connect() as connection:
        await connection.execute(
            text("SELECT pg_terminate_backend(pid) FROM unnest(:pids) pid"), {"pids": list(old)}
        )
    async with engine.connect() as first, engine.connect() as second:
        new = {(await each.execute(who)).scalar_one() for each in (first, second)}
    assert not old & new
    await engine.dispose()
    await other.dispose()
