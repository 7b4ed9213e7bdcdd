"""The command that runs the relay's process: between the inbox and the ledger, and the ledger and the workflows."""

import asyncio
import signal
from contextlib import suppress

import uvloop

from channels.rails.configured import rails
from channels.settings import load_settings as load_channel_settings
from starter.inbox import Processor
from starter.jobs import keep_jobs_worked
from starter.logs import begin_logging
from starter.metrics import keep_measured, serve_metrics
from starter.relay import relay as relay_outbox
from starter.settings import Settings, load_settings, open_ledger
from starter.temporal import connect_temporal

# A batch that hangs on a server which is away is let go: what it asked for stays in the outbox.
PATIENCE_SECONDS = 5.0


def relay() -> None:
    """Run the relay: it processes webhooks, works jobs off, and tells the workflows what changed."""
    begin_logging()
    uvloop.run(_run(load_settings()))


async def _run(settings: Settings) -> None:
    ledger, stop = open_ledger(settings), asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    processor = Processor(ledger, rails(load_channel_settings()))
    client = await connect_temporal(lazy=True)
    serve_metrics(settings)
    working = [
        asyncio.create_task(relay_outbox(ledger, client, settings, stop)),
        asyncio.create_task(processor.keep_drained(stop)),
        asyncio.create_task(keep_jobs_worked(ledger, stop)),
        asyncio.create_task(keep_measured(ledger.engine, stop)),
    ]
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait([*working, stopping], return_when=asyncio.FIRST_COMPLETED)
    stop.set()  # where one of them failed, the other ends in order
    await asyncio.wait(working, timeout=PATIENCE_SECONDS)
    for each in working:
        each.cancel()
        with suppress(asyncio.CancelledError):
            await each
    await ledger.engine.dispose()
