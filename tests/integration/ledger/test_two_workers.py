"""Random sequences through the real ledger: two workers send while everybody tells it everything at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, get_args

import pytest
from sqlalchemy import select, text

from cadence import events as e
from cadence.document import Cadence
from cadence.planner import plan
from ledger.access import Ledger
from ledger.checks import check_invariants
from ledger.database import connect
from ledger.log_reading import invoice_logs
from ledger.logs import InvoiceLog
from ledger.publishing import publish
from ledger.tables import agenda_table
from starter.documents import read_packs
from tests.integration.ledger.playing import ARRIVAL, CREDITOR, row, ruler, step, take_in
from tests.integration.ledger.tellers import DOINGS, Teller
from tests.integration.ledger.tills import Till, assert_money_adds_up
from tests.integration.ledger.workers import Provider, Worker
from tests.unit.cadence.happenings import OWN

PACKS = read_packs(Path("policies"))
# Whose law has caps, so that invoices of one customer wait for each other.
PLACE = {
    "country": "CO", "zone": "America/Bogota", "language": "es", "phone": "+573000000123", "consents": ("email", "sms"),
}  # fmt: skip
CUSTOMERS = ("C-1", "C-2")
NUMBERS = {"C-1": ("A-1", "A-2", "A-3"), "C-2": ("B-1", "B-2")}
CURRENCIES = {"A-3": "USD"}
LAG = timedelta(milliseconds=3)
# Longer than any lock is held here; PostgreSQL itself finds a circle of locks after a second.
IMPATIENT = ("lock_timeout = '20s'", "statement_timeout = '30s'")


def branches() -> dict[str, Any]:
    notice = {"template": "overdue_first", "channels": ["email", "sms"]}
    return {
        "dispute": {"notice": notice, "resolved_notice": notice},
        "promise": {"notice": notice},
        "broken_promise": {"reminder": notice},
        "payment": {"notice": notice},
    }


def cadence(**changes: Any) -> Cadence:
    """A short ruler to consumers, with a fallback, and every notice."""
    steps = [
        step("courtesy", "due - 4d", "courtesy", ["email", "sms"]),
        step("reminder", "due + 1d", "overdue", ["sms", "email"]),
        {**step("demand", "due + 5d", "overdue", ["email"]), "missed": "send"},
        {**step("last", "previous + 4d", "overdue", ["sms", "email"]), "missed": "collapse"},
    ]
    return ruler(**{"steps": steps, "debtors": "consumer", "branches": branches()} | changes)


@dataclass
class Office:
    """Two workers and those who tell things, on one ledger."""

    ledger: Ledger
    workers: tuple[Worker, Worker]
    tellers: tuple[Teller, ...]
    chance: Random
    ids: list[int]

    async def play(self, rounds: int) -> None:
        """Let a day or so pass each round, then do everything at once, and look whether all is sound."""
        now = ARRIVAL
        for _ in range(rounds):
            now = await self._later(now)
            await self._all_at_once(now)
            for worker in self.workers:
                worker.lag = timedelta(0)
                await worker.perform_all(self.ids, now, ("accepted", "rejected", "unknown"))
            await self._assert_sound(now)

    async def _later(self, now: datetime) -> datetime:
        """The instant at which the next thing falls due, mostly; or one some time later."""
        directives = [await self.ledger.directive(each) for each in self.ids]
        ahead = [each.item.at for each in directives if each.item]
        pause = timedelta(hours=self.chance.choice([0, 0, 0, 1, 26, 80]))
        return max(now + LAG, min(ahead, default=now) + LAG) + pause

    async def _all_at_once(self, now: datetime) -> None:
        first, second = self.workers
        second.lag = LAG
        halves = self.chance.sample(self.ids, len(self.ids))
        # An activity that timed out is with another worker already while the first one is still at it.
        both = halves[:1] if self.chance.random() < 0.3 else []
        await asyncio.gather(
            first.perform_all(halves[::2], now),
            second.perform_all([*halves[1::2], *both], now),
            *(each.tell_some_things(now) for each in self.tellers),
        )

    async def _assert_sound(self, now: datetime) -> None:
        accepted = self.workers[0].provider.accepted()
        checks = await check_invariants(
            self.ledger.engine, self.ledger.book, now, accepted, grace=timedelta(seconds=1)
        )
        for check in checks:
            assert check.ok, check
            assert not check.known, check
        async with self.ledger.engine.connect() as connection:
            logs = [log async for log in invoice_logs(connection)]
            for log in logs:
                await self._assert_planned(connection, log, now)
            await self.tellers[0].till.assert_kept(connection)
        assert_money_adds_up(logs)

    async def _assert_planned(self, connection: Any, log: InvoiceLog, now: datetime) -> None:
        """What is stored of the agenda is what the planner makes of the stored facts."""
        planned = plan(log.stored, log.cadence, log.rules(self.ledger.book, now), now)
        assert log.directive.item == (planned.next.told() if planned.next else None), log.name
        of_invoice = select(agenda_table.c.key, agenda_table.c.at).where(
            agenda_table.c.invoice_id == log.row["id"]
        )
        stored = [
            tuple(each) for each in await connection.execute(of_invoice.order_by(agenda_table.c.position))
        ]
        assert stored == [(item.key, item.at) for item in planned.items], log.name


@asynccontextmanager
async def office(url: str, seed: int, **changes: Any) -> AsyncIterator[Office]:
    """Five invoices of two customers that fall due within days, and everybody around them."""
    chance = Random(seed)
    async with AsyncExitStack() as stack:
        engines = [connect(url, pool_size=4) for _ in range(3)]
        for engine in engines:
            stack.push_async_callback(engine.dispose)
        for patience in IMPATIENT:
            async with engines[0].connect() as connection:
                await connection.execution_options(isolation_level="AUTOCOMMIT")
                name = engines[0].url.database
                await connection.execute(text(f'ALTER DATABASE "{name}" SET {patience}'))
        await engines[0].dispose()
        ledgers = [Ledger(engine, CREDITOR, packs=PACKS) for engine in engines]
        await publish(engines[0], cadence(**changes), ARRIVAL)
        rows = [
            row(
                number,
                key,
                due_on=date(2026, 3, chance.randint(5, 9)),
                currency=CURRENCIES.get(number, "EUR"),
                **PLACE,
            )
            for key, numbers in NUMBERS.items()
            for number in numbers
        ]
        ids = await take_in(ledgers[0], *rows)
        provider, till, invoices = (
            Provider(),
            Till(),
            dict(zip(ids, (each.number for each in rows), strict=True)),
        )
        first, second = (Worker(ledger, provider, Random(chance.random())) for ledger in ledgers[:2])
        tellers = tuple(
            Teller(ledgers[2], provider, till, Random(chance.random()), invoices, CUSTOMERS) for _ in range(3)
        )
        yield Office(ledgers[0], (first, second), tellers, chance, ids)


def test_everything_that_can_be_told_is_told() -> None:
    known = {*get_args(e.InvoiceEvent), *get_args(e.CustomerEvent)}
    assert set(DOINGS) == known - OWN


@pytest.mark.parametrize("group_by", [None, "customer"], ids=["each", "together"])
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.alters_database
async def test_whatever_happens_at_once_the_ledger_stays_sound(
    database_url: str, seed: int, group_by: str | None
) -> None:
    async with office(database_url, seed, group_by=group_by) as playing:
        await playing.play(12)


@pytest.mark.soak
@pytest.mark.parametrize("group_by", [None, "customer"], ids=["each", "together"])
@pytest.mark.parametrize("seed", range(100, 150))
@pytest.mark.alters_database
async def test_many_sequences(database_url: str, seed: int, group_by: str | None) -> None:
    async with office(database_url, seed, group_by=group_by) as playing:
        await playing.play(25)
