"""Segments in the ledger: a new invoice takes the one of that moment; a change counts from when the manager says."""

from dataclasses import replace
from decimal import Decimal

import pytest

from cadence import events as e
from cadence.segments import Segments
from ledger import queries
from ledger.access import Ledger
from ledger.checks import check_invariants
from ledger.database import LedgerError
from ledger.intake import receive
from ledger.publishing import publish
from ledger.recording import Fact, record
from ledger.segmenting import explained, foreseen_moves, reassign
from ledger.unit import Origin
from starter.segmenting import clear_segment, set_segment
from tests.integration.ledger.playing import (
    ARRIVAL,
    COURTESY_AT,
    DAY,
    FILE,
    MINUTE,
    row,
    ruler,
    step,
    take_in,
)

ANA = Origin("ana", "cli", note="by phone")
RULES = Segments.model_validate(
    {
        "rules": [
            {"segment": "firm", "title": "Late payers", "when": "payer.paid_late >= 1"},
            {"segment": "imported", "title": "All others"},
        ]
    }
)


@pytest.fixture
async def ruled(ledger: Ledger) -> Ledger:
    """The ledger with rules, and a second cadence that serves late payers."""
    steps = [
        step("courtesy", "due - 4d", "courtesy", ["email"]),
        step("firmly", "due + 2d", "overdue", ["email"]),
    ]
    await publish(ledger.engine, ruler(name="firm", segments=["firm"], steps=steps), ARRIVAL)
    return replace(ledger, segments=RULES)


async def pay(ledger: Ledger, invoice_id: int, days: int) -> None:
    at = ARRIVAL + days * DAY
    event = e.PaymentReceived(amount=Decimal("120.50"), currency="EUR")
    await record(ledger, invoice_id, [Fact(event, at, ANA)], at)


async def followed(ledger: Ledger, number: str) -> tuple[str, str]:
    """The customer's segment and the cadence that an invoice follows."""
    line = (await queries.show_invoice(ledger.engine, number)).invoice
    return line.segment, line.cadence


async def violations(ledger: Ledger) -> list[str]:
    checks = await check_invariants(ledger.engine, ledger.book, COURTESY_AT + MINUTE)
    return [violation for check in checks for violation in check.violations]


async def test_a_new_invoice_takes_the_segment_of_its_moment_and_those_under_way_keep_theirs(
    ruled: Ledger,
) -> None:
    first, _ = await take_in(ruled, row(), row("INV-2"))
    await pay(ruled, first, 20)
    assert await followed(ruled, "INV-2") == ("standard", "short")
    await take_in(ruled, row("INV-3"), now=ARRIVAL + 21 * DAY)
    assert await followed(ruled, "INV-3") == ("firm", "firm")
    assert await followed(ruled, "INV-2") == ("firm", "short")
    again = await receive(ruled, [row("INV-2"), row("INV-3")], ARRIVAL + 22 * DAY, FILE)
    assert [each.outcome for each in again] == ["same", "same"]
    assert await violations(ruled) == []


async def test_a_change_for_now_moves_the_open_invoices_too(ruled: Ledger) -> None:
    paid, _ = await take_in(ruled, row(), row("INV-2"))
    await pay(ruled, paid, 20)
    customer_id = await ruled.customer_id("C-1")
    (seen,) = await foreseen_moves(ruled, customer_id, "firm", ARRIVAL + 21 * DAY)
    assert (seen.invoice, seen.after) == ("INV-2", "firm/1")
    assert await reassign(ruled, customer_id, ANA, ARRIVAL + 21 * DAY, "now")
    assert await followed(ruled, "INV-2") == ("firm", "firm")
    assert await followed(ruled, "INV-1") == ("firm", "short")
    assert not await reassign(ruled, customer_id, ANA, ARRIVAL + 21 * DAY, "now")
    events = (await queries.show_invoice(ruled.engine, "INV-2")).events
    told = [
        (each.type, each.actor) for each in events if each.source == "cli" and each.at > ARRIVAL + 20 * DAY
    ]
    assert told == [("segment_assigned", "ana"), ("cadence_changed", "ana")]
    assert await violations(ruled) == []


async def test_a_segment_assigned_by_hand_outlasts_the_rules_and_the_file(ruled: Ledger) -> None:
    await take_in(ruled, row())
    assert await set_segment(ruled, "C-1", "firm", "key-account", "next_invoice", ANA, ARRIVAL)
    assert not await set_segment(ruled, "C-1", "firm", "key-account", "next_invoice", ANA, ARRIVAL)
    await take_in(ruled, row("INV-2"), now=ARRIVAL + DAY)
    assert await followed(ruled, "INV-2") == ("firm", "firm")
    assert await followed(ruled, "INV-1") == ("firm", "short")
    found = await explained(ruled, await ruled.customer_id("C-1"), "C-1", ARRIVAL + DAY)
    assert found.decision.assignment is not None
    assert (found.decision.assignment.by, found.decision.assignment.reason) == ("manual", "key-account")
    assert [(each.number, each.holds) for each in found.decision.judged] == [(1, False), (2, True)]

    assert await clear_segment(ruled, "C-1", "now", ANA, ARRIVAL + DAY) == "standard"
    assert await followed(ruled, "INV-2") == ("standard", "short")
    with pytest.raises(LedgerError, match="not assigned by hand"):
        await clear_segment(ruled, "C-1", "now", ANA, ARRIVAL + DAY)
    assert await violations(ruled) == []


async def test_a_segment_that_no_cadence_serves_is_refused_and_nothing_is_written(ruled: Ledger) -> None:
    await take_in(ruled, row())
    with pytest.raises(LedgerError, match="no published cadence serves the segment 'vip'"):
        await set_segment(ruled, "C-1", "vip", "key-account", "now", ANA, ARRIVAL)
    assert await followed(ruled, "INV-1") == ("standard", "short")


async def test_the_file_decides_again_where_the_rules_are_gone(ruled: Ledger) -> None:
    (first,) = await take_in(ruled, row())
    await pay(ruled, first, 20)
    await take_in(ruled, row("INV-2"), now=ARRIVAL + 21 * DAY)
    bare = replace(ruled, segments=None)
    assert await reassign(bare, await ruled.customer_id("C-1"), ANA, ARRIVAL + 22 * DAY)
    assert await followed(bare, "INV-2") == ("standard", "firm")
    assert await violations(bare) == []
