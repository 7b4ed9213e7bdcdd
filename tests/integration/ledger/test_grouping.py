"""`group_by: customer`: what falls due together for one customer leaves as one message, once, and lists them all."""

import asyncio
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from cadence import events as e
from cadence.document import Cadence
from cadence.facts import StepFacts
from cadence.words import Channel
from ledger.access import Ledger
from ledger.attempts import Result
from ledger.checks import check_invariants
from ledger.deliveries import Receipt, record_receipts
from ledger.explaining import why
from ledger.merging import merge
from ledger.migrating import migrate
from ledger.publishing import publish
from ledger.recording import Fact, record, record_customer
from ledger.sending import Leave, Permit, begin, conclude, permit
from ledger.unit import Unit
from tests.integration.ledger.playing import ARRIVAL, FILE, MINUTE, order_of, row, ruler, take_in

AT = ARRIVAL.replace(day=11, hour=9)
LETTER = {"subject": "A reminder", "html": "<p>Please pay.</p>", "body": "Please pay."}


def grouping(**changes: Any) -> Cadence:
    """One reminder the day after the due date, and a demand ten days later, for all invoices together."""
    steps = [
        _step("reminder", "due + 1d", "courtesy", ["email", "sms"]),
        _step("demand", "due + 11d", "overdue", ["email", "sms"]),
    ]
    return ruler(**{"group_by": "customer", "steps": steps} | changes)


def _step(name: str, at: str, stage: str, channels: list[str]) -> dict[str, Any]:
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


async def test_two_workers_that_ask_at_once_for_two_invoices_make_one_message(ledger: Ledger) -> None:
    ids = await bring(ledger)
    leaves = await asyncio.gather(*(ask(ledger, each) for each in ids))
    granted = [leave.permit for leave in leaves if leave.permit]
    assert len(granted) == 1
    assert numbers(granted[0]) == ["INV-1", "INV-2"]
    (waiting,) = (leave for leave in leaves if leave.permit is None)
    assert waiting.reason == "grouped"
    await answered(ledger, granted[0], "accepted")
    (merged,) = (each for each in ids if each != granted[0].invoice_id)
    assert (await step(ledger, merged)).outcome == "merged"
    assert (await step(ledger, merged)).into == granted[0].reference
    item = (await ledger.directive(merged)).item
    assert item is not None
    assert item.key.startswith("demand")
    assert await broken(ledger, AT + MINUTE) == []


async def test_ten_invoices_make_one_message_whatever_the_order(ledger: Ledger) -> None:
    ids = await bring(ledger, 10)
    leaves = [await ask(ledger, each) for each in reversed(ids)]
    (granted,) = (leave.permit for leave in leaves if leave.permit)
    assert len(granted.items) == 10
    assert granted.invoice_id == ids[0]  # all as old and as far on: the first of them carries
    await answered(ledger, granted, "accepted")
    outcomes = [(await step(ledger, each)).outcome for each in ids]
    assert outcomes == ["sent", *["merged"] * 9]
    assert await broken(ledger, AT + MINUTE) == []


async def test_who_waits_by_the_clock_of_another_worker_is_listed_all_the_same(ledger: Ledger) -> None:
    first, second = await bring(ledger)
    assert (await ask(ledger, second, AT + timedelta(milliseconds=5))).reason == "grouped"
    leave = await ask(ledger, first)
    assert leave.permit
    assert numbers(leave.permit) == ["INV-1", "INV-2"]


async def test_what_was_paid_before_the_permit_is_left_out(ledger: Ledger) -> None:
    first, second, third = await bring(ledger, 3)
    await pay(ledger, second)
    leave = await ask(ledger, first)
    assert leave.permit is not None
    assert numbers(leave.permit) == ["INV-1", "INV-3"]
    assert (await step(ledger, third)).outcome is None


async def test_what_is_disputed_or_on_hold_is_left_out(ledger: Ledger) -> None:
    first, second, third, _ = await bring(ledger, 4)
    await record(ledger, second, [Fact(e.DisputeOpened(), AT, FILE)], AT)
    await record(ledger, third, [Fact(e.HoldPlaced(hold="h", reason="asked"), AT, FILE)], AT)
    leave = await ask(ledger, first)
    assert leave.permit is not None
    assert numbers(leave.permit) == ["INV-1", "INV-4"]


async def test_a_single_invoice_lists_nothing(ledger: Ledger) -> None:
    (only,) = await bring(ledger, 1)
    leave = await ask(ledger, only)
    assert leave.permit is not None
    assert leave.permit.items == ()


async def test_without_group_by_each_invoice_speaks_for_itself(ledger: Ledger) -> None:
    await publish(ledger.engine, grouping(group_by=None), ARRIVAL)
    ids = await take_in(ledger, row("INV-1"), row("INV-2"))
    leaves = [await ask(ledger, each) for each in ids]
    assert [leave.permit is not None and leave.permit.items for leave in leaves] == [(), ()]


async def test_another_customers_invoice_is_never_listed(ledger: Ledger) -> None:
    first, _ = await bring(ledger)
    await take_in(ledger, row("INV-9", customer="C-2"))
    leave = await ask(ledger, first)
    assert leave.permit is not None
    assert numbers(leave.permit) == ["INV-1", "INV-2"]


async def test_the_most_advanced_invoice_carries_and_the_other_waits_for_it(ledger: Ledger) -> None:
    (young,) = await bring(ledger, 1)
    (old,) = await take_in(ledger, row("OLD", due_on=date(2026, 2, 20), stage="overdue"))
    at = (await order_of(ledger, young)).at
    older = (await order_of(ledger, old)).at
    assert older < at  # it arrived overdue, and has waited for nobody
    leave = await ask(ledger, young, at)
    assert (leave.permit, leave.reason) == (None, "grouped")
    carrier = await ask(ledger, old, at)
    assert carrier.permit is not None
    assert carrier.permit.invoice_number == "OLD"
    assert numbers(carrier.permit) == ["OLD", "INV-1"]


async def test_who_waited_once_for_another_carries_it_all_itself(ledger: Ledger) -> None:
    """The workflow of the more advanced one may be down: nothing waits for it for ever."""
    (young,) = await bring(ledger, 1)
    await take_in(ledger, row("OLD", due_on=date(2026, 2, 20), stage="overdue"))
    at = (await order_of(ledger, young)).at
    assert (await ask(ledger, young, at)).reason == "grouped"
    later = (await order_of(ledger, young)).at
    assert later == at + timedelta(minutes=2)
    leave = await ask(ledger, young, later)
    assert leave.permit is not None
    assert numbers(leave.permit) == ["OLD", "INV-1"]


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
    other = [_step("demand", "due + 11d", "overdue", ["email", "sms"])]
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


async def test_a_breach_is_found_where_a_step_was_listed_and_sent_as_well(ledger: Ledger) -> None:
    first, second = await bring(ledger)
    leave = await ask(ledger, first)
    assert leave.permit is not None
    await answered(ledger, leave.permit, "accepted")
    # As if grouping had let it go: the step is opened by hand, and sent.
    released = e.StepReleased(step="reminder", into=leave.permit.reference)
    await record(ledger, second, [Fact(released, AT, FILE)], AT)
    again = await ask(ledger, second)
    assert again.permit is not None
    await answered(ledger, again.permit, "accepted")
    assert any("accepted 2 times" in told for told in await broken(ledger, AT + MINUTE))


async def test_why_names_the_invoice_whose_message_said_it(ledger: Ledger) -> None:
    first, _ = await bring(ledger)
    ahead = await why(ledger, "INV-2", ARRIVAL)
    assert {each.step: each.rule for each in ahead} == {"reminder": "grouped", "demand": "grouped"}
    leave = await ask(ledger, first)
    assert leave.permit is not None
    await answered(ledger, leave.permit, "accepted")
    because = next(each for each in await why(ledger, "INV-2", AT) if each.step == "reminder")
    assert because.verdict == "merged"
    assert "the message on invoice INV-1" in because.words
