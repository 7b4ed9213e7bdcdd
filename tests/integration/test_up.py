"""`regua up` from an empty folder, and again: it is found by other commands, and leaves its data and nothing else."""

import shlex
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import psutil
import pytest
from temporalio.client import Client, WorkflowExecutionDescription, WorkflowExecutionStatus
from temporalio.service import RPCError

from starter.running_stack import RUNNING_STACK
from tests.integration.waiting import eventually

ROOT = Path(__file__).parents[2]
# PostgreSQL, Temporal, the sandbox, the worker, the relay and the HTTP service.
PARTS = 6
# A customer, and an invoice whose first message is weeks ahead.
FED = {
    "/v1/customers/C-1": {
        "name": "Padaria Exemplo",
        "segment": "smb",
        "country": "PT",
        "email": "c-1@example.com",
    },
    "/v1/invoices/UP-1": {
        "customer": "C-1",
        "due_on": (datetime.now(UTC) + timedelta(days=60)).date().isoformat(),
        "amount": "120.50",
        "currency": "EUR",
    },
}
RAILS = ("payment", "stripe", "pix", "asaas", "mercadopago")
REGUA = [sys.executable, "-m", "starter.main"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("creditor.yaml", "cadences", "policies"):
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


def regua(folder: Path, *arguments: str, typed: Sequence[str] = REGUA) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*typed, *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )


@contextmanager
def running(folder: Path) -> Iterator[list[str]]:
    """What `regua up` says; it runs until Ctrl-C, after which it has ended well and nothing of it is left."""
    with subprocess.Popen([*REGUA, "up"], cwd=folder, stdout=subprocess.PIPE, text=True) as stack:
        try:
            assert stack.stdout is not None
            said = []
            for line in stack.stdout:
                said.append(line.strip())
                if "Ctrl-C ends it" in line:
                    break
            assert "Ctrl-C ends it" in said[-1], "it ended before it ran"
            parts = psutil.Process(stack.pid).children(recursive=True)
            assert len(parts) >= PARTS
            yield said
        finally:
            stack.send_signal(signal.SIGINT)
            stack.communicate(timeout=60)
    assert stack.returncode == 0
    assert psutil.wait_procs(parts, timeout=5)[1] == []


def reached_at(folder: Path) -> dict[str, str]:
    """What the running stack leaves for the other commands: its variables."""
    lines = (folder / RUNNING_STACK).read_text().splitlines()
    return dict(line.split("=", 1) for line in lines)


@asynccontextmanager
async def calling(folder: Path, token: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the running stack's HTTP service."""
    address, headers = reached_at(folder)["PUBLIC_URL"], {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=address, headers=headers, trust_env=False) as client:
        yield client


async def pay(folder: Path, rail: str, **named: str) -> None:
    """Let the sandbox play a bank or a provider that tells of a payment."""
    async with httpx.AsyncClient(base_url=reached_at(folder)["TWILIO_API_BASE_URL"], trust_env=False) as bank:
        paid = {"rail": rail, "amount": "120.50", **named}
        (await bank.post("/sandbox/payments", json=paid)).raise_for_status()


async def every_rail_is_confirmed(folder: Path, client: httpx.AsyncClient) -> None:
    """A payment of every rail is taken, confirmed where its provider can be asked, and finds no invoice here."""
    for rail in RAILS:
        await pay(folder, rail, reference=f"nobodys{rail}0000000000000000")

    async def waiting() -> bool:
        found = (await client.get("/v1/unmatched-payments")).json()["items"]
        why = {line["source"]: line["reason"] for line in found}
        assert "not_confirmed" not in why.values()
        return why == dict.fromkeys(RAILS, "unknown_reference")

    await eventually(waiting)


async def life(folder: Path, client: httpx.AsyncClient) -> WorkflowExecutionDescription:
    """The workflow of the invoice, once there is one."""
    workflow = (await client.get("/v1/invoices/UP-1")).json()["workflow_id"]
    temporal = await Client.connect(reached_at(folder)["TEMPORAL_ADDRESS"])
    found: list[WorkflowExecutionDescription] = []

    async def described() -> bool:
        with suppress(RPCError):  # the relay has not come to it yet
            found.append(await temporal.get_workflow_handle(workflow).describe())
        return bool(found)

    await eventually(described)
    return found[0]


@pytest.mark.timeout(240)  # eight processes, twice, on a machine that may be busy
async def test_the_stack_is_found_by_other_commands_and_goes_on_where_it_was_stopped(folder: Path) -> None:
    with running(folder) as said:
        assert "No message is planned." in said
        listing = next(shlex.split(line) for line in said if line.endswith(" list"))
        assert regua(folder, typed=listing).stdout == "0 invoices\n"
        second = regua(folder, "up")
        assert (second.returncode, "in use by another running copy" in second.stderr) == (2, True)
        examined = regua(folder, "doctor")
        assert examined.returncode == 0, examined.stdout
        token = regua(folder, "token", "create", "me", "--role", "admin", "--days", "1").stdout.strip()
        async with calling(folder, token) as client:
            ready = await client.get("/readyz")
            assert ready.status_code == 200, ready.text
            assert (await client.get("/v1/me")).json()["role"] == "admin"
            for path, fed in FED.items():
                answer = await client.put(path, json=fed)
                assert answer.status_code == 201, answer.text
            before = await life(folder, client)
            await every_rail_is_confirmed(folder, client)
    assert before.status is WorkflowExecutionStatus.RUNNING
    assert not (folder / ".regua" / "env").exists()
    assert (folder / ".regua" / "postgres").is_dir()

    with running(folder) as said:
        assert "No message is planned." not in said
        async with calling(folder, token) as client:
            assert (await life(folder, client)).run_id == before.run_id
            await pay(folder, "payment", invoice="UP-1", currency="EUR")

            async def over() -> bool:
                return (await life(folder, client)).status is WorkflowExecutionStatus.COMPLETED

            await eventually(over)
            assert (await client.get("/v1/invoices/UP-1/status")).json()["state"] == "paid"
            assert (await life(folder, client)).run_id == before.run_id
