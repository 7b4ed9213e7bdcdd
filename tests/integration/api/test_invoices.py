"""Invoices over HTTP: found and read by those who may."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import httpx
import pytest

from starter.api.roles import Role
from tests.integration.api.acting import PAYMENT, done, plan, problem
from tests.integration.api.conftest import Api
from tests.integration.api.portfolio import PERCENT, SLASHED
from tests.integration.ledger.playing import ARRIVAL, COURTESY_AT, DAY

ACTS = [
    "payments",
    "reversals",
    "disputes",
    "disputes/resolution",
    "promises",
    "plan",
    "plan/end",
    "hold",
    "release",
    "escalation",
    "cancellation",
]


@pytest.fixture
def clock() -> Callable[[], datetime]:
    return lambda: ARRIVAL


async def numbers(client: httpx.AsyncClient, **wanted: Any) -> list[str]:
    """The numbers of the invoices that a search finds, in its order."""
    answer = await client.get("/v1/invoices", params=wanted)
    assert answer.status_code == 200, answer.text
    return [line["number"] for line in answer.json()["items"]]


async def test_invoices_are_found_by_what_is_known_of_them(agent: httpx.AsyncClient) -> None:
    await done(agent, "disputes", "A-2")
    case = (await agent.get("/v1/cases")).json()["items"][0]["id"]
    await agent.post(f"/v1/cases/{case}/claim")
    everything = {"A-1", "A-2", SLASHED, PERCENT}
    assert set(await numbers(agent)) == everything
    assert await numbers(agent, state="disputed") == ["A-2"]
    assert set(await numbers(agent, customer="C-1")) == {"A-1", "A-2"}
    for wrong, told in (
        ({"segment": "elsewhere"}, (422, "unknown_segment")),
        ({"customer": "C-404"}, (404, "unknown_customer")),
        ({"cadence": "tall"}, (404, "unknown_cadence")),
    ):
        unknown = await agent.get("/v1/invoices", params=wrong)
        assert (unknown.status_code, unknown.json()["code"]) == told
    assert await numbers(agent, overdue_min=1) == ["A-2"]
    assert set(await numbers(agent, overdue_max=-8, overdue_min=-8)) == {"A-1", SLASHED}
    assert set(await numbers(agent, next_contact_before=(COURTESY_AT + DAY).isoformat())) == {"A-1", SLASHED}
    assert await numbers(agent, agent="token/agent") == ["A-2"]
    assert await numbers(agent, text="exemplar") == [SLASHED]
    assert await numbers(agent, text="%_") == [PERCENT]
    assert await numbers(agent, text="c-3", state="scheduled") == [PERCENT]


@pytest.mark.parametrize("sort", ["next", "due", "-balance"])
async def test_pages_hold_every_invoice_once_in_order(agent: httpx.AsyncClient, sort: str) -> None:
    await done(agent, "payments", "A-2", id="p", amount="80.00", currency="EUR")
    whole = await numbers(agent, sort=sort)
    paged, cursor = [], None
    while True:
        wanted: dict[str, Any] = {"sort": sort, "limit": 1} | ({"cursor": cursor} if cursor else {})
        page = (await agent.get("/v1/invoices", params=wanted)).json()
        paged += [line["number"] for line in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert paged == whole
    assert len(set(whole)) == 4
    expected = {"next": ("A-1", "A-2"), "due": ("A-2", PERCENT), "-balance": (PERCENT, "A-2")}
    assert (whole[0], whole[-1]) == expected[sort]


async def test_a_search_that_makes_no_sense_says_what_is_wrong(agent: httpx.AsyncClient) -> None:
    page = (await agent.get("/v1/invoices", params={"limit": 1})).json()
    wrong: list[tuple[dict[str, Any], int]] = [
        ({"state": "lost"}, 422),
        ({"overdue_min": "soon"}, 422),
        ({"next_contact_before": "2026-03-01T10:00:00"}, 422),
        ({"sort": "name"}, 422),
        ({"limit": 0}, 422),
        ({"text": "a\x00b"}, 422),
        ({"colour": "blue"}, 422),
        ({"cursor": "nonsense"}, 400),
        ({"cursor": page["next"], "sort": "due"}, 400),
    ]
    for wanted, status in wrong:
        answer = await agent.get("/v1/invoices", params=wanted)
        assert answer.status_code == status, (wanted, answer.text)
        assert answer.json()["detail"]


async def test_the_story_tells_everything_in_one_call(agent: httpx.AsyncClient) -> None:
    await done(agent, "disputes", reason="wrong-amount", note="says they sent it back")
    answer = await agent.get("/v1/invoices/A-1")
    story = answer.json()
    event = story["events"][-1]
    assert (event["type"], event["actor"], event["source"]) == ("dispute_opened", "token/agent", "api")
    assert (event["payload"]["reason"], event["note"]) == ("wrong-amount", "says they sent it back")
    assert [case["reason"] for case in story["cases"]] == ["dispute"]
    assert story["customer"]["name"] == "Padaria Inventada C-1"
    assert all(item["why"] for item in story["agenda"])
    assert {"messages", "replies", "workflow_id"} < set(story)
    assert answer.headers["ETag"] == (await agent.get("/v1/invoices/A-1")).headers["ETag"]


async def test_a_number_with_a_slash_is_found_told_and_shown(agent: httpx.AsyncClient) -> None:
    assert (await done(agent, "hold", SLASHED))["state"] == "on_hold"
    assert (await agent.get("/v1/invoices/2026%2F0001")).json()["invoice"]["number"] == SLASHED
    assert (await agent.get("/v1/invoices/2026%2F0001/status")).json()["state"] == "on_hold"


async def test_the_status_tells_an_erp_nothing_of_the_customer(house: Api) -> None:
    erp = house.client(Role.ERP)
    answer = await erp.get("/v1/invoices/A-1/status")
    assert answer.json() | {"next_at": None} == {
        "number": "A-1", "state": "scheduled", "currency": "EUR", "amount": "120.50", "paid": "0.00",
        "credited": "0.00", "balance": "120.50", "due_on": "2026-03-10", "next_at": None,
        "next_kind": "send_email", "closed_at": None,
    }  # fmt: skip
    assert "Padaria" not in answer.text
    assert (await erp.get("/v1/invoices/A-1")).status_code == 403
    assert (await erp.get("/v1/invoices")).status_code == 403


async def test_an_invoice_that_nobody_knows_is_not_found(house: Api) -> None:
    admin = house.client(Role.ADMIN)
    for address in ("/v1/invoices/nobody", "/v1/invoices/nobody/status"):
        answer = await admin.get(address)
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_invoice")
    bodies: dict[str, dict[str, Any]] = {
        "payments": PAYMENT, "reversals": PAYMENT, "disputes/resolution": {"outcome": "rejected"},
        "promises": {"by": "2026-03-20"}, "plan": plan(("2026-03-20", "60.00")),
    }  # fmt: skip
    for name in ACTS:
        assert await problem(admin, name, "nobody", **bodies.get(name, {})) == (404, "unknown_invoice")
