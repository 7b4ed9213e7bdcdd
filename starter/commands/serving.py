"""The command that runs the HTTP service's process."""

import socket
import sys

import uvicorn
import uvloop

from channels.settings import load_settings as load_channel_settings
from starter.api.app import api_app
from starter.api.service import Service
from starter.api.settings import load_api_settings
from starter.logs import begin_logging
from starter.metrics import serve_metrics
from starter.printing import say
from starter.session import Refusal, wall_clock
from starter.settings import Settings, load_settings, open_ledger
from starter.temporal import connect_temporal

# Beyond what the others in front of it keep a connection for, so that it is never the first to close one.
KEEP_ALIVE_SECONDS = 75
# What a request that is under way gets at the end; the stack waits longer for the process.
GRACE_SECONDS = 10


def api() -> None:
    """Run the HTTP service: webhooks in, and everything that people and other systems do."""
    begin_logging()
    settings = load_settings()
    serve_metrics(settings)
    uvloop.run(_run(settings))


async def _run(settings: Settings) -> None:
    channels, api_settings = load_channel_settings(), load_api_settings()
    ledger, listening = open_ledger(settings), _listen(settings)
    temporal = await connect_temporal(lazy=True)
    app = api_app(Service(ledger, temporal, settings, channels, wall_clock, api_settings))
    config = uvicorn.Config(
        app,
        log_level="warning",
        log_config=None,
        access_log=False,  # addresses with references in them belong in no log; the service writes its own lines
        server_header=False,
        proxy_headers=api_settings.forwarded_allow_ips is not None,
        forwarded_allow_ips=api_settings.forwarded_allow_ips or "",
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
        lifespan="off",
    )
    say(f"api_ready on {settings.api_host}:{listening.getsockname()[1]}")
    sys.stdout.flush()
    await uvicorn.Server(config).serve(sockets=[listening])
    await ledger.engine.dispose()


def _listen(settings: Settings) -> socket.socket:
    try:
        return socket.create_server((settings.api_host, settings.api_port), backlog=1024)
    except OSError as error:
        where = f"{settings.api_host}:{settings.api_port}"
        raise Refusal(
            f"the service cannot listen on {where} ({error.strerror}); set API_HOST and API_PORT to free ones"
        ) from None
