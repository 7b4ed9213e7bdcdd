"""The command that runs the relay's process."""

import asyncio
import signal
from contextlib import suppress

import uvloop

from starter.logs import begin_logging
from starter.relay import relay as relay_outbox
from starter.settings import Settings, load_settings, open_ledger
from starter.temporal import connect_temporal

# A batch that hangs on a server which is away is let go: what it asked for stays in the outbox.
PATIENCE_SECONDS = 5.0


def relay() -> None:
    """Run the relay: it tells the workflows what changed, and starts those that are missing."""
    begin_logging()
    uvloop.run(_run(load_settings()))


async def _run(settings: Settings) -> None:
    ledger, stop = open_ledger(settings), asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    client = await connect_temporal(lazy=True)
    relaying = asyncio.create_task(relay_outbox(ledger, client, settings, stop))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait([relaying, stopping], return_when=asyncio.FIRST_COMPLETED)
    await asyncio.wait([relaying], timeout=PATIENCE_SECONDS)
    relaying.cancel()
    with suppress(asyncio.CancelledError):
        await relaying
    await ledger.engine.dispose()
