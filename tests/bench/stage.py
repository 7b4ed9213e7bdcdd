"""Where the bench is played: servers and processes as `regua up` runs them, and the bare worker beside them."""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
from temporalio.client import Client

from ledger.access import Ledger
from ledger.database import connect
from ledger.schema import upgrade
from starter.documents import read_creditor
from starter.embedded import EmbeddedPostgres, EmbeddedSandbox, EmbeddedTemporal
from starter.processes import ChildProcess, free_port
from starter.stack import GATHERING, SANDBOX_PAYMENT_SECRET
from tests.bench import bare

CREDITOR = Path("creditor.yaml").resolve()
READY = {"worker": "worker_ready", "relay": "relay_listens", "api": "api_ready"}


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything runs. `processes` are ours, the bare worker and the servers, each by its name."""

    home: Path
    api_port: int
    ledger: Ledger
    client: Client
    processes: Mapping[str, ChildProcess]
    sandbox: httpx.AsyncClient

    def cpu_seconds(self) -> dict[str, float]:
        """What each process, with its children, has used of the machine's cores so far."""
        return {name: _cpu_seconds(process) for name, process in self.processes.items()}

    def memory(self, name: str) -> float:
        """The resident memory of a process in MB."""
        return _psutil(self.processes[name]).memory_info().rss / 1e6


@asynccontextmanager
async def stage(home: Path) -> AsyncIterator[Stage]:
    """Start everything in `home`; all of it ends with the block."""
    async with AsyncExitStack() as stack:
        api_port = free_port()
        postgres = await stack.enter_async_context(EmbeddedPostgres(home))
        temporal = await stack.enter_async_context(EmbeddedTemporal(home))
        sandbox = await stack.enter_async_context(
            EmbeddedSandbox(home, f"http://127.0.0.1:{api_port}", gather=GATHERING)
        )
        url = await postgres.create_database("bench")
        await asyncio.to_thread(upgrade, url)
        environment = {
            **await sandbox.environment(),
            "DATABASE_URL": url,
            "TEMPORAL_ADDRESS": temporal.address,
            "CREDITOR_FILE": str(CREDITOR),
            "API_PORT": str(api_port),
            "PAYMENT_WEBHOOK_SECRET": SANDBOX_PAYMENT_SECRET,
            # The limits are there for the providers' sake, and would be all that is measured.
            "EMAILS_PER_SECOND": "0",
            "RATE_PER_SOURCE_PER_MINUTE": "0",
            "PYTHONUNBUFFERED": "1",
        }
        processes = await _start_processes(home, environment, temporal.address, stack)
        servers = {"postgres": postgres.process, "temporal": temporal.process, "sandbox": sandbox.process}
        ledger = Ledger(connect(url), read_creditor(CREDITOR))
        stack.push_async_callback(ledger.engine.dispose)
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=sandbox.url, trust_env=False))
        yield Stage(home, api_port, ledger, await bare.connect(temporal.address), processes | servers, http)


async def _start_processes(
    home: Path, environment: Mapping[str, str], address: str, stack: AsyncExitStack
) -> dict[str, ChildProcess]:
    processes = {}
    for name, line in READY.items():
        command = [sys.executable, "-m", "starter.main", name]
        process = processes[name] = ChildProcess(name, command, home, env=environment)
        await stack.enter_async_context(process)
        await process.ready_when_logged(line)
    command = [sys.executable, "-m", "tests.bench.bare", address]
    # Its worker holds nothing that would have to be let finish.
    process = processes["bare worker"] = ChildProcess("bare", command, home, grace=1)
    await stack.enter_async_context(process)
    await process.ready_when_logged("bare_ready")
    return processes


def _psutil(process: ChildProcess) -> psutil.Process:
    assert process.pid is not None, f"{process.name} ended by itself; its last words are in {process.log}"
    return psutil.Process(process.pid)


def _cpu_seconds(process: ChildProcess) -> float:
    parent = _psutil(process)
    total = 0.0
    for each in (parent, *parent.children(recursive=True)):
        try:
            total += sum(each.cpu_times()[:4])  # its own, and that of children which have ended
        except psutil.NoSuchProcess:
            continue
    return total
