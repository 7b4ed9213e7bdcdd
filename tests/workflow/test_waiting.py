"""The workflow waits for its directive's instant, performs the item once, and obeys the newest word."""

from datetime import timedelta

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client
from temporalio.testing import TimeSkipper

from cadence.directive import ItemKind
from tests.workflow.scripted import ScriptedLedger, due, eventually, start, working

DAY = 86_400.0


async def test_an_item_is_performed_at_its_instant_and_not_before(client: Client, task_queue: str) -> None:
    ledger = ScriptedLedger([due("courtesy", seconds=60 * DAY)])
    skipper = TimeSkipper(client)
    async with working(client, task_queue, ledger):
        handle = await start(client, task_queue, ledger.directive())
        await skipper.fast_forward(handle, timedelta(days=59))
        assert ledger.performed == []
        await skipper.fast_forward(handle, timedelta(days=1))
        await eventually(lambda: ledger.performed == ["courtesy"])
        await handle.signal("directive", ledger.change(closed=True))
        await handle.result()


async def test_each_item_goes_to_the_queue_of_its_activity(client: Client, task_queue: str) -> None:
    ledger = ScriptedLedger([due("letter"), due("case", kind=ItemKind.OPEN_CASE), due("last")])
    async with working(client, task_queue, ledger):
        handle = await start(client, task_queue, ledger.directive())
        await eventually(lambda: ledger.performed == ["letter", "case", "last"])
        await handle.signal("directive", ledger.change(closed=True))
        await handle.result()
    queues = {
        event.activity_task_scheduled_event_attributes.activity_type.name: (
            event.activity_task_scheduled_event_attributes.task_queue.name
        )
        async for event in handle.fetch_history_events()
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
    }
    assert queues == {"send_email": f"{task_queue}-email", "open_case": task_queue}


async def test_an_equal_directive_is_not_performed_again(client: Client, task_queue: str) -> None:
    ledger = ScriptedLedger([due("courtesy")], consumes=False)
    async with working(client, task_queue, ledger):
        handle = await start(client, task_queue, ledger.directive())
        await eventually(lambda: ledger.performed == ["courtesy"])
        await handle.signal("directive", ledger.directive())
        await handle.signal("directive", ledger.change(closed=True))
        await handle.result()
    assert ledger.performed == ["courtesy"]


@pytest.mark.parametrize("version", [1, 2])
async def test_an_older_version_is_ignored(client: Client, task_queue: str, version: int) -> None:
    ledger = ScriptedLedger([due("courtesy", seconds=DAY)], version=3)
    async with working(client, task_queue, ledger):
        handle = await start(client, task_queue, ledger.directive())
        stale = ledger.directive().model_copy(update={"version": version, "closed": True, "item": None})
        await handle.signal("directive", stale)
        assert (await handle.query("current_directive"))["version"] == 3
        await handle.signal("directive", ledger.change(closed=True))
        await handle.result()
    assert ledger.performed == []


async def test_a_newer_directive_moves_the_item_that_is_waited_for(client: Client, task_queue: str) -> None:
    ledger = ScriptedLedger([due("courtesy", seconds=DAY)])
    async with working(client, task_queue, ledger):
        handle = await start(client, task_queue, ledger.directive())
        ledger.agenda = [due("brought-forward")]
        await handle.signal("directive", ledger.change())
        await eventually(lambda: ledger.performed == ["brought-forward"])
        await handle.signal("directive", ledger.change(closed=True))
        await handle.result()


async def test_a_step_costs_eleven_events_of_history(client: Client, task_queue: str) -> None:
    ledger = ScriptedLedger([due(f"step-{number}", seconds=1.2 * number) for number in (1, 2, 3)])
    async with working(client, task_queue, ledger):
        handle = await start(client, task_queue, ledger.directive())
        await eventually(lambda: len(ledger.performed) == 3)
        await handle.query("current_directive")  # settled: the workflow waits for word
        await handle.signal("directive", ledger.change(closed=True))
        await handle.result()
    history = [event.event_type async for event in handle.fetch_history_events()]
    *_, second, third = [
        place for place, kind in enumerate(history) if kind == EventType.EVENT_TYPE_TIMER_FIRED
    ]
    assert third - second == 11
    told = history.index(EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED)
    assert told - third == 10  # the last item is followed by no timer
