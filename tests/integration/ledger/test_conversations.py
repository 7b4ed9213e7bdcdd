"""What customers write, what follows from it at once, and agents' answers on their way through the permit."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from cadence import events as e
from cadence.facts import ANSWER_STEP, InvoiceFacts
from cadence.words import Channel
from ledger import correspondence, queries
from ledger.access import Ledger
from ledger.answering import write_answer
from ledger.cases import close
from ledger.conversations import IncomingReply, Taken, record_reply
from ledger.customer_intake import ContactIntake
from ledger.database import LedgerError
from ledger.intake import receive
from ledger.sending import permit
from ledger.tables import invoices
from ledger.unit import Origin
from tests.integration.ledger.playing import (
    ARRIVAL,
    COURTESY_AT,
    DAY,
    MINUTE,
    REMINDER_AT,
    order_of,
    permitted,
    row,
    send,
    take_in,
)

PHONE = "+351900000123"
WHATSAPP = "+351900000456"
NOON = datetime(2026, 3, 12, 12, tzinfo=UTC)  # a Thursday, the day after the reminder
AGENT = Origin(actor="agent-1", source="api")


async def write(
    ledger: Ledger, intent: str, body: str = "...", now: datetime = NOON, **changes: Any
) -> Taken:
    """A customer writes by SMS, unless told otherwise."""
    given: dict[str, Any] = {
        "channel": Channel.SMS,
        "source": "twilio",
        "external_id": f"R-{intent}-{now:%d%H%M}",
        "sender": PHONE,
    }
    reply = IncomingReply(**(given | {"body": body, "at": now, "intent": intent} | changes))
    return await record_reply(ledger, reply, now)


async def facts(ledger: Ledger, number: str = "INV-1") -> InvoiceFacts:
    async with ledger.engine.connect() as connection:
        stored = await connection.execute(select(invoices.c.facts).where(invoices.c.number == number))
        return InvoiceFacts.model_validate(stored.scalar_one())


async def cases(ledger: Ledger, number: str = "INV-1") -> list[tuple[str, str]]:
    story = await queries.show_invoice(ledger.engine, number)
    return [(case.reason, case.queue) for case in story.cases]


async def reminded(ledger: Ledger, *numbers: str) -> list[int]:
    """Invoices of one customer, of which the first was reminded of by SMS the day before noon."""
    ids = await take_in(ledger, *(row(number) for number in numbers or ("INV-1",)))
    await send(ledger, ids[0], COURTESY_AT)
    await send(ledger, ids[0], REMINDER_AT)
    return ids


# What follows from a reply.


async def test_who_says_it_is_paid_is_left_alone_for_three_business_days(ledger: Ledger) -> None:
    await reminded(ledger)
    assert await write(ledger, "paid") == "new"
    (hold,) = (await facts(ledger)).holds
    # Thursday, and the third business day after it, to its end in Lisbon.
    assert (hold.reason, hold.until) == ("says_paid", datetime(2026, 3, 18, tzinfo=UTC))
    assert await cases(ledger) == [("says_paid", "replies")]


async def test_saying_so_again_makes_one_hold_longer(ledger: Ledger) -> None:
    await reminded(ledger)
    await write(ledger, "paid")
    await write(ledger, "paid", now=NOON + DAY)
    assert [hold.until for hold in (await facts(ledger)).holds] == [datetime(2026, 3, 19, tzinfo=UTC)]
    assert len(await cases(ledger)) == 2


async def test_a_reply_that_is_told_again_changes_nothing(ledger: Ledger) -> None:
    await reminded(ledger)
    await write(ledger, "paid")
    before = await facts(ledger)
    assert await write(ledger, "paid") == "known"
    assert await facts(ledger) == before


async def test_a_reply_is_about_the_invoice_last_written_about_and_disturbs_no_other(ledger: Ledger) -> None:
    await reminded(ledger, "INV-1", "INV-2")
    await write(ledger, "wrong")
    read = (await facts(ledger, "INV-1")).dispute
    assert read is not None
    assert not read.confirmed
    assert await cases(ledger, "INV-1") == [("dispute_to_confirm", "disputes")]
    other = await facts(ledger, "INV-2")
    assert (other.disputed, other.cases) == (False, ())


async def test_a_reply_to_no_message_is_about_what_fell_due(ledger: Ledger) -> None:
    await take_in(ledger, row("INV-1"), row("INV-2", due_on=NOON.date() + timedelta(days=60)))
    await write(ledger, "other")
    assert await cases(ledger, "INV-1") == [("replied", "replies")]
    assert await cases(ledger, "INV-2") == []


async def test_what_may_be_an_opt_out_holds_every_invoice_until_a_person_could_read_it(
    ledger: Ledger,
) -> None:
    await reminded(ledger, "INV-1", "INV-2")
    await write(ledger, "stop_unsure")
    for number in ("INV-1", "INV-2"):
        (hold,) = (await facts(ledger, number)).holds
        assert (hold.reason, hold.until) == ("may_opt_out", datetime(2026, 3, 14, tzinfo=UTC))
    assert await cases(ledger, "INV-1") == [("may_opt_out", "replies")]
    assert await cases(ledger, "INV-2") == []
    story = await queries.show_invoice(ledger.engine, "INV-1")
    assert story.customer.suppressed == {}


async def test_a_stop_silences_the_channel_for_good_and_opens_no_case(ledger: Ledger) -> None:
    await reminded(ledger)
    await write(ledger, "stop")
    story = await queries.show_invoice(ledger.engine, "INV-1")
    assert (story.customer.suppressed, story.cases) == ({"sms": "opt_out"}, ())


async def test_every_customer_with_that_number_is_meant(ledger: Ledger) -> None:
    await take_in(ledger, row("INV-1"), row("INV-2", customer="C-2"))
    await write(ledger, "paid")
    assert [(await facts(ledger, number)).state for number in ("INV-1", "INV-2")] == ["on_hold", "on_hold"]


async def test_a_reply_about_a_closed_invoice_goes_to_a_person_and_holds_nothing(ledger: Ledger) -> None:
    (first, _) = await reminded(ledger, "INV-1", "INV-2")
    await _cancel(ledger, first)
    await write(ledger, "wrong")
    assert (await facts(ledger, "INV-1")).disputed is False
    assert await cases(ledger, "INV-1") == [("replied", "replies")]
    assert await cases(ledger, "INV-2") == []


async def _cancel(ledger: Ledger, invoice_id: int) -> None:
    async with ledger.invoice_unit(invoice_id, NOON - DAY) as unit:
        await unit.tell(unit.invoice(invoice_id), e.Cancelled(), AGENT)


# Answers.


async def answer(ledger: Ledger, channel: Channel = Channel.SMS, now: datetime = NOON) -> datetime:
    written = await write_answer(ledger, "INV-1", channel, "We found your payment.", AGENT, now)
    return written.leaves_at


async def test_an_answer_leaves_by_a_permit_with_its_words_although_the_invoice_is_held(
    ledger: Ledger,
) -> None:
    (invoice_id,) = await reminded(ledger)
    await write(ledger, "paid")
    assert await answer(ledger) == NOON
    granted = await send(ledger, invoice_id, NOON)
    assert (granted.text, granted.template, granted.channel, granted.address) == (
        "We found your payment.",
        "answer",
        Channel.SMS,
        PHONE,
    )
    story = await queries.show_invoice(ledger.engine, "INV-1")
    message = story.messages[-1]
    assert (message.step, message.occurrence, message.template, message.notice) == (
        "on:answer",
        1,
        "answer",
        True,
    )
    (written,) = [event for event in story.events if event.type == "answer_written"]
    assert (written.actor, written.payload) == (
        "agent-1",
        {"number": 1, "channel": "sms", "address": None},
    )


async def test_a_reminder_carries_no_words_of_an_agent(ledger: Ledger) -> None:
    (invoice_id,) = await take_in(ledger, row())
    assert (await permitted(ledger, invoice_id, COURTESY_AT)).text is None


@pytest.mark.parametrize("channel", [Channel.SMS, Channel.EMAIL])
async def test_a_closed_channel_is_refused_at_once(ledger: Ledger, channel: Channel) -> None:
    await reminded(ledger)
    await write(ledger, "stop")
    with pytest.raises(LedgerError, match=r"opt_out|nobody is answered by email"):
        await answer(ledger, channel)
    assert (await facts(ledger)).notices == ()


async def test_a_closed_invoice_is_answered_no_more(ledger: Ledger) -> None:
    (invoice_id,) = await reminded(ledger)
    await _cancel(ledger, invoice_id)
    with pytest.raises(LedgerError, match="INV-1 is closed as cancelled"):
        await answer(ledger)


async def test_an_answer_goes_to_the_customer_who_was_meant(ledger: Ledger) -> None:
    await reminded(ledger)
    with pytest.raises(LedgerError, match="customer 'C-9' owes no invoice 'INV-1'"):
        await write_answer(ledger, "INV-1", Channel.SMS, "Hello", AGENT, NOON, customer="C-9")


DIRECTOR = "+351900000777"


async def with_a_director(ledger: Ledger) -> int:
    """An invoice of a customer with a billing contact and a director, both on SMS and WhatsApp."""
    (invoice_id,) = await take_in(ledger, row(whatsapp=WHATSAPP))
    director = ContactIntake(
        customer="C-1", contact="fd", role="director", name="Somebody", phone=DIRECTOR, whatsapp=DIRECTOR
    )
    assert [each.outcome for each in await receive(ledger, [director], ARRIVAL, AGENT)] == ["new"]
    return invoice_id


async def test_an_answer_goes_to_the_contact_who_wrote_last_unless_another_is_named(ledger: Ledger) -> None:
    invoice_id = await with_a_director(ledger)
    await write(ledger, "other", now=NOON - 2 * MINUTE)
    await write(ledger, "other", now=NOON - MINUTE, sender=DIRECTOR)
    for now, role, expected in (
        (NOON, None, ("director", DIRECTOR)),
        (NOON + MINUTE, "billing", ("billing", PHONE)),
    ):
        written = await write_answer(ledger, "INV-1", Channel.SMS, "Found.", AGENT, now, role=role)
        granted = await send(ledger, invoice_id, now)
        assert (written.to, granted.role, granted.address) == (expected[0], *expected)
    read = await correspondence.conversation(ledger.engine, "C-1", 50)
    assert [each.address for each in read.said] == [PHONE, DIRECTOR, DIRECTOR, PHONE]
    with pytest.raises(LedgerError, match="nobody with the role owner has written by sms"):
        await write_answer(ledger, "INV-1", Channel.SMS, "Found.", AGENT, NOON, role="owner")


async def test_what_the_writer_said_of_their_address_counts_and_billing_is_not_in_their_place(
    ledger: Ledger,
) -> None:
    invoice_id = await with_a_director(ledger)
    await write(ledger, "other", now=NOON - 2 * MINUTE, sender=DIRECTOR)
    await answer(ledger)
    await write(ledger, "stop", now=NOON - MINUTE, sender=DIRECTOR)
    item = (await ledger.directive(invoice_id)).item
    assert item is not None
    assert ANSWER_STEP not in item.key
    assert (await facts(ledger)).step(ANSWER_STEP, 1).reason == "no_usable_channel"
    assert ("answer_not_sent", "replies") in await cases(ledger)
    with pytest.raises(LedgerError, match=r"the customer's director cannot be answered by sms \(opt_out\)"):
        await answer(ledger)


async def test_whatsapps_day_is_that_of_the_number_that_wrote(ledger: Ledger) -> None:
    invoice_id = await with_a_director(ledger)
    await write(ledger, "other", now=NOON - MINUTE, channel=Channel.WHATSAPP, sender=DIRECTOR)
    assert await answer(ledger, Channel.WHATSAPP) == NOON
    assert (await send(ledger, invoice_id, NOON)).address == DIRECTOR
    read = await correspondence.conversation(ledger.engine, "C-1", 50)
    assert read.whatsapp_open_until == NOON - MINUTE + DAY
    with pytest.raises(LedgerError, match="has not written on WhatsApp yet"):
        await write_answer(ledger, "INV-1", Channel.WHATSAPP, "Found.", AGENT, NOON, role="billing")


@pytest.mark.parametrize(("hours", "open_now"), [(None, False), (25, False), (23, True)])
async def test_whatsapp_takes_free_text_for_a_day_after_the_customer_wrote(
    ledger: Ledger, hours: int | None, open_now: bool
) -> None:
    await take_in(ledger, row(whatsapp=WHATSAPP))
    if hours is not None:
        wrote_at = NOON - timedelta(hours=hours)
        await write(ledger, "other", now=wrote_at, channel=Channel.WHATSAPP, sender=WHATSAPP)
    if open_now:
        assert await answer(ledger, Channel.WHATSAPP) == NOON
    else:
        with pytest.raises(LedgerError, match="WhatsApp takes free text for 24 hours"):
            await answer(ledger, Channel.WHATSAPP)


async def test_an_answer_that_could_only_leave_after_that_day_is_refused(ledger: Ledger) -> None:
    await take_in(ledger, row(whatsapp=WHATSAPP))
    friday = datetime(2026, 3, 13, 19, tzinfo=UTC)
    await write(ledger, "other", now=friday, channel=Channel.WHATSAPP, sender=WHATSAPP)
    with pytest.raises(LedgerError, match="could be written to at 2026-03-16 09:00 UTC"):
        await answer(ledger, Channel.WHATSAPP, friday + MINUTE)


async def test_an_answer_that_comes_too_late_for_whatsapp_is_skipped_and_a_case(ledger: Ledger) -> None:
    (invoice_id,) = await take_in(ledger, row(whatsapp=WHATSAPP))
    await write(ledger, "other", now=NOON - DAY + MINUTE, channel=Channel.WHATSAPP, sender=WHATSAPP)
    await answer(ledger, Channel.WHATSAPP)
    leave = await permit(ledger, await order_of(ledger, invoice_id), NOON + 2 * MINUTE)
    assert (leave.permit, leave.reason) == (None, "whatsapp_window_closed")
    assert (await facts(ledger)).step("on:answer", 1).reason == "whatsapp_window_closed"
    assert ("answer_not_sent", "replies") in await cases(ledger)


async def test_an_answer_that_whatsapp_refused_and_is_tried_too_late_is_a_failure_and_a_case(
    ledger: Ledger,
) -> None:
    (invoice_id,) = await take_in(ledger, row(whatsapp=WHATSAPP))
    await write(ledger, "other", now=NOON - DAY + MINUTE, channel=Channel.WHATSAPP, sender=WHATSAPP)
    await answer(ledger, Channel.WHATSAPP)
    await send(ledger, invoice_id, NOON, "refused")
    await permit(ledger, await order_of(ledger, invoice_id), NOON + 2 * MINUTE)
    assert (await facts(ledger)).step("on:answer", 1).outcome == "failed"
    assert ("answer_not_sent", "replies") in await cases(ledger)


# Conversations.


async def test_a_conversation_is_read_in_the_order_of_time(ledger: Ledger) -> None:
    (invoice_id,) = await reminded(ledger)
    await write(ledger, "paid", "Já paguei ontem")
    await answer(ledger, now=NOON + MINUTE)
    read = await correspondence.conversation(ledger.engine, "C-1", 50)
    assert [(each.who, each.channel, each.text) for each in read.said] == [
        ("regua", "email", "Please pay."),
        ("regua", "sms", "Please pay."),
        ("customer", "sms", "Já paguei ontem"),
        ("agent", "sms", "We found your payment."),
    ]
    assert (read.said[2].intent, read.said[3].by, read.said[3].state) == ("paid", "agent-1", None)
    await send(ledger, invoice_id, NOON + MINUTE)
    read = await correspondence.conversation(ledger.engine, "C-1", 1)
    assert [(each.who, each.state, each.invoice) for each in read.said] == [("agent", "accepted", "INV-1")]


async def test_who_waits_for_an_answer_comes_first_until_answered_or_settled(ledger: Ledger) -> None:
    await take_in(ledger, row("INV-1"), row("INV-2", customer="C-2", phone="+351900000777"))
    await take_in(ledger, row("INV-3", customer="C-3", phone="+351900000888"))
    await write(ledger, "other", now=ARRIVAL)
    await write(ledger, "other", now=ARRIVAL + MINUTE, sender="+351900000777")
    await write(ledger, "stop", now=ARRIVAL + 2 * MINUTE, sender="+351900000888")
    await write(ledger, "other", "It is me", now=ARRIVAL + 3 * MINUTE, sender="+351900000999")

    async def lines(**only: Any) -> list[tuple[str | None, bool]]:
        found = await correspondence.list_conversations(ledger.engine, 10, **only)
        return [(line.customer, line.waiting) for line in found]

    assert await lines() == [("C-2", True), ("C-1", True), (None, False), ("C-3", False)]
    assert await lines(unknown=True) == [(None, False)]
    await write_answer(ledger, "INV-2", Channel.SMS, "Hello", AGENT, ARRIVAL + 4 * MINUTE)
    story = await queries.show_invoice(ledger.engine, "INV-1")
    await close(ledger.engine, story.cases[0].id, "agent-1", ARRIVAL + 4 * MINUTE)
    assert [waiting for _, waiting in await lines(unknown=False)] == [False, False, False]


async def test_a_reply_from_a_number_nobody_knows_is_kept_and_says_so(ledger: Ledger) -> None:
    assert await write(ledger, "paid", "I paid", sender="+351900000999") == "unknown_sender"
    assert await write(ledger, "paid", "I paid", sender="+351900000999") == "known"
    (line,) = await correspondence.list_conversations(ledger.engine, 10)
    assert (line.customer, line.sender, line.text, line.intent) == (None, "+351900000999", "I paid", "paid")


async def test_conversations_go_on_after_the_last_line_of_a_page(ledger: Ledger) -> None:
    for minute in range(5):
        await write(ledger, "other", now=ARRIVAL + minute * MINUTE, sender=f"+35190000099{minute}")
    first = await correspondence.list_conversations(ledger.engine, 3)
    after = (first[-1].waiting, first[-1].at, first[-1].id)
    rest = await correspondence.list_conversations(ledger.engine, 3, after=after)
    assert [line.sender[-1] for line in (*first, *rest)] == ["4", "3", "2", "1", "0"]
