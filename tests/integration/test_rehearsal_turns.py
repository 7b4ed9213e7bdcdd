"""Turns: in a rehearsal an item is performed when its lane comes to it, whenever its timer fires."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest
from temporalio.exceptions import ApplicationError

from activities import clock
from activities.clock import LaneClock
from cadence.directive import Item, ItemOrder
from ledger.access import Ledger
from ledger.database import connect
from ledger.publishing import publish
from ledger.turns import directive_changes, prepare_turns, set_turn
from starter.rehearsal.watching import Directives
from tests.integration.ledger.playing import ARRIVAL, COURTESY_AT, CREDITOR, row, ruler, send, take_in

SHIFT = timedelta(days=-3650)
pytestmark = pytest.mark.alters_database  # the table of turns


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    """Two invoices of one customer, on a calendar that the server's clock knows nothing of."""
    ledger = Ledger(connect(database_url, pool_size=4), CREDITOR, SHIFT)
    await prepare_turns(ledger.engine)
    await publish(ledger.engine, ruler(), ARRIVAL)
    await take_in(ledger, row("A-1"), row("A-2"))
    yield ledger
    await ledger.engine.dispose()


@pytest.fixture
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "TURN_PATIENCE", 0.2)


async def asked(ledger: Ledger, number: str) -> tuple[int, ItemOrder, Item]:
    """Our id of an invoice, what its workflow asks for, and the same item on the calendar that is played."""
    invoice_id = await ledger.invoice_id(number)
    told = (await ledger.directive(invoice_id)).item
    assert told is not None
    order = ItemOrder(invoice_id=invoice_id, key=told.key, at=told.at)
    return invoice_id, order, told.model_copy(update={"at": told.at - SHIFT})


async def give_turn(ledger: Ledger, number: str, item: Item, now: datetime) -> None:
    invoice_id = await ledger.invoice_id(number)
    customer_id = await ledger.customer_id("C-1")
    await set_turn(ledger.engine, {customer_id}, now, invoice_id, item)


async def test_an_item_that_has_its_turn_is_performed_at_the_lanes_instant(ledger: Ledger) -> None:
    _, order, item = await asked(ledger, "A-1")
    await give_turn(ledger, "A-1", item, COURTESY_AT)
    assert (await LaneClock(ledger).watch(order)).now() == COURTESY_AT


async def test_an_item_waits_for_its_turn_while_another_invoice_has_it(ledger: Ledger) -> None:
    _, first, own = await asked(ledger, "A-1")
    _, _, other = await asked(ledger, "A-2")
    await give_turn(ledger, "A-2", other, COURTESY_AT)
    waiting = asyncio.create_task(LaneClock(ledger).watch(first))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    await give_turn(ledger, "A-1", own, COURTESY_AT)
    assert (await waiting).now() == COURTESY_AT


async def test_an_item_whose_turn_is_long_in_coming_is_asked_for_again(
    ledger: Ledger, short_patience: None
) -> None:
    _, order, _ = await asked(ledger, "A-1")
    with pytest.raises(ApplicationError, match="not the item's turn yet") as caught:
        await LaneClock(ledger).watch(order)
    assert not caught.value.non_retryable


async def test_an_order_that_the_ledger_no_longer_stands_by_need_not_wait(ledger: Ledger) -> None:
    _, order, item = await asked(ledger, "A-1")
    _, _, other = await asked(ledger, "A-2")
    await give_turn(ledger, "A-2", other, COURTESY_AT)
    stale = order.model_copy(update={"key": "gone/1/email"})
    assert (await LaneClock(ledger).watch(stale)).now() == COURTESY_AT
    moved = order.model_copy(update={"at": order.at + timedelta(days=1)})
    assert (await LaneClock(ledger).watch(moved)).now() == COURTESY_AT
    assert item.key == order.key


async def test_the_database_says_which_directives_change(ledger: Ledger) -> None:
    invoice_id, _, _ = await asked(ledger, "A-2")
    async with directive_changes(ledger.engine) as changes:
        await send(ledger, invoice_id, COURTESY_AT)
        assert await asyncio.wait_for(anext(changes), 5) == invoice_id


async def test_a_lane_notices_what_moved_on_before_it_began_to_wait(ledger: Ledger) -> None:
    invoice_id, _, item = await asked(ledger, "A-1")
    await send(ledger, invoice_id, COURTESY_AT)
    async with Directives(ledger).moving_on(invoice_id, item) as moved, asyncio.timeout(5):
        await moved()


async def test_who_waits_for_an_item_goes_on_once_it_is_done(ledger: Ledger) -> None:
    invoice_id, _, item = await asked(ledger, "A-1")
    directives = Directives(ledger)
    async with directives.watched(), directives.moving_on(invoice_id, item) as moved:
        await send(ledger, invoice_id, COURTESY_AT)
        await asyncio.wait_for(moved(), 5)
    assert (await directives.of([invoice_id]))[invoice_id].directive.item != item


async def test_a_directive_that_no_workflow_has_heard_is_known_to_be_owed(ledger: Ledger) -> None:
    invoice_id, _, _ = await asked(ledger, "A-1")
    assert (await Directives(ledger).of([invoice_id]))[invoice_id].untold
