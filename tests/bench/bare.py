"""What Régua is measured against: a timer and a no-op activity for each step, and the simplest worker for it."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import uvloop
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.service import GrpcCompression
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

TASK_QUEUE = "bare"


@activity.defn
async def nothing() -> None:
    """Do nothing."""


@workflow.defn
class BareWorkflow:
    """Waits for instants (seconds since 1970), one after another, and does nothing at each; a signal ends it."""

    def __init__(self) -> None:
        self.finished = False

    @workflow.run
    async def run(self, instants: Sequence[float]) -> None:
        for instant in instants:
            remaining = datetime.fromtimestamp(instant, UTC) - workflow.now()
            try:
                await workflow.wait_condition(lambda: self.finished, timeout=remaining)
            except TimeoutError:
                await workflow.execute_activity(nothing, start_to_close_timeout=timedelta(seconds=30))
            if self.finished:
                return

    @workflow.signal
    def finish(self) -> None:
        """End."""
        self.finished = True


async def connect(address: str) -> Client:
    """A plain client, without the compression that costs more than it saves on loopback: as ours does."""
    return await Client.connect(address, grpc_compression=GrpcCompression.NONE)


async def work(address: str) -> None:
    """Work until told to stop."""
    client = await connect(address)
    sys.stdout.write("bare_ready\n")
    sys.stdout.flush()
    await Worker(
        client,
        task_queue=TASK_QUEUE,
        workflows=[BareWorkflow],
        workflow_runner=UnsandboxedWorkflowRunner(),  # as ours
        activities=[nothing],
    ).run()


if __name__ == "__main__":
    uvloop.run(work(sys.argv[1]))
