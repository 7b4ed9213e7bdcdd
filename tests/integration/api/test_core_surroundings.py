"""What happens around every request: ids, headers, limits, log lines, and an answer to every error."""

import asyncio
from collections.abc import AsyncIterator
from itertools import product
from typing import Any

import pytest
import structlog
from fastapi import Request
from sqlalchemy.exc import DataError, IntegrityError, OperationalError
from structlog.testing import capture_logs

from cadence.problems import DocumentError, Problem
from channels.settings import ChannelSettings
from ledger.database import LedgerError
from starter.api.limits import SOURCES, Limits
from starter.api.middleware import LARGE_BODIES, MAX_BODY, BodyLimit
from starter.api.problems import ApiProblem
from starter.api.roles import Role
from starter.api.service import Service
from starter.api.settings import ApiSettings
from starter.session import Refusal
from tests.integration.api.conftest import Api, serving

PERSON = "maria.inventada@example.com"


async def test_every_answer_has_the_headers_that_keep_browsers_careful(api: Api) -> None:
    for path in ("/v1/me", "/v1/tokens", "/healthz", "/nowhere", "/openapi.json"):
        for client in (api.anonymous, api.client(Role.ADMIN)):
            headers = (await client.get(path)).headers
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "no-referrer"
            assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
            assert headers["cache-control"] == "no-store"
            assert "strict-transport-security" not in headers  # it is plain HTTP on this machine
            assert "server" not in headers


async def test_behind_https_browsers_are_told_to_stay_there(
    service: Service, channels: ChannelSettings
) -> None:
    public = channels.model_copy(update={"public_url": "https://regua.example.com"})
    secure = Service(service.ledger, service.temporal, service.settings, public, service.clock, service.api)
    async with serving(secure) as api:
        headers = (await api.anonymous.get("/healthz")).headers
        assert headers["strict-transport-security"].startswith("max-age=31536000")


async def test_no_other_site_is_let_in(api: Api) -> None:
    headers = {"Origin": "https://evil.example.com", "Access-Control-Request-Method": "POST"}
    for method, path in product(("GET", "POST", "OPTIONS"), ("/v1/me", "/v1/tokens", "/healthz")):
        answer = await api.client(Role.ADMIN).request(method, path, headers=headers)
        assert [name for name in answer.headers if name.startswith("access-control")] == []


async def test_a_request_keeps_the_id_it_came_with_where_it_can_stand_in_a_log(api: Api) -> None:
    kept = await api.anonymous.get("/v1/me", headers={"X-Request-Id": "order-17.a_B"})
    assert kept.headers["x-request-id"] == kept.json()["request_id"] == "order-17.a_B"
    for given in ("short", "with spaces in it", "x" * 101, 'quote"quote', ""):
        fresh = await api.anonymous.get("/v1/me", headers={"X-Request-Id": given})
        assert fresh.headers["x-request-id"] == fresh.json()["request_id"] != given
        assert len(fresh.headers["x-request-id"]) == 32


async def test_the_log_line_names_the_route_and_the_role_and_nobody(api: Api) -> None:
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        answer = await api.client(Role.ADMIN).delete(f"/v1/tokens/{PERSON}?who={PERSON}")
        await api.anonymous.get(f"/nowhere/{PERSON}")
    assert [(line["method"], line["route"], line["role"]) for line in lines] == [
        ("DELETE", "/v1/tokens/{name}", "admin"),
        ("GET", "unknown", None),
    ]
    assert lines[0]["status"] == 422
    assert lines[0]["request_id"] == answer.headers["x-request-id"]
    assert "maria" not in str(lines)


ERRORS: tuple[tuple[Exception, int, str], ...] = (
    (LedgerError("unknown_invoice", "no invoice 'X' is known"), 404, "unknown_invoice"),
    (LedgerError("unknown_status", "'x' is no status"), 422, "unknown_status"),
    (LedgerError("case_claimed", "case 1 is claimed"), 409, "case_claimed"),
    (LedgerError("case_closed", "case 1 is closed"), 409, "case_closed"),
    (LedgerError("empty_note", "the note is empty"), 422, "empty_note"),
    (Refusal("it is closed", code="closed"), 409, "closed"),
    (Refusal("the amount is 0", code="amount_not_positive", field="amount"), 422, "amount_not_positive"),
    (DocumentError([Problem("x.yaml", 3, "steps", "is missing")]), 422, "invalid_document"),
    (OperationalError(f"SELECT '{PERSON}'", {}, Exception(PERSON)), 503, "ledger_away"),
    (DataError(f"SELECT '{PERSON}'", {}, Exception(PERSON)), 422, "unfit_value"),
    (IntegrityError(f"SELECT '{PERSON}'", {}, Exception(PERSON)), 500, "internal"),
    (ConnectionResetError(PERSON), 503, "ledger_away"),
    (RuntimeError(PERSON), 500, "internal"),
    (ApiProblem(418, "teapot", "short and stout"), 418, "teapot"),
)


async def test_every_error_is_a_problem_that_quotes_nobody(api: Api) -> None:
    @api.app.get("/v1/failing")
    async def failing(which: int) -> None:
        raise ERRORS[which][0]

    for which, (_error, status, code) in enumerate(ERRORS):
        with capture_logs() as lines:
            answer = await api.client(Role.VIEWER).get("/v1/failing", params={"which": which})
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["type"] == f"/problems/{code}"
        assert answer.json()["request_id"] == answer.headers["x-request-id"]
        assert PERSON not in answer.text
        assert ("request_failed" in {line["event"] for line in lines}) == (code == "internal")


async def test_an_unknown_address_and_an_unknown_method_are_problems(api: Api) -> None:
    assert (await api.anonymous.get("/nowhere")).json()["code"] == "not_found"
    assert (await api.client(Role.VIEWER).get("/v1/nowhere")).json()["code"] == "not_found"
    assert (await api.anonymous.get("/v1/nowhere")).status_code == 401
    wrong = await api.client(Role.ADMIN).patch("/v1/me")
    assert (wrong.status_code, wrong.json()["code"], wrong.headers["allow"]) == (
        405,
        "method_not_allowed",
        "GET",
    )


async def test_a_body_that_is_no_json_is_a_problem(api: Api) -> None:
    for content, kind, code in (
        (b'{"name": ', "application/json", "malformed_body"),
        (b"\xff\xfe", "application/json", "malformed_body"),
        (b"[" * 100_000, "application/json", "malformed_body"),
        (b"name=x", "application/x-www-form-urlencoded", "invalid_request"),
    ):
        answer = await api.client(Role.ADMIN).post(
            "/v1/tokens", content=content, headers={"Content-Type": kind}
        )
        assert (answer.status_code in (400, 422), answer.json()["code"]) == (True, code)
    assert "Content-Type: application/json" in answer.json()["detail"]


async def pieces(size: int) -> AsyncIterator[bytes]:
    """A body whose length no header tells."""
    for at in range(0, size, 65_536):
        yield b" " * min(65_536, size - at)


@pytest.mark.parametrize("key", [{}, {"Idempotency-Key": "key-1"}])
async def test_a_body_over_the_limit_is_refused_whatever_its_headers_say(
    api: Api, key: dict[str, str]
) -> None:
    admin, json_kind = api.client(Role.ADMIN), {"Content-Type": "application/json"} | key
    stated = await admin.post("/v1/tokens", content=b" " * (MAX_BODY + 1), headers=json_kind)
    counted = await admin.post("/v1/tokens", content=pieces(MAX_BODY + 1), headers=json_kind)
    lied = await admin.post(
        "/v1/tokens", content=pieces(MAX_BODY + 1), headers=json_kind | {"Content-Length": "10"}
    )
    for answer in (stated, counted, lied):
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
        assert answer.headers["x-request-id"] == answer.json()["request_id"]
    fits = await admin.post("/v1/tokens", content=pieces(MAX_BODY), headers=json_kind | key)
    assert fits.status_code == 400


async def test_only_the_address_for_many_rows_takes_more(api: Api) -> None:
    taken: list[int] = []

    async def swallow(scope: Any, receive: Any, send: Any) -> None:
        taken.append(len(await Request(scope, receive).body()))

    ((path, most),) = LARGE_BODIES.items()
    for body in (pieces(most), pieces(most + 1)):
        receive, stream = None, aiter(body)

        async def received(stream: AsyncIterator[bytes] = stream) -> dict[str, Any]:
            piece = await anext(stream, b"")
            return {"type": "http.request", "body": piece, "more_body": bool(piece)}

        scope = {"type": "http", "method": "POST", "path": path, "headers": []}
        try:
            await BodyLimit(swallow)(scope, received, None)  # type: ignore[arg-type]
        except Exception as refused:  # noqa: BLE001
            receive = refused
    assert taken == [most]
    assert getattr(receive, "status_code", None) == 413


async def test_a_body_that_never_comes_is_not_waited_for(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("starter.api.middleware.PATIENCE_SECONDS", 0.05)

    async def stalling() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(30)

    answer = await api.client(Role.ADMIN).post(
        "/v1/tokens", content=stalling(), headers={"Content-Type": "application/json"}
    )
    assert (answer.status_code, answer.json()["code"]) == (408, "too_slow")


def limited(service: Service, settings: ApiSettings) -> Service:
    return Service(
        service.ledger, service.temporal, service.settings, service.channels, service.clock, settings
    )


async def test_a_token_that_calls_too_often_is_told_when_to_go_on(service: Service) -> None:
    async with serving(limited(service, ApiSettings.model_construct(rate_per_token_per_minute=3))) as api:
        statuses = [(await api.client(Role.VIEWER).get("/v1/me")).status_code for _ in range(3)]
        refused = await api.client(Role.VIEWER).get("/v1/me")
        assert statuses == [200, 200, 200]
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert (await api.client(Role.AGENT).get("/v1/me")).status_code == 200


async def test_a_source_that_calls_too_often_is_refused_before_anything_is_done(service: Service) -> None:
    async with serving(limited(service, ApiSettings.model_construct(rate_per_source_per_minute=3))) as api:
        for _ in range(3):
            assert (await api.anonymous.get("/v1/me")).status_code == 401
        refused = await api.client(Role.ADMIN).get("/v1/me")
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
        assert (await api.anonymous.get("/healthz")).status_code == 200


async def test_however_many_sources_there_are_the_memory_stays_the_same() -> None:
    limits = Limits(ApiSettings.model_construct(rate_per_source_per_minute=1_000_000))
    for number in range(5_000):
        await limits.spend_of_source(f"2001:db8:{number:x}::1")
    assert len(limits._counts.storage.storage) <= SOURCES  # type: ignore[attr-defined]


async def test_one_network_of_ipv6_is_one_source() -> None:
    limits = Limits(ApiSettings.model_construct(rate_per_source_per_minute=2))
    await limits.spend_of_source("2001:db8::1")
    await limits.spend_of_source("2001:db8::ffff:1")
    with pytest.raises(ApiProblem, match="go on in"):
        await limits.spend_of_source("2001:db8::2")


async def test_the_description_of_the_service_is_openapi_3_1_and_names_every_answer(api: Api) -> None:
    document = (await api.anonymous.get("/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    assert document["components"]["securitySchemes"]["HTTPBearer"]["scheme"] == "bearer"
    default = document["paths"]["/v1/me"]["get"]["responses"]["default"]["content"]
    assert list(default) == ["application/problem+json"]
    assert {"Problem", "FieldProblem"} <= set(document["components"]["schemas"])
    known = {name for parts in document["components"].values() for name in parts}
    assert set(_references(document)) - known == set()
    key = {"$ref": "#/components/parameters/IdempotencyKey"}
    assert key in document["paths"]["/v1/tokens"]["post"]["parameters"]
    assert "parameters" not in document["paths"]["/v1/tokens"]["get"]
    assert (await api.anonymous.get("/docs")).status_code == 404


def _references(part: Any) -> list[str]:
    if isinstance(part, dict):
        own = [part["$ref"].rsplit("/", 1)[1]] if isinstance(part.get("$ref"), str) else []
        return own + [name for each in part.values() for name in _references(each)]
    return [name for each in part for name in _references(each)] if isinstance(part, list) else []
