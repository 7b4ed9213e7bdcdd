"""A ledger in memory that answers as the real one would: directives in, activities by name, nothing else."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from temporalio import activity
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import Worker

from cadence.directive import Directive, InvoiceStart, Item, ItemKind, ItemOrder, RecordOrder, SignalNote
from workflows.invoice import InvoiceWorkflow

INVOICE = 7


@dataclass
class ScriptedLedger:
    """Holds one invoice's agenda. A payment closes it, a pause hides the agenda, a resume shows it again.

    An item whose key is in `gates` is under way until its event is set; one in `answers` is found stale, and is
    answered with that directive once. Without `consumes` the ledger answers
    with the same directive, which no real one does.
    """

    agenda: list[Item]
    version: int = 1
    closed: bool = False
    paused: bool = False
    consumes: bool = True
    performed: list[str] = field(default_factory=list)
    recorded: list[SignalNote] = field(default_factory=list)
    gates: dict[str, asyncio.Event] = field(default_factory=dict)
    answers: dict[str, Directive] = field(default_factory=dict)
    begun: asyncio.Event = field(default_factory=asyncio.Event)

    def directive(self) -> Directive:
        """What the workflow is to be told now."""
        item = self.agenda[0] if self.agenda and not (self.closed or self.paused) else None
        state = "paid" if self.closed else "on_hold" if self.paused else "active"
        return Directive(invoice_id=INVOICE, version=self.version, state=state, item=item, closed=self.closed)

    def change(self, **changes: bool) -> Directive:
        """Something happened: the directive that follows, one version on."""
        for name, value in changes.items():
            setattr(self, name, value)
        self.version += 1
        return self.directive()

    async def perform(self, order: ItemOrder) -> Directive:
        """Perform the item if it is what the workflow was told last."""
        self.begun.set()
        if gate := self.gates.get(order.key):
            await gate.wait()
        if order.key in self.answers:
            return self.answers.pop(order.key)
        told = self.directive().item
        if told and (told.key, told.at) == (order.key, order.at):
            self.performed.append(order.key)
            if self.consumes:
                self.agenda.pop(0)
                self.version += 1
        return self.directive()

    @activity.defn
    async def send_email(self, order: ItemOrder) -> Directive:
        """The sending activity of the e-mail queue."""
        return await self.perform(order)

    @activity.defn
    async def open_case(self, order: ItemOrder) -> Directive:
        """An activity of the main queue."""
        return await self.perform(order)

    @activity.defn
    async def record_signals(self, order: RecordOrder) -> Directive:
        """Take note of signals."""
        self.recorded += order.notes
        names = {note.name for note in order.notes}
        if "payment_received" in names:
            return self.change(closed=True)
        if names & {"pause", "resume"}:
            return self.change(paused=order.notes[-1].name == "pause")
        return self.directive()


def due(key: str, *, seconds: float = 0, kind: ItemKind = ItemKind.SEND_EMAIL) -> Item:
    """An item that falls due `seconds` from now."""
    return Item(key=key, kind=kind, at=datetime.now(UTC) + timedelta(seconds=seconds))


@asynccontextmanager
async def working(
    client: Client, task_queue: str, ledger: ScriptedLedger, *, queues: tuple[str, ...] = ("", "-email")
) -> AsyncIterator[None]:
    """Workers for the queues named, without a cache: every workflow task replays the whole history."""
    running = [_worker(client, task_queue, ledger, queue) for queue in queues]
    async with asyncio.TaskGroup() as group:
        for worker in running:
            group.create_task(worker.run())
        try:
            yield
        finally:
            await asyncio.gather(*(worker.shutdown() for worker in running))


def _worker(client: Client, task_queue: str, ledger: ScriptedLedger, queue: str) -> Worker:
    if queue:
        return Worker(client, task_queue=task_queue + queue, activities=[ledger.send_email])
    return Worker(
        client,
        task_queue=task_queue,
        workflows=[InvoiceWorkflow],
        activities=[ledger.open_case, ledger.record_signals],
        max_cached_workflows=0,
    )


Handle = WorkflowHandle[InvoiceWorkflow, None]


async def start(client: Client, task_queue: str, directive: Directive) -> Handle:
    """Start the invoice's workflow as the relay does, under an id of this test's own."""
    handle: Handle = await client.start_workflow(
        InvoiceWorkflow.run,
        InvoiceStart(directive=directive),
        id=f"invoice-{task_queue}",
        task_queue=task_queue,
    )
    return handle


async def eventually(true: Callable[[], bool], within: float = 30.0) -> None:
    """Wait until `true()`; fail after `within` seconds: longer than the ten that Temporal gives a workflow task.

    A task that a worker loses while it evicts the run is not wrong, only late: it times out and is given again.
    """
    deadline = asyncio.get_running_loop().time() + within
    while not true():
        assert asyncio.get_running_loop().time() < deadline, "it did not happen in time"
        await asyncio.sleep(0.02)
