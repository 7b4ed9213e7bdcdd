"""The doctor finds what a crash left, puts it right, and sees personal data where none may be."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client

from cadence.directive import Directive, InvoiceStart
from ledger.access import Ledger
from ledger.inbox import PATIENCE, Arrival, Lane, Later, claim, keep
from ledger.keys import workflow_id
from ledger.publishing import publish
from starter.embedded import EmbeddedTemporal, free_port
from starter.relay import drain
from starter.temporal import connect_temporal
from tests.integration.engines import engine_on
from tests.integration.ledger.playing import CREDITOR, row, ruler, take_in
from tests.integration.terminal import Terminal
from tests.integration.test_relay import own_ids
from tests.integration.waiting import eventually
from workflows.invoice import InvoiceWorkflow

ROOT = Path(__file__).parents[2]
TODAY = datetime.now(UTC).date()


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    ledger = Ledger(engine_on(database_url, 4), CREDITOR)
    await publish(ledger.engine, ruler(), datetime.now(UTC))
    await own_ids(ledger)
    yield ledger
    await ledger.engine.dispose()


@pytest.fixture
async def terminal(
    ledger: Ledger, database_url: str, temporal: EmbeddedTemporal, task_queue: str,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> Terminal:  # fmt: skip
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal.address)
    monkeypatch.setenv("TASK_QUEUE", task_queue)
    monkeypatch.setenv("CREDITOR_FILE", str(ROOT / "creditor.yaml"))
    return Terminal(capsys)


@pytest.fixture
async def client(terminal: Terminal) -> Client:
    return await connect_temporal()


async def arrive(ledger: Ledger) -> int:
    dates: dict[str, Any] = {"issued_on": TODAY, "due_on": TODAY + timedelta(days=40)}
    return (await take_in(ledger, row(**dates), now=datetime.now(UTC)))[0]


async def findings(terminal: Terminal, *options: str) -> tuple[int, dict[str, bool]]:
    """The doctor's exit status, and whether each thing it looked at was well."""
    said = await terminal("doctor", "--json", *options)
    assert said.err == ""
    return said.status, {finding["name"]: finding["ok"] for finding in said.json["findings"]}


async def test_all_is_well_while_every_invoice_has_its_workflow(
    terminal: Terminal, ledger: Ledger, client: Client, task_queue: str
) -> None:
    await arrive(ledger)
    await drain(ledger, client, task_queue)

    async def well() -> bool:
        return (await terminal("doctor")).status == 0

    await eventually(well)
    assert "ok    postgresql: PostgreSQL answers" in (await terminal("doctor")).out


async def test_a_workflow_that_somebody_ended_is_missed_and_repaired(
    terminal: Terminal, ledger: Ledger, client: Client, task_queue: str
) -> None:
    invoice_id = await arrive(ledger)
    await drain(ledger, client, task_queue)
    await client.get_workflow_handle(workflow_id(invoice_id)).terminate()

    async def missed() -> bool:
        status, found = await findings(terminal)
        return status == 1 and not found["workflows"]

    await eventually(missed)
    assert f"INV-1 is {workflow_id(invoice_id)}" in (await terminal("doctor")).out
    assert "1 workflow told or started" in (await terminal("doctor", "--repair")).out

    async def repaired() -> bool:
        return (await findings(terminal))[1]["workflows"]

    await eventually(repaired)


async def test_a_word_that_waits_too_long_is_found_and_relayed(terminal: Terminal, ledger: Ledger) -> None:
    dates: dict[str, Any] = {"issued_on": TODAY, "due_on": TODAY + timedelta(days=40)}
    await take_in(ledger, row(**dates), now=datetime.now(UTC) - timedelta(minutes=5))
    status, found = await findings(terminal)
    assert (status, found["outbox"]) == (1, False)
    assert "1 word relayed" in (await terminal("doctor", "--repair")).out
    assert (await findings(terminal))[1]["outbox"]


async def test_a_webhook_that_nobody_processes_or_that_was_given_up_is_found(
    terminal: Terminal, ledger: Ledger
) -> None:
    came = datetime.now(UTC) - timedelta(minutes=5)
    await keep(ledger.engine, Lane.MONEY, [Arrival("stripe", "evt_1", "{}")], came)
    status, found = await findings(terminal)
    assert (status, found["inbox"]) == (1, False)
    assert "1 webhook to be processed for over a minute" in (await terminal("doctor")).out
    async with claim(ledger.engine, Lane.MONEY, 1, came + PATIENCE) as batch:
        batch.verdicts[batch.rows[0].id] = Later("away_http_503")
    assert "given up after three days, and kept for a week: 1 of stripe" in (await terminal("doctor")).out


async def test_a_temporal_that_is_away_is_a_finding_beside_the_others(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", f"127.0.0.1:{free_port()}")
    status, found = await findings(terminal)
    assert status == 1
    assert (found["postgresql"], found["temporal"]) == (True, False)


async def test_a_database_that_is_away_is_a_finding_beside_the_others(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgresql://nobody:s3cret-word@127.0.0.1:{free_port()}/none")
    said = await terminal("doctor")
    assert said.status == 1
    assert "WRONG postgresql: PostgreSQL does not answer" in said.out
    assert "ok    temporal" in said.out
    assert "s3cret-word" not in said.out


async def test_the_eight_invariants_are_told_in_a_line_each(
    terminal: Terminal, ledger: Ledger, client: Client, task_queue: str
) -> None:
    await arrive(ledger)
    await drain(ledger, client, task_queue)
    await asyncio.sleep(1)  # what Temporal lists follows what it knows by a moment
    said = await terminal("doctor", "--invariants")
    lines = [line for line in said.out.splitlines() if "invariant" in line]
    assert [line[:18] for line in lines] == [f"ok    invariant {number}:" for number in range(1, 9)]


async def test_a_name_in_a_history_breaks_the_fifth_invariant_and_is_not_repeated(
    terminal: Terminal, ledger: Ledger, client: Client, task_queue: str
) -> None:
    invoice_id = await arrive(ledger)
    handle = await client.start_workflow(
        InvoiceWorkflow.run,
        InvoiceStart(directive=Directive(invoice_id=invoice_id, state="Padaria Inventada C-1")),
        id=workflow_id(invoice_id),
        task_queue=task_queue,
    )

    async def seen() -> bool:
        said = await terminal("doctor", "--invariants", "--json")
        fifth = said.json["invariants"][4]
        assert "Padaria" not in said.out
        return said.status == 1 and fifth["violations"] == [f"{handle.id} run {handle.result_run_id}"]

    await eventually(seen)
