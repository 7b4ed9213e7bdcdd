"""How a customer may be reached, over HTTP: suppressions, consents and preferences, each on the card at once."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import httpx
import pytest

from starter.api.roles import Role
from tests.integration.api.conftest import Api
from tests.integration.ledger.playing import ARRIVAL

CUSTOMER = "/v1/customers/C-1"
NO_WISH = {"channels": None, "hours": None, "days": None}


@pytest.fixture
def clock() -> Callable[[], datetime]:
    return lambda: ARRIVAL


async def card(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["card"]
    return found


async def lift(client: httpx.AsyncClient, channel: str, body: Any) -> httpx.Response:
    return await client.request("DELETE", f"{CUSTOMER}/suppressions/{channel}", json=body)


async def test_a_channel_is_closed_and_opened_with_a_note_of_what_shows_it(agent: httpx.AsyncClient) -> None:
    order = {"reason": "opt_out", "channel": "sms", "note": "asked by phone"}
    assert (await card(await agent.post(f"{CUSTOMER}/suppressions", json=order)))["suppressed"] == {
        "sms": "opt_out"
    }
    again = await agent.post(f"{CUSTOMER}/suppressions", json=order)
    assert (again.status_code, again.json()["code"]) == (409, "suppressed_already")
    assert (await lift(agent, "sms", {})).status_code == 422
    assert (await card(await lift(agent, "sms", {"note": "asked by letter"})))["suppressed"] == {}
    story = (await agent.get("/v1/invoices/A-1")).json()
    told = [(event["type"], event["note"], event["actor"]) for event in story["events"][-2:]]
    assert told == [
        ("channel_suppressed", "asked by phone", "token/agent"),
        ("suppression_lifted", "asked by letter", "token/agent"),
    ]


async def test_a_contacts_address_is_closed_by_their_role_and_opened_by_itself(
    api: Api, agent: httpx.AsyncClient
) -> None:
    told = {"role": "director", "name": "Ana Exemplo", "email": "director@example.com"}
    assert (await api.client(Role.ERP).put(f"{CUSTOMER}/contacts/ana", json=told)).status_code == 201
    order = {"reason": "complaint", "role": "director"}
    closed = (await agent.post(f"{CUSTOMER}/suppressions", json=order)).json()
    assert (closed["contacts"][0]["suppressed"], closed["card"]["suppressed"]) == ({"email": "complaint"}, {})
    opening = {"note": "a letter", "address": "director@example.com"}
    opened = (await lift(agent, "email", opening)).json()
    assert opened["contacts"][0]["suppressed"] == {}
    for wrong in ({"role": "owner"}, {"address": "nobody@example.com"}, order | {"address": "x@example.com"}):
        refused = await agent.post(f"{CUSTOMER}/suppressions", json={"reason": "complaint"} | wrong)
        assert (refused.status_code, len(refused.json()["errors"])) == (422, 1)


@pytest.mark.parametrize("reason", ["legal_cease", "vulnerable", "deceased", "minor"])
async def test_what_is_said_of_the_person_closes_all_and_is_lifted_as_a_whole(
    agent: httpx.AsyncClient, reason: str
) -> None:
    by_sms = await agent.post(f"{CUSTOMER}/suppressions", json={"reason": reason, "channel": "sms"})
    assert (by_sms.status_code, by_sms.json()["code"]) == (422, "whole_person")
    closed = await card(await agent.post(f"{CUSTOMER}/suppressions", json={"reason": reason}))
    assert closed["forbidden"] == [reason]
    assert set(closed["suppressed"].values()) == {reason}
    status = (await agent.get("/v1/invoices/A-1/status")).json()
    assert status["next_kind"] == "open_case"
    opened = await card(await lift(agent, "all", {"note": "checked"}))
    assert (opened["forbidden"], opened["suppressed"]) == ([], {})
    twice = await lift(agent, "all", {"note": "checked"})
    assert (twice.status_code, twice.json()["code"]) == (409, "not_suppressed")


async def test_a_consent_is_kept_and_shown_with_its_wording_and_instant(agent: httpx.AsyncClient) -> None:
    order = {
        "channel": "sms",
        "wording": "terms-2026",
        "at": "2026-02-01T10:00:00Z",
        "note": "contract, page 3",
    }
    kept = [{"channel": "sms", "wording": "terms-2026", "proof_at": "2026-02-01T10:00:00Z", "holds": True}]
    for _ in range(2):
        assert (await card(await agent.post(f"{CUSTOMER}/consents", json=order)))["consents"] == kept
    ahead = await agent.post(f"{CUSTOMER}/consents", json=order | {"at": "2027-01-01T00:00:00Z"})
    assert (ahead.status_code, ahead.json()["code"]) == (422, "future")
    without = {name: value for name, value in order.items() if name != "note"}
    assert (await agent.post(f"{CUSTOMER}/consents", json=without)).status_code == 422


async def test_a_preference_is_stated_replaced_and_taken_back(agent: httpx.AsyncClient) -> None:
    async def state(**wish: Any) -> Any:
        return (await card(await agent.put(f"{CUSTOMER}/preferences", json=wish)))["preference"]

    assert await state(channels=["email"], hours="10:00-12:00", days=["fri", "mon"]) == {
        "channels": ["email"], "hours": "10:00-12:00", "days": ["mon", "fri"],
    }  # fmt: skip
    assert (await agent.get(CUSTOMER)).json()["card"]["suppressed"] == {"sms": "not_preferred"}
    assert await state(days=["tue"]) == NO_WISH | {"days": ["tue"]}
    assert await state() == NO_WISH
    wishes: list[dict[str, Any]] = [{"hours": "12:00-10:00"}, {"days": []}, {"channels": ["pigeon"]}]
    for wrong in (*wishes, {"hours": "at noon"}):
        assert (await agent.put(f"{CUSTOMER}/preferences", json=wrong)).status_code == 422
    nobody = await agent.put("/v1/customers/nobody/preferences", json={})
    assert (nobody.status_code, nobody.json()["code"]) == (404, "unknown_customer")


async def test_a_wish_upon_an_old_picture_is_refused(agent: httpx.AsyncClient) -> None:
    tag = {"If-Match": (await agent.get(CUSTOMER)).headers["ETag"]}
    first = await agent.put(f"{CUSTOMER}/preferences", json={"days": ["mon"]}, headers=tag)
    second = await agent.put(f"{CUSTOMER}/preferences", json={"days": ["tue"]}, headers=tag)
    assert (first.status_code, second.status_code) == (200, 412)


async def test_only_who_steers_says_how_a_customer_may_be_reached(api: Api, agent: httpx.AsyncClient) -> None:
    for role in (Role.VIEWER, Role.ERP, Role.PAYMENTS):
        client = api.client(role)
        for answer in (
            await client.post(f"{CUSTOMER}/suppressions", json={"reason": "minor"}),
            await lift(client, "all", {"note": "x"}),
            await client.post(f"{CUSTOMER}/consents", json={"channel": "sms", "wording": "v1", "note": "x"}),
            await client.put(f"{CUSTOMER}/preferences", json={}),
        ):
            assert answer.status_code == 403
    assert (await card(await agent.get(CUSTOMER)))["preference"] == NO_WISH
