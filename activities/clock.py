"""What time it is for an activity: the server's clock for its workflow, or the instant a rehearsal is playing."""

import asyncio
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from temporalio import activity

from cadence.directive import ItemOrder
from ledger.access import Ledger
from ledger.turns import turn_of


class Watch(Protocol):
    """Runs while one attempt of an activity runs."""

    def now(self) -> datetime:
        """The aware instant."""
        ...


class Clock(Protocol):
    """Where an activity asks for the time."""

    async def watch(self, order: ItemOrder) -> Watch:
        """A watch for one attempt at performing an item."""
        ...


@dataclass(frozen=True, slots=True)
class ServerWatch:
    """The instant at which the server started this attempt, and what passed here since.

    Right in production and under time skipping, and fresh on each retry; an item's own instant would be stale.
    """

    started: datetime
    begun: float = field(default_factory=time.monotonic)

    def now(self) -> datetime:
        """The server's start of the attempt, plus the seconds it has run."""
        return self.started + timedelta(seconds=time.monotonic() - self.begun)


class ServerClock:
    """The clock of production."""

    async def watch(self, _order: ItemOrder) -> Watch:
        """Start from the server's clock."""
        return ServerWatch(activity.info().started_time)


@dataclass(frozen=True, slots=True)
class StoppedWatch:
    """Shows the one instant that a lane is playing."""

    instant: datetime

    def now(self) -> datetime:
        """That instant."""
        return self.instant


@dataclass(frozen=True, slots=True)
class LaneClock:
    """The clock of a rehearsal: an item whose timer fires before its customer's lane comes to it waits."""

    ledger: Ledger

    async def watch(self, order: ItemOrder) -> Watch:
        """Wait until the lane has come to the item's instant."""
        while True:
            now = await turn_of(self.ledger.engine, order.invoice_id)
            if now is not None and now >= order.at - self.ledger.shift:
                return StoppedWatch(now)
            await asyncio.sleep(0.01)
