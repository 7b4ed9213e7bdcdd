"""The sweep: finds open invoices whose workflow is missing or late, and tells them what holds."""

from datetime import datetime, timedelta

from temporalio.client import Client

from ledger import idempotency, inbox, outbox
from ledger.access import Ledger
from ledger.keys import invoice_of, workflow_id
from ledger.repair import open_invoices, overdue, stale_calls
from starter.telling import tell

GRACE = timedelta(minutes=10)
BATCH = 500
# How long what was relayed or processed can be looked up; the event log has it for ever.
KEPT = timedelta(days=7)


async def sweep(ledger: Ledger, client: Client, task_queue: str, now: datetime) -> int:
    """Tell every open invoice that has no running workflow, or whose instant passed ten minutes ago; how many.

    Calls that nobody finished are settled as unknown first, so that what follows from them is told as well.
    A closed invoice whose workflow still runs is told, too: a word that was slow on its way can start one anew.
    """
    await stale_calls(ledger, now)
    await outbox.forget(ledger.engine, now - KEPT)
    await inbox.forget(ledger.engine, now - KEPT)
    await idempotency.forget(ledger.engine, now)
    running = await _running(client, task_queue)
    known = await open_invoices(ledger.engine)
    missing = {each for each in known if workflow_id(each) not in running}
    left_over = {each for name in running if (each := invoice_of(name)) is not None} - set(known)
    late = await overdue(ledger.engine, now, GRACE)
    wanted = sorted({*missing, *late, *left_over})
    told = 0
    for start in range(0, len(wanted), BATCH):
        told += len((await tell(ledger, client, task_queue, wanted[start : start + BATCH])).told)
    return told


async def without_workflow(ledger: Ledger, client: Client, task_queue: str) -> list[int]:
    """Our ids of the open invoices for which no workflow runs on the task queue."""
    running = await _running(client, task_queue)
    return [each for each in await open_invoices(ledger.engine) if workflow_id(each) not in running]


async def _running(client: Client, task_queue: str) -> set[str]:
    """The ids of the workflows that run on the task queue."""
    wanted = f"TaskQueue = '{task_queue}' AND ExecutionStatus = 'Running'"
    return {workflow.id async for workflow in client.list_workflows(wanted, page_size=1_000)}
