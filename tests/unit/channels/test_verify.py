"""Signatures: the vendors' own published examples, and everything that must not pass."""

import base64
import hashlib
import hmac
import json
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from pydantic import SecretStr
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from channels.verify import (
    SENDGRID_SIGNATURE_HEADER,
    SENDGRID_TIMESTAMP_HEADER,
    SignatureRejected,
    verify_sendgrid,
    verify_standard_webhook,
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

SECRET = SecretStr("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")


def test_twilios_published_form_signature_is_accepted() -> None:
    verify_twilio(URL, FORM, SIGNED, settings())
    verify_twilio(URL.replace(".com", ".com:1234"), FORM, SIGNED, settings())


@pytest.mark.parametrize("body", [JSON_BODY, JSON_BODY.encode()])
def test_twilios_published_json_signature_is_accepted(body: str | bytes) -> None:
    verify_twilio(JSON_URL, body, {"X-Twilio-Signature": "a9nBmqA0ju/hNViExpshrM61xv4="}, settings())


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
        (URL, "not a form", SIGNED),
        (URL, b"\xff\xfe", SIGNED),
        ("https://[broken", FORM, SIGNED),
        (JSON_URL, JSON_BODY + " ", {"X-Twilio-Signature": "a9nBmqA0ju/hNViExpshrM61xv4="}),
        (URL, FORM, SIGNED | {"X-Twilio-Webhooks-Signature-Settings": "algorithm=HMAC_MD5"}),
    ],
)
def test_anything_else_is_no_callback_of_twilio(
    url: str, params: dict[str, str] | str | bytes, headers: dict[str, str]
) -> None:
    with pytest.raises(SignatureRejected):
        verify_twilio(url, params, headers, settings())


def test_sendgrids_published_signature_is_accepted() -> None:
    lowered = {name.lower(): value for name, value in EVENTS_SIGNED.items()}
    verify_sendgrid(EVENTS, EVENTS_SIGNED, settings(), SIGNED_AT + timedelta(minutes=5))
    verify_sendgrid(EVENTS, lowered, settings(), SIGNED_AT - timedelta(minutes=5))


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_sendgrid_signature_from_another_time_is_rejected(minutes: int) -> None:
    with pytest.raises(SignatureRejected, match="five minutes"):
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


def _signed_payment(body: bytes, at: float | None = None) -> dict[str, str]:
    """Headers by the text of the Standard Webhooks specification: HMAC-SHA256 over id.timestamp.body."""
    timestamp = str(int(at or time.time()))
    key = base64.b64decode(SECRET.get_secret_value().removeprefix("whsec_"))
    digest = hmac.new(key, b".".join((b"msg_1", timestamp.encode(), body)), hashlib.sha256).digest()
    signature = "v1," + base64.b64encode(digest).decode()
    return {"webhook-id": "msg_1", "webhook-timestamp": timestamp, "webhook-signature": signature}


def test_a_signed_payment_comes_back_with_exact_money() -> None:
    body = b'{"amount": 0.10, "currency": "BRL"}'
    payload = verify_standard_webhook(body, _signed_payment(body), SECRET)
    assert payload == {"amount": Decimal("0.10"), "currency": "BRL"}


@pytest.mark.parametrize(
    ("body", "changes", "age"),
    [
        (b'{"amount": 2}', {"webhook-id": "msg_2"}, 0),
        (b'{"amount": 2}', {"webhook-id": ""}, 0),
        (b'{"amount": 2}', {"webhook-signature": "garbage"}, 0),
        (b'{"amount": 2}', {"webhook-signature": "v1,%%%"}, 0),
        (b'{"amount": 2}', {"webhook-timestamp": "never"}, 0),
        (b'{"amount": 2}', {}, 301),
        (b'{"amount": 2}', {}, -302),
        (b"[1, 2]", {}, 0),
        (b"not json", {}, 0),
        (b"\xff", {}, 0),
    ],
)
def test_anything_else_is_no_payment(body: bytes, changes: dict[str, str], age: int) -> None:
    headers = _signed_payment(body, time.time() - age) | changes
    with pytest.raises(SignatureRejected):
        verify_standard_webhook(body, headers, SECRET)


def test_a_rejection_never_quotes_the_body() -> None:
    body = json.dumps({"payer": "ana@example.com"}).encode()
    with pytest.raises(SignatureRejected) as caught:
        verify_standard_webhook(body, _signed_payment(b"{}"), SECRET)
    assert "ana" not in str(caught.value)
    assert caught.value.__cause__ is None
