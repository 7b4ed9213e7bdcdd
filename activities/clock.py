"""What time it is for an activity: the server's clock for its workflow, or the instant a rehearsal is playing."""

import asyncio
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from temporalio import activity
from temporalio.exceptions import ApplicationError

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

    async def watch(self, order: ItemOrder) -> Watch:
        """Start from the server's clock, or from the item's instant: the server said that it had come.

        Two hosts of a cluster may differ by milliseconds, and an item is never early for those.
        """
        return ServerWatch(max(activity.info().started_time, order.at))


@dataclass(frozen=True, slots=True)
class StoppedWatch:
    """Shows the one instant that a lane is playing."""

    instant: datetime

    def now(self) -> datetime:
        """That instant."""
        return self.instant


# Well within the time that an attempt has: an attempt that the server gave up must not get its turn after all.
TURN_PATIENCE = 10.0
TURN_PAUSE = 0.02


@dataclass(frozen=True, slots=True)
class LaneClock:
    """The clock of a rehearsal: an item whose timer fires before its lane gives it its turn waits."""

    ledger: Ledger

    async def watch(self, order: ItemOrder) -> Watch:
        """Wait for the item's turn; raise ApplicationError, so that Temporal asks again, where it takes long."""
        played = order.model_copy(update={"at": order.at - self.ledger.shift})
        deadline = time.monotonic() + TURN_PATIENCE
        while time.monotonic() < deadline:
            now = await turn_of(self.ledger.engine, played)
            if now is not None:
                return StoppedWatch(now)
            await asyncio.sleep(TURN_PAUSE)
        message = "it is not the item's turn yet"
        raise ApplicationError(message, type="NotYet", next_retry_delay=timedelta(milliseconds=100))
