"""Running invoices move to another version of their cadence, in the ledger: once, whole, and checked as before."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from cadence import events as e
from cadence.document import Cadence
from ledger import queries
from ledger.access import Ledger
from ledger.checks import check_invariants
from ledger.migrating import foreseen, migrate, outdated
from ledger.performing import perform
from ledger.publishing import publish
from ledger.recording import Fact, record
from ledger.sending import permit
from ledger.unit import Origin
from tests.integration.ledger.playing import (
    ARRIVAL,
    COURTESY_AT,
    DAY,
    MINUTE,
    REMINDER_AT,
    order_of,
    row,
    ruler,
    send,
    step,
    take_in,
)

ANA = Origin("ana", "cli")


def newer(**more: Any) -> Cadence:
    """The demand comes five days later, by SMS first, and a case after it; the window opens an hour later."""
    steps = [
        step("courtesy", "due - 4d", "courtesy", ["email"]),
        step("reminder", "due + 1d", "overdue", ["sms", "email"]),
        step("demand", "due + 15d", "overdue", ["sms", "email"]),
        {
            "id": "call",
            "at": "due + 20d",
            "stage": "overdue",
            "open_case": {"queue": "calls", "reason": "call"},
        },
    ]
    return ruler(steps=steps, window={"opens": "10:00", "closes": "18:00"}, **more)


async def violations(ledger: Ledger) -> list[str]:
    checks = await check_invariants(ledger.engine, ledger.book, REMINDER_AT + MINUTE)
    return [violation for check in checks for violation in check.violations]


async def test_an_invoice_goes_on_by_the_new_version_with_what_was_done(ledger: Ledger) -> None:
    (invoice_id,) = await take_in(ledger, row())
    await send(ledger, invoice_id, COURTESY_AT)
    await publish(ledger.engine, newer(), COURTESY_AT)
    assert await outdated(ledger.engine) == [(invoice_id, "INV-1")]

    seen = await foreseen(ledger, invoice_id, COURTESY_AT + DAY)
    assert (seen.before, seen.after) == ("short/1", "short/2")
    assert [(each.step, each.kind) for each in seen.differences] == [
        ("reminder", "moves"), ("demand", "moves"), ("call", "comes"),
    ]  # fmt: skip
    assert await outdated(ledger.engine) == [(invoice_id, "INV-1")]

    assert await migrate(ledger, invoice_id, ANA, COURTESY_AT + DAY)
    story = await queries.show_invoice(ledger.engine, "INV-1")
    assert story.invoice.cadence_version == 2
    moved = [(event.type, event.actor) for event in story.events][-1]
    assert moved == ("cadence_changed", "ana")
    assert [item.step for item in story.agenda] == ["reminder", "demand", "call"]
    assert story.agenda[0].at == REMINDER_AT + timedelta(hours=1)
    assert (await order_of(ledger, invoice_id)).at == REMINDER_AT + timedelta(hours=1)

    assert not await migrate(ledger, invoice_id, ANA, COURTESY_AT + DAY)
    assert await outdated(ledger.engine) == []
    assert len((await queries.show_invoice(ledger.engine, "INV-1")).events) == len(story.events)
    # The courtesy left at nine, when the old version's window was open and the new one's is not.
    assert await violations(ledger) == []


async def test_what_a_workflow_was_told_under_the_old_version_is_stale(ledger: Ledger) -> None:
    (invoice_id,) = await take_in(ledger, row())
    await send(ledger, invoice_id, COURTESY_AT)
    stale = await order_of(ledger, invoice_id)
    await publish(ledger.engine, newer(), COURTESY_AT)
    await migrate(ledger, invoice_id, ANA, COURTESY_AT + DAY)
    leave = await permit(ledger, stale, REMINDER_AT)
    assert (leave.permit, leave.reason) == (None, "not_the_directive")
    assert leave.directive.item is not None
    assert leave.directive.item.at == REMINDER_AT + timedelta(hours=1)


async def test_a_step_of_the_new_version_is_performed(ledger: Ledger) -> None:
    (invoice_id,) = await take_in(ledger, row())
    steps = [
        {
            "id": "call",
            "at": "due - 4d",
            "stage": "courtesy",
            "open_case": {"queue": "calls", "reason": "call"},
        }
    ]
    await publish(ledger.engine, ruler(steps=steps), ARRIVAL)
    await migrate(ledger, invoice_id, ANA, ARRIVAL)
    await perform(ledger, await order_of(ledger, invoice_id), COURTESY_AT)
    story = await queries.show_invoice(ledger.engine, "INV-1")
    assert [(case.queue, case.reason) for case in story.cases] == [("calls", "call")]
    assert await violations(ledger) == []


async def test_a_closed_invoice_keeps_its_version(ledger: Ledger) -> None:
    (invoice_id,) = await take_in(ledger, row())
    await record(ledger, invoice_id, [Fact(e.Cancelled(), ARRIVAL, ANA)], ARRIVAL)
    await publish(ledger.engine, newer(), ARRIVAL)
    assert await outdated(ledger.engine) == []
    assert not await migrate(ledger, invoice_id, ANA, ARRIVAL)


async def test_only_those_that_are_meant_are_found(ledger: Ledger) -> None:
    first, second = await take_in(ledger, row(), row("INV-2"))
    await publish(ledger.engine, newer(), ARRIVAL)
    assert await outdated(ledger.engine, "short") == [(first, "INV-1"), (second, "INV-2")]
    assert await outdated(ledger.engine, "other") == []
    assert await outdated(ledger.engine, numbers=["INV-2"]) == [(second, "INV-2")]


async def test_what_was_asked_beside_a_dispute_is_judged_by_the_version_that_allowed_it(
    ledger: Ledger,
) -> None:
    await publish(ledger.engine, ruler(branches={"dispute": {"undisputed": "collect"}}), ARRIVAL)
    (invoice_id,) = await take_in(ledger, row())
    disputed = e.DisputeOpened(amount=Decimal("20.50"))
    await record(ledger, invoice_id, [Fact(disputed, ARRIVAL, ANA)], ARRIVAL)
    await send(ledger, invoice_id, COURTESY_AT)
    await publish(ledger.engine, newer(), COURTESY_AT)
    await migrate(ledger, invoice_id, ANA, COURTESY_AT + DAY)
    assert await violations(ledger) == []
