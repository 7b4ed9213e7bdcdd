"""Alive and ready: one entry for each thing the service needs, and nobody's words."""

import asyncio

import httpx
import pytest
from temporalio.client import Client

from ledger import schema
from ledger.access import Ledger
from ledger.database import connect
from starter.api.app import api_app
from starter.api.service import Service
from starter.embedded import free_port
from tests.integration.api.conftest import Api
from tests.integration.ledger.playing import CREDITOR, row, take_in


async def readiness(api: Api) -> tuple[int, dict[str, str]]:
    answer = await api.anonymous.get("/readyz")
    return answer.status_code, answer.json()["checks"]


async def test_a_service_with_all_it_needs_is_ready(api: Api) -> None:
    assert await readiness(api) == (200, {"ledger": "ok", "temporal": "ok", "relay": "ok"})
    for path in ("/healthz", "/readyz"):
        assert (await api.anonymous.head(path)).status_code == 200


@pytest.mark.alters_database
async def test_tables_that_are_older_than_the_code_are_not_ready(api: Api, database_url: str) -> None:
    await asyncio.to_thread(schema.downgrade, database_url, "0001")
    assert await readiness(api) == (503, {"ledger": "run_regua_migrate", "temporal": "ok", "relay": "ok"})


async def test_a_relay_that_lags_is_not_ready(api: Api) -> None:
    await take_in(api.ledger, row())  # months ago, and nobody relayed it
    assert await readiness(api) == (503, {"ledger": "ok", "temporal": "ok", "relay": "behind"})
    assert (await api.anonymous.head("/readyz")).status_code == 503


async def test_a_service_that_lost_everything_is_alive_and_says_what_is_away(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("starter.api.health.PATIENCE_SECONDS", 0.5)
    ledger = Ledger(connect(f"postgresql://nobody@127.0.0.1:{free_port()}/none"), CREDITOR)
    temporal = await Client.connect(f"127.0.0.1:{free_port()}", lazy=True)
    lost = Service(ledger, temporal, service.settings, service.channels, service.clock, service.api)
    transport = httpx.ASGITransport(api_app(lost))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
        assert (await client.get("/healthz")).json() == {"status": "ok"}
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.json()) == (
            503,
            {"status": "not_ready", "checks": dict.fromkeys(("ledger", "temporal", "relay"), "away")},
        )
        refused = await client.get("/v1/me", headers={"Authorization": "Bearer regua_x"})
        assert (refused.status_code, refused.json()["code"]) == (503, "ledger_away")
        assert refused.headers["retry-after"] == "5"
        assert "nobody" not in refused.text
    await ledger.engine.dispose()
