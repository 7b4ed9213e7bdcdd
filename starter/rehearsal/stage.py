"""The stage of a rehearsal: servers of its own, a worker process, and where webhooks come in, all gone at its end."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import uvicorn
from fastapi import FastAPI
from temporalio.client import Client
from temporalio.testing import TimeSkipper

from channels.rails.configured import rails
from channels.settings import ChannelSettings
from ledger.access import Ledger
from ledger.database import connect
from ledger.schema import upgrade
from ledger.turns import prepare_turns
from starter.api import webhooks
from starter.api.service import Service
from starter.api.settings import ApiSettings
from starter.documents import Documents
from starter.embedded import ChildProcess, EmbeddedPostgres, EmbeddedSandbox, EmbeddedTemporal, free_port
from starter.inbox import Processor
from starter.settings import Settings
from workflows.converter import DATA_CONVERTER

TASK_QUEUE = "rehearsal"
# Nothing goes to anybody: a secret for the stage alone, known to nobody else.
_WEBHOOK_SECRET = "whsec_" + "cmVoZWFyc2FsLXNlY3JldC1mb3ItbG9vcGJhY2s="


@dataclass(frozen=True, slots=True)
class Stage:
    """What a rehearsal plays on. `ledger.shift` turns the calendar that is played into the server's clock.

    The stage's processor of webhooks is the player's to call: a receipt happens when its lane says so.
    """

    ledger: Ledger
    client: Client
    skipper: TimeSkipper
    sandbox: httpx.AsyncClient
    processor: Processor
    policies_dir: Path


@asynccontextmanager
async def stage(home: Path, documents: Documents, begins: datetime) -> AsyncIterator[Stage]:
    """Set everything up in `home`; `begins` is the instant of the calendar at which the play begins."""
    postgres, temporal = EmbeddedPostgres(home, durable=False), EmbeddedTemporal(home, time_skipping=True)
    port = free_port()
    sandbox = EmbeddedSandbox(home, f"http://127.0.0.1:{port}", receipts="held")
    async with AsyncExitStack() as stack:
        await _start(stack, temporal, sandbox, postgres)
        environment = await sandbox.environment() | {"PAYMENT_WEBHOOK_SECRET": _WEBHOOK_SECRET}
        shift = datetime.now(UTC).replace(microsecond=0) - begins
        url = await postgres.create_database("rehearsal")
        worker = _worker(home, environment, url, temporal.address, documents, shift)
        stack.push_async_callback(worker.kill)
        await worker.start()
        ledger = await _ledger(stack, url, documents, shift)
        client = await Client.connect(temporal.address, data_converter=DATA_CONVERTER)
        channels = ChannelSettings.model_validate({name.lower(): each for name, each in environment.items()})
        await _serve_webhooks(
            stack,
            Service(ledger, client, _settings(url), channels, _now, ApiSettings.model_construct()),
            port,
        )
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=sandbox.url, timeout=60))
        await worker.ready_when_logged("worker_ready")
        # A receipt happens at the instant that it states: that of the lane which asked for it.
        processor = Processor(ledger, rails(channels), clock=lambda stated: stated)
        yield Stage(ledger, client, TimeSkipper(client), http, processor, documents.policies_dir)


@contextmanager
def first_error() -> Iterator[None]:
    """Of errors that come in a group, raise one alone: its sentence is for a person."""
    try:
        yield
    except ExceptionGroup as group:
        error: Exception = group
        while isinstance(error, ExceptionGroup):
            error = error.exceptions[0]
        raise error from None


async def _start(
    stack: AsyncExitStack, *servers: EmbeddedPostgres | EmbeddedTemporal | EmbeddedSandbox
) -> None:
    """Start servers side by side. They are killed at the end: what they hold is thrown away with the stage."""
    for server in servers:
        stack.push_async_callback(server.kill)
    with first_error():
        async with asyncio.TaskGroup() as starting:
            for server in servers:
                starting.create_task(server.start())


async def _ledger(stack: AsyncExitStack, url: str, documents: Documents, shift: timedelta) -> Ledger:
    await asyncio.to_thread(upgrade, url)
    ledger = Ledger(
        connect(url, pool_size=20), documents.creditor, shift, documents.packs, documents.segments
    )
    stack.push_async_callback(ledger.engine.dispose)
    await prepare_turns(ledger.engine)
    return ledger


def _worker(
    home: Path, environment: dict[str, str], url: str, temporal: str, documents: Documents, shift: timedelta
) -> ChildProcess:
    settings = {
        "DATABASE_URL": url,
        "TEMPORAL_ADDRESS": temporal,
        "TASK_QUEUE": TASK_QUEUE,
        **documents.environment,
        "REHEARSAL_SHIFT_SECONDS": str(shift.total_seconds()),
        # A rehearsal is over in minutes; nobody's provider is spared by limits here.
        "EMAILS_PER_SECOND": "0",
        "SMS_PER_SECOND": "0",
        "WHATSAPPS_PER_SECOND": "0",
    }
    return ChildProcess("worker", [sys.executable, "-m", "worker"], home, env=environment | settings)


def _now() -> datetime:
    return datetime.now(UTC)


def _settings(url: str) -> Settings:
    return Settings(database_url=url, task_queue=TASK_QUEUE)


async def _serve_webhooks(stack: AsyncExitStack, service: Service, port: int) -> None:
    """Let the sandbox call back: nobody else knows the port, so that nothing has to be kept off."""
    app = FastAPI(openapi_url=None)
    app.state.service = service
    app.include_router(webhooks.router)
    config = uvicorn.Config(
        app, host="127.0.0.1", port=port, log_config=None, lifespan="off", timeout_keep_alive=60
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())

    async def close() -> None:
        server.should_exit = True
        await serving

    stack.push_async_callback(close)
    while not server.started:  # noqa: ASYNC110 - uvicorn offers no event to wait for
        await asyncio.sleep(0.01)
