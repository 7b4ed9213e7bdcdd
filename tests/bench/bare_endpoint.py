"""What the service's intake of webhooks is measured against: verify, insert, answer, on the same stack, and no more."""

import os
import socket
import sys

import uvicorn
import uvloop
from fastapi import FastAPI, Request, Response
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from ledger.database import connect

_TABLE = text("CREATE TABLE IF NOT EXISTS bare_webhook (id text PRIMARY KEY, body text NOT NULL)")
_INSERT = text("INSERT INTO bare_webhook (id, body) VALUES (:id, :body) ON CONFLICT (id) DO NOTHING")


def endpoint(engine: AsyncEngine, secret: str) -> FastAPI:
    """An application with one route, which keeps what is signed with the secret once."""
    app, signed = FastAPI(), Webhook(secret)

    @app.post("/payments", status_code=202)
    async def payments(request: Request) -> Response:
        raw = await request.body()
        try:
            signed.verify(raw, dict(request.headers))
        except WebhookVerificationError:
            return Response(status_code=401)
        async with engine.begin() as connection:
            await connection.execute(_INSERT, {"id": request.headers["webhook-id"], "body": raw.decode()})
        return Response(b'{"status":"accepted"}', 202, media_type="application/json")

    return app


async def serve(port: int) -> None:
    """Serve until told to stop, with the database and the secret of the environment."""
    engine = connect(os.environ["DATABASE_URL"])
    async with engine.begin() as connection:
        await connection.execute(_TABLE)
    listening = socket.create_server(("127.0.0.1", port), backlog=1024)
    sys.stdout.write("bare_endpoint_ready\n")
    sys.stdout.flush()
    app = endpoint(engine, os.environ["PAYMENT_WEBHOOK_SECRET"])
    config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off")
    await uvicorn.Server(config).serve(sockets=[listening])
    await engine.dispose()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
