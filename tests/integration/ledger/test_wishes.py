"""How a customer may be reached, through the ledger: at the permit, against a race, and by their own replies."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from cadence import events as e
from cadence.rules import PREFERENCE
from cadence.words import Channel
from ledger import queries
from ledger.access import Ledger
from ledger.checks import check_invariants
from ledger.explaining import why
from ledger.performing import perform
from ledger.recording import record_customer
from ledger.sending import permit
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
from tests.integration.ledger.test_checks import tamper
from tests.integration.ledger.test_sending import facts_of, receipt_of, told
from tests.integration.ledger.writing import write

ANA = Origin("ana", "cli", note="read in a letter")


async def tell(ledger: Ledger, *events: e.CustomerEvent, now: datetime = ARRIVAL) -> None:
    for event in events:
        await record_customer(ledger, await ledger.customer_id("C-1"), event, ANA, now)


async def violations(ledger: Ledger, now: datetime) -> list[str]:
    checks = await check_invariants(ledger.engine, ledger.book, now)
    assert {check.number for check in checks} >= {6, 8}
    return [violation for check in checks for violation in check.violations]


async def suppressed(ledger: Ledger) -> dict[str, str]:
    return (await queries.show_invoice(ledger.engine, "INV-1")).customer.suppressed


async def test_nothing_is_permitted_from_the_suppression_on_and_each_step_opens_a_case(
    ledger: Ledger,
) -> None:
    (invoice_id,) = await take_in(ledger, row())
    stale = await order_of(ledger, invoice_id)
    await tell(ledger, e.ContactForbidden(reason="legal_cease"), now=COURTESY_AT)

    leave = await permit(ledger, stale, COURTESY_AT)
    assert leave.permit is None
    await perform(ledger, await order_of(ledger, invoice_id), COURTESY_AT)
    story = await queries.show_invoice(ledger.engine, "INV-1")
    assert [(case.reason, case.queue) for case in story.cases] == [("no_usable_channel", "collections")]
    assert story.customer.forbidden == ("legal_cease",)
    assert await violations(ledger, COURTESY_AT + MINUTE) == []


async def test_what_was_permitted_before_the_suppression_breaks_no_invariant_and_nothing_follows(
    ledger: Ledger,
) -> None:
    (invoice_id,) = await take_in(ledger, row())
    await send(ledger, invoice_id, COURTESY_AT)
    stale = await order_of(ledger, invoice_id)
    await tell(ledger, e.ContactForbidden(reason="deceased"), now=COURTESY_AT)
    assert (await permit(ledger, stale, REMINDER_AT)).permit is None
    assert await violations(ledger, COURTESY_AT + MINUTE) == []


async def test_a_permit_and_a_suppression_of_the_same_instant_are_told_in_one_order(ledger: Ledger) -> None:
    numbers = [f"INV-{number}" for number in range(1, 7)]
    ids = await take_in(ledger, *(row(number, f"C-{number}") for number in numbers))
    forbidden = e.ContactForbidden(reason="vulnerable")
    orders = [await order_of(ledger, each) for each in ids]
    owners = [await ledger.customer_id(f"C-{number}") for number in numbers]
    leaves, _ = await asyncio.gather(
        asyncio.gather(*(permit(ledger, order, COURTESY_AT) for order in orders)),
        asyncio.gather(*(record_customer(ledger, owner, forbidden, ANA, COURTESY_AT) for owner in owners)),
    )
    for number, leave in zip(numbers, leaves, strict=True):
        told = [event.type for event in (await queries.show_invoice(ledger.engine, number)).events]
        permitted_first = "message_permitted" in told
        assert permitted_first is (leave.permit is not None)
        if permitted_first:
            assert told.index("message_permitted") < told.index("contact_forbidden")
    assert await violations(ledger, COURTESY_AT + timedelta(seconds=1)) == []


async def test_invariant_eight_names_what_was_permitted_in_spite_of_a_suppression(ledger: Ledger) -> None:
    """The suppression is written before the permit's place in the log, as if the permit had not looked."""
    (invoice_id,) = await take_in(ledger, row())
    await permitted(ledger, invoice_id, COURTESY_AT)
    await tell(ledger, e.ContactForbidden(reason="minor"), now=COURTESY_AT)
    await tamper(
        ledger,
        "UPDATE event SET id = id - 1000 WHERE type = 'customer_received'",
        "UPDATE event SET id = -id WHERE type = 'contact_forbidden'",
    )
    assert any("in spite of minor" in violation for violation in await violations(ledger, COURTESY_AT))


async def test_contact_goes_on_when_it_is_allowed_again(ledger: Ledger) -> None:
    (invoice_id,) = await take_in(ledger, row())
    await tell(ledger, e.ContactForbidden(reason="vulnerable"), e.ContactAllowed(reason="vulnerable"))
    await send(ledger, invoice_id, COURTESY_AT)
    assert await violations(ledger, COURTESY_AT + MINUTE) == []


async def test_a_file_that_tells_the_customer_again_changes_no_wish(ledger: Ledger) -> None:
    (invoice_id,) = await take_in(ledger, row())
    consent = e.ConsentGiven(channel=Channel.SMS, address="s1", wording="v1", proof_at=ARRIVAL)
    wish = e.PreferenceStated(channels=(Channel.EMAIL,), hours="14:00-16:00")
    await tell(ledger, e.ContactForbidden(reason="minor"), wish, consent)
    before = (await facts_of(ledger, invoice_id))[1]
    await take_in(ledger, row(email="new@example.com"), row("INV-2"), now=ARRIVAL + DAY)
    after = (await facts_of(ledger, invoice_id))[1]
    kept = {"forbidden", "preference", "consents"}
    assert after.model_dump(include=kept) == before.model_dump(include=kept)
    assert await violations(ledger, ARRIVAL + DAY) == []


async def test_a_dead_address_is_learnt_of_although_the_customer_prefers_another_channel(
    ledger: Ledger,
) -> None:
    (invoice_id,) = await take_in(ledger, row())
    granted = await send(ledger, invoice_id, COURTESY_AT)
    await tell(ledger, e.PreferenceStated(channels=(Channel.SMS,)), now=COURTESY_AT)
    bounced = receipt_of(granted, error_class="bad_address", address_dead=True)
    await told(ledger, bounced, COURTESY_AT + MINUTE)
    await tell(ledger, e.PreferenceStated(), now=COURTESY_AT + DAY)
    assert await suppressed(ledger) == {"email": "bad_address"}


# Why.


async def test_a_step_that_waits_for_the_preferred_hour_or_finds_no_channel_says_so(ledger: Ledger) -> None:
    await take_in(ledger, row())
    await tell(ledger, e.PreferenceStated(channels=(Channel.SMS,), hours="14:00-16:00"))
    found = {each.step: each for each in await why(ledger, "INV-1", ARRIVAL)}
    assert found["reminder"].rule == PREFERENCE
    assert found["reminder"].words == "the customer asked to be contacted on other days or at other hours"
    assert found["reminder"].at == datetime(2026, 3, 11, 14, tzinfo=UTC)
    assert found["courtesy"].rule == "no_usable_channel"
    assert "(email: the customer asked to be reached by other channels)" in found["courtesy"].words


# Start, which takes a stop back.


@pytest.mark.parametrize("twice", [False, True])
async def test_who_starts_again_is_written_to_again(ledger: Ledger, twice: bool) -> None:
    await take_in(ledger, row())
    await write(ledger, "stop")
    assert await suppressed(ledger) == {"sms": "opt_out"}
    later = COURTESY_AT + 10 * DAY
    assert await write(ledger, "start", now=later) == "new"
    if twice:
        assert await write(ledger, "start", now=later) == "known"
    story = await queries.show_invoice(ledger.engine, "INV-1")
    assert (story.customer.suppressed, story.cases) == ({}, ())
    lifted = [event.actor for event in story.events if event.type == "suppression_lifted"]
    assert lifted == ["customer"]


async def test_the_last_word_counts_in_whatever_order_words_come(ledger: Ledger) -> None:
    await take_in(ledger, row())
    later = COURTESY_AT + 10 * DAY
    await write(ledger, "stop", now=later)
    await write(ledger, "start", now=later - MINUTE)
    assert await suppressed(ledger) == {"sms": "opt_out"}
    story = await queries.show_invoice(ledger.engine, "INV-1")
    assert [case.reason for case in story.cases] == ["replied"]


@pytest.mark.parametrize(
    "told",
    [
        e.ChannelSuppressed(channel=Channel.SMS, reason="complaint"),
        e.ContactForbidden(reason="legal_cease"),
    ],
)
async def test_what_is_not_the_customers_own_stop_is_not_lifted_by_a_start(
    ledger: Ledger, told: e.CustomerEvent
) -> None:
    await take_in(ledger, row())
    await tell(ledger, told)
    await write(ledger, "start")
    assert (await suppressed(ledger))["sms"] == told.reason  # type: ignore[union-attr]
    story = await queries.show_invoice(ledger.engine, "INV-1")
    assert [case.reason for case in story.cases] == ["replied"]
