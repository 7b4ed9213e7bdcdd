"""Customers over HTTP: found, shown, and left alone for a while."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import httpx
import pytest

from cadence import events as e
from cadence.words import Channel
from ledger.recording import record_customer
from ledger.unit import Origin
from starter.api.roles import Role
from tests.integration.api.conftest import Api
from tests.integration.ledger.playing import ARRIVAL


@pytest.fixture
def clock() -> Callable[[], datetime]:
    return lambda: ARRIVAL


async def states(client: httpx.AsyncClient) -> dict[str, str]:
    """Every invoice's state."""
    found = (await client.get("/v1/invoices")).json()["items"]
    return {line["number"]: line["state"] for line in found}


async def test_customers_are_found_by_name_address_and_segment(agent: httpx.AsyncClient) -> None:
    async def keys(**wanted: Any) -> list[str]:
        answer = await agent.get("/v1/customers", params=wanted)
        return [line["key"] for line in answer.json()["items"]]

    assert await keys() == ["C-1", "C-2", "C-3"]
    assert await keys(text="exemplar") == ["C-2"]
    assert await keys(text="c-3@example.com") == ["C-3"]
    assert await keys(text="%") == []
    unknown = await agent.get("/v1/customers", params={"segment": "elsewhere"})
    assert (unknown.status_code, unknown.json()["code"]) == (422, "unknown_segment")
    first = (await agent.get("/v1/customers", params={"limit": 2})).json()
    assert await keys(cursor=first["next"]) == ["C-3"]
    assert (first["items"][0]["open_invoices"], first["items"][0]["on_hold"]) == (2, False)


async def test_a_card_says_how_they_may_be_reached_and_what_is_open(
    api: Api, agent: httpx.AsyncClient
) -> None:
    stop = e.ChannelSuppressed(channel=Channel.SMS, reason="opt_out")
    customer_id = await api.ledger.customer_id("C-1")
    await record_customer(api.ledger, customer_id, stop, Origin("customer", "test"), ARRIVAL)
    answer = await agent.get("/v1/customers/C-1")
    found = answer.json()
    assert found["card"]["email"] == "c-1@example.com"
    assert found["card"]["suppressed"]["sms"] == "opt_out"
    assert found["invoices"] == {"scheduled": 2}
    assert found["open_balance"] == {"EUR": "200.50"}
    assert answer.headers["ETag"]


async def test_a_statement_is_a_pdf_that_is_saved_under_a_name(agent: httpx.AsyncClient) -> None:
    answer = await agent.get("/v1/customers/C-1/statement")
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="extrato-2026-03-02.pdf"'
    assert answer.content.startswith(b"%PDF-")
    unknown = await agent.get("/v1/customers/nobody/statement")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_customer")


async def test_a_hold_on_a_customer_holds_all_its_invoices_until_it_is_released(
    agent: httpx.AsyncClient,
) -> None:
    held = await agent.post("/v1/customers/C-1/hold", json={"reason": "flooded", "until": "2026-03-20"})
    assert [(hold["reason"], hold["until"]) for hold in held.json()["holds"]] == [
        ("flooded", "2026-03-21T00:00:00Z")
    ]
    assert await states(agent) == {
        "A-1": "on_hold", "A-2": "on_hold", "2026/0001": "scheduled", "50%_OFF": "scheduled",
    }  # fmt: skip
    story = (await agent.get("/v1/invoices/A-1")).json()
    assert {event["actor"] for event in story["events"][-2:]} == {"token/agent"}
    released = await agent.post("/v1/customers/C-1/release", json={})
    assert released.json()["holds"] == []
    assert set((await states(agent)).values()) == {"scheduled"}
    again = await agent.post("/v1/customers/C-1/release", json={})
    assert (again.status_code, again.json()["code"]) == (409, "not_paused")


async def test_a_hold_upon_an_old_picture_is_refused(agent: httpx.AsyncClient) -> None:
    tag = {"If-Match": (await agent.get("/v1/customers/C-1")).headers["ETag"]}
    first = await agent.post("/v1/customers/C-1/hold", json={}, headers=tag)
    second = await agent.post("/v1/customers/C-1/hold", json={}, headers=tag)
    assert (first.status_code, second.status_code) == (200, 412)
    assert len((await agent.get("/v1/customers/C-1")).json()["holds"]) == 1


async def test_what_nobody_knows_and_what_makes_no_sense_is_refused(agent: httpx.AsyncClient) -> None:
    for answer in (
        await agent.get("/v1/customers/nobody"),
        await agent.post("/v1/customers/nobody/hold", json={}),
        await agent.post("/v1/customers/nobody/release", json={}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_customer")
    past = await agent.post("/v1/customers/C-1/hold", json={"until": "2026-01-01"})
    assert (past.status_code, past.json()["code"]) == (422, "day_out_of_range")


async def test_only_people_see_customers_and_only_agents_hold_them(
    api: Api, agent: httpx.AsyncClient
) -> None:
    for role in (Role.ERP, Role.PAYMENTS):
        assert (await api.client(role).get("/v1/customers/C-1")).status_code == 403
    viewer = api.client(Role.VIEWER)
    assert (await viewer.get("/v1/customers/C-1")).status_code == 200
    assert (await viewer.post("/v1/customers/C-1/hold", json={})).status_code == 403
