"""Segments over HTTP: shown with what decides, assigned by managers alone, and taken back."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import httpx
import pytest

from cadence.segments import Segments
from ledger.publishing import publish
from starter.api.roles import Role
from starter.jobs import work_jobs
from tests.integration.api.conftest import Api
from tests.integration.ledger.playing import ARRIVAL, row, ruler, take_in

SEGMENT = "/v1/customers/C-1/segment"
FIRM = {"segment": "firm", "reason": "key-account", "effect": "now", "note": "asked by sales"}


@pytest.fixture
def clock() -> Callable[[], datetime]:
    return lambda: ARRIVAL


@pytest.fixture
async def manager(api: Api) -> httpx.AsyncClient:
    await publish(api.ledger.engine, ruler(name="firm", segments=["firm"]), ARRIVAL)
    await take_in(api.ledger, row())
    return api.client(Role.MANAGER)


async def test_a_segment_is_assigned_by_hand_and_the_open_invoices_follow(manager: httpx.AsyncClient) -> None:
    before = (await manager.get(SEGMENT)).json()
    assert (before["segment"], before["assignment"], before["rules"]) == ("standard", None, [])
    given = (await manager.put(SEGMENT, json=FIRM)).json()
    assert (given["segment"], given["assignment"]["by"], given["assignment"]["reason"]) == (
        "firm", "manual", "key-account",
    )  # fmt: skip
    story = (await manager.get("/v1/invoices/INV-1")).json()
    assert story["invoice"]["cadence"] == "firm"
    assert [event["actor"] for event in story["events"] if event["type"] == "segment_assigned"] == [
        "token/manager"
    ]
    cleared = (await manager.post(SEGMENT + "/clear", json={"effect": "now"})).json()
    assert (cleared["segment"], cleared["assignment"]) == ("standard", None)
    again = await manager.post(SEGMENT + "/clear", json={})
    assert again.json()["code"] == "not_assigned"


async def test_only_managers_assign_and_only_what_a_cadence_serves(
    api: Api, manager: httpx.AsyncClient
) -> None:
    agent = api.client(Role.AGENT)
    assert (await agent.get(SEGMENT)).status_code == 200
    assert (await agent.put(SEGMENT, json=FIRM)).status_code == 403
    unserved = await manager.put(SEGMENT, json=FIRM | {"segment": "vip"})
    assert unserved.json()["code"] == "segment_not_served"
    assert (await manager.get("/v1/customers/C-9/segment")).status_code == 404


async def test_a_change_on_an_old_picture_is_refused(manager: httpx.AsyncClient) -> None:
    seen = (await manager.get("/v1/customers/C-1")).headers["ETag"]
    assert (await manager.put(SEGMENT, json=FIRM, headers={"If-Match": seen})).status_code == 200
    assert (await manager.put(SEGMENT, json=FIRM, headers={"If-Match": seen})).status_code == 412


@pytest.mark.parametrize("dry_run", [True, False])
async def test_the_rules_go_over_every_customer_as_a_job(
    api: Api, manager: httpx.AsyncClient, dry_run: bool
) -> None:
    await take_in(api.ledger, row("INV-2", customer="C-2", segment="firm"))
    rules = Segments.model_validate({"rules": [{"segment": "firm", "title": "All are firms"}]})
    ruled = replace(api.ledger, segments=rules)
    asked = await manager.post("/v1/segments/apply", json={"effect": "now", "dry_run": dry_run})
    assert (asked.status_code, asked.json()["total"]) == (202, 2)
    assert await work_jobs(ruled, ARRIVAL) == 2
    job = (await manager.get(asked.headers["Location"])).json()
    assert job["outcomes"] == {"would_change" if dry_run else "done": 1, "same": 1}
    assert (job["status"], job["percent"], job["failed"]) == ("finished", 100, 0)
    story = (await manager.get("/v1/invoices/INV-1")).json()
    assert story["invoice"]["cadence"] == ("short" if dry_run else "firm")
    by_agent = await api.client(Role.AGENT).post("/v1/segments/apply", json={})
    assert by_agent.status_code == 403
