"""The life of one endpoint that hears of invoices: deliver what waits, and come back when the ledger says."""

from contextlib import suppress
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from cadence.directive import Deliveries, EndpointStart

# Beside the workflow's own queue: an endpoint that is slow takes no slot of a send.
QUEUE = "-webhooks"
# A batch begins no post after a minute, and a post takes ten seconds; it says that it lives after each.
BATCH_TIMEOUT = timedelta(minutes=3)
HEARTBEAT_TIMEOUT = timedelta(seconds=30)
# A ledger that is away is asked again for as long as it takes. An endpoint that is away is no failure of the activity.
PATIENCE = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1))


@workflow.defn
class WebhookEndpointWorkflow:
    """Keeps time for one endpoint. It ends where nothing waits; the relay's next word begins it anew."""

    @workflow.init
    def __init__(self, start: EndpointStart) -> None:
        self.endpoint_id = start.endpoint_id
        self.told = start.told
        self.next_at = start.next_at

    @workflow.run
    async def run(self, _start: EndpointStart) -> None:
        while await self.something_is_due():
            if workflow.info().is_continue_as_new_suggested():
                self.continue_as_new()
            await self.deliver()

    async def something_is_due(self) -> bool:
        """Wait for the relay's word or for the instant of the next delivery; False where there is none to wait for."""
        if not self.told and self.next_at is not None:
            remaining = self.next_at - workflow.now()
            if remaining > timedelta(0):
                with suppress(TimeoutError):
                    await workflow.wait_condition(lambda: self.told, timeout=remaining)
        # Nothing is awaited between this look and the end: a word that comes meanwhile undoes the end.
        return self.told or self.next_at is not None

    def continue_as_new(self) -> None:
        """Start over with a short history; a word that was not acted on travels along."""
        workflow.continue_as_new(
            EndpointStart(endpoint_id=self.endpoint_id, told=self.told, next_at=self.next_at)
        )

    async def deliver(self) -> None:
        """Let a batch be delivered. A word that comes meanwhile may be of what the batch did not see, and stays."""
        self.told = False
        batch = await workflow.execute_activity(
            "deliver_webhooks",
            self.endpoint_id,
            result_type=Deliveries,
            task_queue=workflow.info().task_queue + QUEUE,
            start_to_close_timeout=BATCH_TIMEOUT,
            heartbeat_timeout=HEARTBEAT_TIMEOUT,
            retry_policy=PATIENCE,
        )
        self.next_at = batch.next_at

    @workflow.signal
    def deliveries_waiting(self) -> None:
        """The relay says that something waits."""
        self.told = True
