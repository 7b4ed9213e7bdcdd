"""Drains one of the ledger's queues in a process that runs on: when PostgreSQL notifies, and each second."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import psycopg
import structlog
from psycopg import sql
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.service import RPCError

log = structlog.get_logger()

# Also the rest after a failure, and the poll for a notification that was lost with its connection.
POLL_SECONDS = 1.0
# Servers that restart and networks that are away.
AWAY = (DBAPIError, psycopg.Error, RPCError, OSError, RuntimeError)

Drain = Callable[[], Awaitable[int]]
"""Does a batch of what waits; how much it did, nothing where nothing waits."""


async def keep_drained(
    engine: AsyncEngine, channel: str, drain: Drain, stop: asyncio.Event, listens: str
) -> None:
    """Drain until `stop` is set, whenever PostgreSQL notifies `channel`; log the word `listens` when that begins.

    A PostgreSQL or Temporal that is away is a delay: what waits is done when it is back.
    """
    while not stop.is_set():
        try:
            async with _listening(engine, channel) as ear:
                log.info(listens)
                await _drain_by_ear(ear, drain, stop)
        except AWAY as error:
            # The type alone: a driver's text can quote what it was given.
            log.warning("draining_waits", queue=channel, reason=type(error).__name__)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), POLL_SECONDS)


async def _drain_by_ear(ear: psycopg.AsyncConnection, drain: Drain, stop: asyncio.Event) -> None:
    while not stop.is_set():
        while not stop.is_set() and await drain():
            pass
        async for _ in ear.notifies(timeout=POLL_SECONDS, stop_after=1):
            pass


@asynccontextmanager
async def _listening(engine: AsyncEngine, channel: str) -> AsyncIterator[psycopg.AsyncConnection]:
    address = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    async with await psycopg.AsyncConnection.connect(address, autocommit=True) as connection:
        await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
        yield connection
