"""Disputes over a part, their deadlines, and extended due dates, through the real ledger."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from cadence import events as e
from cadence.facts import InvoiceFacts
from ledger.access import Ledger
from ledger.cases import list_cases
from ledger.checks import check_invariants
from ledger.performing import perform
from ledger.publishing import publish
from ledger.recording import Fact, record
from ledger.tables import invoices
from ledger.unit import Origin
from tests.integration.ledger.playing import (
    ARRIVAL,
    COURTESY_AT,
    DAY,
    DUE_ON,
    order_of,
    permitted,
    row,
    ruler,
    send,
    take_in,
)

AGENT = Origin(actor="ana", source="cli")
COLLECTING = {"dispute": {"undisputed": "collect"}}


async def tell(ledger: Ledger, invoice_id: int, event: e.InvoiceEvent, now: datetime = ARRIVAL) -> None:
    await record(ledger, invoice_id, [Fact(event, now, AGENT)], now)


async def facts(ledger: Ledger, invoice_id: int) -> InvoiceFacts:
    async with ledger.engine.connect() as connection:
        wanted = invoices.select().where(invoices.c.id == invoice_id)
        return InvoiceFacts.model_validate((await connection.execute(wanted)).mappings().one()["facts"])


async def test_a_reminder_asks_for_what_is_not_disputed_and_breaks_no_invariant(ledger: Ledger) -> None:
    await publish(ledger.engine, ruler(branches=COLLECTING), ARRIVAL)
    [invoice_id] = await take_in(ledger, row())
    await tell(ledger, invoice_id, e.DisputeOpened(amount=Decimal("20.50")))
    granted = await permitted(ledger, invoice_id, COURTESY_AT)
    assert (granted.balance, granted.disputed_amount) == (Decimal("100.00"), Decimal("20.50"))
    checks = await check_invariants(ledger.engine, ledger.book, COURTESY_AT)
    assert [check.violations for check in checks] == [()] * len(checks)


async def test_a_dispute_that_is_late_opens_its_case_and_is_told_once(ledger: Ledger) -> None:
    [invoice_id] = await take_in(ledger, row())
    last = date(2026, 3, 4)
    await tell(ledger, invoice_id, e.DisputeOpened(answer_by=last))
    order = await order_of(ledger, invoice_id)
    zone = ledger.creditor.timezone
    ended = datetime.combine(last + timedelta(days=1), datetime.min.time(), zone).astimezone(UTC)
    assert order.at == ended
    for _ in range(2):
        await perform(ledger, order, ended)
    assert [case.reason for case in await list_cases(ledger.engine)] == ["dispute", "dispute_overdue"]
    known = await facts(ledger, invoice_id)
    assert known.dispute is not None
    assert known.dispute.overdue


async def test_the_books_do_not_take_back_an_extension_they_know_nothing_of(ledger: Ledger) -> None:
    [invoice_id] = await take_in(ledger, row())
    later = DUE_ON + 20 * DAY
    await tell(ledger, invoice_id, e.DueDateExtended(due_on=later, on=ARRIVAL.date()))
    await take_in(ledger, row(), now=ARRIVAL + DAY)
    assert (await facts(ledger, invoice_id)).due_on == later
    await take_in(ledger, row(amount=Decimal(90)), now=ARRIVAL + DAY)
    known = await facts(ledger, invoice_id)
    assert (known.due_on, known.amount) == (later, Decimal(90))
    await take_in(ledger, row(due_on=DUE_ON + DAY), now=ARRIVAL + DAY)
    assert (await facts(ledger, invoice_id)).due_on == DUE_ON + DAY


async def test_an_extended_invoice_is_reminded_from_its_later_due_date(ledger: Ledger) -> None:
    [invoice_id] = await take_in(ledger, row())
    await send(ledger, invoice_id, COURTESY_AT)
    await tell(ledger, invoice_id, e.DueDateExtended(due_on=DUE_ON + 14 * DAY, on=DUE_ON), COURTESY_AT + DAY)
    assert (await order_of(ledger, invoice_id)).at == datetime(2026, 3, 25, 9, tzinfo=UTC)
