"""What other systems are to hear is written with the event it is about, or not at all."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import insert, select, text

from cadence import events as e
from ledger.access import Ledger
from ledger.endpoints import replay
from ledger.recording import Fact, record
from ledger.service_tables import deliveries, endpoints
from ledger.unit import Origin
from tests.integration.ledger.playing import ARRIVAL, MINUTE, row, take_in

PAID = e.PaymentReceived(amount=Decimal("120.50"), currency="EUR")


async def _endpoint(ledger: Ledger, *types: str, status: str = "active") -> int:
    values: dict[str, Any] = {
        "url": "https://hooks.example.com/regua",
        "secret": "whsec_" + "aW52ZW50ZWQtc2VjcmV0LWZvci1hLXRlc3Q=",
        "types": list(types),
        "description": "",
        "status": status,
        "created_at": datetime.now(UTC),
        "created_by": "tester",
    }
    async with ledger.engine.begin() as connection:
        written = await connection.execute(insert(endpoints).values(values).returning(endpoints.c.id))
    return int(written.scalar_one())


async def _waiting(ledger: Ledger, endpoint_id: int) -> list[str]:
    found = select(deliveries.c.type).where(deliveries.c.endpoint_id == endpoint_id).order_by(deliveries.c.id)
    async with ledger.engine.connect() as connection:
        return list((await connection.execute(found)).scalars())


def _paid(external_id: str = "p-1") -> Fact:
    return Fact(PAID, ARRIVAL, Origin("tester", "test", external_id))


async def test_each_endpoint_hears_the_types_it_asked_for_in_the_order_of_what_happened(
    ledger: Ledger,
) -> None:
    books = await _endpoint(ledger, "invoice.closed", "invoice.paid", "invoice.started")
    sales = await _endpoint(ledger, "invoice.paid")
    (invoice_id,) = await take_in(ledger, row())

    await record(ledger, invoice_id, [_paid()], ARRIVAL + MINUTE)

    assert await _waiting(ledger, books) == ["invoice.started", "invoice.paid", "invoice.closed"]
    assert await _waiting(ledger, sales) == ["invoice.paid"]


async def test_an_event_told_twice_is_announced_once(ledger: Ledger) -> None:
    endpoint = await _endpoint(ledger, "invoice.paid")
    (invoice_id,) = await take_in(ledger, row())

    for _ in range(2):
        await record(ledger, invoice_id, [_paid()], ARRIVAL + MINUTE)

    assert await _waiting(ledger, endpoint) == ["invoice.paid"]


async def _pay_and_fail(ledger: Ledger, invoice_id: int) -> None:
    async with ledger.invoice_unit(invoice_id, ARRIVAL) as unit:
        await unit.tell(unit.invoice(invoice_id), PAID, Origin("tester", "test", "p-1"))
        raise RuntimeError("pulled the plug")


async def test_what_is_rolled_back_is_not_announced(ledger: Ledger) -> None:
    endpoint = await _endpoint(ledger, "invoice.paid")
    (invoice_id,) = await take_in(ledger, row())

    with pytest.raises(RuntimeError, match="pulled the plug"):
        await _pay_and_fail(ledger, invoice_id)

    assert await _waiting(ledger, endpoint) == []


async def test_a_paused_endpoint_goes_on_collecting_and_a_disabled_one_does_not(ledger: Ledger) -> None:
    paused = await _endpoint(ledger, "invoice.started", status="paused")
    disabled = await _endpoint(ledger, "invoice.started", status="disabled")

    await take_in(ledger, row())

    assert await _waiting(ledger, paused) == ["invoice.started"]
    assert await _waiting(ledger, disabled) == []


async def test_what_happens_to_an_invoice_waits_for_no_replay(ledger: Ledger) -> None:
    heard_by = await _endpoint(ledger, "invoice.started", "invoice.paid")
    (invoice_id,) = await take_in(ledger, row())
    async with ledger.engine.begin() as connection:  # makes the replay wait in its middle
        await connection.execute(select(deliveries.c.id).with_for_update())
        replaying = asyncio.create_task(replay(ledger.engine, heard_by, ARRIVAL, since=ARRIVAL))
        await _blocked(ledger)
        async with asyncio.timeout(5):
            await record(ledger, invoice_id, [_paid()], ARRIVAL + MINUTE)
    await replaying
    assert await _waiting(ledger, heard_by) == ["invoice.started", "invoice.paid"]


async def _blocked(ledger: Ledger) -> None:
    """Wait until a statement waits for a lock in this database."""
    waits = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    async with asyncio.timeout(5), ledger.engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        while not (await connection.execute(waits)).scalar_one():  # noqa: ASYNC110 - PostgreSQL tells nobody
            await asyncio.sleep(0.01)
