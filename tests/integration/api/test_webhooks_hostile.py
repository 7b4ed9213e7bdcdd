"""Every webhook twice, tampered, stale, truncated and full of junk: what is not signed leaves nothing but a count."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from sqlalchemy import func, select

from channels.settings import ChannelSettings
from channels.verify import REFUSED
from ledger.service_tables import inbox
from starter.api.middleware import MAX_BODY
from starter.processes import free_port
from tests.integration.api.conftest import Api
from tests.integration.api.hooks import BY_NAME, HOOKS, Hook, Request, environment

SIGNATURES = {
    "x-twilio-signature", "x-twilio-email-event-webhook-signature", "webhook-signature", "stripe-signature",
    "x-pix-secret", "asaas-access-token", "x-signature",
}  # fmt: skip


@pytest.fixture
def channels() -> ChannelSettings:
    """Every rail on, with secrets of the test's own; nobody answers at the provider that has to be asked."""
    return ChannelSettings.model_validate(environment(f"http://127.0.0.1:{free_port()}"))


async def post(api: Api, request: Request) -> httpx.Response:
    return await api.anonymous.post(request.path, content=request.body, headers=dict(request.headers))


async def kept(api: Api) -> int:
    async with api.ledger.engine.connect() as connection:
        count: int = (await connection.execute(select(func.count()).select_from(inbox))).scalar_one()
    return count


def refused(hook: Hook) -> float:
    source = hook.name.removesuffix("-json")
    return REGISTRY.get_sample_value("regua_webhooks_refused_total", {"source": source}) or 0


def now() -> datetime:
    return datetime.now(UTC)


async def assert_rejected(api: Api, hook: Hook, request: Request) -> None:
    before, rows = refused(hook), await kept(api)
    answer = await post(api, request)
    assert (hook.name, answer.status_code) == (hook.name, 401)
    assert (answer.json()["code"], answer.json()["detail"]) == ("signature_rejected", REFUSED)
    assert (hook.name, await kept(api), refused(hook)) == (hook.name, rows, before + 1)


async def test_a_webhook_that_comes_twice_is_kept_once_and_both_times_welcome(api: Api) -> None:
    for hook in HOOKS:
        rows = await kept(api)
        # Two reports of Twilio's, one as a form and one as JSON, would otherwise be the same.
        told = {"MessageStatus": "sent"} if hook.name == "twilio-json" else {}
        answers = [await post(api, hook.signed(now(), **told)) for _ in range(2)]
        assert (hook.name, [answer.is_success for answer in answers]) == (hook.name, [True, True])
        assert (hook.name, await kept(api)) == (hook.name, rows + 1)


async def test_without_its_signature_a_webhook_is_nobodys(api: Api) -> None:
    for hook in HOOKS:
        signed = hook.signed(now())
        bare = {name: value for name, value in signed.headers.items() if name.lower() not in SIGNATURES}
        assert len(bare) < len(signed.headers)
        await assert_rejected(api, hook, Request(signed.path, signed.body, bare))


@pytest.mark.parametrize("signature", ["", "nonsense", "v1,%%%", "t=1,v1=00", "bm8=", "\x7f" * 3000])
async def test_a_signature_that_is_none_is_refused_in_the_same_words(api: Api, signature: str) -> None:
    for hook in HOOKS:
        signed = hook.signed(now())
        forged = {
            name: signature if name.lower() in SIGNATURES else value for name, value in signed.headers.items()
        }
        await assert_rejected(api, hook, Request(signed.path, signed.body, forged))


async def test_one_byte_that_was_changed_or_cut_off_is_enough_to_be_refused(api: Api) -> None:
    for hook in (hook for hook in HOOKS if hook.signs_body):
        signed = hook.signed(now())
        tampered = signed.body.replace(b"1", b"7", 1)
        assert tampered != signed.body
        for body in (tampered, signed.body[:-3], signed.body[: len(signed.body) // 2], b""):
            await assert_rejected(api, hook, Request(signed.path, body, signed.headers))


async def test_half_a_body_behind_a_good_token_is_malformed(api: Api) -> None:
    for hook in (BY_NAME["pix"], BY_NAME["asaas"]):
        signed = hook.signed(now())
        answer = await post(api, Request(signed.path, signed.body[: len(signed.body) // 2], signed.headers))
        assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
        assert await kept(api) == 0


async def test_a_payment_id_that_was_changed_in_the_address_is_refused(api: Api) -> None:
    hook = BY_NAME["mercadopago"]
    signed = hook.signed(now())
    await assert_rejected(api, hook, Request(signed.path.replace("123", "124"), signed.body, signed.headers))


@pytest.mark.parametrize("minutes", [-6, 6])
async def test_a_signature_of_another_time_is_refused(api: Api, minutes: int) -> None:
    for hook in (hook for hook in HOOKS if hook.signs_time):
        await assert_rejected(api, hook, hook.signed(now() + timedelta(minutes=minutes)))


async def test_a_mebibyte_of_junk_is_refused_and_one_byte_more_not_even_read(api: Api) -> None:
    junk = (b"\xff\x00{[&=%" * (MAX_BODY // 7 + 1))[:MAX_BODY]
    for hook in HOOKS:
        signed = hook.signed(now())
        answer = await post(api, Request(signed.path, junk, signed.headers))
        # Mercado Pago signs no body, and none is read.
        expected = 200 if hook.name == "mercadopago" else 401 if hook.signs_body else 400
        assert (hook.name, answer.status_code) == (hook.name, expected)
        answer = await post(api, Request(signed.path, junk + b"x", signed.headers))
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert await kept(api) == 1


@given(
    hook=st.sampled_from(HOOKS),
    body=st.binary(max_size=300) | st.text(max_size=300).map(str.encode),
    offered=st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60) | st.none(),
    query=st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="#"), max_size=30),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_no_bytes_from_anybody_break_the_service(
    api: Api, hook: Hook, body: bytes, offered: str | None, query: str
) -> None:
    headers = dict(hook.signed(now()).headers)
    if offered is not None:
        headers = {name: offered if name.lower() in SIGNATURES else value for name, value in headers.items()}
    address = httpx.URL(hook.path, query=query.encode())
    answer = await api.anonymous.post(address, content=body, headers=headers)
    assert answer.status_code < 500
    assert "Traceback" not in answer.text


async def test_a_rail_that_is_not_configured_says_so(api: Api, channels: ChannelSettings) -> None:
    api.app.state.rails = {}
    answer = await api.anonymous.post("/payments/stripe", content=b"{}")
    assert (answer.status_code, answer.json()["code"]) == (404, "rail_not_configured")
