"""Deliver the announcements that wait for one endpoint: of each invoice in order, of many side by side."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from temporalio import activity

from activities.clock import ServerWatch, Watch
from cadence.directive import Deliveries
from channels.webhooks import Letter, WebhookPoster
from ledger.access import Ledger
from ledger.announcing import BACKOFF, Outcome, due_deliveries, next_delivery_at, outgoing, settle

# An endpoint may count on no more posts at a time than this.
AT_ONCE = 8
# After this no post is begun: the batch ends well within the time that it has, and the rest is the next one's.
ENOUGH = timedelta(seconds=60)


@dataclass(slots=True)
class _Batch:
    watch: Watch
    ends_at: datetime
    gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    delivered: int = 0
    failed: int = 0

    def is_over(self) -> bool:
        return self.watch.now() >= self.ends_at or activity.is_worker_shutdown()


@dataclass(frozen=True, slots=True)
class Announcing:
    """Delivers webhooks over one ledger."""

    ledger: Ledger
    poster: WebhookPoster
    backoff: Sequence[timedelta] = BACKOFF

    @activity.defn
    async def deliver_webhooks(self, endpoint_id: int) -> Deliveries:
        """Deliver up to a hundred of what is due to an endpoint, and say when the next is.

        A crash between a post and its mark repeats the post, under the same id.
        """
        watch = ServerWatch(activity.info().started_time)
        batch = _Batch(watch, watch.now() + ENOUGH)
        async with asyncio.TaskGroup() as group:
            for chain in await due_deliveries(self.ledger.engine, endpoint_id, watch.now()):
                group.create_task(self._deliver_in_order(chain, batch))
        next_at = await next_delivery_at(self.ledger.engine, endpoint_id)
        return Deliveries(delivered=batch.delivered, failed=batch.failed, next_at=next_at)

    async def _deliver_in_order(self, chain: Sequence[int], batch: _Batch) -> None:
        """Deliver one invoice's announcements, until one has to wait: the others then wait behind it."""
        for delivery_id in chain:
            async with batch.gate:
                if batch.is_over() or not await self._deliver(delivery_id, batch):
                    return
            activity.heartbeat()

    async def _deliver(self, delivery_id: int, batch: _Batch) -> bool:
        # Read anew for each post: an endpoint that was paused or disabled meanwhile hears no more.
        told = await outgoing(self.ledger.engine, delivery_id)
        if told is None:
            return False
        letter = Letter(told.url, told.secret, told.webhook_id, told.body)
        answer = await self.poster.post(letter, batch.watch.now())
        batch.delivered += answer.delivered
        batch.failed += not answer.delivered
        outcome = Outcome(answer.code, answer.delivered, answer.gone, answer.retry_after)
        return await settle(self.ledger.engine, delivery_id, outcome, batch.watch.now(), self.backoff)
