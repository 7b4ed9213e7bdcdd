"""Payments by webhook: how many a second the service takes, beside a bare endpoint, and how soon they close invoices."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

from ledger.inbox import waiting
from ledger.keys import workflow_id
from starter.processes import ChildProcess, free_port
from starter.stack import SANDBOX_PAYMENT_SECRET
from tests.bench.closing import PAID, closed
from tests.bench.stage import Stage

CLIENTS = 20
# What is loaded and prepared at the first requests is so before anything is measured.
WARM_UP = 60
PER_SECOND = 20
GLANCE_SECONDS = 0.2
# So little that nothing is paid off by it.
LITTLE = "0.01"


@dataclass(frozen=True, slots=True)
class Accepted:
    """Webhooks a second, of the service and of the bare endpoint.

    While the relay processes what the service took, on both sides; and with nothing to process.
    """

    busy: float
    bare_busy: float
    quiet: float
    bare_quiet: float


async def accept(stage: Stage, name: str, numbers: Sequence[str], count: int) -> Accepted:
    """Post `count` payments four times; every second one is for one of these invoices, the others for none.

    `name` is of this round alone: no webhook is told twice.
    """
    async with _bare_endpoint(stage) as bare:
        for port in (bare, stage.api_port):
            await _post(port, f"{name}-warm", numbers, WARM_UP)
        await _processed(stage)
        with _stopped(stage.processes["relay"]):
            bare_quiet = await _post(bare, f"{name}-quiet", numbers, count)
            quiet = await _post(stage.api_port, f"{name}-quiet", numbers, count)
        await _processed(stage)
        busy = await _post(stage.api_port, f"{name}-busy", numbers, count)
        # What the service took is processed for longer than the bare endpoint needs.
        bare_busy = await _post(bare, f"{name}-busy", numbers, count)
        left, _ = await waiting(stage.ledger.engine)
        assert left, "the relay was done before the bare endpoint: the rates cannot be compared"
    await _processed(stage)
    return Accepted(busy, bare_busy, quiet, bare_quiet)


@asynccontextmanager
async def _bare_endpoint(stage: Stage) -> AsyncIterator[int]:
    port = free_port()
    command = [sys.executable, "-m", "tests.bench.bare_endpoint", str(port)]
    url = stage.ledger.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    environment = {"DATABASE_URL": url, "PAYMENT_WEBHOOK_SECRET": SANDBOX_PAYMENT_SECRET}
    async with ChildProcess("bare endpoint", command, stage.home, env=environment) as process:
        await process.ready_when_logged("bare_endpoint_ready")
        yield port


@contextmanager
def _stopped(process: ChildProcess) -> Iterator[None]:
    assert process.pid is not None
    os.kill(process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process.pid, signal.SIGCONT)


async def _post(port: int, name: str, numbers: Sequence[str], count: int) -> float:
    """Post payments as fast as they are taken; how many a second were accepted."""
    payments = [
        (f"{name}-{place}", numbers[place % len(numbers)] if place % 2 else f"no-{place}", LITTLE)
        for place in range(count)
    ]
    return float(await _ordered(port, payments))


async def _ordered(
    port: int, payments: Sequence[tuple[str, str, str]], per_second: float | None = None
) -> Any:
    """What a process of its own says of posting these payments."""
    order = {"port": port, "secret": SANDBOX_PAYMENT_SECRET, "clients": CLIENTS, "payments": payments}
    command = (sys.executable, "-m", "tests.bench.posting")
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
    said, _ = await process.communicate(json.dumps(order | {"per_second": per_second}).encode())
    assert process.returncode == 0, "the clients were not answered as they should"
    return json.loads(said)


async def _processed(stage: Stage) -> None:
    while (await waiting(stage.ledger.engine))[0]:  # noqa: ASYNC110 - PostgreSQL tells the relay alone
        await asyncio.sleep(GLANCE_SECONDS)


async def close_by_webhook(stage: Stage, name: str, invoices: Sequence[tuple[int, str]]) -> list[float]:
    """Post a payment in full for each invoice (our id, and its number), twenty a second.

    Seconds from when each was posted to the end of its workflow, by the server's clock, which is ours. Nobody asks
    for that before the last was posted: to watch two hundred workflows would be a good part of the load.
    """
    payments = [(f"{name}-{place}", number, str(PAID)) for place, (_, number) in enumerate(invoices)]
    posted = await _ordered(stage.api_port, payments, PER_SECOND)
    return [
        await closed(stage, workflow_id(invoice_id), begun)
        for (invoice_id, _), begun in zip(invoices, posted, strict=True)
    ]
