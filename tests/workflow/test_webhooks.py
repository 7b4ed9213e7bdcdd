"""An endpoint's workflow: it delivers when told, comes back when due, misses no word, and ends where nothing waits."""

import asyncio
from datetime import UTC, datetime, timedelta

from temporalio.client import Client

from cadence.directive import Deliveries
from tests.workflow.scripted import eventually
from tests.workflow.scripted_endpoint import ENDPOINT, ScriptedEndpoint, delivering, say_waiting


def _later(seconds: float) -> Deliveries:
    return Deliveries(failed=1, next_at=datetime.now(UTC) + timedelta(seconds=seconds))


async def test_it_delivers_what_waits_and_ends(client: Client, task_queue: str) -> None:
    endpoint = ScriptedEndpoint([Deliveries(delivered=2)])
    async with delivering(client, task_queue, endpoint):
        await (await say_waiting(client, task_queue)).result()
    assert endpoint.asked == [ENDPOINT]


async def test_it_comes_back_at_the_instant_of_the_next_delivery(client: Client, task_queue: str) -> None:
    again = _later(1)
    endpoint = ScriptedEndpoint([again])
    async with delivering(client, task_queue, endpoint):
        await (await say_waiting(client, task_queue)).result()
    assert again.next_at is not None
    assert datetime.now(UTC) >= again.next_at
    assert len(endpoint.asked) == 2


async def test_what_is_new_does_not_wait_for_what_is_tried_again_later(
    client: Client, task_queue: str
) -> None:
    endpoint = ScriptedEndpoint([_later(3_600), _later(3_600)])
    async with delivering(client, task_queue, endpoint):
        handle = await say_waiting(client, task_queue)
        await eventually(lambda: len(endpoint.asked) == 1)
        await say_waiting(client, task_queue)
        await eventually(lambda: len(endpoint.asked) == 2)
        await handle.terminate()


async def test_a_word_that_comes_during_a_batch_is_acted_on_after_it(client: Client, task_queue: str) -> None:
    gate = asyncio.Event()
    endpoint = ScriptedEndpoint([Deliveries(delivered=1), Deliveries(delivered=1)], gate)
    async with delivering(client, task_queue, endpoint):
        handle = await say_waiting(client, task_queue)
        await endpoint.begun.wait()
        await say_waiting(client, task_queue)
        gate.set()
        await handle.result()
    assert len(endpoint.asked) == 2


async def test_one_that_ended_is_begun_anew_by_the_next_word(client: Client, task_queue: str) -> None:
    endpoint = ScriptedEndpoint([])
    async with delivering(client, task_queue, endpoint):
        first = await say_waiting(client, task_queue)
        await first.result()
        second = await say_waiting(client, task_queue)
        await second.result()
    assert first.first_execution_run_id != second.first_execution_run_id
    assert len(endpoint.asked) == 2


async def test_many_batches_continue_as_new_and_lose_nothing(client: Client, task_queue: str) -> None:
    batches = [Deliveries(delivered=100, next_at=datetime.now(UTC)) for _ in range(20)]
    endpoint = ScriptedEndpoint(batches)
    async with delivering(client, task_queue, endpoint):
        handle = await say_waiting(client, task_queue)
        await handle.result()
    assert len(endpoint.asked) == 21
    described = await client.get_workflow_handle(handle.id).describe()
    assert described.run_id != handle.first_execution_run_id
