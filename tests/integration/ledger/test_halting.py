"""A halt stops sending at the permit; lifting it lets what was deferred go on the same day."""

import pytest

from ledger.access import Ledger
from ledger.database import LedgerError
from ledger.halting import ActiveHalt, halt, halts, unhalt
from ledger.sending import permit
from tests.integration.ledger.playing import ARRIVAL, COURTESY_AT, DAY, MINUTE, order_of, row, send, take_in

SWITCHES = [("all", "all"), ("channel", "email"), ("segment", "standard")]


@pytest.mark.parametrize(("scope", "value"), SWITCHES)
async def test_a_halted_message_waits_and_goes_out_on_the_day_of_the_unhalt(
    ledger: Ledger, scope: str, value: str
) -> None:
    (invoice_id,) = await take_in(ledger, row())
    assert await halt(ledger.engine, scope, value, "ana", "account", COURTESY_AT - MINUTE)
    assert not await halt(ledger.engine, scope, value, "rui", "again", COURTESY_AT)

    refused = await permit(ledger, await order_of(ledger, invoice_id), COURTESY_AT)
    assert (refused.permit, refused.reason) == (None, "halted")
    assert refused.directive.item is not None
    assert refused.directive.item.at > COURTESY_AT + DAY

    assert await unhalt(ledger, scope, value, "ana", COURTESY_AT + 30 * MINUTE) == 1
    assert await halts(ledger.engine) == []
    assert (await order_of(ledger, invoice_id)).at == COURTESY_AT
    await send(ledger, invoice_id, COURTESY_AT + 31 * MINUTE)


async def test_a_halt_says_who_threw_it_and_why(ledger: Ledger) -> None:
    await halt(ledger.engine, "channel", "sms", "ana", "account", ARRIVAL)

    assert await halts(ledger.engine) == [ActiveHalt("channel", "sms", ARRIVAL, "ana", "account")]


async def test_another_segment_is_not_disturbed(ledger: Ledger) -> None:
    (invoice_id,) = await take_in(ledger, row())
    await halt(ledger.engine, "channel", "sms", "ana", "account", ARRIVAL)

    await send(ledger, invoice_id, COURTESY_AT)
    assert await unhalt(ledger, "channel", "sms", "ana", COURTESY_AT) == 0


async def test_a_name_with_a_slip_in_it_is_refused_with_those_that_are_known(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match=r"no segment 'standrad' is known: .*; choose one of: standard"):
        await halt(ledger.engine, "segment", "standrad", "ana", "account", ARRIVAL)
    with pytest.raises(LedgerError, match="no channel 'fax' is known; choose one of: email, sms, whatsapp"):
        await halt(ledger.engine, "channel", "fax", "ana", "account", ARRIVAL)
    with pytest.raises(LedgerError, match="'customer' cannot be halted; choose one of all, channel, segment"):
        await halt(ledger.engine, "customer", "C-1", "ana", "account", ARRIVAL)


async def test_lifting_what_is_not_halted_says_what_is(ledger: Ledger) -> None:
    await halt(ledger.engine, "channel", "sms", "ana", "account", ARRIVAL)

    with pytest.raises(LedgerError, match="the channel 'email' is not halted; halted now: channel sms"):
        await unhalt(ledger, "channel", "email", "ana", ARRIVAL)
