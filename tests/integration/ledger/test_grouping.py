"""`group_by: customer`: what falls due together for one customer leaves as one message, once, and lists them all."""

import asyncio
from datetime import date, timedelta

from cadence import events as e
from ledger.access import Ledger
from ledger.explaining import why
from ledger.publishing import publish
from ledger.recording import Fact, record
from tests.integration.ledger.groups import (
    AT,
    answered,
    ask,
    bring,
    broken,
    grouping,
    numbers,
    pay,
    step,
)
from tests.integration.ledger.playing import ARRIVAL, FILE, MINUTE, order_of, row, take_in


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
