"""The relay with a real PostgreSQL and Temporal: what the ledger decided reaches the workflow, whatever happens."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from cadence import events as e
from ledger.access import Ledger
from ledger.database import connect
from ledger.keys import workflow_id
from ledger.outbox import waiting
from ledger.publishing import publish
from ledger.recording import Fact, record
from ledger.unit import Origin
from starter.embedded import EmbeddedPostgres, EmbeddedTemporal, free_port
from starter.relay import drain, relay
from starter.settings import Settings
from starter.sweep import sweep, without_workflow
from starter.telling import tell
from starter.temporal import connect_temporal
from tests.integration.engines import engine_on
from tests.integration.ledger.playing import CREDITOR, row, ruler, take_in
from tests.integration.waiting import eventually
from workflows.attributes import CUSTOMER, SEGMENT, STATE
from workflows.converter import DATA_CONVERTER
from workflows.invoice import InvoiceWorkflow

TODAY = datetime.now(UTC).date()
ORIGIN = Origin("ana", "test")


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    """A ledger whose ids no other test uses: all share one Temporal namespace, and ids name workflows."""
    ledger = Ledger(engine_on(database_url, 10), CREDITOR)
    await publish(ledger.engine, ruler(), datetime.now(UTC))
    await own_ids(ledger)
    yield ledger
    await ledger.engine.dispose()


async def own_ids(ledger: Ledger) -> None:
    first = random.randrange(10**6, 10**15)
    async with ledger.engine.begin() as connection:
        await connection.execute(text(f"ALTER TABLE invoice ALTER COLUMN id RESTART WITH {first}"))


@pytest.fixture
async def client(temporal: EmbeddedTemporal, monkeypatch: pytest.MonkeyPatch) -> Client:
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal.address)
    return await connect_temporal()


@pytest.fixture
def settings(database_url: str, task_queue: str) -> Settings:
    return Settings(database_url=database_url, task_queue=task_queue)


@asynccontextmanager
async def running(ledger: Ledger, client: Client, settings: Settings) -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(relay(ledger, client, settings, stop))
    try:
        yield
    finally:
        stop.set()
        await task


@asynccontextmanager
async def worker(client: Client, task_queue: str) -> AsyncIterator[None]:
    """A worker that keeps time; nothing falls due in these tests, so it has no activity to perform."""
    async with Worker(
        client,
        task_queue=task_queue,
        workflows=[InvoiceWorkflow],
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):
        yield


def invoice(number: str = "INV-1", customer: str = "C-1") -> Any:
    return row(number, customer, issued_on=TODAY, due_on=TODAY + timedelta(days=40))


async def pay(ledger: Ledger, invoice_id: int, amount: str = "120.50") -> None:
    now = datetime.now(UTC)
    event = e.PaymentReceived(amount=Decimal(amount), currency="EUR")
    await record(ledger, invoice_id, [Fact(event, now, ORIGIN)], now)


async def reverse(ledger: Ledger, invoice_id: int, amount: str = "120.50") -> None:
    now = datetime.now(UTC)
    event = e.PaymentReversed(amount=Decimal(amount), currency="EUR")
    await record(ledger, invoice_id, [Fact(event, now, ORIGIN)], now)


async def status(client: Client, invoice_id: int) -> WorkflowExecutionStatus | None:
    try:
        return (await client.get_workflow_handle(workflow_id(invoice_id)).describe()).status
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return None


def becomes(
    client: Client, invoice_id: int, wanted: WorkflowExecutionStatus
) -> Callable[[], Awaitable[bool]]:
    async def reached() -> bool:
        return await status(client, invoice_id) == wanted

    return reached


RUNNING, COMPLETED = WorkflowExecutionStatus.RUNNING, WorkflowExecutionStatus.COMPLETED


async def test_an_invoice_that_arrives_gets_its_workflow(
    ledger: Ledger, client: Client, settings: Settings
) -> None:
    async with running(ledger, client, settings):
        invoice_id = (await take_in(ledger, invoice(), now=datetime.now(UTC)))[0]
        await eventually(becomes(client, invoice_id, RUNNING), within=5)
    assert (await waiting(ledger.engine))[0] == 0


async def test_the_workflow_carries_our_ids_and_nothing_of_the_file(
    ledger: Ledger, client: Client, settings: Settings
) -> None:
    invoice_id = (await take_in(ledger, invoice(), now=datetime.now(UTC)))[0]
    await drain(ledger, client, settings.task_queue)
    described = await client.get_workflow_handle(workflow_id(invoice_id)).describe()
    found = described.typed_search_attributes
    assert (found[SEGMENT], found[STATE]) == ("standard", "scheduled")
    customer_id = await ledger.customer_id("C-1")
    assert found[CUSTOMER] == str(customer_id)
    summary = await described.static_summary()
    assert summary == f"Invoice {invoice_id} of customer {customer_id}, standard"


async def test_an_arrival_that_is_told_twice_starts_one_run_and_signals_nothing(
    ledger: Ledger, client: Client, settings: Settings
) -> None:
    invoice_id = (await take_in(ledger, invoice(), now=datetime.now(UTC)))[0]
    await drain(ledger, client, settings.task_queue)
    first = await client.get_workflow_handle(workflow_id(invoice_id)).describe()
    assert (await tell(ledger, client, settings.task_queue, [invoice_id])).told == {invoice_id}
    second = await client.get_workflow_handle(workflow_id(invoice_id)).describe()
    assert second.run_id == first.run_id
    assert second.history_length == 2, "it started, and its first task waits for a worker"


async def test_a_payment_closes_the_running_workflow_and_a_reversal_starts_another_run(
    ledger: Ledger, client: Client, settings: Settings
) -> None:
    async with worker(client, settings.task_queue), running(ledger, client, settings):
        invoice_id = (await take_in(ledger, invoice(), now=datetime.now(UTC)))[0]
        await eventually(becomes(client, invoice_id, RUNNING))
        await pay(ledger, invoice_id)
        await eventually(becomes(client, invoice_id, COMPLETED))
        await reverse(ledger, invoice_id)
        await eventually(becomes(client, invoice_id, RUNNING))


async def test_a_payment_recorded_before_the_workflow_was_started_starts_none(
    ledger: Ledger, client: Client, settings: Settings
) -> None:
    invoice_id = (await take_in(ledger, invoice(), now=datetime.now(UTC)))[0]
    await pay(ledger, invoice_id)
    while await drain(ledger, client, settings.task_queue):
        pass
    assert await status(client, invoice_id) is None
    assert (await waiting(ledger.engine))[0] == 0


async def test_the_workflow_is_told_what_holds_now_however_many_words_wait(
    ledger: Ledger, client: Client, settings: Settings
) -> None:
    invoice_id = (await take_in(ledger, invoice(), now=datetime.now(UTC)))[0]
    for _ in range(5):
        await pay(ledger, invoice_id, "10.00")
    await drain(ledger, client, settings.task_queue)
    async with worker(client, settings.task_queue):
        handle = client.get_workflow_handle(workflow_id(invoice_id))
        told = await handle.query(InvoiceWorkflow.current_directive)
    assert told == await ledger.directive(invoice_id)


async def test_two_relays_together_start_each_workflow_once(
    ledger: Ledger, client: Client, settings: Settings
) -> None:
    rows = [invoice(f"INV-{number}", f"C-{number}") for number in range(30)]
    async with running(ledger, client, settings), running(ledger, client, settings):
        ids = await take_in(ledger, *rows, now=datetime.now(UTC))

        async def all_run() -> bool:
            return not await without_workflow(ledger, client, settings.task_queue)

        await eventually(all_run)
    runs = [each async for each in client.list_workflows(f"TaskQueue = '{settings.task_queue}'")]
    assert sorted(each.id for each in runs) == sorted(map(workflow_id, ids))


async def test_a_sweep_starts_the_workflow_that_somebody_ended(
    ledger: Ledger, client: Client, settings: Settings
) -> None:
    invoice_id = (await take_in(ledger, invoice(), now=datetime.now(UTC)))[0]
    await drain(ledger, client, settings.task_queue)
    await client.get_workflow_handle(workflow_id(invoice_id)).terminate()

    async def missing() -> bool:
        return await without_workflow(ledger, client, settings.task_queue) == [invoice_id]

    await eventually(missing)
    assert await sweep(ledger, client, settings.task_queue, datetime.now(UTC)) == 1
    assert await status(client, invoice_id) is RUNNING


async def test_a_temporal_that_is_away_delays_the_word_and_loses_nothing(
    ledger: Ledger, temporal: EmbeddedTemporal, settings: Settings
) -> None:
    nowhere = await Client.connect(f"127.0.0.1:{free_port()}", data_converter=DATA_CONVERTER, lazy=True)
    invoice_id = (await take_in(ledger, invoice(), now=datetime.now(UTC)))[0]
    assert await drain(ledger, nowhere, settings.task_queue) == 0
    assert (await waiting(ledger.engine))[0] == 1
    there = await Client.connect(temporal.address, data_converter=DATA_CONVERTER)
    assert await drain(ledger, there, settings.task_queue) == 1
    assert await status(there, invoice_id) is RUNNING


async def test_the_relay_goes_on_after_postgresql_was_killed(
    client: Client, settings: Settings, tmp_path: Any
) -> None:
    from ledger.schema import upgrade

    async with EmbeddedPostgres(tmp_path) as postgres:
        url = await postgres.create_database("regua")
        await asyncio.to_thread(upgrade, url)
        ledger = Ledger(connect(url, pool_size=4), CREDITOR)
        await own_ids(ledger)
        await publish(ledger.engine, ruler(), datetime.now(UTC))
        async with running(ledger, client, settings):
            first = (await take_in(ledger, invoice("INV-1"), now=datetime.now(UTC)))[0]
            await eventually(becomes(client, first, RUNNING))
            await postgres.kill()
            await asyncio.sleep(1.5)
            await postgres.start()
            second = (await take_in(ledger, invoice("INV-2"), now=datetime.now(UTC)))[0]
            await eventually(becomes(client, second, RUNNING))
        await ledger.engine.dispose()
