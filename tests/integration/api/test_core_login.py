"""Login for people: the whole path through a provider, what a session may, and what is not believed."""

import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from joserfc.jwk import RSAKey
from pydantic import SecretStr

from channels.settings import SettingsError
from starter.api import oidc
from starter.api.roles import Role
from starter.api.settings import ApiSettings, load_api_settings
from starter.embedded import free_port
from tests.integration.api import provider as providers
from tests.integration.api.conftest import PUBLIC_URL, Api
from tests.integration.api.provider import Provider

PERSON = "ana.inventada@example.com"
COMPLETE = {
    "OIDC_ISSUER": "https://login.example.com",
    "OIDC_CLIENT_ID": "regua",
    "OIDC_CLIENT_SECRET": "a secret of the provider",
    "OIDC_ROLES": '{"collections": "agent"}',
    "SESSION_SECRET": "x" * 32,
}


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    async with providers.provider() as vouching:
        vouching.claims = {"email": PERSON, "roles": ["staff", "collections"]}
        yield vouching


@pytest.fixture
def api_settings(provider: Provider) -> ApiSettings:
    return ApiSettings.model_construct(
        rate_per_token_per_minute=0,
        rate_per_source_per_minute=0,
        oidc_issuer=provider.issuer,
        oidc_client_id=providers.CLIENT_ID,
        oidc_client_secret=SecretStr(providers.CLIENT_SECRET),
        oidc_roles={"heads": Role.MANAGER, "collections": Role.AGENT},
        session_secret=SecretStr("a secret of sessions, of 32 letters"),
    )


async def log_in(api: Api) -> httpx.Response:
    """What a browser does: follow the service to the provider, and the provider back."""
    to_provider = await api.anonymous.get("/login")
    assert to_provider.status_code == 302
    async with httpx.AsyncClient(
        trust_env=False,
        verify=False,  # noqa: S501 - plain HTTP: to read certificates would take longer than the login
    ) as browser:
        back = (await browser.get(to_provider.headers["location"])).headers["location"]
    assert back.startswith(f"{PUBLIC_URL}/login/callback?")
    return await api.anonymous.get(back)


async def test_a_person_logs_in_and_is_who_the_provider_says(api: Api) -> None:
    done = await log_in(api)
    assert (done.status_code, done.headers["location"]) == (303, "/v1/me")
    me = (await api.anonymous.get("/v1/me")).json()
    assert (me["name"], me["role"]) == (f"user/{PERSON}", "agent")


async def test_the_cookie_is_kept_from_scripts_and_from_other_sites(api: Api) -> None:
    cookie = (await log_in(api)).headers["set-cookie"].lower()
    assert cookie.startswith("regua_session=")
    for kept in ("httponly", "samesite=lax", f"max-age={8 * 3600}", "path=/"):
        assert kept in cookie
    assert "; secure" not in cookie  # this is plain HTTP on loopback


async def test_a_write_that_another_site_caused_is_refused(api: Api) -> None:
    await log_in(api)
    for origin in (None, "https://evil.example.com", "null", f"{PUBLIC_URL}.evil.example.com"):
        headers = {"Origin": origin} if origin else {}
        for path in ("/v1/tokens", "/logout"):
            refused = await api.anonymous.post(path, json={}, headers=headers)
            assert (refused.status_code, refused.json()["code"]) == (403, "foreign_origin")
        assert (await api.anonymous.get("/v1/me", headers=headers)).status_code == 200


async def test_a_write_from_our_own_pages_is_the_persons(api: Api, provider: Provider) -> None:
    provider.claims["roles"] = "heads"
    await log_in(api)
    assert (await api.anonymous.get("/v1/me")).json()["role"] == "manager"
    answer = await api.anonymous.post("/v1/tokens", json={}, headers={"Origin": PUBLIC_URL})
    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")


async def test_a_person_logs_out(api: Api) -> None:
    await log_in(api)
    assert (await api.anonymous.post("/logout", headers={"Origin": PUBLIC_URL})).status_code == 204
    assert (await api.anonymous.get("/v1/me")).status_code == 401


async def test_a_session_ends_after_eight_hours(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    await log_in(api)
    name, value = next(iter(api.anonymous.cookies.items()))
    real = time.time()
    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: real + oidc.LASTS.total_seconds() - 5)
    assert (await api.anonymous.get("/v1/me", headers={"Cookie": f"{name}={value}"})).status_code == 200
    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: real + oidc.LASTS.total_seconds() + 5)
    assert (await api.anonymous.get("/v1/me", headers={"Cookie": f"{name}={value}"})).status_code == 401


async def test_a_bad_token_is_no_way_to_fall_back_to_the_session(api: Api) -> None:
    await log_in(api)
    refused = await api.anonymous.get("/v1/me", headers={"Authorization": "Bearer regua_x"})
    assert refused.status_code == 401


async def test_a_forged_cookie_is_nobodys(api: Api) -> None:
    await log_in(api)
    name, value = next(iter(api.anonymous.cookies.items()))
    forged = value[:4] + ("A" if value[4] != "A" else "B") + value[5:]
    api.anonymous.cookies.clear()
    for given in (forged, "x", f"{value}x"):
        answer = await api.anonymous.get("/v1/me", headers={"Cookie": f"{name}={given}"})
        assert answer.status_code == 401


async def test_an_address_that_the_provider_did_not_verify_is_nobodys_name(
    api: Api, provider: Provider
) -> None:
    provider.claims |= {"email_verified": False, "sub": "stranger-7"}
    await log_in(api)
    assert (await api.anonymous.get("/v1/me")).json()["name"] == "user/stranger-7"


async def test_what_was_said_to_or_by_another_is_not_believed(api: Api, provider: Provider) -> None:
    lies: tuple[dict[str, Any], ...] = (
        {"aud": "another"},
        {"iss": "https://evil.example.com"},
        {"nonce": "another"},
        {"exp": 1_700_000_000, "iat": 1_699_999_000},
    )
    for lie in lies:
        provider.claims = {"email": PERSON, "roles": ["collections"]} | lie
        refused = await log_in(api)
        assert (refused.status_code, refused.json()["code"]) == (401, "login_failed")
        assert (await api.anonymous.get("/v1/me")).status_code == 401


async def test_what_another_key_signed_is_not_believed(api: Api, provider: Provider) -> None:
    provider.key = RSAKey.generate_key(2048, {"kid": "one"})
    assert (await log_in(api)).status_code == 401


async def test_a_callback_nobody_began_is_refused(api: Api) -> None:
    for query in (
        "",
        "?code=x",
        "?code=x&state=y",
        "?error=access_denied&state=y",
        "?code=x&state=y&error=z",
    ):
        refused = await api.anonymous.get(f"/login/callback{query}")
        assert (refused.status_code, refused.json()["code"]) == (401, "login_failed")


async def test_who_has_no_role_here_does_not_get_in(api: Api, provider: Provider) -> None:
    for roles in (None, [], ["staff"], "staff", 7, {"collections": True}):
        provider.claims["roles"] = roles
        refused = await log_in(api)
        assert (refused.status_code, refused.json()["code"]) == (403, "no_role")
        assert (await api.anonymous.get("/v1/me")).status_code == 401


async def test_a_provider_that_is_away_is_said_to_be_away(api: Api, provider: Provider) -> None:
    for where in (f"http://127.0.0.1:{free_port()}/none", f"{provider.issuer}/no-json"):
        api.app.state.provider._server_metadata_url = where
        away = await api.anonymous.get("/login")
        assert (away.status_code, away.json()["code"]) == (503, "provider_away")


def environment(monkeypatch: pytest.MonkeyPatch, **changes: str) -> None:
    for name in (*COMPLETE, "OIDC_ROLE_CLAIM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in (COMPLETE | changes).items():
        monkeypatch.setenv(name, value)


def test_a_whole_login_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    environment(monkeypatch)
    assert load_api_settings().oidc_roles == {"collections": Role.AGENT}
    environment(monkeypatch, **dict.fromkeys(COMPLETE, ""))
    assert not load_api_settings().people_log_in


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        *(({name: ""}, f"{name} is not set") for name in COMPLETE),
        ({"SESSION_SECRET": "s3cret-word"}, "SESSION_SECRET: "),
        ({"OIDC_ISSUER": "http://login.example.com"}, "OIDC_ISSUER: "),
        ({"OIDC_ROLES": '{"staff": "root"}'}, "OIDC_ROLES: "),
        ({"OIDC_ROLES": '{"staff": "erp"}'}, "OIDC_ROLES gives people the role erp"),
        ({"OIDC_ROLES": "staff=agent"}, "OIDC_ROLES"),
        ({"RATE_PER_TOKEN_PER_MINUTE": "-1"}, "RATE_PER_TOKEN_PER_MINUTE: "),
    ],
)
def test_half_a_login_and_wrong_settings_are_refused_by_their_name(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, str], named: str
) -> None:
    environment(monkeypatch, **changes)
    with pytest.raises(SettingsError) as refused:
        load_api_settings()
    assert str(refused.value).startswith(named)
    assert "s3cret-word" not in str(refused.value)
