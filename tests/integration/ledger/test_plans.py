"""A payment plan in the real ledger: a reminder of its own, an instalment that is missed, and the end."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from cadence import events as e
from ledger.access import Ledger
from ledger.cases import list_cases
from ledger.checks import check_invariants
from ledger.performing import perform
from ledger.publishing import publish
from ledger.queries import show_invoice
from ledger.recording import Fact, record
from ledger.sending import Permit
from ledger.unit import Origin
from tests.integration.ledger.playing import ARRIVAL, order_of, row, ruler, send, take_in

AGENT = Origin(actor="ana", source="cli")


def message(template: str) -> dict[str, Any]:
    return {"template": template, "channels": ["email"]}


PLAN = {
    "reminders": [{"at": "due - 3d", "send": message("instalment_upcoming")}],
    "grace": 0,
    "missed": {"reminder": message("instalment_missed"), "queue": "calls"},
}


@pytest.fixture
async def on_plan(ledger: Ledger) -> int:
    """An invoice of EUR 120.50 that is paid in two instalments, on the 12th and the 19th."""
    await publish(ledger.engine, ruler(branches={"plan": PLAN}), ARRIVAL)
    (invoice,) = await take_in(ledger, row())
    parts = tuple(
        e.AgreedInstalment(due_on=date(2026, 3, day), amount=Decimal(amount))
        for day, amount in ((12, "60"), (19, "60.50"))
    )
    await record(ledger, invoice, [Fact(e.PlanAgreed(instalments=parts), ARRIVAL, AGENT)], ARRIVAL)
    return invoice


def march(day: int, hour: int) -> datetime:
    return datetime(2026, 3, day, hour, tzinfo=UTC)


async def sent(ledger: Ledger, invoice: int, now: datetime) -> Permit:
    return await send(ledger, invoice, now, provider_id=f"P-{now.isoformat()}")


async def test_instalments_are_reminded_of_missed_and_end_the_plan(ledger: Ledger, on_plan: int) -> None:
    upcoming = await sent(ledger, on_plan, march(9, 9))
    assert (upcoming.template, upcoming.instalment) == (
        "instalment_upcoming",
        (date(2026, 3, 12), Decimal(60)),
    )
    await perform(ledger, await order_of(ledger, on_plan), march(13, 0))
    missed = await sent(ledger, on_plan, march(13, 9))
    assert (missed.template, missed.instalment) == ("instalment_missed", (date(2026, 3, 12), Decimal(60)))
    assert (await show_invoice(ledger.engine, "INV-1")).invoice.state == "on_plan"
    await sent(ledger, on_plan, march(16, 9))
    await perform(ledger, await order_of(ledger, on_plan), march(20, 0))
    assert (await show_invoice(ledger.engine, "INV-1")).invoice.state == "active"
    opened = [(case.queue, case.reason) for case in await list_cases(ledger.engine)]
    assert sorted(opened) == [
        ("calls", "instalment_missed"),
        ("calls", "instalment_missed"),
        ("calls", "plan_ended"),
    ]
    checks = await check_invariants(ledger.engine, ledger.book, march(20, 1))
    assert [check.violations for check in checks if not check.ok] == []


async def test_money_for_an_instalment_leaves_only_the_others_to_come(ledger: Ledger, on_plan: int) -> None:
    paid = Fact(e.PaymentReceived(amount=Decimal(60), currency="EUR"), march(9, 8), AGENT)
    await record(ledger, on_plan, [paid], march(9, 8))
    assert (await order_of(ledger, on_plan)).key == "instalment:due-3d/2/email"
    upcoming = await sent(ledger, on_plan, march(16, 9))
    assert upcoming.plan == ((date(2026, 3, 19), Decimal("60.50")),)
