"""The sandbox as a web server, on loopback."""

import contextlib
from collections.abc import AsyncIterator

import uvicorn
from starlette.applications import Starlette

from channels.sandbox import control, payment_side, sendgrid_side, twilio_side
from channels.sandbox.config import SandboxConfig
from channels.sandbox.hub import Hub
from channels.sandbox.severing import SeverableProtocol


def application(config: SandboxConfig) -> Starlette:
    """The sandbox's web application; it opens its store at once and closes it when it stops."""
    hub = Hub(config)

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with hub.courier.running():
            yield
        hub.store.close()

    providers = [*twilio_side.routes(hub), *sendgrid_side.routes(hub), *payment_side.routes(hub)]
    faces = [*providers, *control.routes(hub)]
    return Starlette(routes=faces, lifespan=lifespan)


def server(config: SandboxConfig, port: int) -> uvicorn.Server:
    """A server of the sandbox on 127.0.0.1:`port`, not yet running."""
    return uvicorn.Server(
        uvicorn.Config(
            application(config),
            host="127.0.0.1",
            port=port,
            http=SeverableProtocol,
            ws="none",
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=2,
            # Longer than a client keeps a connection: one that ends just when it is used again is a lost request.
            timeout_keep_alive=60,
        )
    )
