"""A crash between the answer and the ledger: what was answered is processed, once, by whoever comes next."""

import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select

from ledger.access import Ledger
from ledger.queries import show_invoice
from ledger.service_tables import inbox
from ledger.tables import customers, events_table
from starter.embedded import EmbeddedSandbox
from starter.processes import ChildProcess, free_port
from tests.integration.api.conftest import SECRET, Api
from tests.integration.api.hooks import PAYMENT, standard
from tests.integration.ledger.playing import row, take_in
from tests.integration.waiting import eventually

CREDITOR_FILE = Path("creditor.yaml").resolve()


@pytest.fixture
async def relay(
    tmp_path: Path, sandbox: EmbeddedSandbox, database_url: str, task_queue: str
) -> AsyncIterator[ChildProcess]:
    """A relay's process, not started yet. There is no Temporal: webhooks do not wait for one."""
    environment = await sandbox.environment() | {
        "DATABASE_URL": database_url,
        "TEMPORAL_ADDRESS": f"127.0.0.1:{free_port()}",
        "TASK_QUEUE": task_queue,
        "CREDITOR_FILE": str(CREDITOR_FILE),
        "PAYMENT_WEBHOOK_SECRET": SECRET,
    }
    process = ChildProcess(
        "relay", [sys.executable, "-m", "starter.main", "relay"], tmp_path, env=environment
    )
    yield process
    await process.kill()


async def start(relay: ChildProcess) -> None:
    await relay.start()
    await relay.ready_when_logged("inbox_listens_money")


async def told_payments(ledger: Ledger) -> int:
    payments = select(func.count()).where(events_table.c.type == "payment_received")
    async with ledger.engine.connect() as connection:
        count: int = (await connection.execute(payments)).scalar_one()
    return count


async def pay(api: Api) -> None:
    signed = standard(PAYMENT, datetime.now(UTC))
    answer = await api.anonymous.post(signed.path, content=signed.body, headers=dict(signed.headers))
    assert answer.status_code == 202


async def test_a_relay_that_dies_while_it_processes_a_payment_leaves_it_whole_to_the_next(
    api: Api, relay: ChildProcess, ledger: Ledger
) -> None:
    async def claimed() -> bool:
        free = select(inbox.c.id).with_for_update(skip_locked=True)
        async with ledger.engine.connect() as connection:
            return (await connection.execute(free)).first() is None

    async def paid() -> bool:
        return (await show_invoice(ledger.engine, "INV-1")).invoice.state == "paid"

    await take_in(ledger, row())
    await start(relay)
    async with ledger.engine.connect() as connection:
        # Whoever processes the payment must wait for its customer, and dies waiting.
        await connection.execute(select(customers).with_for_update())
        await pay(api)
        await eventually(claimed)
        await relay.kill()
    assert await told_payments(ledger) == 0
    await pay(api)  # the bank tells it again meanwhile
    await start(relay)
    await eventually(paid)
    await pay(api)
    assert await told_payments(ledger) == 1
