"""What happens beside an activity that is pending: a payment must not queue behind a slow send."""

import asyncio

import pytest
from temporalio.client import Client
from temporalio.common import SearchAttributeKey

from tests.workflow.scripted import ScriptedLedger, due, eventually, start, working
from workflows.invoice import InvoiceWorkflow

PAYMENT = {"id": "p1", "amount": "120.50", "currency": "EUR"}
MAIN_ONLY = ("",)


async def test_a_payment_beside_a_send_under_way_is_recorded_at_once(client: Client, task_queue: str) -> None:
    ledger = ScriptedLedger([due("courtesy")])
    gate = ledger.gates["courtesy"] = asyncio.Event()
    async with working(client, task_queue, ledger):
        handle = await start(client, task_queue, ledger.directive())
        await ledger.begun.wait()
        await handle.signal("payment_received", PAYMENT)
        await eventually(lambda: ledger.closed)
        assert ledger.performed == []
        gate.set()
        await handle.result()
    assert ledger.performed == []


async def test_a_payment_calls_off_a_send_that_waits_in_its_queue(client: Client, task_queue: str) -> None:
    ledger = ScriptedLedger([due("courtesy")])
    async with working(client, task_queue, ledger, queues=MAIN_ONLY):
        handle = await start(client, task_queue, ledger.directive())
        await handle.query("current_directive")  # the send is pending now
        await handle.signal("payment_received", PAYMENT)
        await handle.result()
    assert not ledger.begun.is_set()


@pytest.mark.parametrize("first", [True, False])
async def test_a_newer_directive_calls_off_a_send_that_waits_in_its_queue(
    client: Client, task_queue: str, first: bool
) -> None:
    """Whether the directive comes before the workflow's first task or once the send is pending."""
    ledger = ScriptedLedger([due("courtesy")])
    handle = await start(client, task_queue, ledger.directive())
    if first:
        await handle.signal("directive", ledger.change(closed=True))
    async with working(client, task_queue, ledger, queues=MAIN_ONLY):
        if not first:
            await handle.query("current_directive")
            await handle.signal("directive", ledger.change(closed=True))
        await handle.result()
    assert not ledger.begun.is_set()


async def test_an_item_called_off_by_a_pause_is_performed_after_the_resumption(
    client: Client, task_queue: str
) -> None:
    """The planner gives the same item at the same instant again: it was called off, not performed."""
    ledger = ScriptedLedger([due("courtesy")])
    async with working(client, task_queue, ledger, queues=MAIN_ONLY):
        handle = await start(client, task_queue, ledger.directive())
        await handle.query("current_directive")  # the send is pending now
        await handle.signal("pause", {"id": "h1"})
        await eventually(lambda: ledger.paused)
        async with working(client, task_queue, ledger, queues=("-email",)):
            await handle.signal("resume", {"id": "r1"})
            await eventually(lambda: ledger.performed == ["courtesy"])
            await handle.signal("payment_received", PAYMENT)
            await handle.result()


async def test_an_item_that_was_stale_when_it_ran_is_performed_once_it_holds_again(
    client: Client, task_queue: str
) -> None:
    """A hold recorded while the send was on its way, and lifted before the relay could tell of it."""
    ledger = ScriptedLedger([due("courtesy")])
    gate = ledger.gates["courtesy"] = asyncio.Event()
    async with working(client, task_queue, ledger):
        handle = await start(client, task_queue, ledger.directive())
        await ledger.begun.wait()
        ledger.change(paused=True)
        gate.set()
        while (await handle.query(InvoiceWorkflow.current_directive)).version < 2:  # noqa: ASYNC110 - Temporal has no event for it
            await asyncio.sleep(0.05)
        await handle.signal("directive", ledger.change(paused=False))
        await eventually(lambda: ledger.performed == ["courtesy"])
        await handle.signal("payment_received", PAYMENT)
        await handle.result()


async def test_a_directive_newer_than_the_answer_of_a_stale_send_is_obeyed(
    client: Client, task_queue: str
) -> None:
    ledger = ScriptedLedger([due("courtesy")])
    gate = ledger.gates["courtesy"] = asyncio.Event()
    async with working(client, task_queue, ledger):
        handle = await start(client, task_queue, ledger.directive())
        await ledger.begun.wait()
        paused = ledger.change(paused=True)
        ledger.answers["courtesy"] = paused
        await handle.signal("directive", ledger.change(paused=False))
        await handle.query("current_directive")
        gate.set()
        await eventually(lambda: ledger.performed == ["courtesy"])
        await handle.signal("payment_received", PAYMENT)
        await handle.result()


async def test_lists_show_the_state_that_the_ledger_told_last(client: Client, task_queue: str) -> None:
    ledger = ScriptedLedger([due("courtesy", seconds=3_600)])
    async with working(client, task_queue, ledger):
        handle = await start(client, task_queue, ledger.directive())
        await handle.signal("payment_received", PAYMENT)
        await handle.result()
    shown = (await handle.describe()).typed_search_attributes
    assert shown.get(SearchAttributeKey.for_keyword("ReguaState")) == "paid"
