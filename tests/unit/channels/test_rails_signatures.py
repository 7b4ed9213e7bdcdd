"""Who may tell of money: the vendors' own published examples, and everything that must not pass."""

import contextlib
import hmac
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from standardwebhooks.webhooks import Webhook
from stripe import WebhookSignature

from channels.rails.asaas import AsaasRail
from channels.rails.generic import GenericRail
from channels.rails.mercadopago import MercadoPagoRail
from channels.rails.money import MalformedWebhook, Rail
from channels.rails.pix import PixRail
from channels.rails.stripe import StripeRail
from channels.verify import REFUSED, SignatureRejected

AWAY = "http://127.0.0.1:9"
STANDARD = SecretStr("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
GENERIC: Rail = GenericRail(STANDARD)
STRIPE: Rail = StripeRail(SecretStr("whsec_test_secret"), None, AWAY, 1)
PIX: Rail = PixRail(SecretStr("from the proxy"), "X-Pix-Secret", None)
ASAAS: Rail = AsaasRail(SecretStr("token of one's own"), None, AWAY, 1)
MERCADOPAGO: Rail = MercadoPagoRail(SecretStr("your_secret_key_here"), SecretStr("APP_USR-1"), AWAY, 1)
RAILS = {rail.source: rail for rail in (GENERIC, STRIPE, PIX, ASAAS, MERCADOPAGO)}
BODY = b'{"test": 2432232314}'
NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)

# mercadopago/sdk-python, tests/test_webhook_signature_validator.py: id, request, instant in milliseconds.
ORDER, REQUEST, STAMP = (
    "ORD01JQ4S4KY8HWQ6NA5PXB65B3D3",
    "2066ca19-c6f1-498a-be75-1923005edd06",
    "1742505638683",
)
SIGNED_ORDER = datetime.fromtimestamp(1742505638.683, UTC)


def _mercadopago(about: str, stamp: str = STAMP, request: str = REQUEST) -> dict[str, str]:
    """Headers by the manifest of Mercado Pago's documentation, whose empty parts are left out."""
    manifest = (f"id:{about};" if about else "") + (f"request-id:{request};" if request else "")
    digest = hmac.new(b"your_secret_key_here", f"{manifest}ts:{stamp};".encode(), "sha256").hexdigest()
    return {"X-Signature": f"ts={stamp},v1={digest}", "X-Request-Id": request}


def _standard(identity: str) -> dict[str, str]:
    signature = Webhook(STANDARD.get_secret_value()).sign(identity, NOW, BODY.decode())
    return {
        "webhook-id": identity,
        "webhook-timestamp": str(int(NOW.timestamp())),
        "webhook-signature": signature,
    }


def _stripe(secret: str) -> dict[str, str]:
    header = WebhookSignature.generate_signature_header(BODY.decode(), secret, int(NOW.timestamp()))
    return {"Stripe-Signature": header}


# Of each rail: good headers and query at NOW.
GOOD: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "payment": (_standard("msg_1"), {}),
    "stripe": (_stripe("whsec_test_secret"), {}),
    "pix": ({"X-Pix-Secret": "from the proxy"}, {}),
    "asaas": ({"asaas-access-token": "token of one's own"}, {}),
    "mercadopago": (_mercadopago("123", str(int(NOW.timestamp()))), {"data.id": "123", "type": "payment"}),
}


def test_the_example_of_standard_webhooks_is_accepted() -> None:
    # standard-webhooks, libraries/python/tests/test_webhook.py
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,bm9ldHU5OGVyaGpkZg== v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE= v2,xyz",
    }
    GENERIC.verify(BODY, headers, {}, datetime.fromtimestamp(1614265330, UTC))


def test_a_header_by_stripes_own_library_is_accepted_beside_one_of_another_secret() -> None:
    other = _stripe("whsec_older")["Stripe-Signature"].partition(",")[2]
    header = f"{GOOD['stripe'][0]['Stripe-Signature']},{other},v0=abc"
    STRIPE.verify(BODY, {"STRIPE-SIGNATURE": header}, {}, NOW)


@pytest.mark.parametrize("signed", [ORDER, ORDER.lower()])
def test_mercado_pagos_manifest_is_accepted_with_its_id_as_it_came_or_in_lower_case(signed: str) -> None:
    MERCADOPAGO.verify(b"", _mercadopago(signed), {"data.id": ORDER}, SIGNED_ORDER)


@pytest.mark.parametrize(("about", "request_id"), [("", REQUEST), ("123", ""), ("", "")])
def test_mercado_pagos_manifest_leaves_out_what_is_empty(about: str, request_id: str) -> None:
    MERCADOPAGO.verify(b"", _mercadopago(about, request=request_id), {"data.id": about}, SIGNED_ORDER)


@pytest.mark.parametrize("source", GOOD)
def test_a_good_signature_is_accepted(source: str) -> None:
    headers, query = GOOD[source]
    RAILS[source].verify(BODY, headers, query, NOW)
    RAILS[source].verify(BODY, {name.upper(): value for name, value in headers.items()}, query, NOW)


@pytest.mark.parametrize("source", ["payment", "stripe", "mercadopago"])
@pytest.mark.parametrize("seconds", [-301, 301, -86400, 86400])
def test_a_signature_of_another_time_is_refused_in_both_directions(source: str, seconds: int) -> None:
    headers, query = GOOD[source]
    RAILS[source].verify(BODY, headers, query, NOW + timedelta(seconds=seconds % 300))
    with pytest.raises(SignatureRejected):
        RAILS[source].verify(BODY, headers, query, NOW + timedelta(seconds=seconds))


def _without(headers: Mapping[str, str], value: str | None) -> dict[str, str]:
    """All headers missing, or all saying `value`."""
    return {} if value is None else dict.fromkeys(headers, value)


BAD: dict[str, Callable[[Mapping[str, str]], dict[str, str]]] = {
    "missing": lambda headers: _without(headers, None),
    "empty": lambda headers: _without(headers, ""),
    "garbage": lambda headers: _without(headers, "ü%,=v1=;ts"),
    "numbers": lambda headers: _without(headers, "t=1,v1=0,ts=1"),
    "tampered": lambda headers: {name: f"{value[:-4]}{value[-4:][::-1]}x" for name, value in headers.items()},
}


@pytest.mark.parametrize("source", GOOD)
@pytest.mark.parametrize("wrong", BAD)
def test_every_refusal_says_the_same_and_comes_after_the_comparison(
    monkeypatch: pytest.MonkeyPatch, source: str, wrong: str
) -> None:
    headers, query = GOOD[source]
    seen: list[int] = []
    compare = hmac.compare_digest

    def watched(left: bytes, right: bytes) -> bool:
        seen.append(len(left))
        return compare(left, right)

    monkeypatch.setattr(hmac, "compare_digest", watched)
    RAILS[source].verify(BODY, headers, query, NOW)
    accepted, seen[:] = list(seen), []
    with pytest.raises(SignatureRejected, match=REFUSED[:20]) as caught:
        RAILS[source].verify(BODY, BAD[wrong](headers), query, NOW)
    assert str(caught.value) == REFUSED
    # pix and asaas compare what was given with the secret, the others the true signature with what was given.
    assert len(seen) == len(accepted)
    assert source in ("pix", "asaas") or seen == accepted


@pytest.mark.parametrize("source", ["payment", "stripe"])
def test_a_changed_body_is_refused(source: str) -> None:
    headers, query = GOOD[source]
    for body in (BODY + b" ", BODY[:-1], b"", b"\xff\xfe", b"x" * 2**20):
        with pytest.raises(SignatureRejected):
            RAILS[source].verify(body, headers, query, NOW)


def test_another_payment_than_the_signed_one_is_refused_by_mercado_pago() -> None:
    headers, _ = GOOD["mercadopago"]
    for query in ({"data.id": "124"}, {}, {"topic": "payment", "id": "123"}):
        with pytest.raises(SignatureRejected):
            MERCADOPAGO.verify(BODY, headers, query, NOW)


def test_a_webhook_without_an_id_is_refused_even_if_its_signature_holds() -> None:
    headers = _standard("")
    with pytest.raises(SignatureRejected):
        GENERIC.verify(BODY, headers, {}, NOW)


Words = st.text(max_size=40) | st.binary(max_size=40).map(lambda raw: raw.decode("latin-1"))


@pytest.mark.parametrize("source", GOOD)
@settings(max_examples=60)
@given(data=st.data())
def test_no_bytes_make_a_rail_stumble_over_a_signature(source: str, data: st.DataObject) -> None:
    headers = data.draw(st.fixed_dictionaries({}, optional=dict.fromkeys(GOOD[source][0], Words)))
    query = data.draw(st.dictionaries(st.sampled_from(["data.id", "type"]), Words))
    with pytest.raises(SignatureRejected):
        RAILS[source].verify(data.draw(st.binary(max_size=200)), headers, query, NOW)


Json: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
KEYS = (
    "id",
    "event",
    "type",
    "pix",
    "data",
    "payment",
    "object",
    "endToEndId",
    "devolucoes",
    "status",
    "amount",
)


@pytest.mark.parametrize("source", GOOD)
@settings(max_examples=60)
@given(
    body=st.binary(max_size=100)
    | st.dictionaries(st.sampled_from(KEYS), Json, max_size=6).map(lambda value: json.dumps(value).encode()),
    about=Words,
)
def test_no_bytes_make_a_rail_stumble_over_a_body(source: str, body: bytes, about: str) -> None:
    headers, query = GOOD[source]
    entries = []
    with contextlib.suppress(MalformedWebhook):
        entries = RAILS[source].entries(body, headers, query | {"data.id": about})
    for each in entries:
        assert each.external_id
        assert b"\0" not in (each.external_id + each.body).encode()


@pytest.mark.parametrize("source", ["payment", "stripe", "pix", "asaas"])
@pytest.mark.parametrize(
    "body", [b"[" * 2**20, b'{"a":' * 100_000, b'{"id": NaN}', b"null", b"", b"1" * 10_000]
)
def test_junk_behind_a_good_signature_is_malformed(source: str, body: bytes) -> None:
    with pytest.raises(MalformedWebhook):
        RAILS[source].entries(body, *GOOD[source])
