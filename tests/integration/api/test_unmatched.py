"""Unmatched money over HTTP: found with its candidates, and settled once by those who may."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import httpx
import pytest

from ledger import unmatched
from ledger.movements import Movement
from ledger.references import Reference
from starter.api.roles import Role
from tests.integration.api.conftest import Api
from tests.integration.api.portfolio import SLASHED, take_in_portfolio
from tests.integration.ledger.playing import ARRIVAL

PATH = "/v1/unmatched-payments"
MONEY = Movement(
    "pix", "payment", "E1", Decimal("120.50"), "EUR", ARRIVAL, "pix",
    (Reference("text", "fatura 2026 0001"),), "OFICINA EXEMPLAR", None,
)  # fmt: skip


@pytest.fixture
async def house(api: Api) -> Api:
    """Four invoices, and three payments that name none."""
    await take_in_portfolio(api.ledger)
    async with api.ledger.engine.begin() as connection:
        for told in ("E1", "E2", "E3"):
            await unmatched.keep(connection, replace(MONEY, id=told), "unknown_reference", ARRIVAL)
    return api


async def ids(client: httpx.AsyncClient, **query: Any) -> list[str]:
    answer = await client.get(PATH, params=query)
    assert answer.status_code == 200, answer.text
    return [each["external_id"] for each in answer.json()["items"]]


async def test_an_agent_finds_money_with_its_candidates_and_settles_it(house: Api) -> None:
    agent = house.client(Role.AGENT)
    listed = (await agent.get(PATH, params={"limit": 2})).json()
    assert [each["external_id"] for each in listed["items"]] == ["E1", "E2"]
    assert await ids(agent, cursor=listed["next"]) == ["E3"]
    where = f"{PATH}/{listed['items'][0]['id']}"

    seen = await agent.get(where)
    assert "ETag" in seen.headers
    best = seen.json()["candidates"][0]
    assert (best["invoice"], best["score"]) == (SLASHED, 100)
    assert [why["what"] for why in best["why"]] == ["number", "equals_balance", "payer"]

    assert (await agent.post(f"{where}/claim")).json()["status"] == "claimed"
    assert (await agent.post(f"{where}/release")).json()["status"] == "open"
    settled = await agent.post(f"{where}/settle", json={"invoice": SLASHED})
    assert (settled.status_code, settled.json()["invoice"], settled.json()["settled_by"]) == (
        200, SLASHED, "token/agent",
    )  # fmt: skip
    story = (await agent.get(f"/v1/invoices/{SLASHED.replace('/', '%2F')}")).json()
    assert story["invoice"]["state"] == "paid"
    assert await ids(agent) == ["E2", "E3"]
    assert await ids(agent, status="settled") == ["E1"]


async def test_what_another_agent_has_is_refused_until_a_manager_releases_it(house: Api) -> None:
    agent, manager = house.client(Role.AGENT), house.client(Role.MANAGER)
    where = f"{PATH}/{(await agent.get(PATH)).json()['items'][0]['id']}"
    await manager.post(f"{where}/claim")
    refused = await agent.post(f"{where}/settle", json={"invoice": SLASHED})
    assert (refused.status_code, refused.json()["code"]) == (409, "unmatched_claimed")
    assert (await agent.post(f"{where}/release")).status_code == 409
    assert (await house.client(Role.ADMIN).post(f"{where}/release")).json()["status"] == "open"

    dismissed = await agent.post(f"{where}/dismiss", json={"reason": "rent, paid to the wrong account"})
    assert (dismissed.json()["status"], dismissed.json()["dismissal"]) == (
        "dismissed", "rent, paid to the wrong account",
    )  # fmt: skip
    again = await agent.post(f"{where}/claim")
    assert (again.status_code, again.json()["code"]) == (409, "unmatched_closed")


async def test_an_agent_settles_money_over_the_invoices_of_a_customer(house: Api) -> None:
    agent = house.client(Role.AGENT)
    where = f"{PATH}/{(await agent.get(PATH)).json()['items'][0]['id']}"
    story = (await agent.get(f"/v1/invoices/{SLASHED.replace('/', '%2F')}")).json()
    key = story["customer"]["key"]
    for _ in range(2):
        settled = await agent.post(f"{where}/settle", json={"customer": key})
        assert settled.status_code == 200, settled.text
        told = settled.json()
        assert (told["status"], told["invoice"], told["customer"]) == ("settled", None, key)
        assert sum(Decimal(share["amount"]) for share in told["shares"]) == Decimal("120.50")
    both, none = {"customer": key, "invoice": SLASHED}, {"customer": "NONE"}
    second = f"{PATH}/{(await agent.get(PATH)).json()['items'][0]['id']}"
    refused = [await agent.post(f"{second}/settle", json=body) for body in (both, none)]
    assert [(each.status_code, each.json()["code"]) for each in refused] == [
        (422, "invalid_request"),
        (404, "unknown_customer"),
    ]


async def test_who_read_an_older_state_is_told_so_and_writes_nothing(house: Api) -> None:
    agent = house.client(Role.AGENT)
    where = f"{PATH}/{(await agent.get(PATH)).json()['items'][0]['id']}"
    seen = (await agent.get(where)).headers["ETag"]
    claimed = await agent.post(f"{where}/claim", headers={"If-Match": seen})
    assert claimed.status_code == 200
    acts: list[tuple[str, Any]] = [
        ("claim", None), ("release", None), ("settle", {"invoice": SLASHED}),
        ("settle", {"customer": "ANY"}), ("dismiss", {"reason": "not ours"}),
    ]  # fmt: skip
    for act, body in acts:
        late = await agent.post(f"{where}/{act}", json=body, headers={"If-Match": seen})
        assert (late.status_code, late.json()["code"]) == (412, "precondition_failed")
    assert (await agent.get(where)).json()["status"] == "claimed"
    now = claimed.headers["ETag"]
    assert (await agent.get(where)).headers["ETag"] == now
    settled = await agent.post(f"{where}/settle", json={"invoice": SLASHED}, headers={"If-Match": now})
    assert settled.json()["status"] == "settled"
    assert (await agent.get(where)).headers["ETag"] == settled.headers["ETag"]


async def test_mistakes_are_told_with_a_code(house: Api) -> None:
    agent = house.client(Role.AGENT)
    where = f"{PATH}/{(await agent.get(PATH)).json()['items'][0]['id']}"
    found = [
        await agent.get(f"{PATH}/999999"),
        await agent.post(f"{where}/settle", json={"invoice": "NONE"}),
        await agent.post(f"{where}/settle", json={}),
        await agent.get(PATH, params={"status": "done"}),
        await agent.get(PATH, params={"cursor": "junk"}),
        await agent.post(f"{where}/release"),
        await house.client(Role.VIEWER).post(f"{where}/claim"),
    ]
    assert [(answer.status_code, answer.json()["code"]) for answer in found] == [
        (404, "unknown_unmatched"),
        (404, "unknown_invoice"),
        (422, "invalid_request"),
        (422, "invalid_request"),
        (400, "bad_cursor"),
        (409, "unmatched_not_claimed"),
        (403, "not_allowed"),
    ]
