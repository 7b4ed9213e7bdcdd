"""The whole house on the session's servers: a database and task queue of its own, workers, relay and service."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import httpx
import uvicorn
from sqlalchemy import select, text
from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.testing import TimeSkipper

from cadence import events as e
from channels.rails.configured import rails
from channels.settings import ChannelSettings
from ledger.access import Ledger
from ledger.inbox import Lane, stuck
from ledger.keys import workflow_id
from ledger.outbox import OUTBOX_CHANNEL
from ledger.recording import Fact, Recorded, record
from ledger.tables import invoices
from ledger.unit import Origin
from starter.api.app import api_app
from starter.api.service import Service
from starter.api.settings import ApiSettings
from starter.inbox import Processor
from starter.relay import drain, relay
from starter.settings import Settings
from tests.integration.house.invoices import Debtor
from tests.integration.house.seeing import Seen, eventually
from worker import workers
from workflows.converter import DATA_CONVERTER

ALL = ("", "-email", "-sms", "-whatsapp")
# Short, so that a provider that does not answer costs a test a second.
PROVIDER_TIMEOUT = 1.0
# A secret for the test's own service, known to nobody else.
WEBHOOK_SECRET = "whsec_" + "dGVzdC1zZWNyZXQtZm9yLWxvb3BiYWNrLW9ubHkh"
TESTER = "tester"


@dataclass
class House(Seen):
    """What a test holds: what it sees, what runs, and what it lets happen."""

    # What runs.

    @asynccontextmanager
    async def working(self, *suffixes: str) -> AsyncIterator[None]:
        """The workers of some task queues (all where none is named), in this process."""
        client = await Client.connect(self.temporal_address, data_converter=DATA_CONVERTER)
        team = workers(client, self.ledger, self.settings, self.channels)
        wanted = {self.settings.task_queue + suffix for suffix in suffixes or ALL}
        chosen = [worker for worker in team if worker.task_queue in wanted]
        running = [asyncio.create_task(worker.run()) for worker in chosen]
        try:
            yield
        finally:
            await asyncio.gather(*(worker.shutdown() for worker in chosen))
            await asyncio.gather(*running)

    @asynccontextmanager
    async def relaying_outbox(self) -> AsyncIterator[None]:
        """The relay, in this process."""
        stop = asyncio.Event()
        running = asyncio.create_task(relay(self.ledger, self.client, self.settings, stop))
        try:
            yield
        finally:
            stop.set()
            await self._wake_relay()
            await running

    async def _wake_relay(self) -> None:
        """Spare the test the relay's second of patience."""
        async with self.ledger.engine.begin() as connection:
            await connection.execute(text(f"NOTIFY {OUTBOX_CHANNEL}"))

    async def relay_once(self) -> None:
        """Tell the workflows what waits in the outbox."""
        while await drain(self.ledger, self.client, self.settings.task_queue):
            pass

    # What happens.

    def now(self) -> datetime:
        """The instant of whoever records something."""
        return datetime.now(UTC)

    async def record(self, debtor: Debtor, event: e.InvoiceEvent, external_id: str | None = None) -> Recorded:
        """Record a fact as the command line does; the relay tells the workflow."""
        source = "payment" if isinstance(event, e.PaymentReceived) else "command"
        fact = Fact(event, self.now(), Origin(TESTER, source, external_id))
        return await record(self.ledger, debtor.id, [fact], self.now())

    async def pay(self, debtor: Debtor, amount: str = "120.50", external_id: str | None = None) -> Recorded:
        """A payment in full, unless told otherwise."""
        paid = e.PaymentReceived(amount=Decimal(amount), currency="EUR")
        return await self.record(debtor, paid, external_id)

    async def signal(self, debtor: Debtor, name: str, **fields: str) -> None:
        """Signal the workflow directly, as another Temporal service would."""
        await self.workflow(debtor).signal(name, fields)

    async def fault(self, kind: str, address: str | None, **more: Any) -> None:
        """Let the provider fail for one address."""
        fault = {"kind": kind, "address": address, **more}
        (await self.sandbox.post("/sandbox/faults", json=fault)).raise_for_status()

    async def habit(self, address: str | None, **habits: Any) -> None:
        """How an address takes messages from now on."""
        (await self.sandbox.post("/sandbox/habits", json={address: habits})).raise_for_status()

    async def reply(self, debtor: Debtor, body: str) -> None:
        """The customer answers by SMS."""
        phone = self.ledger.creditor.phone_of("sms")  # type: ignore[arg-type]
        given = {"channel": "sms", "from": debtor.phone, "to": phone, "body": body}
        (await self.sandbox.post("/sandbox/replies", json=given)).raise_for_status()
        await eventually(partial(nothing_untried, self), "the reply in the ledger")

    async def until_heard_out(self) -> None:
        """Wait until the providers have told all they will tell, and the ledger has taken note of it."""
        await eventually(lambda: _nothing_owed(self.sandbox), "the last receipts")
        await eventually(partial(nothing_untried, self), "the last webhooks processed")

    async def skip_to_next(self, debtor: Debtor) -> None:
        """Bring the workflow's own clock to its next item."""
        item = (await self.ledger.directive(debtor.id)).item
        assert item is not None
        await self.skip_to(debtor.id, item.at)

    async def skip_to(self, invoice_id: int, at: datetime) -> None:
        """Bring the clock of an invoice's workflow, by our id, to an instant."""
        skipper = TimeSkipper(self.client)
        handle = self.client.get_workflow_handle(workflow_id(invoice_id))
        remaining = at - await skipper.get_current_time(handle)
        if remaining > timedelta(0):
            await skipper.fast_forward(handle, remaining)


@asynccontextmanager
async def open_house(
    ledger: Ledger,
    temporal_address: str,
    settings: Settings,
    channels: ChannelSettings,
    *,
    processing: bool = True,
) -> AsyncIterator[House]:
    """A house with a service that listens, and no worker or relay yet; `processing`: what comes in is processed."""
    async with AsyncExitStack() as stack:
        client = await Client.connect(temporal_address, data_converter=DATA_CONVERTER)
        sandbox = await stack.enter_async_context(
            httpx.AsyncClient(
                base_url=channels.twilio_api_base_url,
                trust_env=False,
                timeout=30,
                verify=False,  # noqa: S501 - plain HTTP: to read certificates would take longer than a call
            )
        )
        await _number_apart(ledger)
        house = House(ledger, client, temporal_address, settings, channels, sandbox)
        await stack.enter_async_context(serving(house))
        if processing:
            await stack.enter_async_context(processing_inbox(house))
        yield house
        (await sandbox.delete("/sandbox/faults")).raise_for_status()
        await _end_workflows(house)


async def _number_apart(ledger: Ledger) -> None:
    """Workflows are named by our ids, and tests share a server: begin to count somewhere of our own."""
    async with ledger.engine.begin() as connection:
        await connection.execute(
            text("SELECT setval(pg_get_serial_sequence('invoice', 'id'), :first)"),
            {"first": secrets.randbelow(10**12)},
        )


async def _end_workflows(house: House) -> None:
    """Let no workflow of this test wait on the shared server for a worker that never comes."""
    async with house.ledger.engine.connect() as connection:
        ids = list((await connection.execute(select(invoices.c.id))).scalars())
    for invoice_id in ids:
        with suppress(RPCError):
            await house.client.get_workflow_handle(workflow_id(invoice_id)).terminate()


@asynccontextmanager
async def serving(house: House) -> AsyncIterator[None]:
    """The HTTP service, in this process, where the sandbox calls back; at the end, what is still owed is waited for."""
    limitless = ApiSettings(rate_per_source_per_minute=0)
    service = Service(house.ledger, house.client, house.settings, house.channels, house.now, limitless)
    port = house.settings.api_port
    config = uvicorn.Config(
        api_app(service), host="127.0.0.1", port=port, log_config=None, lifespan="off", timeout_keep_alive=60
    )
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    try:
        yield
        with suppress(AssertionError):
            await eventually(lambda: _nothing_owed(house.sandbox), "the last receipts", within=5)
    finally:
        server.should_exit = True
        await running


@asynccontextmanager
async def processing_inbox(house: House) -> AsyncIterator[None]:
    """What the relay's process does with webhooks, in this one, whether or not the house has a relay."""
    stop = asyncio.Event()
    processor = Processor(house.ledger, rails(house.channels))
    running = asyncio.create_task(processor.keep_drained(stop))
    try:
        yield
        with suppress(AssertionError):
            await eventually(lambda: _nothing_owed(house.sandbox), "the last receipts", within=5)
            await eventually(partial(nothing_untried, house), "the last webhooks processed", within=5)
    finally:
        stop.set()
        async with house.ledger.engine.begin() as connection:
            for lane in Lane:
                await connection.execute(text(f"NOTIFY {lane.channel}"))
        await running


async def nothing_untried(house: House) -> bool:
    """Whether everything in the inbox was processed, or tried at least."""
    return not (await stuck(house.ledger.engine, house.now())).untried


async def _nothing_owed(sandbox: httpx.AsyncClient) -> bool:
    owed: int = (await sandbox.get("/sandbox/health")).json()["receipts_owed"]
    return owed == 0
