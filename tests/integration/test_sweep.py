"""The sweep mends what no other path would: a workflow of a closed invoice, and its own failures."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text
from temporalio.client import Client, Interceptor, OutboundInterceptor, StartWorkflowInput, WorkflowHandle

from cadence.directive import InvoiceStart
from ledger.access import Ledger
from ledger.keys import workflow_id
from starter.relay import drain
from starter.settings import Settings
from starter.sweep import sweep
from starter.telling import tell
from tests.integration.ledger.playing import take_in
from tests.integration.test_relay import (
    COMPLETED,
    RUNNING,
    becomes,
    client,
    invoice,
    ledger,
    pay,
    running,
    settings,
    status,
    worker,
)
from tests.integration.waiting import eventually
from workflows.converter import DATA_CONVERTER
from workflows.invoice import InvoiceWorkflow

__all__ = ["client", "ledger", "settings"]


async def test_a_workflow_that_a_slow_word_started_for_a_closed_invoice_is_ended(
    ledger: Ledger, client: Client, settings: Settings
) -> None:
    invoice_id = (await take_in(ledger, invoice(), now=datetime.now(UTC)))[0]
    stale = await ledger.directive(invoice_id)
    await pay(ledger, invoice_id)
    await drain(ledger, client, settings.task_queue)
    await client.start_workflow(
        InvoiceWorkflow.run,
        InvoiceStart(directive=stale),
        id=workflow_id(invoice_id),
        task_queue=settings.task_queue,
    )
    async with worker(client, settings.task_queue):

        async def swept_and_ended() -> bool:
            await sweep(ledger, client, settings.task_queue, datetime.now(UTC))
            return await status(client, invoice_id) is COMPLETED

        await eventually(swept_and_ended)


class Before(Interceptor):
    """Lets something happen before the first start of a workflow that goes through the client."""

    def __init__(self, happens: Callable[[], Awaitable[None]]) -> None:
        self.happens = [happens]

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:  # noqa: A002 - the SDK's name
        """Put ours before the next."""
        return _Before(next, self.happens)


class _Before(OutboundInterceptor):
    def __init__(self, after: OutboundInterceptor, happens: list[Callable[[], Awaitable[None]]]) -> None:
        super().__init__(after)
        self.happens = happens

    async def start_workflow(self, input: StartWorkflowInput) -> WorkflowHandle[Any, Any]:  # noqa: A002
        while self.happens:
            await self.happens.pop()()
        return await super().start_workflow(input)


async def test_a_word_that_is_slow_ends_what_it_started_for_an_invoice_that_closed_meanwhile(
    ledger: Ledger, client: Client, settings: Settings
) -> None:
    invoice_id = (await take_in(ledger, invoice(), now=datetime.now(UTC)))[0]
    async with worker(client, settings.task_queue):

        async def started_and_ended_by_another() -> None:
            await drain(ledger, client, settings.task_queue)
            await pay(ledger, invoice_id)
            await drain(ledger, client, settings.task_queue)
            await eventually(becomes(client, invoice_id, COMPLETED))

        before = Before(started_and_ended_by_another)
        slow = Client(client.service_client, data_converter=DATA_CONVERTER, interceptors=[before])
        await tell(ledger, slow, settings.task_queue, [invoice_id])
        await eventually(becomes(client, invoice_id, COMPLETED))


async def test_a_sweep_that_fails_is_not_the_last(ledger: Ledger, client: Client, settings: Settings) -> None:
    invoice_id = (await take_in(ledger, invoice(), now=datetime.now(UTC)))[0]
    await _sql(ledger, "UPDATE outbox SET relayed_at = now()")
    await _sql(ledger, "UPDATE invoice SET directive = directive - 'invoice_id'")
    often = settings.model_copy(update={"sweep_minutes": 0.002})
    async with running(ledger, client, often):
        await asyncio.sleep(1)  # a few sweeps were tried by now
        await _sql(ledger, "UPDATE invoice SET directive = directive || jsonb_build_object('invoice_id', id)")
        await eventually(becomes(client, invoice_id, RUNNING))


async def _sql(ledger: Ledger, statement: str) -> None:
    async with ledger.engine.begin() as connection:
        await connection.execute(text(statement))
