"""The read side shows what happened, what is ahead, and each message as the customer saw it."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from cadence import events as e
from cadence.words import Channel
from ledger import coming, queries
from ledger.access import Ledger
from ledger.conversations import IncomingReply, record_reply
from ledger.database import LedgerError, UnknownCustomer, UnknownInvoice
from ledger.recording import Fact, record
from ledger.unit import Origin
from tests.integration.ledger.playing import ARRIVAL, COURTESY_AT, DAY, REMINDER_AT, row, send, take_in

CLERK = Origin(actor="clerk", source="cli", external_id="PAY-1")


async def _pay(ledger: Ledger, invoice_id: int, amount: str, now: datetime) -> None:
    paid = e.PaymentReceived(amount=Decimal(amount), currency="EUR")
    await record(ledger, invoice_id, [Fact(paid, now, CLERK)], now)


async def test_open_invoices_come_first_and_the_next_due_on_top(ledger: Ledger) -> None:
    paid, *_ = await take_in(
        ledger, row("INV-1"), row("INV-2", due_on=date(2026, 3, 20)), row("INV-3", customer="C-2")
    )
    await _pay(ledger, paid, "120.50", ARRIVAL)

    lines = await queries.list_invoices(ledger.engine)
    assert [line.number for line in lines] == ["INV-3", "INV-2", "INV-1"]
    first = lines[0]
    assert (first.state, first.next_at, first.next_kind) == ("scheduled", COURTESY_AT, "send_email")
    assert (str(first.amount), str(first.balance), first.currency) == ("120.50", "120.50", "EUR")
    assert (first.cadence, first.cadence_version, first.segment) == ("short", 1, "standard")
    assert (lines[2].state, str(lines[2].balance), lines[2].next_at) == ("paid", "0.00", None)


async def test_invoices_are_chosen_by_state_segment_and_customer(ledger: Ledger) -> None:
    paid, _ = await take_in(ledger, row("INV-1"), row("INV-2", customer="C-2"))
    await _pay(ledger, paid, "120.50", ARRIVAL)

    async def numbers(**chosen: str) -> list[str]:
        return [line.number for line in await queries.list_invoices(ledger.engine, **chosen)]  # type: ignore[arg-type]

    assert await numbers(state="paid") == ["INV-1"]
    assert await numbers(customer="C-2") == ["INV-2"]
    assert await numbers(segment="standard", state="scheduled") == ["INV-2"]
    assert await numbers(segment="standard", customer="C-2", state="paid") == []
    with pytest.raises(LedgerError, match=r"no segment 'other' is known: .*; choose one of: standard"):
        await numbers(segment="other")
    with pytest.raises(UnknownCustomer):
        await numbers(customer="C-404")
    assert len(await queries.list_invoices(ledger.engine, limit=1)) == 1


async def test_a_story_tells_events_messages_agenda_and_cases(ledger: Ledger) -> None:
    (invoice_id,) = await take_in(ledger, row())
    await send(ledger, invoice_id, COURTESY_AT, "accepted", provider_id="P-1")
    await _pay(ledger, invoice_id, "20", COURTESY_AT + DAY)
    reply = IncomingReply(
        Channel.SMS, "twilio", "R-1", "+351900000123", "We pay on Friday.", COURTESY_AT + DAY, "other"
    )
    await record_reply(ledger, reply, COURTESY_AT + DAY)

    story = await queries.show_invoice(ledger.engine, "INV-1")
    assert (str(story.invoice.balance), str(story.paid), str(story.credited)) == ("100.50", "20.00", "0.00")
    assert [event.type for event in story.events] == [
        "customer_received",
        "invoice_received",
        "message_permitted",
        "message_accepted",
        "payment_received",
        "replied",
    ]
    payment = story.events[4]
    assert (payment.actor, payment.source, payment.external_id, payment.state) == (
        "clerk",
        "cli",
        "PAY-1",
        "active",
    )
    (message,) = story.messages
    assert (message.step, message.channel, message.provider_id) == ("courtesy", "email", "P-1")
    assert [(attempt.number, attempt.state) for attempt in message.attempts] == [(1, "accepted")]
    assert (story.agenda[0].step, story.agenda[0].at) == ("reminder", REMINDER_AT)
    assert [(case.reason, case.status) for case in story.cases] == [("replied", "open")]
    assert [answer.body for answer in story.replies] == ["We pay on Friday."]
    assert (story.customer.key, story.customer.zone, story.customer.suppressed) == (
        "C-1",
        "Europe/Lisbon",
        {},
    )


async def test_a_story_says_which_channel_is_not_to_be_used_and_why(ledger: Ledger) -> None:
    await take_in(ledger, row())
    stop = IncomingReply(Channel.SMS, "twilio", "R-1", "+351900000123", "STOP", ARRIVAL, "stop")
    await record_reply(ledger, stop, ARRIVAL)

    story = await queries.show_invoice(ledger.engine, "INV-1")
    assert story.customer.suppressed == {"sms": "opt_out"}
    assert story.events[-1].type == "channel_suppressed"


async def test_an_unknown_number_is_refused_with_a_sentence(ledger: Ledger) -> None:
    with pytest.raises(UnknownInvoice, match="no invoice 'INV-9' is known; the list of invoices shows"):
        await queries.show_invoice(ledger.engine, "INV-9")
    with pytest.raises(UnknownInvoice, match="no invoice 'INV-9' is known"):
        await queries.messages(ledger.engine, "INV-9")


async def test_upcoming_holds_the_contacts_of_open_invoices_up_to_the_instant(ledger: Ledger) -> None:
    paid, *_ = await take_in(ledger, row("INV-1"), row("INV-2"), row("INV-3", customer="C-0"))
    await _pay(ledger, paid, "120.50", ARRIVAL)

    ahead = await coming.upcoming(ledger.engine, REMINDER_AT)
    assert [(item.at, item.invoice, item.step, item.channel) for item in ahead] == [
        (COURTESY_AT, "INV-3", "courtesy", "email"),
        (COURTESY_AT, "INV-2", "courtesy", "email"),
        (REMINDER_AT, "INV-3", "reminder", "sms"),
        (REMINDER_AT, "INV-2", "reminder", "sms"),
    ]
    assert ahead[0].local_at.isoformat() == "2026-03-06T09:00:00+00:00"
    assert "local_at" in ahead[0].model_dump()


async def test_an_item_that_is_no_message_is_no_contact(ledger: Ledger) -> None:
    (invoice_id,) = await take_in(ledger, row())
    hold = e.HoldPlaced(hold="h-1", reason="holiday", until=COURTESY_AT + 30 * DAY)
    await record(ledger, invoice_id, [Fact(hold, ARRIVAL, Origin("ana", "cli"))], ARRIVAL)

    story = await queries.show_invoice(ledger.engine, "INV-1")
    assert story.agenda[0].kind == "end_hold"
    assert await coming.upcoming(ledger.engine, COURTESY_AT + 30 * DAY) == []


async def test_a_contact_falls_on_the_customers_own_day(ledger: Ledger) -> None:
    # Nine o'clock on Monday in Auckland is still Sunday in Greenwich.
    auckland = row("INV-2", customer="C-2", zone="Pacific/Auckland", country="NZ", due_on=date(2026, 3, 13))
    await take_in(ledger, row("INV-1"), auckland)
    ahead = await coming.upcoming(ledger.engine, COURTESY_AT + 3 * DAY)
    contact = next(item for item in ahead if item.invoice == "INV-2")
    assert contact.at == datetime(2026, 3, 8, 20, tzinfo=UTC)
    assert [(contact.local_at.date(), contact.channel) for contact in ahead] == [
        (date(2026, 3, 6), "email"),
        (date(2026, 3, 9), "email"),
    ]


async def test_a_message_is_shown_as_the_customer_saw_it_by_id_and_by_reference(ledger: Ledger) -> None:
    (invoice_id,) = await take_in(ledger, row())
    sent = await send(ledger, invoice_id, COURTESY_AT)

    (line,) = await queries.messages(ledger.engine, "INV-1")
    seen = await queries.message(ledger.engine, line.id)
    assert (seen.subject, seen.html, seen.body) == ("A reminder", "<p>Please pay.</p>", "Please pay.")
    assert seen.address == "c-1@example.com"
    assert seen.reference == sent.reference
    assert await queries.message(ledger.engine, f" {sent.reference.lower()} ") == seen
    with pytest.raises(LedgerError, match="no message 'NOPE' is known; the list of messages shows"):
        await queries.message(ledger.engine, "NOPE")
    with pytest.raises(LedgerError, match="is known"):
        await queries.message(ledger.engine, "9" * 30)


async def test_messages_are_listed_with_every_attempt_the_latest_first(ledger: Ledger) -> None:
    (invoice_id,) = await take_in(ledger, row())
    await send(ledger, invoice_id, COURTESY_AT, "refused")
    await send(ledger, invoice_id, COURTESY_AT)
    await send(ledger, invoice_id, REMINDER_AT)

    lines = await queries.messages(ledger.engine)
    assert [(line.step, [attempt.state for attempt in line.attempts]) for line in lines] == [
        ("reminder", ["accepted"]),
        ("courtesy", ["refused", "accepted"]),
    ]


async def test_totals_count_invoices_cases_and_attempts(ledger: Ledger) -> None:
    paid, disputed = await take_in(ledger, row("INV-1"), row("INV-2"))
    await send(ledger, paid, COURTESY_AT)
    await _pay(ledger, paid, "120.50", COURTESY_AT)
    fact = Fact(e.DisputeOpened(), COURTESY_AT, Origin("ana", "cli"))
    await record(ledger, disputed, [fact], COURTESY_AT)

    totals = await queries.totals(ledger.engine)
    assert totals.invoices == {"disputed": 1, "paid": 1}
    assert totals.cases == {"disputes": 1}
    assert totals.attempts == {"accepted": 1}
