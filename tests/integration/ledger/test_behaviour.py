"""How a customer pays, as the ledger knows it: the figures, and the conditions that rest on them."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from cadence import events as e
from cadence.payers import NEVER, PayerFacts, payer_terms
from cadence.words import Channel
from ledger import queries
from ledger.access import Ledger
from ledger.behaviour import payer_facts
from ledger.conversations import IncomingReply, record_reply
from ledger.publishing import publish
from ledger.recording import Fact, record
from ledger.sending import permit
from ledger.unit import Origin
from tests.integration.ledger.playing import (
    ARRIVAL,
    COURTESY_AT,
    DAY,
    DUE_ON,
    REMINDER_AT,
    order_of,
    row,
    ruler,
    send,
    step,
    take_in,
)
from tests.integration.ledger.test_sending import receipt_of, told

CLERK = Origin("clerk", "cli")


async def tell(ledger: Ledger, invoice_id: int, event: e.InvoiceEvent, at: datetime) -> None:
    await record(ledger, invoice_id, [Fact(event, at, CLERK)], at)


async def pay(ledger: Ledger, invoice_id: int, at: datetime, amount: str = "120.50") -> None:
    await tell(ledger, invoice_id, e.PaymentReceived(amount=Decimal(amount), currency="EUR"), at)


async def behaviour(ledger: Ledger) -> PayerFacts:
    async with ledger.engine.connect() as connection:
        return await payer_facts(connection, await ledger.customer_id("C-1"), ledger.creditor.zone)


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


async def test_a_customer_of_whom_nothing_was_paid_has_no_average(ledger: Ledger) -> None:
    await take_in(ledger, row(), row("INV-2", amount=Decimal("80.00"), currency="USD"))
    found = await behaviour(ledger)
    assert (found.invoices, found.open, found.paid) == (2, 2, 0)
    assert (found.average_days_late, found.dispersion) == (None, None)
    assert found.owed == {"EUR": Decimal("120.50"), "USD": Decimal("80.00")}
    assert payer_terms(found, ARRIVAL).average_days_late == 0


async def test_days_late_run_to_the_day_of_the_payment_that_closed_the_invoice(ledger: Ledger) -> None:
    first, second, third, _ = await take_in(
        ledger, row(), row("INV-2"), row("INV-3"), row("INV-4", amount=Decimal("10.00"))
    )
    await pay(ledger, first, noon(DUE_ON) - 3 * DAY)
    # Half of it early and the rest late: the last payment decides.
    await pay(ledger, second, noon(DUE_ON) - 3 * DAY, "60.00")
    await pay(ledger, second, noon(DUE_ON) + 9 * DAY, "60.50")
    # Still the day it was due in São Paulo, where the creditor is.
    await pay(ledger, third, datetime(2026, 3, 11, 2, 59, tzinfo=UTC))
    found = await behaviour(ledger)
    assert (found.paid, found.paid_on_time, found.paid_late, found.open) == (3, 2, 1, 1)
    # (-3 + 9 + 0) / 3, and the root of ((-5)² + 7² + (-2)²) / 3.
    assert (found.average_days_late, found.dispersion) == (Decimal("2.0"), Decimal("5.1"))
    assert found.owed == {"EUR": Decimal("10.00")}


async def test_a_payment_that_was_taken_back_pays_nothing(ledger: Ledger) -> None:
    (invoice_id,) = await take_in(ledger, row())
    await pay(ledger, invoice_id, ARRIVAL + DAY)
    back = e.PaymentReversed(amount=Decimal("120.50"), currency="EUR")
    await tell(ledger, invoice_id, back, ARRIVAL + 2 * DAY)
    assert (await behaviour(ledger)).paid == 0
    await pay(ledger, invoice_id, noon(DUE_ON) + 4 * DAY)
    assert (await behaviour(ledger)).average_days_late == 4


async def test_what_was_credited_or_cancelled_was_not_paid(ledger: Ledger) -> None:
    disputed, cancelled = await take_in(ledger, row(), row("INV-2"))
    await tell(ledger, disputed, e.DisputeOpened(), ARRIVAL)
    await tell(ledger, disputed, e.DisputeResolved(outcome="upheld"), ARRIVAL + DAY)
    await tell(ledger, cancelled, e.Cancelled(), ARRIVAL + DAY)
    found = await behaviour(ledger)
    assert (found.invoices, found.open, found.paid, found.disputes) == (2, 0, 0, 1)


async def test_promises_are_counted_over_all_invoices(ledger: Ledger) -> None:
    kept, broken, waiting = await take_in(ledger, row(), row("INV-2"), row("INV-3"))
    for invoice_id in (kept, broken, waiting):
        await tell(ledger, invoice_id, e.PromiseMade(amount=Decimal(50), by=DUE_ON), ARRIVAL)
    await pay(ledger, kept, ARRIVAL + DAY)
    await tell(ledger, broken, e.PromiseBroken(number=1), ARRIVAL + DAY)
    found = await behaviour(ledger)
    assert (found.promises, found.promises_kept, found.promises_broken) == (3, 1, 1)


async def test_the_last_reaction_is_what_they_wrote_or_read_by_each_channel(ledger: Ledger) -> None:
    (invoice_id,) = await take_in(ledger, row())
    sent = await send(ledger, invoice_id, COURTESY_AT, "accepted", provider_id="P-1")
    read_at = COURTESY_AT + timedelta(hours=1)
    await told(ledger, receipt_of(sent, "delivered"), COURTESY_AT + timedelta(minutes=1))
    await told(ledger, receipt_of(sent, "read"), read_at)
    wrote_at = COURTESY_AT + DAY
    reply = IncomingReply(Channel.SMS, "twilio", "R-1", "+351900000123", "On Friday.", wrote_at, "other")
    await record_reply(ledger, reply, wrote_at)
    found = await behaviour(ledger)
    assert found.reactions == {Channel.EMAIL: read_at, Channel.SMS: wrote_at}
    quiet = payer_terms(found, wrote_at + 10 * DAY).quiet
    assert (quiet.email, quiet.sms, quiet.whatsapp) == (10, 10, NEVER)


async def test_a_step_is_permitted_as_the_payer_stands_at_that_moment(ledger: Ledger) -> None:
    steps = [
        step("courtesy", "due - 4d", "courtesy", ["email"]),
        step("reminder", "due + 1d", "overdue", ["email"])
        | {"when": "payer.paid_late >= 1 and payer.owed.EUR > 100"},
    ]
    await publish(ledger.engine, ruler(steps=steps), ARRIVAL)
    late, reminded = await take_in(ledger, row(due_on=date(2026, 2, 20)), row("INV-2"))
    await send(ledger, reminded, COURTESY_AT)
    story = await queries.show_invoice(ledger.engine, "INV-2")
    assert [item.why for item in story.agenda if item.step == "reminder"] == ["condition"]

    await pay(ledger, late, REMINDER_AT - DAY)
    leave = await permit(ledger, await order_of(ledger, reminded), REMINDER_AT)
    assert leave.permit is not None, leave.reason


async def test_thanks_for_a_payment_say_how_many_were_paid_on_time(ledger: Ledger) -> None:
    notice = {"payment": {"notice": {"template": "payment_received", "channels": ["email"]}}}
    await publish(ledger.engine, ruler(branches=notice), ARRIVAL)
    first, second, third = await take_in(ledger, row(), row("INV-2"), row("INV-3"))
    await pay(ledger, first, ARRIVAL)
    await pay(ledger, second, ARRIVAL)
    await pay(ledger, third, ARRIVAL, "20.00")
    leave = await permit(ledger, await order_of(ledger, third), ARRIVAL)
    assert leave.permit is not None, leave.reason
    assert (leave.permit.template, leave.permit.paid_on_time) == ("payment_received", 2)
