"""The whole of Régua on one machine: embedded servers, the sandbox, and the three processes, until told to stop."""

import asyncio
import os
import shlex
import signal
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg

from channels.sandbox.paying import SECRETS
from ledger import schema
from ledger.database import connect
from starter.documents import Documents
from starter.embedded import EmbeddedPostgres, EmbeddedSandbox, EmbeddedTemporal
from starter.next_message import next_message
from starter.printing import say
from starter.processes import ChildProcess, StartError, free_port
from starter.publish import publish_files
from starter.rulers import cadence_files
from starter.running_stack import RUNNING_STACK
from starter.session import wall_clock

# Nobody's secrets: with them the sandbox signs what it tells a service on loopback, and that one asks the sandbox.
SANDBOX_PAYMENT_SECRET = "whsec_" + "cmVndWEtdXAtcGF5bWVudHMtb24tbG9vcGJhY2s="
SANDBOX_RAILS = {name: f"sandbox-{name.lower()}" for name in SECRETS} | {
    "PAYMENT_WEBHOOK_SECRET": SANDBOX_PAYMENT_SECRET,
    "PIX_WEBHOOK_HEADER": "X-Pix-Secret",
}
SAMPLE = Path("samples/portfolio.csv")
WATCH_SECONDS = 1.0
# Seconds for which e-mail events wait for others: SendGrid posts them in batches, after up to half a minute.
GATHERING = 1.0


@dataclass(frozen=True, slots=True)
class Stack:
    """What the stack runs for: the documents, a home it holds alone, and the ports people asked for (0: a free one)."""

    documents: Documents
    cadences: Path
    home: Path
    ui_port: int = 0
    api_port: int = 0


async def run_stack(stack: Stack) -> None:
    """Run until Ctrl-C or SIGTERM, then end everything; data and logs stay in .regua of this folder.

    Raises StartError where a part does not start or ends by itself.
    """
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    async with AsyncExitStack() as ending:
        environment, processes, ui = await _start(stack, ending)
        ending.callback(RUNNING_STACK.unlink, missing_ok=True)
        _leave_address(environment)
        _print_addresses(environment, stack.home, ui)
        say(await _next_message(environment["DATABASE_URL"]))
        say("\nCtrl-C ends it; the data is kept.")
        await _watch(processes, stop)
        say("stopping")


async def _start(stack: Stack, ending: AsyncExitStack) -> tuple[dict[str, str], list[ChildProcess], str]:
    say("starting PostgreSQL, Temporal and the provider sandbox")
    ui_port = stack.ui_port or free_port()
    api_port = stack.api_port or free_port()
    home = stack.home
    postgres = await ending.enter_async_context(EmbeddedPostgres(home))
    temporal = await ending.enter_async_context(EmbeddedTemporal(home, ui_port=ui_port))
    api = f"http://127.0.0.1:{api_port}"
    sandbox = EmbeddedSandbox(home, api, rails=SANDBOX_RAILS, gather=GATHERING)
    await ending.enter_async_context(sandbox)
    environment = {
        "DATABASE_URL": await _migrated(postgres),
        "TEMPORAL_ADDRESS": temporal.address,
        "TEMPORAL_NAMESPACE": "default",
        **stack.documents.environment,
        "CADENCES_DIR": str(stack.cadences.resolve()),
        "API_HOST": "127.0.0.1",
        "API_PORT": str(api_port),
        # Whoever tries it out receives webhooks on this machine.
        "WEBHOOKS_TO_PRIVATE_NETWORKS": "true",
        **await sandbox.environment(),
    }
    await _publish(environment["DATABASE_URL"], stack)
    processes = await _start_processes(home, environment, ending)
    return environment, processes, f"http://127.0.0.1:{ui_port}"


async def _migrated(postgres: EmbeddedPostgres) -> str:
    with suppress(psycopg.errors.DuplicateDatabase):  # the data of the last time
        await postgres.create_database("regua")
    url = postgres.url("regua")
    await asyncio.to_thread(schema.upgrade, url)
    return url


async def _publish(url: str, stack: Stack) -> None:
    engine = connect(url, pool_size=1)
    try:
        creditor = stack.documents.creditor
        for name, version, new in await publish_files(engine, cadence_files(stack.cadences), creditor):
            say(f"cadence {name}: version {version}{' published' if new else ''}")
    finally:
        await engine.dispose()


async def _start_processes(
    home: Path, environment: Mapping[str, str], ending: AsyncExitStack
) -> list[ChildProcess]:
    say("starting the worker, the relay and the HTTP service")
    ready = {"worker": "worker_ready", "relay": "relay_listens", "api": "api_ready"}
    own = {**environment, "PYTHONUNBUFFERED": "1"}
    processes = [
        ChildProcess(name, [sys.executable, "-m", "starter.main", name], home, env=own) for name in ready
    ]
    for process in processes:
        await ending.enter_async_context(process)
    for process in processes:
        await process.ready_when_logged(ready[process.name])
    return processes


def _leave_address(environment: Mapping[str, str]) -> None:
    """Let the other commands in this folder find the stack; it holds a password, so it is for this user alone."""
    RUNNING_STACK.unlink(missing_ok=True)
    descriptor = os.open(RUNNING_STACK, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.writelines(f"{name}={value}\n" for name, value in environment.items())


def _print_addresses(environment: Mapping[str, str], home: Path, ui: str) -> None:
    regua = own_command(Path(sys.argv[0]))
    say(f"""
Régua runs. Nothing is sent to anybody: the sandbox plays SendGrid, Twilio, banks and payment providers.
  Temporal's UI       {ui}
  messages accepted   {environment["TWILIO_API_BASE_URL"]}/sandbox/messages
  HTTP service        {environment["PUBLIC_URL"]}
  data and logs       {home}

In another terminal, in this folder:
  {regua} import {SAMPLE if SAMPLE.exists() else "--template invoices.csv"}
  {regua} list
  {regua} agenda --days 14
  {regua} doctor --invariants
  {regua} token create me --role admin --days 1
""")


def own_command(script: Path) -> str:
    """What to type for another command in this folder, where nothing was activated; `script` is what runs now."""
    if script.name != "regua":
        return f"{shlex.quote(sys.executable)} -m starter.main"
    script = script.absolute()
    return shlex.quote(str(script.relative_to(Path.cwd()) if script.is_relative_to(Path.cwd()) else script))


async def _next_message(url: str) -> str:
    engine = connect(url, pool_size=1)
    try:
        return await next_message(engine, wall_clock())
    finally:
        await engine.dispose()


async def _watch(processes: list[ChildProcess], stop: asyncio.Event) -> None:
    """Wait for the end; a process that ends by itself ends everything, and says where its words are."""
    while not stop.is_set():
        for process in processes:
            if process.pid is None:
                raise StartError(f"the {process.name} ended by itself; its last words are in {process.log}")
        try:
            await asyncio.wait_for(stop.wait(), WATCH_SECONDS)
        except TimeoutError:
            continue
