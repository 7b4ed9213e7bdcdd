"""Starts workflows: ours by the import of a file and the relay, bare ones by the same number of plain calls."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from time import perf_counter

from ledger.outbox import waiting
from tests.bench import bare
from tests.bench.invoices import Group, import_group, publish_ruler
from tests.bench.stage import Stage

# As many as the relay has on their way.
AT_ONCE = 20
GLANCE_SECONDS = 0.02


async def start_ours(stage: Stage, group: Group) -> float:
    """Import a group and wait until the relay has started every workflow; invoices a second."""
    path = await publish_ruler(stage, group)
    begun = perf_counter()
    await import_group(stage, path, group)
    await _relayed(stage)
    return group.count / (perf_counter() - begun)


async def _relayed(stage: Stage) -> None:
    while True:
        count, _ = await waiting(stage.ledger.engine)
        if not count:
            return
        await asyncio.sleep(GLANCE_SECONDS)


async def start_bare(stage: Stage, name: str, count: int, instants: Sequence[datetime]) -> float:
    """Start bare workflows that wait for the same instants; starts a second."""
    room = asyncio.Semaphore(AT_ONCE)
    seconds = [instant.timestamp() for instant in instants]

    async def one(workflow_id: str) -> None:
        async with room:
            run = bare.BareWorkflow.run
            await stage.client.start_workflow(run, seconds, id=workflow_id, task_queue=bare.TASK_QUEUE)

    begun = perf_counter()
    await asyncio.gather(*map(one, bare_ids(name, count)))
    return count / (perf_counter() - begun)


def bare_ids(name: str, count: int) -> list[str]:
    """The ids of a group of bare workflows."""
    return [f"bare-{name}-{number}" for number in range(count)]
