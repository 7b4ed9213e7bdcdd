"""Several promises in the real ledger: money goes to the first, and each is judged on its own day."""

from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import select

from cadence import events as e
from cadence.facts import InvoiceFacts
from ledger.access import Ledger
from ledger.checks import check_invariants
from ledger.performing import perform
from ledger.recording import Fact, record, situation
from ledger.tables import invoices
from ledger.unit import Origin
from tests.integration.ledger.playing import ARRIVAL, DAY, order_of, row, take_in

AGENT = Origin(actor="ana", source="cli")


async def say(ledger: Ledger, invoice: int, event: e.InvoiceEvent, at: datetime = ARRIVAL) -> None:
    await record(ledger, invoice, [Fact(event, at, AGENT)], at)


async def facts_of(ledger: Ledger, invoice: int) -> InvoiceFacts:
    async with ledger.engine.connect() as connection:
        stored = await connection.execute(select(invoices.c.facts).where(invoices.c.id == invoice))
        return InvoiceFacts.model_validate(stored.scalar_one())


def promise(amount: str, days: int, **more: bool) -> e.PromiseMade:
    return e.PromiseMade.model_validate(
        {"amount": amount, "by": (ARRIVAL + timedelta(days=days)).date(), **more}
    )


async def test_two_promises_are_paid_in_turn_and_judged_one_by_one(ledger: Ledger) -> None:
    (invoice,) = await take_in(ledger, row())
    await say(ledger, invoice, promise("60", 2))
    await say(ledger, invoice, promise("50", 4))
    assert (await situation(ledger, invoice, ARRIVAL)).unpromised == Decimal("10.50")
    await say(ledger, invoice, e.PaymentReceived(amount=Decimal(80), currency="EUR"), ARRIVAL + DAY)
    order = await order_of(ledger, invoice)
    assert order.key == "promise/2"
    await perform(ledger, order, order.at)
    facts = await facts_of(ledger, invoice)
    assert (facts.kept_promises, facts.partly_kept_promises, facts.broken_promises) == (1, 1, 0)
    assert [case.key for case in facts.cases] == ["broken_promise/2"]
    checks = await check_invariants(ledger.engine, ledger.book, order.at)
    assert [check.violations for check in checks if not check.ok] == []
