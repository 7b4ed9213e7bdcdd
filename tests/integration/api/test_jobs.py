"""Jobs over HTTP: many invoices held or released, chosen once, worked off in shares, whatever stops in between."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

import starter.jobs
from ledger.jobs import share
from ledger.publishing import publish
from ledger.tables import events_table
from starter.api.roles import Role
from starter.jobs import work_jobs
from tests.integration.api.conftest import Api
from tests.integration.ledger.playing import ARRIVAL, row, ruler, take_in

MANY = 9
HOLD: dict[str, Any] = {
    "kind": "hold",
    "filter": {"customer": "C-1"},
    "reason": "flooded",
    "until": "2026-03-20",
}


@pytest.fixture
def clock() -> Callable[[], datetime]:
    return lambda: ARRIVAL


@pytest.fixture(autouse=True)
def small_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shares of four, so that nine invoices take three."""
    monkeypatch.setattr(starter.jobs, "SHARE", 4)


@pytest.fixture
async def manager(api: Api) -> httpx.AsyncClient:
    await take_in(api.ledger, *(row(f"M-{n}") for n in range(MANY)), row("OTHER", "C-2"))
    return api.client(Role.MANAGER)


async def start(client: httpx.AsyncClient, **order: Any) -> dict[str, Any]:
    """Ask for a job; what the service says of it."""
    answer = await client.post("/v1/jobs", json=order)
    assert answer.status_code == 202, answer.text
    job: dict[str, Any] = answer.json()["job"]
    assert answer.headers["Location"] == f"/v1/jobs/{job['id']}"
    return job


async def progress(client: httpx.AsyncClient, job_id: int) -> tuple[str, int, int, int, int]:
    """How far a job has come."""
    job = (await client.get(f"/v1/jobs/{job_id}")).json()
    return job["status"], job["total"], job["done"], job["failed"], job["percent"]


async def work_off(api: Api) -> int:
    """Work until no job waits; how many invoices that were."""
    done = 0
    while share_of := await work_jobs(api.ledger, ARRIVAL):
        done += share_of
    return done


async def held(api: Api) -> int:
    """How many holds the log tells of."""
    counting = select(func.count()).where(events_table.c.type == "hold_placed")
    async with api.ledger.engine.connect() as connection:
        return int((await connection.execute(counting)).scalar_one())


async def test_a_job_holds_what_the_filter_found_and_tells_how_far_it_is(
    api: Api, manager: httpx.AsyncClient
) -> None:
    job = await start(manager, **HOLD)
    assert await progress(manager, job["id"]) == ("running", MANY, 0, 0, 0)
    await take_in(api.ledger, row("LATER"))  # it came after the choice
    assert await work_jobs(api.ledger, ARRIVAL) == 4
    assert await progress(manager, job["id"]) == ("running", MANY, 4, 0, 44)
    assert await work_off(api) == 5
    assert await progress(manager, job["id"]) == ("finished", MANY, MANY, 0, 100)
    paused = (await manager.get("/v1/invoices", params={"state": "on_hold"})).json()["items"]
    assert {line["number"] for line in paused} == {f"M-{n}" for n in range(MANY)}
    event = (await manager.get("/v1/invoices/M-0")).json()["events"][-1]
    assert (event["actor"], event["source"], event["payload"]["reason"]) == (
        "token/manager",
        "job",
        "flooded",
    )
    assert event["payload"]["until"] == "2026-03-21T00:00:00Z"


async def test_a_release_ends_every_hold_of_those_that_are_paused(
    api: Api, manager: httpx.AsyncClient
) -> None:
    for reason in ("first", "second"):
        await manager.post("/v1/invoices/M-1/hold", json={"reason": reason})
    job = await start(manager, kind="release", filter={"segment": "standard"})
    assert job["total"] == 1
    await work_off(api)
    assert (await manager.get("/v1/invoices/M-1/status")).json()["state"] == "scheduled"


async def test_a_dry_run_counts_and_does_nothing(api: Api, manager: httpx.AsyncClient) -> None:
    answer = await manager.post("/v1/jobs", json=HOLD | {"dry_run": True})
    assert (answer.status_code, answer.json()) == (200, {"total": MANY, "job": None})
    assert (await manager.get("/v1/jobs")).json()["items"] == []
    assert await work_off(api) == 0


async def test_a_crash_within_a_share_repeats_no_hold(
    api: Api, manager: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await start(manager, **HOLD)
    acted: list[str] = []
    act = starter.jobs._act

    async def dies(*arguments: Any) -> str:
        if len(acted) == 3:
            raise ConnectionError
        acted.append(await act(*arguments))
        return acted[-1]

    monkeypatch.setattr(starter.jobs, "_act", dies)
    with pytest.raises(ConnectionError):
        await work_jobs(api.ledger, ARRIVAL)
    assert await progress(manager, job["id"]) == ("running", MANY, 0, 0, 0)
    assert await held(api) == 3
    monkeypatch.setattr(starter.jobs, "_act", act)
    await work_off(api)
    assert await progress(manager, job["id"]) == ("finished", MANY, MANY, 0, 100)
    assert await held(api) == MANY


async def test_three_workers_share_a_job_and_do_each_invoice_once(
    api: Api, manager: httpx.AsyncClient
) -> None:
    job = await start(manager, **HOLD)
    assert sum(await asyncio.gather(*(work_off(api) for _ in range(3)))) == MANY
    await work_jobs(api.ledger, ARRIVAL)
    assert await progress(manager, job["id"]) == ("finished", MANY, MANY, 0, 100)
    assert await held(api) == MANY


async def test_a_cancelled_job_leaves_the_rest_alone(api: Api, manager: httpx.AsyncClient) -> None:
    job = await start(manager, **HOLD)
    await work_jobs(api.ledger, ARRIVAL)
    cancelled = (await manager.post(f"/v1/jobs/{job['id']}/cancel")).json()
    assert (cancelled["status"], cancelled["done"], cancelled["outcomes"]) == (
        "cancelled", 4, {"done": 4, "waiting": 5},
    )  # fmt: skip
    assert await work_off(api) == 0
    assert await held(api) == 4
    again = await manager.post(f"/v1/jobs/{job['id']}/cancel")
    assert (again.status_code, again.json()["code"]) == (409, "job_closed")


async def test_an_invoice_that_was_closed_meanwhile_is_counted_by_its_reason(
    api: Api, manager: httpx.AsyncClient
) -> None:
    job = await start(manager, **HOLD)
    await manager.post("/v1/invoices/M-3/cancellation", json={})
    await work_off(api)
    found = (await manager.get(f"/v1/jobs/{job['id']}")).json()
    assert (found["done"], found["failed"], found["percent"]) == (MANY - 1, 1, 100)
    assert found["outcomes"] == {"closed": 1, "done": MANY - 1}


async def test_a_job_that_finds_nothing_is_finished(manager: httpx.AsyncClient) -> None:
    job = await start(manager, kind="hold", filter={"customer": "C-1", "state": "paid"})
    assert (job["status"], job["total"], job["percent"]) == ("finished", 0, 100)


async def test_nobody_else_has_hold_of_the_invoices_of_a_share(api: Api, manager: httpx.AsyncClient) -> None:
    await start(manager, **HOLD)
    async with share(api.ledger.engine, 4, ARRIVAL) as one, share(api.ledger.engine, 20, ARRIVAL) as other:
        assert one is not None
        assert other is not None
        assert len(one.named) == 4
        assert set(one.named) | set(other.named) == set(one.named) ^ set(other.named)
        assert len(other.named) == MANY - 4


async def test_bad_orders_say_what_is_wrong(api: Api, manager: httpx.AsyncClient) -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"kind": "hold", "filter": {}}, "empty_filter"),
        ({"kind": "delete", "filter": {"segment": "standard"}}, "invalid_request"),
        ({"kind": "hold", "filter": {"colour": "blue"}}, "invalid_request"),
        (HOLD | {"filter": {"segment": "elsewhere"}}, "unknown_segment"),
        (HOLD | {"filter": {"segment": "elsewhere"}, "dry_run": True}, "unknown_segment"),
        (HOLD | {"until": "2026-01-01"}, "day_out_of_range"),
        (HOLD | {"kind": "release"}, "release_has_no_end"),
        (HOLD | {"reason": "They are WRONG"}, "invalid_request"),
    ]
    for order, code in wrong:
        answer = await manager.post("/v1/jobs", json=order)
        assert (answer.status_code, answer.json()["code"]) == (422, code), order
    for address in ("/v1/jobs/77", "/v1/jobs/77/cancel"):
        answer = await manager.request("POST" if "cancel" in address else "GET", address)
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_job")
    assert (await api.client(Role.AGENT).post("/v1/jobs", json=HOLD)).status_code == 403


async def test_jobs_are_listed_the_latest_first(manager: httpx.AsyncClient) -> None:
    ids = [(await start(manager, **HOLD))["id"] for _ in range(3)]
    page = (await manager.get("/v1/jobs", params={"limit": 2})).json()
    rest = (await manager.get("/v1/jobs", params={"cursor": page["next"]})).json()
    assert [job["id"] for job in page["items"] + rest["items"]] == ids[::-1]
    assert rest["next"] is None


async def test_a_job_moves_invoices_to_the_newest_version_of_their_cadence_and_no_others(
    api: Api, manager: httpx.AsyncClient
) -> None:
    order = {"kind": "migrate", "filter": {"cadence": "short", "customer": "C-2"}}
    nothing = await manager.post("/v1/jobs", json=order | {"dry_run": True})
    assert nothing.json()["total"] == 0
    await publish(api.ledger.engine, ruler(title="Another title"), ARRIVAL)
    job = await start(manager, **order)
    assert job["total"] == 1
    await work_jobs(api.ledger, ARRIVAL)
    assert await progress(manager, job["id"]) == ("finished", 1, 1, 0, 100)
    found = (await manager.get("/v1/invoices", params={"cadence": "short"})).json()["items"]
    assert {line["number"] for line in found if line["cadence_version"] == 2} == {"OTHER"}
    assert len(found) == MANY + 1
    refused = await manager.post("/v1/jobs", json=order | {"until": "2026-03-20"})
    assert refused.json()["code"] == "migrate_has_no_end"
