"""An agent's answers: where they go, by what permit they leave, and when it is too late for one."""

from datetime import UTC, datetime, timedelta

import pytest

from cadence.facts import ANSWER_STEP
from cadence.words import Channel
from ledger import correspondence, queries
from ledger.access import Ledger
from ledger.answering import write_answer
from ledger.customer_intake import ContactIntake
from ledger.database import LedgerError
from ledger.intake import receive
from ledger.sending import permit
from tests.integration.ledger.playing import (
    ARRIVAL,
    COURTESY_AT,
    DAY,
    MINUTE,
    order_of,
    permitted,
    row,
    send,
    take_in,
)
from tests.integration.ledger.writing import (
    AGENT,
    NOON,
    PHONE,
    WHATSAPP,
    answer,
    cancel,
    cases,
    facts,
    reminded,
    write,
)


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
    await cancel(ledger, invoice_id)
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
