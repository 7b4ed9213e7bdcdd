"""A house with servers of its own, whose worker, relay, Temporal and PostgreSQL can be killed at any moment."""

import asyncio
import random
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from cadence.directive import Directive
from channels.settings import ChannelSettings
from ledger.access import Ledger
from ledger.database import connect
from ledger.intake import receive
from ledger.publishing import publish
from ledger.repair import stale_calls
from ledger.schema import upgrade
from ledger.tables import attempts, invoices, messages
from starter.embedded import EmbeddedPostgres, EmbeddedSandbox, EmbeddedTemporal, free_port
from starter.processes import ChildProcess
from starter.settings import Settings
from tests.integration.house.documents import CREDITOR
from tests.integration.house.house import PROVIDER_TIMEOUT, WEBHOOK_SECRET, House, nothing_untried, open_house
from tests.integration.house.invoices import FILE, Debtor, debtor_of, row, ruler
from tests.integration.house.seeing import PASSING, eventually

TASK_QUEUE = "crashes"
# An activity whose worker died is given up after thirty seconds, and some are killed twice.
# Seconds that the sandbox is slow, and by which it surely has taken what it was sent, on a busy machine too.
DELAY, SLOWEST_PROVIDER = 0.5, 2.0
PATIENCE = 100.0


@dataclass
class Stand:
    """A house and everything in it that can die. `chance` is seeded, so that a failing day can be had again."""

    house: House
    postgres: EmbeddedPostgres
    temporal: EmbeddedTemporal
    worker: ChildProcess
    relay: ChildProcess
    chance: random.Random

    async def pause(self, most: float) -> None:
        """Wait a random part of `most` seconds."""
        await asyncio.sleep(self.chance.uniform(0, most))

    async def kill_worker(self) -> None:
        """Send it SIGKILL while a provider is being asked, and another worker begins."""
        await eventually(self._asking, "a request to a provider", PATIENCE, seldomest=PASSING)
        await self.pause(0.1)
        await self.worker.kill()
        await self.worker.start()
        await self.worker.ready_when_logged("worker_ready")

    async def kill_relay(self) -> None:
        """Send it SIGKILL, and another relay begins."""
        await self.pause(0.1)
        await self.relay.kill()
        await self.relay.start()
        await self.relay.ready_when_logged("relay_listens")

    async def kill_temporal(self) -> None:
        """The server dies and comes back with what it had written."""
        await self.pause(0.3)
        await self.temporal.kill()
        await self.temporal.start()

    async def kill_postgres(self) -> None:
        """The database dies, recovers, and takes connections again."""
        await self.pause(0.3)
        await self.postgres.kill()
        await self.postgres.start()

    async def bring(self, count: int) -> list[Debtor]:
        """Take in invoices that are due now: e-mail first for one half, SMS first for the other."""
        ledger, now = self.house.ledger, datetime.now(UTC)
        for channels, segment in ((("email", "sms"), "house"), (("sms", "email"), "other")):
            await publish(ledger.engine, ruler(*channels, name=segment, segments=[segment]), now)
        rows = [row(segment=self.chance.choice(["house", "other"])) for _ in range(count)]
        answers = await receive(ledger, rows, now, FILE)
        assert {answer.outcome for answer in answers} == {"new"}
        return [await debtor_of(ledger, each) for each in rows]

    async def pay(self, debtor: Debtor) -> None:
        """Pay at some moment of the bad day; a bank tells again until it is heard."""
        await self.pause(2.0)
        while True:
            try:
                await self.house.pay(debtor, external_id=f"payment of {debtor.number}")
            except (DBAPIError, OSError):
                await asyncio.sleep(0.2)
            else:
                return

    async def disturb(self) -> None:
        """Let the providers lose answers, fail, throttle and be slow a few times each."""
        for kind in ("delay", "drop_response", "accept_then_error", "delay", "error", "refuse", "throttle"):
            await self.house.fault(kind, None, count=self.chance.randint(1, 3), seconds=DELAY)

    async def bad_day(self, count: int, disasters: Sequence["Disaster"]) -> list[Debtor]:
        """Before each disaster bring in `count` invoices, of which every second is paid while it happens."""
        debtors: list[Debtor] = []
        async with asyncio.TaskGroup() as paying:
            for disaster in disasters:
                await self.disturb()
                brought = await self.bring(count)
                debtors += brought
                for debtor in brought[::2]:
                    paying.create_task(self.pay(debtor))
                await disaster(self)
        return debtors

    async def settle(self) -> None:
        """Wait until no open invoice has anything under way, then bring what is unknown to its end."""
        await eventually(self._nothing_under_way, "the end of all sends", PATIENCE)
        await eventually(partial(nothing_untried, self.house), "what came in", PATIENCE)
        # A slow provider still takes what a dead worker sent it; five minutes that are skipped would not wait for that.
        await asyncio.sleep(SLOWEST_PROVIDER)
        while lost := await self._reconciling():
            for directive in lost:
                assert directive.item is not None
                await self.house.skip_to(directive.invoice_id, directive.item.at)
                moved_on = partial(self._moved_on, directive)
                await eventually(moved_on, f"reconciling {directive.invoice_id}", PATIENCE)
        # Of invoices paid meanwhile: nobody asks again, and a later sweep settles what a dead worker left.
        await stale_calls(self.house.ledger, datetime.now(UTC) + timedelta(minutes=10))
        await self.house.until_relayed()

    async def _asking(self) -> bool:
        wanted = select(attempts.c.id).where(attempts.c.state == "calling")
        async with self.house.ledger.engine.connect() as connection:
            return (await connection.execute(wanted)).first() is not None

    async def _nothing_under_way(self) -> bool:
        still_open = invoices.c.closed_at.is_(None)
        under_way = still_open & attempts.c.state.in_(["reserved", "calling"])
        trying = select(attempts.c.id).join_from(attempts, messages).join(invoices).where(under_way)
        due = select(invoices.c.id).where(still_open & (invoices.c.next_at < datetime.now(UTC)))
        async with self.house.ledger.engine.connect() as connection:
            found = [(await connection.execute(wanted)).first() for wanted in (trying, due)]
        return found == [None, None]

    async def _reconciling(self) -> list[Directive]:
        key = invoices.c.directive["item"]["key"].astext
        wanted = select(invoices.c.directive).where(key.like("reconcile/%") | key.like("%/again"))
        async with self.house.ledger.engine.connect() as connection:
            found = (await connection.execute(wanted)).scalars()
            return [Directive.model_validate(directive) for directive in found]

    async def _moved_on(self, told: Directive) -> bool:
        return (await self.house.ledger.directive(told.invoice_id)).item != told.item


Disaster = Callable[[Stand], Awaitable[None]]


@asynccontextmanager
async def stand(home: Path, seed: int) -> AsyncIterator[Stand]:
    """Start everything in `home`; it is all gone after the block."""
    async with AsyncExitStack() as stack:
        # Durable: without synchronous commits a killed server forgets its last half second.
        postgres = await stack.enter_async_context(EmbeddedPostgres(home))
        temporal = await stack.enter_async_context(EmbeddedTemporal(home, time_skipping=True))
        port = free_port()
        sandbox = await stack.enter_async_context(EmbeddedSandbox(home, f"http://127.0.0.1:{port}"))
        url = await postgres.create_database("house")
        await asyncio.to_thread(upgrade, url)
        ledger = Ledger(connect(url), CREDITOR)
        stack.push_async_callback(ledger.engine.dispose)
        providers = await sandbox.environment() | {
            "PAYMENT_WEBHOOK_SECRET": WEBHOOK_SECRET,
            "PROVIDER_TIMEOUT_SECONDS": str(PROVIDER_TIMEOUT),
        }
        settings = Settings(database_url=url, task_queue=TASK_QUEUE, api_port=port)
        channels = ChannelSettings.model_validate({name.lower(): value for name, value in providers.items()})
        house = await stack.enter_async_context(
            open_house(ledger, temporal.address, settings, channels, processing=False)
        )
        environment = providers | {
            "DATABASE_URL": url,
            "TEMPORAL_ADDRESS": temporal.address,
            "TASK_QUEUE": TASK_QUEUE,
            "STICKY_TIMEOUT_SECONDS": "1",
            "EMAILS_PER_SECOND": "0",
            "SMS_PER_SECOND": "0",
        }
        worker = ChildProcess("worker", [sys.executable, "-m", "worker"], home, env=environment)
        command = [sys.executable, "-m", "starter.main", "relay"]
        relay = ChildProcess("relay", command, home, env=environment)
        for process, word in ((worker, "worker_ready"), (relay, "relay_listens")):
            await stack.enter_async_context(process)
            await process.ready_when_logged(word)
        yield Stand(house, postgres, temporal, worker, relay, random.Random(seed))
