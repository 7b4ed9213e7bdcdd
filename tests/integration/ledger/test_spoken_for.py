"""What becomes of the invoices that a message lists: said with it, or to be said again where it reached nobody."""

from datetime import timedelta
from typing import Any

import pytest

from cadence import events as e
from cadence.words import Channel
from ledger.access import Ledger
from ledger.deliveries import Receipt, record_receipts
from ledger.merging import merge
from ledger.migrating import migrate
from ledger.publishing import publish
from ledger.recording import Fact, record, record_customer
from ledger.sending import Permit, begin, permit
from tests.integration.ledger.groups import (
    AT,
    LETTER,
    answered,
    ask,
    bring,
    broken,
    grouping,
    numbers,
    pay,
    step,
    step_document,
)
from tests.integration.ledger.playing import FILE, MINUTE, order_of, row, take_in


@pytest.mark.parametrize("state", ["rejected", "refused"])
async def test_nothing_is_merged_into_what_the_provider_did_not_take(ledger: Ledger, state: str) -> None:
    first, second = await bring(ledger)
    leave = await ask(ledger, first)
    assert leave.permit is not None
    await answered(ledger, leave.permit, state)
    assert (await step(ledger, second)).outcome is None
    again = await ask(ledger, second)
    assert again.permit is not None or again.reason == "grouped"
    assert await broken(ledger, AT + MINUTE) == []


@pytest.mark.parametrize("state", ["accepted", "unknown"])
async def test_a_carrier_that_moves_to_a_cadence_without_groups_still_speaks_for_the_others(
    ledger: Ledger, state: str
) -> None:
    first, second = await bring(ledger)
    leave = await ask(ledger, first)
    assert leave.permit is not None
    await publish(ledger.engine, grouping(group_by=None), AT)
    assert await migrate(ledger, first, FILE, AT)
    await answered(ledger, leave.permit, state)
    assert (await step(ledger, second)).outcome == "merged"


async def test_what_a_message_under_way_lists_says_nothing_beside_it_in_another_cadence(
    ledger: Ledger,
) -> None:
    first, second = await bring(ledger)
    leave = await ask(ledger, first)
    assert leave.permit is not None
    await publish(ledger.engine, grouping(group_by=None), AT)
    assert await migrate(ledger, second, FILE, AT)
    assert (await ask(ledger, second)).permit is None
    await answered(ledger, leave.permit, "accepted")
    assert (await step(ledger, second)).outcome == "merged"


async def test_what_may_have_been_sent_is_merged_and_never_said_again(ledger: Ledger) -> None:
    first, second = await bring(ledger)
    leave = await ask(ledger, first)
    assert leave.permit is not None
    await answered(ledger, leave.permit, "unknown")
    assert (await step(ledger, second)).outcome == "merged"
    assert (await order_of(ledger, second)).key.startswith("demand")
    assert await broken(ledger, AT + MINUTE) == []


async def test_a_worker_that_died_while_it_asked_leaves_a_merged_invoice_once_that_is_known(
    ledger: Ledger,
) -> None:
    first, second = await bring(ledger)
    leave = await ask(ledger, first)
    assert leave.permit is not None
    await begin(ledger, leave.permit.attempt_id, address=leave.permit.address, now=AT, **LETTER)
    assert (await ask(ledger, second)).reason == "grouped"  # while nobody knows, it waits
    assert (await ask(ledger, first, AT + MINUTE)).permit is None
    assert (await step(ledger, second)).outcome == "merged"


async def test_a_permit_that_nobody_used_keeps_no_one_waiting_for_long(ledger: Ledger) -> None:
    first, second = await bring(ledger)
    assert (await ask(ledger, first)).permit is not None
    assert (await ask(ledger, second)).reason == "grouped"
    later = (await order_of(ledger, second)).at
    again = await ask(ledger, second, later)
    assert again.permit is not None
    assert numbers(again.permit) == []  # the carrier's own message is the carrier's to finish


async def test_a_carrier_that_is_paid_after_the_permit_takes_nothing_from_those_it_listed(
    ledger: Ledger,
) -> None:
    first, second = await bring(ledger)
    leave = await ask(ledger, first)
    assert leave.permit is not None
    await pay(ledger, first)
    await answered(ledger, leave.permit, "accepted")
    assert (await step(ledger, second)).outcome == "merged"
    assert await broken(ledger, AT + MINUTE) == []


async def failed(ledger: Ledger, granted: Permit, now: Any) -> None:
    bounce = Receipt(
        Channel.EMAIL, "sendgrid", "r-1", granted.attempt_id, None, "failed", error_class="unreachable"
    )
    await record_receipts(ledger, [bounce], lambda _: now)


async def test_a_fallback_lists_again_what_is_still_open(ledger: Ledger) -> None:
    first, second, third = await bring(ledger, 3)
    leave = await ask(ledger, first)
    assert leave.permit is not None
    await answered(ledger, leave.permit, "accepted")
    await pay(ledger, third)
    await failed(ledger, leave.permit, AT + MINUTE)
    order = await order_of(ledger, first)
    assert order.key == "reminder/1/sms"
    by_sms = await permit(ledger, order, order.at + MINUTE)
    assert by_sms.permit is not None
    assert numbers(by_sms.permit) == ["INV-1", "INV-2"]
    await answered(ledger, by_sms.permit, "accepted", order.at + MINUTE)
    assert (await step(ledger, second)).into == by_sms.permit.reference
    assert await broken(ledger, order.at + 2 * MINUTE) == []


async def test_who_was_merged_into_a_message_that_reached_nobody_speaks_again_when_its_carrier_is_paid(
    ledger: Ledger,
) -> None:
    first, second = await bring(ledger)
    leave = await ask(ledger, first)
    assert leave.permit is not None
    await answered(ledger, leave.permit, "accepted")
    await failed(ledger, leave.permit, AT + MINUTE)
    assert (await step(ledger, second)).outcome == "merged"
    await pay(ledger, first, AT + MINUTE)
    assert (await step(ledger, second)).outcome is None
    assert (await order_of(ledger, second)).key.startswith("reminder")
    assert await broken(ledger, AT + 2 * MINUTE) == []


async def bounced(ledger: Ledger) -> tuple[int, int]:
    """A carrier whose e-mail, which said another's reminder as well, came back; its SMS waits for the next window."""
    first, second = await bring(ledger)
    leave = await ask(ledger, first)
    assert leave.permit is not None
    await answered(ledger, leave.permit, "accepted")
    await failed(ledger, leave.permit, AT + MINUTE)
    assert (await order_of(ledger, first)).key == "reminder/1/sms"
    assert (await step(ledger, second)).outcome == "merged"
    return first, second


async def speaks_again(ledger: Ledger, invoice_id: int, now: Any) -> bool:
    return (await step(ledger, invoice_id)).outcome is None and await broken(ledger, now) == []


@pytest.mark.parametrize("group_by", ["customer", None])
async def test_a_carrier_that_moves_to_a_cadence_without_the_step_lets_the_others_speak_again(
    ledger: Ledger, group_by: str | None
) -> None:
    first, second = await bounced(ledger)
    other = [step_document("demand", "due + 11d", "overdue", ["email", "sms"])]
    await publish(ledger.engine, grouping(steps=other, group_by=group_by), AT)
    assert await migrate(ledger, first, FILE, AT + MINUTE)
    assert await speaks_again(ledger, second, AT + 2 * MINUTE)


async def test_a_carrier_that_is_to_open_a_case_where_it_spoke_lets_the_others_speak_again(
    ledger: Ledger,
) -> None:
    first, second = await bounced(ledger)
    asks = {"id": "reminder", "at": "due + 1d", "stage": "courtesy", "missed": "send"}
    await publish(
        ledger.engine, grouping(steps=[asks | {"open_case": {"queue": "people", "reason": "call"}}]), AT
    )
    assert await migrate(ledger, first, FILE, AT + MINUTE)
    assert await speaks_again(ledger, second, AT + 2 * MINUTE)


async def test_a_carrier_whose_due_date_moves_lets_the_others_speak_again(ledger: Ledger) -> None:
    first, second = await bounced(ledger)
    later = e.DueDateExtended(due_on=AT.date() + timedelta(days=9), on=AT.date())
    await record(ledger, first, [Fact(later, AT + MINUTE, FILE)], AT + MINUTE)
    assert await speaks_again(ledger, second, AT + 2 * MINUTE)


async def test_a_message_under_way_still_speaks_for_others_after_a_new_cadence_and_a_new_due_date(
    ledger: Ledger,
) -> None:
    first, second = await bring(ledger)
    leave = await ask(ledger, first)
    assert leave.permit is not None
    await publish(ledger.engine, grouping(group_by=None), AT)
    assert await migrate(ledger, first, FILE, AT)
    later = e.DueDateExtended(due_on=AT.date() + timedelta(days=9), on=AT.date())
    await record(ledger, first, [Fact(later, AT, FILE)], AT)
    await answered(ledger, leave.permit, "accepted")
    assert (await step(ledger, second)).outcome == "merged"


async def test_a_merge_that_closes_the_carrier_s_last_channel_lets_the_others_speak_again(
    ledger: Ledger,
) -> None:
    first, second = await bring(ledger)
    await take_in(ledger, row("INV-9", customer="C-2"))
    leave = await ask(ledger, first)
    assert leave.permit is not None
    await answered(ledger, leave.permit, "accepted")
    await failed(ledger, leave.permit, AT + MINUTE)
    forbidden = e.ContactForbidden(reason="deceased")
    await record_customer(ledger, await ledger.customer_id("C-2"), forbidden, FILE, AT)
    await merge(ledger, "C-2", "C-1", "duplicate", FILE, AT + MINUTE)
    assert (await step(ledger, first)).outcome == "failed"
    assert (await step(ledger, second)).outcome is None
