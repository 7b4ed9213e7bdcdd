"""Webhook endpoints over HTTP: registered by an admin, with a secret that is shown once, at addresses that are public."""

import asyncio
import dataclasses
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from ledger.service_tables import deliveries, endpoints
from starter.api.roles import Role
from starter.api.service import Service
from tests.integration.api.conftest import Api, serving
from tests.integration.ledger.playing import row, take_in

PATH = "/v1/webhook-endpoints"
ORDER = {"url": "https://93.184.215.14:8443/hook", "types": ["invoice.closed", "invoice.started"]}


async def _made(api: Api, **changes: Any) -> dict[str, Any]:
    answer = await api.client(Role.ADMIN).post(PATH, json=ORDER | changes)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def _heard(api: Api, endpoint_id: int, **query: Any) -> dict[str, Any]:
    answer = await api.client(Role.ADMIN).get(f"{PATH}/{endpoint_id}/deliveries", params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_secret_is_shown_when_it_is_made_and_never_again(api: Api) -> None:
    admin = api.client(Role.ADMIN)
    made = await _made(api, description="The books")

    assert made["secret"].startswith("whsec_")
    assert (made["status"], made["created_by"]) == ("active", "token/admin")
    assert made["types"] == ["invoice.started", "invoice.closed"]
    shown = await admin.get(f"{PATH}/{made['id']}")
    listed = await admin.get(PATH)
    del made["secret"]
    assert (shown.json(), listed.json()["items"]) == (made, [made])


async def test_a_new_secret_signs_at_once(api: Api) -> None:
    made = await _made(api)
    answer = await api.client(Role.ADMIN).post(f"{PATH}/{made['id']}/rotate-secret")

    async with api.ledger.engine.connect() as connection:
        kept = (await connection.execute(select(endpoints.c.secret))).scalar_one()
    assert answer.json() == {"secret": kept}
    assert kept != made["secret"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"url": "https://127.0.0.1:8443/hook"}, "not_public"),
        ({"url": "https://10.0.0.7/hook"}, "not_public"),
        ({"url": "https://169.254.169.254/latest"}, "not_public"),
        ({"url": "https://[::ffff:192.168.1.1]/hook"}, "not_public"),
        ({"url": "http://93.184.215.14/hook"}, "not_https"),
        ({"url": "https://me:word@93.184.215.14/hook"}, "credentials_in_url"),
        ({"types": []}, "invalid_request"),
        ({"types": ["invoice.read"]}, "invalid_request"),
        ({"secret": "whsec_mine"}, "invalid_request"),
    ],
)
async def test_what_cannot_be_registered_is_refused_with_what_is_wrong(
    api: Api, changes: dict[str, Any], code: str
) -> None:
    answer = await api.client(Role.ADMIN).post(PATH, json=ORDER | changes)

    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert [each["field"] for each in answer.json()["errors"]] != []
    assert (await api.client(Role.ADMIN).get(PATH)).json()["items"] == []


async def test_a_change_checks_the_address_again(api: Api) -> None:
    made = await _made(api)
    admin, path = api.client(Role.ADMIN), f"{PATH}/{made['id']}"

    refused = await admin.patch(path, json={"url": "https://192.168.0.1/hook"})
    changed = await admin.patch(path, json={"types": ["invoice.paid"], "description": "New"})

    assert (refused.status_code, refused.json()["code"]) == (422, "not_public")
    assert changed.json() == {**_without_secret(made), "types": ["invoice.paid"], "description": "New"}


def _without_secret(made: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in made.items() if name != "secret"}


async def test_a_change_of_what_somebody_else_changed_first_is_refused(api: Api) -> None:
    made = await _made(api)
    admin, path = api.client(Role.ADMIN), f"{PATH}/{made['id']}"
    seen = {"If-Match": (await admin.get(path)).headers["ETag"]}

    both = await asyncio.gather(
        admin.patch(path, json={"description": "One"}, headers=seen),
        admin.patch(path, json={"description": "Two"}, headers=seen),
    )

    assert sorted(answer.status_code for answer in both) == [200, 412]
    assert (await admin.delete(path, headers=seen)).status_code == 412


async def test_an_endpoint_is_paused_resumed_and_removed(api: Api) -> None:
    made = await _made(api)
    admin, path = api.client(Role.ADMIN), f"{PATH}/{made['id']}"

    paused = (await admin.post(f"{path}/pause")).json()
    assert (paused["status"], paused["status_reason"]) == ("paused", "paused by token/admin")
    await take_in(api.ledger, row())
    assert [each["state"] for each in (await _heard(api, made["id"]))["items"]] == ["waiting"]
    assert (await admin.post(f"{path}/resume")).json() == _without_secret(made)
    assert (await admin.delete(path)).status_code == 204
    assert (await admin.get(path)).json()["code"] == "unknown_endpoint"


async def test_deliveries_are_paged_newest_first_and_filtered(api: Api) -> None:
    made = await _made(api)
    numbers = [f"INV-{each}" for each in range(5)]
    await take_in(api.ledger, *(row(number, f"C-{number}") for number in numbers))

    first = await _heard(api, made["id"], limit=3)
    second = await _heard(api, made["id"], limit=3, cursor=first["next"])

    seen = [each["invoice"] for each in first["items"] + second["items"]]
    assert sorted(seen) == numbers
    assert [each["id"] for each in first["items"]] == sorted(
        (each["id"] for each in first["items"]), reverse=True
    )
    assert second["next"] is None
    assert (await _heard(api, made["id"], state="delivered"))["items"] == []


async def test_what_is_replayed_waits_again(api: Api) -> None:
    made = await _made(api)
    await take_in(api.ledger, row("INV-1"), row("INV-2", "C-2"))
    async with api.ledger.engine.begin() as connection:
        done = {"state": "given_up", "told": True, "attempts": 10, "last_answer": "500"}
        await connection.execute(deliveries.update().values(done))
    ids = [each["id"] for each in (await _heard(api, made["id"]))["items"]]

    async def replayed(order: dict[str, Any]) -> httpx.Response:
        return await api.client(Role.ADMIN).post(f"{PATH}/{made['id']}/replay", json=order)

    assert (await replayed({"deliveries": ids[:1]})).json() == {"replayed": 1}
    assert (await replayed({"given_up": True})).json() == {"replayed": 1}
    assert (await replayed({"since": "2020-01-01T00:00:00+00:00"})).json() == {"replayed": 2}
    again = (await _heard(api, made["id"]))["items"]
    assert [(each["state"], each["attempts"], each["last_answer"]) for each in again] == [
        ("waiting", 0, None)
    ] * 2
    assert (await replayed({})).status_code == 422
    assert (await replayed({"given_up": True, "deliveries": ids})).status_code == 422


async def test_a_test_is_a_delivery_of_no_invoice(api: Api) -> None:
    made = await _made(api)
    sent = (await api.client(Role.ADMIN).post(f"{PATH}/{made['id']}/test")).json()

    assert (sent["type"], sent["invoice"], sent["state"]) == ("webhook.test", None, "waiting")
    assert (await _heard(api, made["id"]))["items"] == [sent]


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMIN])
async def test_nobody_but_an_admin_sees_or_changes_endpoints(api: Api, role: Role) -> None:
    assert (await api.client(role).get(PATH)).status_code == 403
    assert (await api.client(role).post(PATH, json=ORDER)).status_code == 403


async def test_the_switch_for_one_machine_lets_loopback_in(service: Service) -> None:
    local = service.settings.model_copy(update={"webhooks_to_private_networks": True})
    async with serving(dataclasses.replace(service, settings=local)) as api:
        made = await _made(api, url="http://127.0.0.1:9000/hook")
    assert made["status"] == "active"
