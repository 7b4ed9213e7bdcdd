"""The command that runs the receiver's process."""

import socket
import sys

import uvicorn
import uvloop

from channels.settings import load_settings as load_channel_settings
from starter.logs import keep_words_out_of_logs
from starter.printing import say
from starter.receiver import receiver_app
from starter.session import Refusal
from starter.settings import Settings, load_settings, open_ledger


def receiver() -> None:
    """Run the receiver of receipts, replies and payments."""
    keep_words_out_of_logs()
    uvloop.run(_run(load_settings()))


async def _run(settings: Settings) -> None:
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
    say(f"receiver_ready on {settings.api_host}:{listening.getsockname()[1]}")
    sys.stdout.flush()
    await uvicorn.Server(config).serve(sockets=[listening])
    await ledger.engine.dispose()


def _listen(settings: Settings) -> socket.socket:
    try:
        return socket.create_server((settings.api_host, settings.api_port), backlog=1024)
    except OSError as error:
        where = f"{settings.api_host}:{settings.api_port}"
        raise Refusal(
            f"the receiver cannot listen on {where} ({error.strerror}); "
            "set API_HOST and API_PORT to free ones"
        ) from None
