"""What people read over HTTP: messages, the agenda, the first screen; and the switches that stop sending."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import httpx
import pytest

from starter.api.roles import Role
from tests.integration.api.conftest import Api
from tests.integration.api.portfolio import take_in_portfolio
from tests.integration.ledger.playing import ARRIVAL, COURTESY_AT, MINUTE, send


@pytest.fixture
def clock() -> Callable[[], datetime]:
    return lambda: ARRIVAL


@pytest.fixture
async def viewer(api: Api) -> httpx.AsyncClient:
    """A viewer's client, after two invoices had a message each."""
    await take_in_portfolio(api.ledger)
    for number in ("A-1", "2026/0001"):
        await send(
            api.ledger, await api.ledger.invoice_id(number), COURTESY_AT + MINUTE, provider_id=f"p-{number}"
        )
    return api.client(Role.VIEWER)


async def pages(client: httpx.AsyncClient, address: str, **wanted: Any) -> list[dict[str, Any]]:
    """Everything in a list, read one item at a time."""
    found, cursor = [], None
    while True:
        page = await client.get(
            address, params=wanted | {"limit": 1} | ({"cursor": cursor} if cursor else {})
        )
        assert page.status_code == 200, page.text
        found += page.json()["items"]
        cursor = page.json()["next"]
        if cursor is None:
            return found


async def test_messages_are_listed_without_and_shown_with_what_they_say(viewer: httpx.AsyncClient) -> None:
    lines = await pages(viewer, "/v1/messages")
    assert [line["invoice"] for line in lines] == ["2026/0001", "A-1"]
    assert all("body" not in line and line["attempts"][0]["state"] == "accepted" for line in lines)
    assert [line["invoice"] for line in await pages(viewer, "/v1/messages", invoice="2026/0001")] == [
        "2026/0001"
    ]
    for name in (lines[0]["id"], lines[0]["reference"], lines[0]["reference"].lower()):
        seen = (await viewer.get(f"/v1/messages/{name}")).json()
        assert (seen["subject"], seen["body"], seen["invoice"]) == ("A reminder", "Please pay.", "2026/0001")


async def test_the_agenda_pages_through_who_is_contacted_in_order(viewer: httpx.AsyncClient) -> None:
    whole = (await viewer.get("/v1/agenda", params={"days": 60, "limit": 200})).json()["items"]
    assert await pages(viewer, "/v1/agenda", days=60) == whole
    assert [item["at"] for item in whole] == sorted(item["at"] for item in whole)
    assert {item["channel"] for item in whole} == {"email", "sms"}
    soon = (await viewer.get("/v1/agenda", params={"days": 9})).json()["items"]
    assert soon == [item for item in whole if item["at"] <= "2026-03-11T10:00:00Z"]
    assert 0 < len(soon) < len(whole)
    assert all(item["local_at"] and item["why"] for item in whole)


async def test_the_first_screen_counts_and_names_the_next_contact(
    api: Api, viewer: httpx.AsyncClient
) -> None:
    await api.client(Role.AGENT).post("/v1/invoices/A-2/disputes", json={})
    overview = (await viewer.get("/v1/overview")).json()
    assert overview["totals"] == {
        "invoices": {"active": 2, "disputed": 1, "scheduled": 1},
        "cases": {"disputes": 1},
        "attempts": {"accepted": 2},
    }
    first = (await viewer.get("/v1/agenda", params={"days": 60})).json()["items"][0]
    assert overview["next_contact"] == first


async def test_a_switch_is_thrown_listed_and_taken_back(api: Api, viewer: httpx.AsyncClient) -> None:
    manager = api.client(Role.MANAGER)
    thrown = await manager.put("/v1/halts/channel/sms", json={"reason": "incident"})
    assert thrown.json() == {
        "scope": "channel", "value": "sms", "at": "2026-03-02T10:00:00Z", "actor": "token/manager",
        "reason": "incident",
    }  # fmt: skip
    again = await manager.put("/v1/halts/channel/sms", json={"reason": "other"})
    assert again.json()["reason"] == "incident"
    assert (await viewer.get("/v1/halts")).json()["items"] == [thrown.json()]
    assert (await manager.delete("/v1/halts/channel/sms")).json() == {"moved": 0}
    assert (await viewer.get("/v1/halts")).json()["items"] == []
    assert (await manager.put("/v1/halts/all/all", json={})).status_code == 200


async def test_what_is_unknown_or_not_allowed_is_refused(api: Api, viewer: httpx.AsyncClient) -> None:
    manager = api.client(Role.MANAGER)
    answers = {
        "unknown_message": await viewer.get("/v1/messages/NOPE"),
        "unknown_invoice": await viewer.get("/v1/messages", params={"invoice": "nobody"}),
        "not_halted": await manager.delete("/v1/halts/all/all"),
    }
    for code, answer in answers.items():
        assert (answer.status_code, answer.json()["code"]) == (404, code)
    for address in (
        "/v1/halts/channel/fax",
        "/v1/halts/segment/nobody",
        "/v1/halts/all/some",
        "/v1/halts/town/x",
    ):
        assert (await manager.put(address, json={})).status_code == 422, address
    assert (await viewer.get("/v1/agenda", params={"days": 0})).status_code == 422
    assert (await api.client(Role.AGENT).put("/v1/halts/all/all", json={})).status_code == 403
    for address in ("/v1/messages", "/v1/agenda", "/v1/overview", "/v1/halts"):
        assert (await api.client(Role.ERP).get(address)).status_code == 403, address
