"""Invariant 5: looks for personal data in everything that Temporal keeps of our workflows."""

import json
from collections.abc import AsyncIterator, Collection

from temporalio.client import Client, WorkflowExecution

from ledger.checks import Check

TITLE = "No name, address or phone number is in a Temporal history, memo, search attribute or failure"


async def check_histories(client: Client, task_queue: str, needles: Collection[str]) -> Check:
    """Search the histories and the descriptions of a task queue's workflows, closed ones too; name those by id."""
    wanted = [form.encode() for needle in needles for form in {needle, json.dumps(needle)[1:-1]}]
    checked, violations = 0, []
    async for workflow in client.list_workflows(f"TaskQueue = '{task_queue}'", page_size=1_000):
        checked += 1
        async for part in _kept(client, workflow):
            if any(needle in part for needle in wanted):
                violations.append(f"{workflow.id} run {workflow.run_id}")
                break
    return Check(number=5, title=TITLE, checked=checked, violations=tuple(violations), known=())


async def _kept(client: Client, workflow: WorkflowExecution) -> AsyncIterator[bytes]:
    """What Temporal's lists show of a workflow, and then its history."""
    yield workflow.raw_info.SerializeToString()
    history = await client.get_workflow_handle(workflow.id, run_id=workflow.run_id).fetch_history()
    yield b"".join(event.SerializeToString() for event in history.events)
