"""What contact rules cost: permits a second through the real ledger, under every shipped pack and under none."""

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from time import perf_counter

from cadence.directive import ItemOrder
from cadence.document import Cadence
from ledger.access import Ledger
from ledger.attempts import Result
from ledger.database import connect
from ledger.intake import InvoiceIntake, receive
from ledger.publishing import publish
from ledger.schema import upgrade
from ledger.sending import begin, conclude, permit
from ledger.unit import Origin
from starter.documents import read_creditor, read_packs
from starter.embedded import EmbeddedPostgres
from tests.bench.stage import CREDITOR

ARRIVED = datetime(2026, 3, 2, 12, tzinfo=UTC)
# Nine in the morning of working days in Bogotá, eight days apart: no cap defers the second message.
FIRST_AT = datetime(2026, 3, 9, 14, tzinfo=UTC)
SECOND_AT = FIRST_AT + timedelta(days=8)
BENCH = Origin("bench", "bench")
AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Permits:
    """Permits a second, by round: under every shipped pack, and under none."""

    ruled: list[float]
    free: list[float]


def _ruler() -> Cadence:
    """Two e-mails to consumers, to whom the strictest of the shipped packs applies."""
    steps = [
        {"id": name, "at": at, "stage": "overdue", "send": {"template": "overdue_first", "channels": ["email"]}}
        for name, at in (("first", "due"), ("second", "due + 8d"))
    ]  # fmt: skip
    document = {"name": "bench", "title": "Bench", "segments": ["bench"], "stages": ["overdue"]}
    return Cadence.model_validate(document | {"debtors": "consumer", "steps": steps})


def _row(name: str, number: int) -> InvoiceIntake:
    return InvoiceIntake.model_validate({
        "number": f"{name}-{number:04d}", "customer": f"{name}-c{number:04d}", "customer_name": "Padaria Inventada",
        "segment": "bench", "language": "es", "country": "CO", "zone": "America/Bogota",
        "email": f"{name}.{number}@example.com", "issued_on": ARRIVED.date(), "due_on": date(2026, 3, 9),
        "amount": Decimal("120.50"), "currency": "EUR", "consents": ["email"],
    })  # fmt: skip


async def permits_per_second(home: Path, rounds: int, count: int) -> Permits:
    """Ask for `count` second messages a round and side, four at once, each of a customer contacted once before."""
    async with EmbeddedPostgres(home) as postgres:
        url = await postgres.create_database("permits")
        await asyncio.to_thread(upgrade, url)
        free = Ledger(connect(url), read_creditor(CREDITOR))
        ruled = replace(free, packs=read_packs(Path("policies")))
        await publish(free.engine, _ruler(), ARRIVED)
        found = Permits([], [])
        await _round(ruled, "warm", AT_ONCE)
        for number in range(rounds):
            found.free.append(await _round(free, f"free-{number}", count))
            found.ruled.append(await _round(ruled, f"ruled-{number}", count))
        await free.engine.dispose()
    return found


async def _round(ledger: Ledger, name: str, count: int) -> float:
    rows = [_row(name, number) for number in range(count)]
    await receive(ledger, rows, ARRIVED, BENCH)
    ids = [await ledger.invoice_id(row.number) for row in rows]
    gate = asyncio.Semaphore(AT_ONCE)
    await asyncio.gather(*(_send(ledger, each, gate) for each in ids))
    orders = [await _order(ledger, each) for each in ids]
    begun = perf_counter()
    granted = await asyncio.gather(*(_ask(ledger, order, gate) for order in orders))
    seconds = perf_counter() - begun
    assert all(granted), f"{granted.count(False)} of {count} permits were refused; the bench means none"
    return count / seconds


async def _order(ledger: Ledger, invoice_id: int) -> ItemOrder:
    item = (await ledger.directive(invoice_id)).item
    assert item is not None, "each invoice has two messages"
    return ItemOrder(invoice_id=invoice_id, key=item.key, at=item.at)


async def _send(ledger: Ledger, invoice_id: int, gate: asyncio.Semaphore) -> None:
    """The first message, whole: the contact that caps count."""
    async with gate:
        leave = await permit(ledger, await _order(ledger, invoice_id), FIRST_AT)
        assert leave.permit is not None, leave.reason
        letter = {"subject": "A reminder", "html": "<p>Please pay.</p>", "body": "Please pay."}
        attempt, address = leave.permit.attempt_id, leave.permit.address
        await begin(ledger, attempt, address=address, now=FIRST_AT, **letter)
        await conclude(ledger, leave.permit, Result("accepted"), FIRST_AT)


async def _ask(ledger: Ledger, order: ItemOrder, gate: asyncio.Semaphore) -> bool:
    async with gate:
        return (await permit(ledger, order, SECOND_AT)).permit is not None
