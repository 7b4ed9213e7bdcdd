"""Idempotency-Key: a write under one key is carried out once, and answered alike, whoever asks how often."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import Response
from sqlalchemy.exc import OperationalError

from ledger import idempotency
from ledger.tokens import list_tokens
from starter.api.app import api_app
from starter.api.roles import Role
from starter.api.service import Service
from tests.integration.api.conftest import Api
from tests.integration.waiting import eventually

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
ORDER = {"name": "erp-1", "role": "erp"}


@pytest.fixture
def now() -> list[datetime]:
    return [NOW]


@pytest.fixture
def clock(now: list[datetime]) -> Callable[[], datetime]:
    return lambda: now[0]


@pytest.fixture
def done() -> list[str]:
    """What the route of these tests carried out."""
    return []


@pytest.fixture
def going() -> asyncio.Event:
    """The route of these tests waits for it."""
    event = asyncio.Event()
    event.set()
    return event


@pytest.fixture
async def api(api: Api, done: list[str], going: asyncio.Event) -> Api:
    """The service, with one more route that counts what it does, and fails as it is told."""

    @api.app.post("/v1/things")
    async def things(response: Response, body: dict[str, Any], fail: bool = False) -> dict[str, Any]:
        await going.wait()
        done.append(body["name"])
        if fail:
            raise OperationalError("SELECT 1", {}, Exception("gone"))
        response.headers.update({"ETag": '"tag"', "Location": f"/v1/things/{len(done)}"})
        return {"made": body["name"], "count": len(done)}

    return api


async def post(
    api: Api, name: str = "one", key: str = "key-1", role: Role = Role.ADMIN, **query: Any
) -> httpx.Response:
    headers = {"Idempotency-Key": key}
    return await api.client(role).post("/v1/things", json={"name": name}, headers=headers, params=query)


async def test_the_same_request_again_gets_the_stored_answer(api: Api, done: list[str]) -> None:
    first, again = await post(api), await post(api)
    assert (again.status_code, again.content) == (first.status_code, first.content)
    for name in ("content-type", "etag", "location"):
        assert again.headers[name] == first.headers[name]
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert done == ["one"]


async def test_an_error_of_the_caller_is_kept_too(api: Api) -> None:
    admin, headers = api.client(Role.ADMIN), {"Idempotency-Key": "key-1"}
    first = await admin.delete("/v1/tokens/nobody", headers=headers)
    again = await admin.delete("/v1/tokens/nobody", headers=headers)
    assert (first.status_code, again.status_code) == (404, 404)
    assert again.json() == first.json()
    assert again.headers["content-type"] == "application/problem+json"
    assert again.headers["idempotent-replayed"] == "true"


async def test_the_key_of_another_request_is_refused(api: Api, done: list[str]) -> None:
    await post(api)
    for refused in (await post(api, name="two"), await post(api, fail=False)):
        assert (refused.status_code, refused.json()["code"]) == (422, "idempotency_key_reused")
    assert done == ["one"]


async def test_keys_are_each_callers_own(api: Api, done: list[str]) -> None:
    await post(api)
    other = await post(api, name="two", role=Role.MANAGER)
    assert other.json() == {"made": "two", "count": 2}


async def test_of_two_at_once_one_is_carried_out_and_the_other_asked_to_come_again(
    api: Api, done: list[str], going: asyncio.Event
) -> None:
    going.clear()
    first = asyncio.create_task(post(api))
    second = asyncio.create_task(post(api))
    finished, _ = await asyncio.wait([first, second], return_when=asyncio.FIRST_COMPLETED)
    (refused,) = [each.result() for each in finished]
    assert (refused.status_code, refused.json()["code"]) == (409, "idempotency_in_progress")
    assert refused.headers["retry-after"] == "1"
    going.set()
    assert sorted([(await first).status_code, (await second).status_code]) == [200, 409]
    assert (await post(api)).headers["idempotent-replayed"] == "true"
    assert done == ["one"]


async def test_a_failure_of_ours_leaves_the_key_free(api: Api, done: list[str]) -> None:
    failed = await post(api, fail=True)
    assert (failed.status_code, failed.headers["retry-after"]) == (503, "5")
    assert (await post(api, fail=True)).status_code == 503
    assert done == ["one", "one"]


async def test_a_refusal_for_want_of_leave_is_not_kept(api: Api) -> None:
    headers = {"Idempotency-Key": "key-1"}
    refused = [await api.client(Role.ERP).post("/v1/tokens", json=ORDER, headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in refused] == [403, 403]
    assert "idempotent-replayed" not in refused[1].headers


async def test_a_process_that_died_in_the_middle_is_taken_over_after_a_minute(
    api: Api, done: list[str], now: list[datetime], going: asyncio.Event
) -> None:
    going.clear()
    dying = asyncio.create_task(post(api))

    async def under_way() -> bool:
        return await _rows(api) != []

    await eventually(under_way)
    # It hangs, as one whose process died does: its key stays taken.
    now[0] = NOW + timedelta(seconds=59)
    assert (await post(api)).status_code == 409
    now[0], taking_over = NOW + timedelta(seconds=60), asyncio.create_task(post(api))
    going.set()
    assert (await taking_over).status_code == 200
    await dying
    assert (await post(api)).content == taking_over.result().content


async def test_an_answer_is_kept_for_a_day(api: Api, done: list[str], now: list[datetime]) -> None:
    await post(api)
    now[0] = NOW + timedelta(hours=23, minutes=59)
    assert await idempotency.forget(api.ledger.engine, now[0]) == 0
    assert (await post(api)).headers["idempotent-replayed"] == "true"
    now[0] = NOW + timedelta(hours=24)
    assert (await post(api, name="two")).json()["made"] == "two"
    now[0] += timedelta(hours=24)
    assert await idempotency.forget(api.ledger.engine, now[0]) == 1
    assert await _rows(api) == []


async def test_a_secret_that_was_shown_once_is_kept_nowhere(api: Api) -> None:
    admin, headers = api.client(Role.ADMIN), {"Idempotency-Key": "key-1"}
    made = await admin.post("/v1/tokens", json=ORDER, headers=headers)
    again = await admin.post("/v1/tokens", json=ORDER, headers=headers)
    assert (made.status_code, again.status_code) == (201, 409)
    assert again.json()["code"] == "secret_not_repeated"
    assert made.json()["token"] not in str(await _rows(api))
    assert len([line for line in await list_tokens(api.ledger.engine) if line.name == "erp-1"]) == 1


async def test_a_key_that_is_none_is_refused(api: Api, done: list[str]) -> None:
    for key in ("", " ", "k" * 201, "k\u00e9y"):
        refused = await api.client(Role.ADMIN).post(
            "/v1/things", json={"name": "one"}, headers={b"Idempotency-Key": key.encode()}
        )
        assert (refused.status_code, refused.json()["code"]) == (400, "bad_idempotency_key")
    assert done == []


async def test_a_request_that_breaks_off_takes_no_key(api: Api, done: list[str]) -> None:
    pieces = iter(({"type": "http.request", "body": b'{"na', "more_body": True}, {"type": "http.disconnect"}))
    sent: list[Any] = []

    async def receive() -> Any:
        return next(pieces)

    async def send(message: Any) -> None:
        sent.append(message)

    headers = {"authorization": f"Bearer {api.tokens[Role.ADMIN]}", "idempotency-key": "key-1"}
    scope = {
        "type": "http", "method": "POST", "path": "/v1/things", "query_string": b"", "client": None,
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }  # fmt: skip
    await api.app(scope, receive, send)
    assert sent[0]["status"] == 400
    assert (done, await _rows(api)) == ([], [])


async def test_reading_takes_no_notice_of_a_key(api: Api) -> None:
    answer = await api.client(Role.ADMIN).get("/v1/me", headers={"Idempotency-Key": "key-1"})
    assert answer.status_code == 200
    assert await _rows(api) == []


async def test_another_process_of_the_service_knows_the_key(
    api: Api, service: Service, done: list[str]
) -> None:
    made = await api.client(Role.ADMIN).post("/v1/tokens", json=ORDER, headers={"Idempotency-Key": "key-1"})
    assert made.status_code == 201
    headers = {"Authorization": f"Bearer {api.tokens[Role.ADMIN]}", "Idempotency-Key": "key-1"}
    transport = httpx.ASGITransport(api_app(service))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8001") as other:
        again = await other.post("/v1/tokens", json=ORDER, headers=headers)
    assert again.headers["idempotent-replayed"] == "true"


async def _rows(api: Api) -> list[Any]:
    async with api.ledger.engine.connect() as connection:
        found = await connection.exec_driver_sql("SELECT k::text FROM idempotency_key k")
        return list(found.scalars())
