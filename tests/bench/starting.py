"""Starts workflows: ours by the import of a file and the relay, bare ones by the same number of plain calls.

To start one is a promise: the server has it, and a worker has yet to run it up to its first timer.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter

from ledger.outbox import waiting
from tests.bench import bare
from tests.bench.invoices import Group, import_group, publish_ruler, workflow_ids
from tests.bench.stage import Stage

# As many as the relay has on their way.
AT_ONCE = 20
GLANCE_SECONDS = 0.02
# Started, a task scheduled, started and completed, a timer started.
WAITS = 5


@dataclass(frozen=True, slots=True)
class Started:
    """How many a second were started, and how many until each of them waited on its timer."""

    per_second: float
    waiting_per_second: float


async def start_ours(stage: Stage, group: Group) -> Started:
    """Import a group, and wait until the relay has started every workflow and each waits."""
    path = await publish_ruler(stage, group)
    begun = perf_counter()
    await import_group(stage, path, group)
    await _relayed(stage)
    started = perf_counter()
    await grown(stage, await workflow_ids(stage, group), WAITS)
    return Started(group.count / (started - begun), group.count / (perf_counter() - begun))


async def _relayed(stage: Stage) -> None:
    while True:
        count, _ = await waiting(stage.ledger.engine)
        if not count:
            return
        await asyncio.sleep(GLANCE_SECONDS)


async def start_bare(stage: Stage, name: str, count: int, instants: Sequence[datetime]) -> Started:
    """Start as many bare workflows, to wait for these instants."""
    room = asyncio.Semaphore(AT_ONCE)
    seconds = [instant.timestamp() for instant in instants]

    async def one(workflow_id: str) -> None:
        async with room:
            run = bare.BareWorkflow.run
            await stage.client.start_workflow(run, seconds, id=workflow_id, task_queue=bare.TASK_QUEUE)

    begun, ids = perf_counter(), bare_ids(name, count)
    await asyncio.gather(*map(one, ids))
    started = perf_counter()
    await grown(stage, ids, WAITS)
    return Started(count / (started - begun), count / (perf_counter() - begun))


async def grown(stage: Stage, ids: Sequence[str], events: int) -> None:
    """Wait until every workflow's history has at least so many events."""
    # The last to start is among the last to be run, so that the others are seldom asked in vain.
    for each in reversed(ids):
        while await _length(stage, each) < events:  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(GLANCE_SECONDS)


async def _length(stage: Stage, workflow_id: str) -> int:
    return (await stage.client.get_workflow_handle(workflow_id).describe()).history_length


def bare_ids(name: str, count: int) -> list[str]:
    """The ids of a group of bare workflows."""
    return [f"bare-{name}-{number}" for number in range(count)]
