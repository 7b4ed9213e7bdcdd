"""The relay: takes what the outbox asks for and tells the workflows, whatever restarts meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

import psycopg
import structlog
from psycopg import sql
from sqlalchemy.exc import DBAPIError
from temporalio.client import Client
from temporalio.service import RPCError

from ledger.access import Ledger
from ledger.outbox import claim
from ledger.unit import OUTBOX_CHANNEL
from starter.settings import Settings
from starter.sweep import sweep
from starter.telling import tell

log = structlog.get_logger()

# Small, because its transaction stays open while the workflows are told.
BATCH = 100
# Also the rest after a failure, and the poll for a notification that was lost with its connection.
POLL_SECONDS = 1.0
# Servers that restart and networks that are away.
AWAY = (DBAPIError, psycopg.Error, RPCError, OSError, RuntimeError)


async def relay(ledger: Ledger, client: Client, settings: Settings, stop: asyncio.Event) -> None:
    """Relay the outbox until `stop` is set, and sweep at the start and every SWEEP_MINUTES.

    A PostgreSQL or Temporal that is away is a delay: what waits in the outbox is told when it is back.
    """
    sweeping = asyncio.create_task(_sweep_regularly(ledger, client, settings))
    try:
        while not stop.is_set():
            try:
                await _relay_while_connected(ledger, client, settings.task_queue, stop)
            except AWAY as error:
                # The type alone: a driver's text can quote what it was given.
                log.warning("relay_waits", reason=type(error).__name__)
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), POLL_SECONDS)
    finally:
        sweeping.cancel()
        await asyncio.gather(sweeping, return_exceptions=True)


async def _relay_while_connected(
    ledger: Ledger, client: Client, task_queue: str, stop: asyncio.Event
) -> None:
    async with _listening(ledger) as ear:
        log.info("relay_listens")
        while not stop.is_set():
            while not stop.is_set() and await drain(ledger, client, task_queue):
                pass
            async for _ in ear.notifies(timeout=POLL_SECONDS, stop_after=1):
                pass


@asynccontextmanager
async def _listening(ledger: Ledger) -> AsyncIterator[psycopg.AsyncConnection]:
    address = ledger.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    async with await psycopg.AsyncConnection.connect(address, autocommit=True) as connection:
        await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(OUTBOX_CHANNEL)))
        yield connection


async def drain(ledger: Ledger, client: Client, task_queue: str) -> int:
    """Tell one batch of waiting invoices; how many were told. The others stay in the outbox."""
    async with claim(ledger.engine, BATCH, datetime.now(UTC)) as batch:
        telling = await tell(ledger, client, task_queue, batch.rows)
        batch.told |= telling.told
    if telling.failures:
        log.warning("relay_could_not_tell", **telling.failures)
    return len(telling.told)


async def _sweep_regularly(ledger: Ledger, client: Client, settings: Settings) -> None:
    while True:
        try:
            told = await sweep(ledger, client, settings.task_queue, datetime.now(UTC))
            log.info("relay_swept", told=told)
        except Exception as error:  # noqa: BLE001 - whatever it was, this sweep must not be the last
            log.warning("sweep_waits", reason=type(error).__name__)
        await asyncio.sleep(settings.sweep_minutes * 60)
