"""Signatures: the vendors' own published examples, and everything that must not pass."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from starlette.datastructures import ImmutableMultiDict
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from channels import verify
from channels.verify import (
    REFUSED,
    SENDGRID_SIGNATURE_HEADER,
    SENDGRID_TIMESTAMP_HEADER,
    SignatureRejected,
    verify_sendgrid,
    verify_twilio,
)
from tests.unit.channels.loopback import settings

# twilio-python, tests/unit/test_request_validator.py; the token is 12345.
URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
FORM = {
    "CallSid": "CA1234567890ABCDE",
    "Digits": "1234",
    "From": "+14158675309",
    "To": "+18005551212",
    "Caller": "+14158675309",
}
SIGNED = {"x-twilio-signature": "RSOYDt4T1cUTdK1PDd93/VVr8B8="}
JSON_BODY = '{"property": "value", "boolean": true}'
JSON_URL = URL + "&bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620"

# sendgrid-python, test/unit/test_eventwebhook.py; the body ends in CRLF.
EVENTS = (
    b'[{"email":"hello@world.com","event":"dropped","reason":"Bounced Address",'
    b'"sg_event_id":"ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA",'
    b'"sg_message_id":"LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0",'
    b'"smtp-id":"<LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1.sendgrid.net>","timestamp":1600112492}]\r\n'
)
EVENTS_SIGNED = {
    SENDGRID_SIGNATURE_HEADER: "MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+luQAbPIqHh89M15TluLtEZtM=",
    SENDGRID_TIMESTAMP_HEADER: "1600112502",
}
SIGNED_AT = datetime.fromtimestamp(1600112502, UTC)


def test_twilios_published_form_signature_is_accepted() -> None:
    verify_twilio(URL, FORM, SIGNED, settings())
    verify_twilio(URL.replace(".com", ".com:1234"), FORM, SIGNED, settings())


def test_twilios_published_json_signature_is_accepted() -> None:
    headers = {"X-Twilio-Signature": "a9nBmqA0ju/hNViExpshrM61xv4="}
    verify_twilio(JSON_URL, JSON_BODY.encode(), headers, settings())


def test_a_signed_address_without_the_bodys_hash_signs_no_json() -> None:
    signature = RequestValidator("12345").compute_signature(URL, {})
    with pytest.raises(SignatureRejected):
        verify_twilio(URL, JSON_BODY.encode(), {"X-Twilio-Signature": signature}, settings())


def test_a_name_that_occurs_twice_in_a_form_is_signed_twice() -> None:
    form = ImmutableMultiDict([("Digits", "1"), ("Digits", "2")])
    signature = RequestValidator("12345").compute_signature(URL, form)
    verify_twilio(URL, form, {"X-Twilio-Signature": signature}, settings())
    with pytest.raises(SignatureRejected):
        verify_twilio(URL, dict(form), {"X-Twilio-Signature": signature}, settings())


def test_twilios_shared_key_signature_is_accepted_with_its_key_only() -> None:
    signature = RequestValidator("shared").compute_signature(URL, FORM, "HMAC_SHA256")
    headers = {
        "X-Twilio-Signature": signature,
        "X-Twilio-Webhooks-Signature-Settings": "key=k1,algorithm=HMAC_SHA256",
    }
    verify_twilio(URL, FORM, headers, settings(twilio_webhook_key=SecretStr("shared")))
    with pytest.raises(SignatureRejected):
        verify_twilio(URL, FORM, headers, settings())


@pytest.mark.parametrize(
    ("url", "params", "headers"),
    [
        (URL, FORM, {}),
        (URL, FORM, {"X-Twilio-Signature": ""}),
        (URL, FORM, {"X-Twilio-Signature": "ünsigned"}),
        (URL, FORM | {"Digits": "9"}, SIGNED),
        (URL + "&x=1", FORM, SIGNED),
        (URL, b"not a form", SIGNED),
        (URL, b"\xff\xfe", SIGNED),
        ("https://[broken", FORM, SIGNED),
        (JSON_URL, JSON_BODY.encode() + b" ", {"X-Twilio-Signature": "a9nBmqA0ju/hNViExpshrM61xv4="}),
        (URL, FORM, SIGNED | {"X-Twilio-Webhooks-Signature-Settings": "algorithm=HMAC_MD5"}),
    ],
)
def test_anything_else_is_no_callback_of_twilio(
    url: str, params: dict[str, str] | bytes, headers: dict[str, str]
) -> None:
    with pytest.raises(SignatureRejected):
        verify_twilio(url, params, headers, settings())


def test_sendgrids_published_signature_is_accepted() -> None:
    lowered = {name.lower(): value for name, value in EVENTS_SIGNED.items()}
    verify_sendgrid(EVENTS, EVENTS_SIGNED, settings(), SIGNED_AT + timedelta(minutes=5))
    verify_sendgrid(EVENTS, lowered, settings(), SIGNED_AT - timedelta(minutes=5))


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_sendgrid_signature_from_another_time_is_rejected(minutes: int) -> None:
    with pytest.raises(SignatureRejected):
        verify_sendgrid(EVENTS, EVENTS_SIGNED, settings(), SIGNED_AT + timedelta(minutes=minutes))


@pytest.mark.parametrize(
    ("raw", "changes"),
    [
        (EVENTS.rstrip(), {}),
        (b"\xff", {}),
        (EVENTS, {SENDGRID_SIGNATURE_HEADER: ""}),
        (EVENTS, {SENDGRID_SIGNATURE_HEADER: "%%%"}),
        (EVENTS, {SENDGRID_SIGNATURE_HEADER: "bm9uc2Vuc2U="}),
        (EVENTS, {SENDGRID_TIMESTAMP_HEADER: ""}),
        (EVENTS, {SENDGRID_TIMESTAMP_HEADER: "soon"}),
        (EVENTS, {SENDGRID_TIMESTAMP_HEADER: "nan"}),
    ],
)
def test_anything_else_is_no_event_of_sendgrid(raw: bytes, changes: dict[str, str]) -> None:
    with pytest.raises(SignatureRejected):
        verify_sendgrid(raw, EVENTS_SIGNED | changes, settings(), SIGNED_AT)


REFUSALS_OF_TWILIO = [
    {},
    {"X-Twilio-Signature": ""},
    {"X-Twilio-Signature": "ünsigned"},
    {"X-Twilio-Signature": "bm8="},
    SIGNED | {"X-Twilio-Webhooks-Signature-Settings": "algorithm=HMAC_MD5"},
    SIGNED | {"X-Twilio-Webhooks-Signature-Settings": "key=k1,algorithm=HMAC_SHA256"},
]


@pytest.mark.parametrize("body", [FORM, b"{}", b"\xff\xfe"])
@pytest.mark.parametrize("headers", REFUSALS_OF_TWILIO)
def test_whatever_is_wrong_with_twilios_signature_the_same_is_computed_and_said(
    monkeypatch: pytest.MonkeyPatch, body: dict[str, str] | bytes, headers: dict[str, str]
) -> None:
    computed: list[str] = []
    compute = RequestValidator.compute_signature

    def counted(self: RequestValidator, *told: object, **more: object) -> str:
        computed.append("once")
        signature: str = compute(self, *told, **more)
        return signature

    monkeypatch.setattr(RequestValidator, "compute_signature", counted)
    with pytest.raises(SignatureRejected) as refused:
        verify_twilio(URL, body, headers, settings())
    assert (str(refused.value), len(computed)) == (REFUSED, 2)  # with the address's port, and without


@pytest.mark.parametrize(
    "changes",
    [
        {SENDGRID_SIGNATURE_HEADER: ""},
        {SENDGRID_SIGNATURE_HEADER: "%%%"},
        {SENDGRID_SIGNATURE_HEADER: "bm9uc2Vuc2U="},
        {SENDGRID_SIGNATURE_HEADER: "ünsigned"},
        {SENDGRID_TIMESTAMP_HEADER: ""},
        {SENDGRID_TIMESTAMP_HEADER: "soon"},
        {SENDGRID_TIMESTAMP_HEADER: "1600000000"},
    ],
)
def test_whatever_is_wrong_with_sendgrids_signature_the_curve_is_computed_and_the_same_said(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, str]
) -> None:
    checked: list[bytes] = []

    class Counting:
        def verify(self, signature: bytes, _signed: bytes, _algorithm: object) -> None:
            decode_dss_signature(signature)  # only what is one reaches the curve
            checked.append(signature)
            raise InvalidSignature

    monkeypatch.setattr(verify, "_sendgrid_key", lambda _key: Counting())
    with pytest.raises(SignatureRejected) as refused:
        verify_sendgrid(EVENTS, EVENTS_SIGNED | changes, settings(), SIGNED_AT)
    assert (str(refused.value), len(checked)) == (REFUSED, 1)


@given(
    raw=st.binary(max_size=200),
    signature=st.text(max_size=100),
    stamp=st.text(max_size=20),
    query=st.text(st.characters(max_codepoint=255), max_size=50),
)
def test_no_bytes_at_all_do_more_than_be_refused(raw: bytes, signature: str, stamp: str, query: str) -> None:
    headers = {SENDGRID_SIGNATURE_HEADER: signature, SENDGRID_TIMESTAMP_HEADER: stamp}
    with pytest.raises(SignatureRejected):
        verify_sendgrid(raw, headers, settings(), SIGNED_AT)
    for body in (raw, {"Body": signature, stamp: "1"}):
        with pytest.raises(SignatureRejected):
            verify_twilio(f"{URL}&{query}", body, {"X-Twilio-Signature": signature}, settings())
