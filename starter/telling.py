"""Tells workflows their current directives: the one path by which they start, go on, stop and reopen."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from temporalio.client import Client
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.service import RPCError, RPCStatusCode

from cadence.directive import Directive, InvoiceStart
from ledger.access import Ledger
from ledger.directives import Word, words
from ledger.keys import workflow_id
from workflows.attributes import CUSTOMER, SEGMENT, STATE
from workflows.invoice import InvoiceWorkflow

AT_ONCE = 20
# The version of the directive that an invoice arrives with.
FIRST = 1
# Well above the SDK's own retries of a server that is busy, well below a rest that people notice.
RPC_TIMEOUT = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Telling:
    """Which invoices' workflows know now, and of how many it failed, by the reason's code."""

    told: set[int]
    failures: dict[str, int]


async def tell(ledger: Ledger, client: Client, task_queue: str, invoice_ids: Iterable[int]) -> Telling:
    """Tell the workflows of these invoices what holds now, up to twenty at once; one that fails stops no other."""
    first = await words(ledger, invoice_ids)
    reasons = await _tell_all(client, task_queue, first)
    # A word that was slow may have started one anew for an invoice that was closed, and its workflow told, meanwhile.
    opened = [word.directive.invoice_id for word in first if not word.directive.closed]
    late = await words(ledger, opened, closed=True)
    reasons |= await _tell_all(client, task_queue, late)
    failed = [reason for reason in reasons.values() if reason is not None]
    told = {invoice_id for invoice_id, reason in reasons.items() if reason is None}
    return Telling(told, {reason: failed.count(reason) for reason in set(failed)})


async def _tell_all(client: Client, task_queue: str, words: Sequence[Word]) -> dict[int, str | None]:
    """By invoice, why it could not be told, as a code; None where it was."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(word: Word) -> str | None:
        async with gate:
            return await _tell_one(client, task_queue, word)

    reasons = await asyncio.gather(*map(one, words))
    return dict(zip((word.directive.invoice_id for word in words), reasons, strict=True))


async def _tell_one(client: Client, task_queue: str, word: Word) -> str | None:
    """Why it could not be told, as a code; None where it was."""
    try:
        if word.directive.closed:
            await _tell_closed(client, word.directive)
        else:
            await _tell_open(client, task_queue, word)
    except RPCError as error:
        return error.status.name.lower()
    except RuntimeError:  # a lazy client that cannot connect
        return "not_connected"
    return None


async def _tell_closed(client: Client, directive: Directive) -> None:
    handle = client.get_workflow_handle(workflow_id(directive.invoice_id))
    try:
        await handle.signal("directive", directive, rpc_timeout=RPC_TIMEOUT)
    except RPCError as error:
        # It never started, or it ended: both are what a closed invoice wants.
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise


async def _tell_open(client: Client, task_queue: str, word: Word) -> None:
    directive = word.directive
    # A workflow that runs was started with an invoice's first directive, or a later one: it would learn nothing.
    news = [directive] if directive.version > FIRST else []
    await client.start_workflow(
        InvoiceWorkflow.run,
        InvoiceStart(directive=directive),
        id=workflow_id(directive.invoice_id),
        task_queue=task_queue,
        # A running workflow is used, a closed one is followed by a new run: reopening needs no other path.
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        start_signal="directive" if news else None,
        start_signal_args=news,
        static_summary=f"Invoice {directive.invoice_id} of customer {word.customer_id}, {word.segment}",
        search_attributes=_attributes(word),
        rpc_timeout=RPC_TIMEOUT,
    )


def _attributes(word: Word) -> TypedSearchAttributes:
    return TypedSearchAttributes(
        [
            SearchAttributePair(SEGMENT, word.segment),
            SearchAttributePair(CUSTOMER, str(word.customer_id)),
            SearchAttributePair(STATE, word.directive.state),
        ]
    )
