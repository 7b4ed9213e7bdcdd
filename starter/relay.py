"""The relay: takes what the outbox asks for and tells the workflows, whatever restarts meanwhile."""

import asyncio
from datetime import UTC, datetime
from functools import partial

import structlog
from temporalio.client import Client

from ledger.access import Ledger
from ledger.outbox import OUTBOX_CHANNEL, claim
from starter.announcing import keep_endpoints_told, wake_endpoints
from starter.draining import keep_drained
from starter.metrics import NOT_TOLD, TOLD
from starter.settings import Settings
from starter.sweep import sweep
from starter.telling import tell

log = structlog.get_logger()

# Small, because its transaction stays open while the workflows are told.
BATCH = 100


async def relay(ledger: Ledger, client: Client, settings: Settings, stop: asyncio.Event) -> None:
    """Relay the outbox and announcements until `stop` is set, and sweep at the start and every SWEEP_MINUTES."""
    beside = [
        asyncio.create_task(_sweep_regularly(ledger, client, settings)),
        asyncio.create_task(keep_endpoints_told(ledger, client, settings.task_queue, stop)),
    ]
    try:
        telling = partial(drain, ledger, client, settings.task_queue)
        await keep_drained(ledger.engine, OUTBOX_CHANNEL, telling, stop, "relay_listens")
    finally:
        for each in beside:
            each.cancel()
        await asyncio.gather(*beside, return_exceptions=True)


async def drain(ledger: Ledger, client: Client, task_queue: str) -> int:
    """Tell one batch of waiting invoices; how many were told. The others stay in the outbox."""
    async with claim(ledger.engine, BATCH, datetime.now(UTC)) as batch:
        telling = await tell(ledger, client, task_queue, batch.rows)
        batch.told |= telling.told
    TOLD.inc(len(telling.told))
    for reason, count in telling.failures.items():
        NOT_TOLD.labels(reason).inc(count)
    if telling.failures:
        log.warning("relay_could_not_tell", **telling.failures)
    return len(telling.told)


async def _sweep_regularly(ledger: Ledger, client: Client, settings: Settings) -> None:
    while True:
        try:
            told = await sweep(ledger, client, settings.task_queue, datetime.now(UTC))
            woken = await wake_endpoints(ledger, client, settings.task_queue, datetime.now(UTC))
            log.info("relay_swept", told=told, endpoints=woken)
        except Exception as error:  # noqa: BLE001 - whatever it was, this sweep must not be the last
            log.warning("sweep_waits", reason=type(error).__name__)
        await asyncio.sleep(settings.sweep_minutes * 60)
