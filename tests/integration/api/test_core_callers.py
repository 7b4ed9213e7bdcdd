"""Who may call what: the table of roles cell by cell, and tokens that are no leave any more."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from ledger.tokens import create, list_tokens, revoke
from starter.api.roles import MAY, Permission, Role
from tests.integration.api.conftest import Api
from tests.integration.api.routes import allowed, leaves, resources

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)


@pytest.fixture
def now() -> list[datetime]:
    """The instant that the service takes for now; a test may move it."""
    return [NOW]


@pytest.fixture
def clock(now: list[datetime]) -> Callable[[], datetime]:
    return lambda: now[0]


def test_every_resource_names_one_permission() -> None:
    named = {f"{method} {route.path}": len(leaves(route.dependant)) for method, route in resources()}
    assert {where: count for where, count in named.items() if count != 1} == {}


async def test_every_role_gets_exactly_what_the_table_says_of_every_route(api: Api) -> None:
    wrong = []
    for method, route in resources():
        path = re.sub(r"\{[^}]+\}", "1", route.path)
        nobody = await api.anonymous.request(method, path, json={})
        if nobody.status_code != 401:
            wrong.append((method, path, "nobody", nobody.status_code))
        for role in Role:
            status = (await api.client(role).request(method, path, json={})).status_code
            if status >= 500 or status == 401 or (status == 403) == (role in allowed(route)):
                wrong.append((method, path, role, status))
    assert wrong == []


async def test_everybody_known_may_ask_who_they_are(api: Api) -> None:
    for role in Role:
        me = (await api.client(role).get("/v1/me")).json()
        assert (me["name"], me["role"]) == (f"token/{role}", role)
        assert me["permissions"] == sorted(permission for permission in Permission if role in MAY[permission])


async def test_a_refusal_names_the_permission_and_who_has_it(api: Api) -> None:
    refused = await api.client(Role.ERP).get("/v1/tokens")
    assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
    assert "manage_tokens" in refused.json()["detail"]
    assert refused.json()["detail"].endswith("it is of: admin")


async def token(api: Api, name: str, **changes: object) -> str:
    order = {"role": "viewer", "permissions": None, "expires_at": NOW + timedelta(days=9)} | changes
    return await create(api.ledger.engine, name, actor="tester", now=NOW, **order)  # type: ignore[arg-type]


async def me(api: Api, authorization: str) -> httpx.Response:
    return await api.anonymous.get("/v1/me", headers={b"Authorization": authorization.encode("latin-1")})


async def test_no_token_and_every_kind_of_bad_one_are_answered_alike(api: Api, now: list[datetime]) -> None:
    revoked, expired = await token(api, "revoked"), await token(api, "expired", expires_at=NOW)
    await revoke(api.ledger.engine, "revoked", "tester", NOW)
    good = api.tokens[Role.ADMIN]
    given = (
        f"Bearer {revoked}", f"Bearer {expired}", f"Bearer {good}x", f"Bearer {good[6:]}", f"Basic {good}", good,
        "Bearer", "Bearer regua_", "Bearer regua_\u00e9", "",
    )  # fmt: skip
    answers = [await api.anonymous.get("/v1/me")]
    answers += [await me(api, authorization) for authorization in given]
    assert {answer.status_code for answer in answers} == {401}
    assert {answer.headers["www-authenticate"] for answer in answers} == {'Bearer realm="regua"'}
    assert {(answer.json()["code"], answer.json()["detail"]) for answer in answers} == {
        ("not_authenticated", answers[0].json()["detail"])
    }
    assert (await me(api, f"bearer {good}")).status_code == 200


async def test_a_token_is_good_until_it_expires_and_not_a_moment_longer(
    api: Api, now: list[datetime]
) -> None:
    plain = await token(api, "short", expires_at=NOW + timedelta(hours=1))
    now[0] = NOW + timedelta(minutes=59, seconds=59)
    assert (await me(api, f"Bearer {plain}")).status_code == 200
    now[0] = NOW + timedelta(hours=1)
    assert (await me(api, f"Bearer {plain}")).status_code == 401


async def test_nobody_can_read_a_token_in_the_ledger(api: Api) -> None:
    made = await api.client(Role.ADMIN).post("/v1/tokens", json={"name": "erp-1", "role": "erp"})
    plain = made.json()["token"]
    async with api.ledger.engine.connect() as connection:
        rows = await connection.exec_driver_sql("SELECT t::text FROM token t WHERE name = 'erp-1'")
        assert plain not in rows.scalar_one()
    listed = await api.client(Role.ADMIN).get("/v1/tokens")
    assert plain not in listed.text
    assert (await me(api, f"Bearer {plain}")).json()["name"] == "token/erp-1"


async def test_a_narrowed_token_may_only_what_it_is_narrowed_to(api: Api) -> None:
    plain = await token(api, "reader", role="admin", permissions=["read", "read_status"])
    assert (await me(api, f"Bearer {plain}")).json()["permissions"] == ["read", "read_status"]
    refused = await api.anonymous.get("/v1/tokens", headers={"Authorization": f"Bearer {plain}"})
    assert refused.status_code == 403
    assert "narrowed" in refused.json()["detail"]


async def test_nobody_gives_what_they_have_not(api: Api) -> None:
    plain = await token(api, "clerk", role="admin", permissions=["manage_tokens"])
    given = {"Authorization": f"Bearer {plain}"}
    order = {"name": "more", "role": "admin"}
    assert (await api.anonymous.post("/v1/tokens", json=order, headers=given)).status_code == 403
    order["only"] = ["manage_tokens"]  # type: ignore[assignment]
    assert (await api.anonymous.post("/v1/tokens", json=order, headers=given)).status_code == 201


async def test_use_is_noted_once_a_minute(api: Api, now: list[datetime]) -> None:
    plain = await token(api, "noted")

    async def used() -> datetime | None:
        await me(api, f"Bearer {plain}")
        lines = await list_tokens(api.ledger.engine)
        return next(line.last_used_at for line in lines if line.name == "noted")

    assert await used() == NOW
    now[0] = NOW + timedelta(seconds=59)
    assert await used() == NOW
    now[0] = NOW + timedelta(seconds=60)
    assert await used() == NOW + timedelta(seconds=60)


async def test_a_token_is_made_listed_and_revoked(api: Api) -> None:
    admin = api.client(Role.ADMIN)
    order = {"name": "pay-1", "role": "payments", "days": 30, "only": ["report_payment"]}
    made = (await admin.post("/v1/tokens", json=order)).json()
    assert made["expires_at"] == "2026-04-01T10:00:00Z"
    line = next(line for line in (await admin.get("/v1/tokens")).json()["items"] if line["name"] == "pay-1")
    assert (line["created_by"], line["permissions"]) == ("token/admin", ["report_payment"])
    revoked = await admin.delete("/v1/tokens/pay-1")
    assert (revoked.status_code, revoked.json()["revoked_by"]) == (200, "token/admin")
    assert (await me(api, f"Bearer {made['token']}")).status_code == 401


async def test_the_name_of_a_revoked_token_stays_its_own(api: Api) -> None:
    admin = api.client(Role.ADMIN)
    await admin.delete("/v1/tokens/viewer")
    taken = await admin.post("/v1/tokens", json={"name": "viewer", "role": "viewer"})
    assert (taken.status_code, taken.json()["code"]) == (409, "name_taken")
    assert "revoked on 2026-03-02" in taken.json()["detail"]
    assert "viewer-2" in taken.json()["detail"]


async def test_an_order_that_makes_no_sense_is_refused_by_its_field(api: Api) -> None:
    sound = {"name": "a", "role": "erp"}
    for wrong, code, field in (
        ({"name": "Ünique"}, "invalid_request", "body.name"),
        ({"role": "root"}, "invalid_request", "body.role"),
        ({"days": 731}, "invalid_request", "body.days"),
        ({"only": []}, "invalid_request", "body.only"),
        ({"owner": "x"}, "invalid_request", "body.owner"),
        ({"only": ["halt"]}, "not_of_role", "only"),
    ):
        refused = await api.client(Role.ADMIN).post("/v1/tokens", json=sound | wrong)
        assert (refused.status_code, refused.json()["code"]) == (422, code)
        assert [each["field"] for each in refused.json()["errors"]] == [field]


async def test_revoking_what_is_not_there_is_not_found(api: Api) -> None:
    missing = await api.client(Role.ADMIN).delete("/v1/tokens/nobody")
    assert (missing.status_code, missing.json()["code"]) == (404, "unknown_token")
