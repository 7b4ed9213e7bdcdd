"""Deliveries of an endpoint without a ledger: batches that were written down beforehand, and the workers for them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from temporalio import activity
from temporalio.client import Client, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.worker import Worker

from cadence.directive import Deliveries, EndpointStart
from workflows.webhooks import QUEUE, WebhookEndpointWorkflow

ENDPOINT = 3
Handle = WorkflowHandle[WebhookEndpointWorkflow, None]


@dataclass
class ScriptedEndpoint:
    """Answers with `batches`, one after another, then with nothing waiting. The first waits for `gate`, if there is one."""

    batches: list[Deliveries]
    gate: asyncio.Event | None = None
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[int] = field(default_factory=list)

    @activity.defn
    async def deliver_webhooks(self, endpoint_id: int) -> Deliveries:
        """The activity of the endpoints' own queue."""
        self.asked.append(endpoint_id)
        self.begun.set()
        if self.gate and len(self.asked) == 1:
            await self.gate.wait()
        return self.batches.pop(0) if self.batches else Deliveries()


@asynccontextmanager
async def delivering(client: Client, task_queue: str, endpoint: ScriptedEndpoint) -> AsyncIterator[None]:
    """Workers for both queues, without a cache: every workflow task replays the whole history."""
    team = (
        Worker(client, task_queue=task_queue, workflows=[WebhookEndpointWorkflow], max_cached_workflows=0),
        Worker(client, task_queue=task_queue + QUEUE, activities=[endpoint.deliver_webhooks]),
    )
    async with asyncio.TaskGroup() as group:
        for worker in team:
            group.create_task(worker.run())
        try:
            yield
        finally:
            await asyncio.gather(*(worker.shutdown() for worker in team))


async def say_waiting(client: Client, task_queue: str) -> Handle:
    """Tell the endpoint's workflow as the relay does, under an id of this test's own."""
    handle: Handle = await client.start_workflow(
        WebhookEndpointWorkflow.run,
        EndpointStart(endpoint_id=ENDPOINT),
        id=f"webhooks-{task_queue}",
        task_queue=task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        start_signal="deliveries_waiting",
    )
    return handle
