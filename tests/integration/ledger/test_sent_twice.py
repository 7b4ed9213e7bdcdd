"""A list that lies: an SMS that was looked for twice, sent again, and reported late is known to have gone twice."""

from datetime import datetime

import pytest

from cadence.words import Channel
from ledger.access import Ledger
from ledger.checks import Check, check_invariants
from ledger.deliveries import Receipt, record_receipts
from ledger.performing import LostMessage, lost_message, settle_lost
from ledger.publishing import publish
from ledger.queries import show_invoice
from ledger.sending import Permit
from tests.integration.ledger.groups import answered, ask, grouping, step_document
from tests.integration.ledger.playing import ARRIVAL, MINUTE, order_of, row, take_in

TWICE = "invoice INV-1: reminder/1 by sms was accepted 2 times: "


async def looked_for_in_vain(ledger: Ledger, invoice_id: int) -> datetime:
    """The provider's list is read twice without it; when it may be sent again."""
    for _ in range(2):
        order = await order_of(ledger, invoice_id)
        lost = await lost_message(ledger, order, order.at)
        assert isinstance(lost, LostMessage)
        await settle_lost(ledger, order, lost, None, order.at)
    return order.at


async def report(ledger: Ledger, granted: Permit, now: datetime) -> None:
    late = Receipt(
        Channel.SMS, "twilio", f"late-{granted.attempt_id}", granted.attempt_id, "SM-1", "delivered"
    )
    await record_receipts(ledger, [late], lambda _receipt: now)


async def found(ledger: Ledger, now: datetime) -> tuple[list[str], list[str]]:
    """What breaks an invariant, and what is a known exception."""
    checks: list[Check] = await check_invariants(ledger.engine, ledger.book, now)
    return [told for each in checks for told in each.violations], [
        told for each in checks for told in each.known
    ]


@pytest.mark.parametrize("answer_first", [True, False], ids=["sent_before_the_receipt", "sent_after_it"])
async def test_a_message_that_went_twice_is_named_and_a_person_is_told(
    ledger: Ledger, answer_first: bool
) -> None:
    await publish(
        ledger.engine, grouping(steps=[step_document("reminder", "due + 1d", "courtesy", ["sms"])]), ARRIVAL
    )
    first, _ = await take_in(ledger, row("INV-1"), row("INV-2"))
    one = (await ask(ledger, first)).permit
    assert one is not None
    await answered(ledger, one, "unknown")
    now = await looked_for_in_vain(ledger, first)
    other = (await ask(ledger, first, now)).permit
    assert other is not None
    assert [item.number for item in other.items] == ["INV-1", "INV-2"]
    if answer_first:
        await answered(ledger, other, "accepted", now)
        await report(ledger, one, now + MINUTE)
    else:
        await report(ledger, one, now)
        await answered(ledger, other, "accepted", now)
    broken, known = await found(ledger, now + MINUTE)
    assert broken == []
    assert [each for each in known if not each.startswith(TWICE)] == []
    assert len(known) == 1
    story = await show_invoice(ledger.engine, "INV-1")
    assert [case.reason for case in story.cases] == ["sent_twice"]


async def test_a_message_that_was_found_after_all_is_no_case(ledger: Ledger) -> None:
    await publish(
        ledger.engine, grouping(steps=[step_document("reminder", "due + 1d", "courtesy", ["sms"])]), ARRIVAL
    )
    (first,) = await take_in(ledger, row("INV-1"))
    one = (await ask(ledger, first)).permit
    assert one is not None
    await answered(ledger, one, "unknown")
    now = await looked_for_in_vain(ledger, first)
    await report(ledger, one, now)
    assert await found(ledger, now + MINUTE) == ([], [])
    assert (await show_invoice(ledger.engine, "INV-1")).cases == ()
