"""Tells the workflows of endpoints that something waits for them."""

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta

import structlog
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.service import RPCError

from cadence.directive import EndpointStart
from ledger.access import Ledger
from ledger.announcing import endpoints_stalled, endpoints_waiting, mark_told
from ledger.keys import endpoint_workflow_id
from starter.draining import POLL_SECONDS
from starter.telling import RPC_TIMEOUT
from workflows.webhooks import WebhookEndpointWorkflow

log = structlog.get_logger()

# A batch takes less; what waits longer has nobody who looks after it.
STALLED = timedelta(minutes=10)


async def keep_endpoints_told(ledger: Ledger, client: Client, task_queue: str, stop: asyncio.Event) -> None:
    """Tell endpoints until `stop` is set: each second, so that a busy hour costs a history no more words than that."""
    while not stop.is_set():
        try:
            await tell_endpoints(ledger, client, task_queue)
        except Exception as error:  # noqa: BLE001 - whatever it was, this word must not be the last
            log.warning("endpoints_wait", reason=type(error).__name__)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), POLL_SECONDS)


async def tell_endpoints(ledger: Ledger, client: Client, task_queue: str) -> int:
    """Tell each endpoint's workflow that has something new waiting, once; how many were told.

    The mark is set after the word: a crash in between tells a workflow twice, which does no harm.
    """
    told = 0
    for endpoint_id, delivery_ids in (await endpoints_waiting(ledger.engine)).items():
        if await _could_tell(client, task_queue, endpoint_id):
            await mark_told(ledger.engine, delivery_ids)
            told += 1
    return told


async def wake_endpoints(ledger: Ledger, client: Client, task_queue: str, now: datetime) -> int:
    """Tell the workflows of endpoints whose deliveries are late, should they have been ended by hand; how many."""
    stalled = await endpoints_stalled(ledger.engine, now - STALLED)
    return sum([await _could_tell(client, task_queue, endpoint_id) for endpoint_id in stalled])


async def _could_tell(client: Client, task_queue: str, endpoint_id: int) -> bool:
    """Whether an endpoint's workflow could be told; one that cannot (it was told too much) stops no other."""
    try:
        await _tell_endpoint(client, task_queue, endpoint_id)
    except RPCError as error:
        log.warning("endpoint_waits", endpoint=endpoint_id, reason=error.status.name.lower())
        return False
    return True


async def _tell_endpoint(client: Client, task_queue: str, endpoint_id: int) -> None:
    await client.start_workflow(
        WebhookEndpointWorkflow.run,
        EndpointStart(endpoint_id=endpoint_id),
        id=endpoint_workflow_id(endpoint_id),
        task_queue=task_queue,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        start_signal="deliveries_waiting",
        static_summary=f"Webhooks of endpoint {endpoint_id}",
        rpc_timeout=RPC_TIMEOUT,
    )
