"""Performs one step of many workflows at one instant, and reads from their histories what it took."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, func, select
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client

from ledger.tables import invoices, messages
from tests.bench.invoices import Group, workflow_ids
from tests.bench.stage import Stage
from tests.bench.starting import WAITS, bare_ids, grown, start_bare, start_ours

GLANCE_SECONDS = 0.5
PATIENCE_SECONDS = 300
NEXT = timedelta(days=1)
# The events up to the first timer, and those of a step.
WAITS_AGAIN = WAITS + 11
# A provider's first receipt takes about so long; the sandbox's usual 50 ms would overtake its own answer.
RECEIPT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Step:
    """A timer that fired, what was done, and the next timer: when that started, its events and their bytes.

    `shown` of the events show a change of state in Temporal's lists, which an invoice's first message brings.
    """

    done_at: datetime
    events: int
    shown: int
    size: int


@dataclass(frozen=True, slots=True)
class Stepped:
    """A group's steps. `settled_at` is when the last receipt was in the ledger; `cpu` is in seconds by process."""

    first_at: datetime
    steps: Sequence[Step]
    settled_at: datetime
    cpu: dict[str, float]

    @property
    def per_second(self) -> float:
        """Steps a second, from the common instant to the last step's end, by the server's clock."""
        return len(self.steps) / (max(step.done_at for step in self.steps) - self.first_at).total_seconds()

    @property
    def settled_per_second(self) -> float:
        """The same to the last receipt's."""
        return len(self.steps) / (self.settled_at - self.first_at).total_seconds()


async def step_ours(stage: Stage, group: Group) -> Stepped:
    """Let every invoice of the group send its first e-mail, and the sandbox's receipts come in."""
    await _slow_receipts(stage, group)
    await start_ours(stage, group)
    ids = await workflow_ids(stage, group)
    await _all(stage, group, invoices.c.next_at == group.first_at)
    before = await _wait_for(stage, group.first_at)
    settled_at = await _all(stage, group, messages.c.delivery == "delivered")
    await grown(stage, ids, WAITS_AGAIN)
    cpu = _used(before, stage.cpu_seconds())
    steps = [await _first_step(stage.client, each) for each in ids]
    return Stepped(group.first_at, steps, settled_at, cpu)


async def step_bare(stage: Stage, name: str, count: int, first_at: datetime) -> Stepped:
    """Let as many bare workflows do nothing at the same kind of instant."""
    await start_bare(stage, name, count, [first_at, first_at + NEXT])
    ids = bare_ids(name, count)
    before = await _wait_for(stage, first_at)
    await grown(stage, ids, WAITS_AGAIN)
    cpu = _used(before, stage.cpu_seconds())
    steps = [await _first_step(stage.client, each) for each in ids]
    return Stepped(first_at, steps, max(step.done_at for step in steps), cpu)


async def _slow_receipts(stage: Stage, group: Group) -> None:
    habits = {group.email(number): {"delay": RECEIPT_SECONDS} for number in range(group.count)}
    (await stage.sandbox.post("/sandbox/habits", json=habits)).raise_for_status()


async def _wait_for(stage: Stage, instant: datetime) -> dict[str, float]:
    """Wait for the common instant; what the processes had used until then."""
    remaining = (instant - datetime.now(UTC)).total_seconds()
    assert remaining > 0, f"starting took {-remaining:.1f} s longer than was foreseen; nothing was measured"
    await asyncio.sleep(remaining)
    return stage.cpu_seconds()


async def _all(stage: Stage, group: Group, condition: ColumnElement[bool]) -> datetime:
    """Wait until the condition, on the invoice and its message if any, holds for the whole group; when it did."""
    joined = select(func.count()).select_from(invoices).outerjoin(messages)
    wanted = joined.where(invoices.c.number.like(f"{group.name}-%"), condition)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            async with stage.ledger.engine.connect() as connection:
                if (await connection.execute(wanted)).scalar_one() == group.count:
                    return datetime.now(UTC)
            await asyncio.sleep(GLANCE_SECONDS)


async def _first_step(client: Client, workflow_id: str) -> Step:
    """The first step of a workflow that waits for its second."""
    events = (await client.get_workflow_handle(workflow_id).fetch_history()).events
    first, second, *_ = _places(events, EventType.EVENT_TYPE_TIMER_STARTED)
    step = events[first + 1 : second + 1]
    shown = _places(step, EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES)
    done_at = step[-1].event_time.ToDatetime(UTC)
    return Step(done_at, len(step), len(shown), sum(event.ByteSize() for event in step))


def _places(events: Sequence[HistoryEvent], kind: "EventType.ValueType") -> list[int]:
    return [place for place, event in enumerate(events) if event.event_type == kind]


def _used(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    return {name: after[name] - before[name] for name in before}
