"""`regua api` as a process, and `regua token`: what a new user types first."""

import json
import socket
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from starter.embedded import EmbeddedSandbox, EmbeddedTemporal, free_port
from starter.processes import ChildProcess
from tests.integration.api.conftest import PUBLIC_URL, SECRET
from tests.integration.terminal import Terminal

ROOT = Path(__file__).parents[3]
REGUA = (sys.executable, "-m", "starter.main")


@pytest.fixture
async def environment(
    database_url: str, temporal: EmbeddedTemporal, sandbox: EmbeddedSandbox, task_queue: str
) -> dict[str, str]:
    """What `regua api` needs, on a free port."""
    return await sandbox.environment() | {
        "DATABASE_URL": database_url,
        "TEMPORAL_ADDRESS": temporal.address,
        "TASK_QUEUE": task_queue,
        "CREDITOR_FILE": str(ROOT / "creditor.yaml"),
        "API_PORT": str(free_port()),
        "PUBLIC_URL": PUBLIC_URL,
        "PAYMENT_WEBHOOK_SECRET": SECRET,
        "RATE_PER_TOKEN_PER_MINUTE": "2",
        "RATE_PER_SOURCE_PER_MINUTE": "5",
        "PYTHONUNBUFFERED": "1",
    }


async def test_the_service_takes_a_token_made_at_the_command_line_and_ends_in_order(
    terminal: Terminal, environment: dict[str, str], tmp_path: Path
) -> None:
    plain = (await terminal.done("token", "create", "me", "--role", "viewer")).out.strip()
    async with ChildProcess("api", [*REGUA, "api"], tmp_path, env=environment) as process:
        await process.ready_when_logged(f"api_ready on 127.0.0.1:{environment['API_PORT']}")
        url = f"http://127.0.0.1:{environment['API_PORT']}"
        async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
            assert (await client.get("/readyz")).json()["status"] == "ready"
            headers = {"Authorization": f"Bearer {plain}"}
            statuses = [(await client.get("/v1/me?secret=1", headers=headers)).status_code for _ in range(3)]
            assert statuses == [200, 200, 429]
            assert "server" not in (await client.get("/healthz")).headers
            # Nobody's word on where a request comes from counts, where no proxy is named.
            forged = [{"X-Forwarded-For": f"198.51.100.{number}"} for number in range(2)]
            assert [(await client.get("/v1/me", headers=each)).status_code for each in forged] == [401, 429]
        await process.stop()
        lines = [json.loads(line) for line in process.log.read_text().splitlines() if line.startswith("{")]
    assert [line["status"] for line in lines if line.get("route") == "/v1/me"] == [200, 200]
    assert [line["status"] for line in lines if line.get("route") == "unknown"] == [429, 401, 429]
    assert "secret" not in str(lines)
    assert plain not in process.log.read_text()


async def test_a_port_that_is_taken_is_said_to_be(
    terminal: Terminal, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("API_PORT", str(taken.getsockname()[1]))
        assert "set API_HOST and API_PORT to free ones" in await terminal.refused("api")


async def test_a_token_is_shown_once_listed_and_revoked(terminal: Terminal) -> None:
    made = await terminal.done("token", "create", "erp-1", "--role", "erp", "--days", "7", "--only", "feed")
    until = datetime.now(UTC) + timedelta(days=7)
    assert made.out.startswith("regua_")
    assert len(made.out.split()) == 1
    assert f"good until {until:%Y-%m-%d}" in made.err
    (line,) = (await terminal.done("token", "list", "--json")).json
    assert (line["name"], line["role"], line["permissions"], line["created_by"]) == (
        "erp-1",
        "erp",
        ["feed"],
        "ana",
    )
    assert made.out.strip() not in str(line)
    assert "never" in (await terminal.done("token", "list")).out
    assert "erp-1 is revoked" in (await terminal.done("token", "revoke", "erp-1")).out
    assert "revoked" in (await terminal.done("token", "list")).out


async def test_what_cannot_be_a_token_is_refused_with_a_sentence(terminal: Terminal) -> None:
    create = ("token", "create")
    assert "no name of a token" in await terminal.refused(*create, "Ana", "--role", "agent")
    assert "may not halt" in await terminal.refused(*create, "a", "--role", "erp", "--only", "halt")
    assert "--role" in await terminal.refused(*create, "a", "--role", "root")
    assert "--days" in await terminal.refused(*create, "a", "--role", "erp", "--days", "0")
    assert "no token 'a' is known" in await terminal.refused("token", "revoke", "a")
    await terminal.done(*create, "a", "--role", "erp")
    assert "exists already" in await terminal.refused(*create, "a", "--role", "erp")
    await terminal.done("token", "revoke", "a")
    assert "choose another, such as a-2" in await terminal.refused(*create, "a", "--role", "erp")
