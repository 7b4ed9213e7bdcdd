"""The embedded servers: ready when they say so, alone in their home, and gone with whoever started them."""

import asyncio
import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import LiteralString

import psutil
import psycopg
import pytest
from temporalio import workflow
from temporalio.client import Client
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes
from temporalio.testing import TimeSkipper
from temporalio.worker import Worker

from channels.email import SendGridEmail
from channels.message import EmailMessage
from channels.outcome import OutcomeKind
from channels.settings import ChannelSettings
from starter.embedded import (
    ChildProcess,
    EmbeddedPostgres,
    EmbeddedSandbox,
    EmbeddedTemporal,
    StartError,
    free_port,
    locked_home,
)

_PARENT = """
import asyncio, sys
from pathlib import Path
from starter.embedded import ChildProcess, EmbeddedPostgres, EmbeddedTemporal

async def main() -> None:
    home = Path(sys.argv[1])
    child = ChildProcess("sleeper", [sys.executable, "-c", "import time; time.sleep(600)"], home)
    async with EmbeddedPostgres(home, durable=False), EmbeddedTemporal(home), child:
        print("up", flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""

_MESSAGE = EmailMessage(
    attempt_id="1",
    reference="R1",
    to="ana@example.com",
    sender="billing@example.com",
    sender_name="Example",
    reply_to="billing@example.com",
    subject="Invoice",
    html="<p>Invoice</p>",
    text="Invoice",
    unsubscribe_url=None,
    unsubscribe_mailto="stop@example.com",
)


@workflow.defn(sandboxed=False)  # this module imports servers, which the sandbox would reload
class _SleepsAMonth:
    @workflow.run
    async def run(self) -> float:
        began = workflow.now()
        await workflow.sleep(timedelta(days=30))
        return (workflow.now() - began) / timedelta(days=1)


async def _value(url: str, query: LiteralString) -> object:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        row = await (await connection.execute(query)).fetchone()
    return row[0] if row else None


async def _eventually_gone(processes: list[psutil.Process], within: float = 15.0) -> list[psutil.Process]:
    _, alive = await asyncio.to_thread(psutil.wait_procs, processes, timeout=within)
    return list(alive)


@pytest.mark.parametrize("end", ["stop", "kill"])
async def test_postgres_keeps_what_was_committed_when_it_ends_and_starts_again(
    tmp_path: Path, end: str
) -> None:
    async with EmbeddedPostgres(tmp_path / "home", durable=True) as postgres:
        url = await postgres.create_database("kept")
        async with await psycopg.AsyncConnection.connect(url) as connection:
            await connection.execute("CREATE TABLE t AS SELECT 7 AS n")
        await getattr(postgres, end)()
        with pytest.raises(psycopg.OperationalError):
            await psycopg.AsyncConnection.connect(url)
        await postgres.start()
        assert await _value(url, "SELECT n FROM t") == 7


async def test_postgres_in_a_home_that_is_closed_to_others(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    async with EmbeddedPostgres(closed / "home", durable=False) as postgres:
        assert str(await _value(postgres.url("postgres"), "SHOW server_version")).startswith("18.")
    assert closed.stat().st_mode & 0o777 == 0o700


async def test_postgres_refuses_who_does_not_know_the_password(postgres: EmbeddedPostgres) -> None:
    with pytest.raises(psycopg.OperationalError, match="password"):
        await psycopg.AsyncConnection.connect(
            f"postgresql://postgres:guess@127.0.0.1:{postgres.port}/postgres"
        )


async def test_a_database_is_a_copy_of_its_template_and_is_dropped_under_an_open_connection(
    postgres: EmbeddedPostgres,
) -> None:
    template = await postgres.create_database("a_template")
    async with await psycopg.AsyncConnection.connect(template) as connection:
        await connection.execute("CREATE TABLE t AS SELECT 7 AS n")
    url = await postgres.create_database("a_copy", "a_template")
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await postgres.drop_database("a_copy")
        with pytest.raises(psycopg.OperationalError):
            await connection.execute("SELECT n FROM t")
    assert await _value(template, "SELECT n FROM t") == 7
    await postgres.drop_database("a_template")


async def test_temporal_keeps_running_workflows_and_its_address_through_a_restart(tmp_path: Path) -> None:
    async with EmbeddedTemporal(tmp_path) as temporal:
        address = temporal.address
        client = await Client.connect(address)
        await client.start_workflow("Waits", id="waits", task_queue="nobody")
        await temporal.kill()
        assert await temporal.start() == address
        described = await (await Client.connect(address)).get_workflow_handle("waits").describe()
        assert described.status is not None
        assert described.status.name == "RUNNING"


async def test_a_month_passes_at_once_under_time_skipping(
    temporal: EmbeddedTemporal, task_queue: str
) -> None:
    segment = SearchAttributePair(SearchAttributeKey.for_keyword("ReguaSegment"), "smb")
    client = TimeSkipper(await Client.connect(temporal.address)).client
    async with Worker(client, task_queue=task_queue, workflows=[_SleepsAMonth]):
        slept = client.execute_workflow(
            _SleepsAMonth.run,
            id=task_queue,
            task_queue=task_queue,
            search_attributes=TypedSearchAttributes([segment]),
        )
        assert await asyncio.wait_for(slept, timeout=30) >= 30


async def test_channels_configured_by_the_sandbox_send_to_it_before_and_after_it_crashes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAYMENT_WEBHOOK_SECRET", "whsec_" + "c2FuZGJveA" * 4)
    async with EmbeddedSandbox(tmp_path, f"http://127.0.0.1:{free_port()}", receipts="held") as sandbox:
        for name, value in (await sandbox.environment()).items():
            monkeypatch.setenv(name, value)
        email = SendGridEmail(ChannelSettings())
        assert (await email.send(_MESSAGE)).kind is OutcomeKind.accepted
        await sandbox.kill()
        assert (await email.send(_MESSAGE)).kind is OutcomeKind.refused
        await sandbox.start()
        assert (await email.send(_MESSAGE)).kind is OutcomeKind.accepted


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
async def test_nothing_outlives_a_parent_that_is_killed(tmp_path: Path, ending: signal.Signals) -> None:
    with subprocess.Popen(  # noqa: ASYNC220
        [sys.executable, "-c", _PARENT, str(tmp_path)], stdout=subprocess.PIPE, env=dict(os.environ)
    ) as parent:
        assert parent.stdout is not None
        assert await asyncio.to_thread(parent.stdout.readline) == b"up\n"
        family = psutil.Process(parent.pid).children(recursive=True)
        assert {"postgres", "temporal"} <= {process.name() for process in family}
        parent.send_signal(ending)
        assert await _eventually_gone(family) == []


async def test_a_home_in_use_is_refused_with_a_sentence(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with (
        locked_home(home),
        pytest.raises(StartError, match="in use by another running copy"),
        locked_home(home),
    ):
        pass
    with locked_home(home) as again:
        assert again == home


async def test_a_child_that_dies_while_starting_is_reported_with_the_end_of_its_log(tmp_path: Path) -> None:
    child = ChildProcess("clumsy", [sys.executable, "-c", "print('tripped over 42'); exit(3)"], tmp_path)
    await child.start()
    with pytest.raises(StartError, match=r"clumsy ended while starting.*\n.*tripped over 42"):
        await child.ready_when_logged("ready")


async def test_a_child_that_ignores_a_polite_stop_is_killed(tmp_path: Path) -> None:
    stubborn = (
        "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
    )
    async with ChildProcess("stubborn", [sys.executable, "-c", stubborn], tmp_path, grace=0.3) as child:
        await child.ready_when_logged("up")
        pid = child.pid
        assert pid is not None
        family = [psutil.Process(pid)]
    assert await _eventually_gone(family) == []


async def test_a_child_answers_on_its_port_and_again_after_a_restart(tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"]
    async with ChildProcess("server", command, tmp_path) as child:
        await child.ready_when_answering(f"http://127.0.0.1:{port}/")
        first = child.pid
        await child.restart()
        await child.ready_when_answering(f"http://127.0.0.1:{port}/")
        assert child.pid not in {None, first}
