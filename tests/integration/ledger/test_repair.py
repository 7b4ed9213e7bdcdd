"""The sweep finds what was left behind, and settles it without sending anything."""

from datetime import timedelta

from cadence import events as e
from ledger.access import Ledger
from ledger.attempts import Result
from ledger.queries import show_invoice, totals
from ledger.recording import Fact, record
from ledger.repair import PATIENCE, open_invoices, overdue, stale_calls
from ledger.sending import LEASE, conclude
from ledger.unit import Origin
from tests.integration.ledger.playing import COURTESY_AT, MINUTE, permitted, row, take_in

DIED_AT = COURTESY_AT + LEASE + PATIENCE


async def test_a_call_that_nobody_finished_becomes_unknown_and_is_looked_for(ledger: Ledger) -> None:
    (invoice_id,) = await take_in(ledger, row())
    await permitted(ledger, invoice_id, COURTESY_AT)

    assert await stale_calls(ledger, DIED_AT) == 0
    assert await stale_calls(ledger, DIED_AT + MINUTE) == 1
    assert await stale_calls(ledger, DIED_AT + MINUTE) == 0

    assert (await totals(ledger.engine)).attempts == {"unknown": 1}
    story = await show_invoice(ledger.engine, "INV-1")
    assert story.events[-1].type == "message_unknown"
    assert story.agenda[0].kind == "reconcile_message"


async def test_a_call_that_ended_meanwhile_is_left_alone(ledger: Ledger) -> None:
    (invoice_id,) = await take_in(ledger, row())
    granted = await permitted(ledger, invoice_id, COURTESY_AT)
    await conclude(ledger, granted, Result("accepted"), COURTESY_AT + MINUTE)

    assert await stale_calls(ledger, DIED_AT + MINUTE) == 0
    assert (await totals(ledger.engine)).attempts == {"accepted": 1}


async def test_overdue_are_open_invoices_whose_instant_passed_before_the_grace(ledger: Ledger) -> None:
    late, closed = await take_in(ledger, row("INV-1"), row("INV-2"))
    fact = Fact(e.Cancelled(), COURTESY_AT, Origin("ana", "cli"))
    await record(ledger, closed, [fact], COURTESY_AT)

    grace = timedelta(minutes=10)
    assert await overdue(ledger.engine, COURTESY_AT + grace, grace) == []
    assert await overdue(ledger.engine, COURTESY_AT + grace + MINUTE, grace) == [late]
    assert await open_invoices(ledger.engine) == [late]
