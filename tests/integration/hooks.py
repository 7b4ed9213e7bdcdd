"""Another system that hears of invoices: a small HTTP server on loopback that checks signatures and keeps what came."""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response
from sqlalchemy import text as sql
from standardwebhooks.webhooks import Webhook

from channels.webhooks import new_secret
from ledger.access import Ledger
from ledger.endpoints import Endpoint, register
from starter.processes import free_port
from tests.integration.ledger.playing import ARRIVAL


@dataclass(frozen=True)
class Heard:
    """One webhook as it came in, whether or not it was taken."""

    webhook_id: str
    type: str
    invoice: str | None
    data: dict[str, Any]


@dataclass
class Hooks:
    """Answers with the statuses in `answers` for an invoice, one after another, then with 204.

    While `gate` is set to an event, an answer waits for it.
    """

    secret: str = field(default_factory=new_secret)
    answers: dict[str | None, list[int]] = field(default_factory=lambda: defaultdict(list))
    gate: asyncio.Event | None = None
    heard: list[Heard] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)
    url: str = ""

    @property
    def names(self) -> list[tuple[str | None, str]]:
        """Invoice and type of what came, in its order."""
        return [(each.invoice, each.type.removeprefix("invoice.")) for each in self.heard]

    async def take(self, request: Request) -> Response:
        """Check the signature as any receiver would, whatever the time that is played, and answer as the test wants."""
        text, webhook_id = (await request.body()).decode(), request.headers["webhook-id"]
        at = datetime.fromtimestamp(int(request.headers["webhook-timestamp"]), UTC)
        signed = Webhook(self.secret).sign(webhook_id, at, text)
        if signed != request.headers["webhook-signature"]:
            return Response(status_code=401)
        body = json.loads(text)
        invoice = body["data"].get("invoice")
        self.heard.append(Heard(webhook_id, body["type"], invoice, body["data"]))
        self.came.set()
        if self.gate:
            await self.gate.wait()
        waiting = self.answers[invoice]
        return Response(status_code=waiting.pop(0) if waiting else 204)

    async def registered(self, ledger: Ledger, *types: str) -> Endpoint:
        """Registered with a ledger, under an id that no other test on the same Temporal has."""
        async with ledger.engine.begin() as connection:
            first = sql("SELECT setval(pg_get_serial_sequence('webhook_endpoint', 'id'), :first)")
            await connection.execute(first, {"first": free_port() * 1_000_000 + id(self) % 1_000_000})
        return await register(
            ledger.engine,
            url=self.url,
            secret=self.secret,
            types=types,
            description="",
            by="tester",
            now=ARRIVAL,
        )


@asynccontextmanager
async def hooks() -> AsyncIterator[Hooks]:
    """The other system, while it runs."""
    taking, app, port = Hooks(), FastAPI(openapi_url=None), free_port()
    taking.url = f"http://127.0.0.1:{port}/regua"
    app.add_api_route("/regua", taking.take, methods=["POST"])
    server = uvicorn.Server(uvicorn.Config(app, "127.0.0.1", port, log_config=None, lifespan="off"))
    running = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    yield taking
    server.should_exit = True
    await running
