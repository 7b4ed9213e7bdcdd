"""Cases over HTTP: a queue in which each case is one agent's at a time."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from cadence import events as e
from ledger.recording import Fact, record
from ledger.tokens import create
from ledger.unit import Origin
from starter.api.roles import Role
from tests.integration.api.conftest import Api
from tests.integration.api.portfolio import take_in_portfolio
from tests.integration.ledger.playing import ARRIVAL, MINUTE


@pytest.fixture
def clock() -> Callable[[], datetime]:
    return lambda: ARRIVAL


@pytest.fixture
async def case_id(api: Api) -> int:
    """The older of two cases, which disputes opened."""
    await take_in_portfolio(api.ledger)
    for minutes, number in enumerate(("A-1", "A-2")):
        at = ARRIVAL + minutes * MINUTE
        fact = Fact(e.DisputeOpened(), at, Origin("tester", "test"))
        await record(api.ledger, await api.ledger.invoice_id(number), [fact], at)
    found = await api.client(Role.AGENT).get("/v1/cases")
    return int(found.json()["items"][0]["id"])


@pytest.fixture
async def agents(api: Api) -> list[dict[str, str]]:
    """The credentials of twenty more agents."""
    engine, later = api.ledger.engine, ARRIVAL + timedelta(days=1)
    tokens = [await create(engine, f"agent-{n}", "agent", None, later, "tester", ARRIVAL) for n in range(20)]
    return [{"Authorization": f"Bearer {plain}"} for plain in tokens]


async def listed(client: httpx.AsyncClient, **wanted: Any) -> list[str]:
    """The invoices of the cases that a list holds."""
    answer = await client.get("/v1/cases", params=wanted)
    assert answer.status_code == 200, answer.text
    return [case["invoice"] for case in answer.json()["items"]]


async def test_of_twenty_agents_who_claim_at_once_one_gets_the_case(
    api: Api, case_id: int, agents: list[dict[str, str]]
) -> None:
    claims = [api.anonymous.post(f"/v1/cases/{case_id}/claim", headers=who) for who in agents]
    answers = await asyncio.gather(*claims)
    (won,) = [answer for answer in answers if answer.status_code == 200]
    lost = [answer.json() for answer in answers if answer.status_code != 200]
    holder = won.json()["claimed_by"]
    assert {(each["status"], each["code"]) for each in lost} == {(409, "case_claimed")}
    assert len(lost) == 19
    assert all(repr(holder) in each["detail"] for each in lost)
    case = (await api.client(Role.AGENT).get(f"/v1/cases/{case_id}")).json()
    assert (case["claimed_by"], [note["text"] for note in case["notes"]]) == (holder, ["claimed"])


async def test_a_case_is_released_by_its_holder_or_a_manager_alone(
    api: Api, case_id: int, agents: list[dict[str, str]]
) -> None:
    agent, other, manager = api.client(Role.AGENT), agents[0], api.client(Role.MANAGER)
    free = await agent.post(f"/v1/cases/{case_id}/release")
    assert (free.status_code, free.json()["code"]) == (409, "case_not_claimed")
    await agent.post(f"/v1/cases/{case_id}/claim")
    foreign = await api.anonymous.post(f"/v1/cases/{case_id}/release", headers=other)
    assert (foreign.status_code, foreign.json()["code"]) == (409, "case_claimed")
    assert "'token/agent'" in foreign.json()["detail"]
    freed = (await agent.post(f"/v1/cases/{case_id}/release")).json()
    assert (freed["status"], freed["claimed_by"]) == ("open", None)
    taken = await api.anonymous.post(f"/v1/cases/{case_id}/claim", headers=other)
    assert taken.json()["claimed_by"] == "token/agent-0"
    freed = (await manager.post(f"/v1/cases/{case_id}/release")).json()
    assert [(note["actor"], note["text"]) for note in freed["notes"]] == [
        ("token/agent", "claimed"), ("token/agent", "released"),
        ("token/agent-0", "claimed"), ("token/manager", "released"),
    ]  # fmt: skip


async def test_a_case_is_noted_and_closed(api: Api, case_id: int) -> None:
    agent = api.client(Role.AGENT)
    noted = await agent.post(f"/v1/cases/{case_id}/notes", json={"text": "They send the delivery note."})
    assert (noted.status_code, noted.json()["notes"][0]["actor"]) == (201, "token/agent")
    assert (await agent.post(f"/v1/cases/{case_id}/close")).json()["status"] == "closed"
    for act in ("claim", "close"):
        answer = await agent.post(f"/v1/cases/{case_id}/{act}")
        assert (answer.status_code, answer.json()["code"]) == (409, "case_closed")
    assert await listed(agent) == ["A-2"]
    assert await listed(agent, status="closed") == ["A-1"]


async def test_a_case_that_changed_since_it_was_read_is_not_closed(api: Api, case_id: int) -> None:
    agent = api.client(Role.AGENT)
    seen = {"If-Match": (await agent.get(f"/v1/cases/{case_id}")).headers["ETag"]}
    noted = await agent.post(
        f"/v1/cases/{case_id}/notes", json={"text": "They paid by cheque."}, headers=seen
    )
    for act in ("claim", "close", "release"):
        late = await agent.post(f"/v1/cases/{case_id}/{act}", headers=seen)
        assert (late.status_code, late.json()["code"]) == (412, "precondition_failed")
    fresh = {"If-Match": noted.headers["ETag"]}
    assert (await agent.post(f"/v1/cases/{case_id}/close", headers=fresh)).json()["status"] == "closed"


async def test_the_queue_is_read_by_queue_status_and_agent_a_page_at_a_time(api: Api, case_id: int) -> None:
    agent = api.client(Role.AGENT)
    await agent.post(f"/v1/cases/{case_id}/claim")
    assert await listed(agent) == ["A-1", "A-2"]
    assert await listed(agent, queue="disputes", status="open") == ["A-2"]
    assert await listed(agent, queue="collections") == []
    unknown = await agent.get("/v1/cases", params={"queue": "nowhere"})
    assert (unknown.status_code, unknown.json()["code"]) == (422, "unknown_queue")
    assert await listed(agent, agent="me") == await listed(agent, agent="token/agent") == ["A-1"]
    page = (await agent.get("/v1/cases", params={"limit": 1})).json()
    assert [case["invoice"] for case in page["items"]] == ["A-1"]
    assert await listed(agent, limit=1, cursor=page["next"]) == ["A-2"]


async def test_bad_requests_say_what_is_wrong(api: Api, case_id: int) -> None:
    agent = api.client(Role.AGENT)
    for address in (
        "/v1/cases/99999",
        "/v1/cases/99999/claim",
        "/v1/cases/99999/release",
        "/v1/cases/99999/close",
    ):
        method = "GET" if address.endswith("9") else "POST"
        answer = await agent.request(method, address)
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_case"), address
    assert (await agent.post("/v1/cases/99999/notes", json={"text": "x"})).status_code == 404
    assert (await agent.get(f"/v1/cases/{10**30}")).status_code == 422
    assert (await agent.post(f"/v1/cases/{case_id}/notes", json={"text": " "})).status_code == 422
    assert (await agent.get("/v1/cases", params={"status": "done"})).status_code == 422
    assert (await agent.get("/v1/cases", params={"cursor": "e30"})).status_code == 400
    viewer = api.client(Role.VIEWER)
    assert (await viewer.post(f"/v1/cases/{case_id}/claim")).status_code == 403
    assert (await viewer.get(f"/v1/cases/{case_id}")).status_code == 200
