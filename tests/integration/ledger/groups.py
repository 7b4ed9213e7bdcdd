"""Invoices of one customer that fall due together, and what becomes of the message that is asked for one of them."""

from decimal import Decimal
from typing import Any

from cadence import events as e
from cadence.document import Cadence
from cadence.facts import StepFacts
from ledger.access import Ledger
from ledger.attempts import Result
from ledger.checks import check_invariants
from ledger.publishing import publish
from ledger.recording import Fact, record
from ledger.sending import Leave, Permit, begin, conclude, permit
from ledger.unit import Unit
from tests.integration.ledger.playing import ARRIVAL, FILE, order_of, row, ruler, take_in

AT = ARRIVAL.replace(day=11, hour=9)
LETTER = {"subject": "A reminder", "html": "<p>Please pay.</p>", "body": "Please pay."}


def grouping(**changes: Any) -> Cadence:
    """One reminder the day after the due date, and a demand ten days later, for all invoices together."""
    steps = [
        step_document("reminder", "due + 1d", "courtesy", ["email", "sms"]),
        step_document("demand", "due + 11d", "overdue", ["email", "sms"]),
    ]
    return ruler(**{"group_by": "customer", "steps": steps} | changes)


def step_document(name: str, at: str, stage: str, channels: list[str]) -> dict[str, Any]:
    send = {"template": "overdue_first", "channels": channels}
    return {"id": name, "at": at, "stage": stage, "send": send, "missed": "send"}


async def bring(ledger: Ledger, count: int = 2, **changes: Any) -> list[int]:
    """Invoices of one customer whose reminders fall due in the same window."""
    await publish(ledger.engine, grouping(), ARRIVAL)
    rows = [row(f"INV-{number}", **changes) for number in range(1, count + 1)]
    return await take_in(ledger, *rows)


async def ask(ledger: Ledger, invoice_id: int, now: Any = AT) -> Leave:
    return await permit(ledger, await order_of(ledger, invoice_id), now)


async def answered(ledger: Ledger, granted: Permit, state: str, now: Any = AT) -> None:
    began = await begin(ledger, granted.attempt_id, address=granted.address, now=now, **LETTER)
    assert began
    await conclude(ledger, granted, Result(state), now)


async def step(ledger: Ledger, invoice_id: int, name: str = "reminder") -> StepFacts:
    async with ledger.engine.begin() as connection:
        unit = Unit(connection, ledger.book, AT)
        await unit.lock_invoice(invoice_id)
        return unit.invoice(invoice_id).facts.step(name, 1)


async def pay(ledger: Ledger, invoice_id: int, now: Any = AT) -> None:
    paid = e.PaymentReceived(amount=Decimal("120.50"), currency="EUR")
    await record(ledger, invoice_id, [Fact(paid, now, FILE)], now)


async def broken(ledger: Ledger, now: Any = AT) -> list[str]:
    found = await check_invariants(ledger.engine, ledger.book, now)
    return [told for check in found for told in check.violations]


def numbers(granted: Permit) -> list[str]:
    return [item.number for item in granted.items]
