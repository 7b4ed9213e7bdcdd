"""Commands that run the deployed processes: migration, worker, relay and receiver; and all of it, here."""

import asyncio
import os
import signal
import socket
import sys
from contextlib import suppress
from typing import Annotated

import typer
import uvicorn
import uvloop

from channels.settings import load_settings as load_channel_settings
from ledger import schema
from starter.commands.cadences import DEFAULT_CREDITOR, DEFAULT_FOLDER, CreditorFile, Folder
from starter.printing import say
from starter.receiver import receiver_app
from starter.relay import relay as relay_outbox
from starter.session import Refusal
from starter.settings import Settings, load_settings, open_ledger, read_creditor
from starter.stack import Stack, run_stack
from starter.temporal import connect_temporal

# A batch that hangs on a server which is away is let go: what it asked for stays in the outbox.
PATIENCE_SECONDS = 5.0

UiPort = Annotated[
    int, typer.Option("--ui-port", min=0, max=65535, help="Temporal's UI; 0 takes a free port.")
]
ReceiverPort = Annotated[
    int, typer.Option("--receiver-port", min=0, max=65535, help="The receiver; 0: a free port.")
]


def up(
    ui_port: UiPort = 0,
    receiver_port: ReceiverPort = 0,
    folder: Folder = DEFAULT_FOLDER,
    creditor: CreditorFile = DEFAULT_CREDITOR,
) -> None:
    """Run everything here, with embedded servers and the provider sandbox, until Ctrl-C. The data is kept."""
    asyncio.run(run_stack(Stack(creditor, folder, ui_port, receiver_port)))


def migrate() -> None:
    """Bring the ledger's tables up to this version."""
    url = load_settings().database_url
    before = schema.current(url)
    schema.upgrade(url)
    after = schema.current(url)
    say(
        f"the ledger is at {after} already"
        if before == after
        else f"the ledger went from {before or 'nothing'} to {after}"
    )


def worker() -> None:
    """Run a worker until it is told to stop; sends under way are let finish."""
    # Refused here with a sentence, before the process becomes the worker.
    read_creditor(load_settings().creditor_file)
    load_channel_settings()
    os.execv(sys.executable, [sys.executable, "-m", "worker"])  # noqa: S606 - it has no shell to need


def relay() -> None:
    """Run the relay: it tells the workflows what changed, and starts those that are missing."""
    uvloop.run(_run_relay(load_settings()))


def receiver() -> None:
    """Run the receiver of receipts, replies and payments."""
    uvloop.run(_run_receiver(load_settings()))


async def _run_relay(settings: Settings) -> None:
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


async def _run_receiver(settings: Settings) -> None:
    channels, ledger = load_channel_settings(), open_ledger(settings)
    listening = _listen(settings)
    config = uvicorn.Config(
        receiver_app(ledger, channels),
        log_level="warning",
        access_log=False,  # addresses with references in them belong in no log
        server_header=False,
        timeout_graceful_shutdown=10,
        lifespan="off",
    )
    say(f"receiver_ready on {settings.receiver_host}:{listening.getsockname()[1]}")
    sys.stdout.flush()
    await uvicorn.Server(config).serve(sockets=[listening])
    await ledger.engine.dispose()


def _listen(settings: Settings) -> socket.socket:
    try:
        return socket.create_server((settings.receiver_host, settings.receiver_port), backlog=1024)
    except OSError as error:
        where = f"{settings.receiver_host}:{settings.receiver_port}"
        raise Refusal(
            f"the receiver cannot listen on {where} ({error.strerror}); set RECEIVER_HOST and RECEIVER_PORT to free ones"
        ) from None
