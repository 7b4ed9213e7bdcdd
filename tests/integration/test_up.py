"""`regua up` from an empty folder: it runs, is found by the other commands, and leaves nothing but its data."""

import json
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from starter.running_stack import RUNNING_STACK
from tests.integration.waiting import eventually

ROOT = Path(__file__).parents[2]
# PostgreSQL, Temporal, the sandbox, the worker, the relay and the HTTP service.
PARTS = 6
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


async def has_confirmed_every_rail(folder: Path) -> None:
    """Every rail's payment was taken, confirmed where its provider can be asked, and found no invoice here."""

    async def waiting() -> bool:
        found = json.loads(regua(folder, "unmatched", "--json").stdout)
        why = {line["source"]: line["reason"] for line in found}
        assert "not_confirmed" not in why.values()
        return why == dict.fromkeys(RAILS, "unknown_reference")

    await eventually(waiting)


@pytest.mark.timeout(240)  # eight processes, on a machine that may be busy
async def test_the_stack_is_found_by_other_commands_and_leaves_nothing_running(folder: Path) -> None:
    with running(folder) as said:
        assert "No message is planned." in said
        listing = next(shlex.split(line) for line in said if line.endswith(" list"))
        assert regua(folder, typed=listing).stdout == "0 invoices\n"
        second = regua(folder, "up")
        assert (second.returncode, "in use by another running copy" in second.stderr) == (2, True)
        examined = regua(folder, "doctor")
        assert examined.returncode == 0, examined.stdout

        there = reached_at(folder)
        token = regua(folder, "token", "create", "me", "--role", "admin", "--days", "1").stdout.strip()
        async with httpx.AsyncClient(trust_env=False) as client:
            ready = await client.get(f"{there['PUBLIC_URL']}/readyz")
            assert ready.status_code == 200, ready.text
            me = await client.get(
                f"{there['PUBLIC_URL']}/v1/me", headers={"Authorization": f"Bearer {token}"}
            )
            assert me.json()["role"] == "admin"
            for rail in RAILS:
                paid = {"rail": rail, "amount": "120.50", "reference": f"nobodys{rail}0000000000000000"}
                played = await client.post(f"{there['TWILIO_API_BASE_URL']}/sandbox/payments", json=paid)
                assert played.status_code == 201, played.text
        await has_confirmed_every_rail(folder)
    assert not (folder / ".regua" / "env").exists()
    assert (folder / ".regua" / "postgres").is_dir()
