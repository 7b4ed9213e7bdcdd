"""Closes waiting workflows, one at a time: ours by a payment in the ledger, bare ones by a signal."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from time import time

from cadence import events as e
from ledger.keys import workflow_id
from ledger.recording import Fact, record
from ledger.unit import Origin
from tests.bench.bare import BareWorkflow
from tests.bench.stage import Stage

# More than any of them is for.
PAID = Decimal(100_000)


async def close_ours(stage: Stage, invoice_ids: Sequence[int]) -> list[float]:
    """Record a payment for each and wait for its workflow's end; seconds from the commit to the end."""
    seconds = []
    for invoice_id in invoice_ids:
        now = datetime.now(UTC)
        event = e.PaymentReceived(amount=PAID, currency="BRL")
        origin = Origin("bench", "payment", f"bench-{invoice_id}")
        recorded = await record(stage.ledger, invoice_id, [Fact(event, now, origin)], now)
        assert recorded.directive.closed
        seconds.append(await closed(stage, workflow_id(invoice_id)))
    return seconds


async def close_bare(stage: Stage, workflow_ids: Sequence[str]) -> list[float]:
    """Signal each to finish and wait for its end; seconds from the call to the end."""
    seconds = []
    for each in workflow_ids:
        begun = time()
        await stage.client.get_workflow_handle(each).signal(BareWorkflow.finish)
        seconds.append(await closed(stage, each, begun))
    return seconds


async def closed(stage: Stage, name: str, begun: float | None = None) -> float:
    """Wait for a workflow's end; seconds since `begun` (now if left out), by the server's clock, which is ours."""
    begun = time() if begun is None else begun
    handle = stage.client.get_workflow_handle(name)
    await handle.result()
    closed_at = (await handle.describe()).close_time
    assert closed_at is not None
    return closed_at.timestamp() - begun
