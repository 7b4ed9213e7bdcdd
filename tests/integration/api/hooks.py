"""Webhooks as their senders sign them, each for one path; the secrets open nothing."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from standardwebhooks.webhooks import Webhook
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from tests.integration.api.conftest import PUBLIC_URL, SECRET

TWILIO_TOKEN, TWILIO_KEY, STRIPE, PIX, ASAAS, MERCADOPAGO = "twilio", "shared", "stripe", "pix", "asaas", "mp"
EVENT_KEY = ec.generate_private_key(ec.SECP256R1())
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}
Told = Mapping[str, Any]


def environment(asked_at: str) -> dict[str, str]:
    """Settings with every rail on; the one that must be asked is asked at `asked_at`."""
    public = EVENT_KEY.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return {
        "twilio_account_sid": "AC" + "0" * 32,
        "twilio_auth_token": TWILIO_TOKEN,
        "twilio_webhook_key": TWILIO_KEY,
        "twilio_api_base_url": PUBLIC_URL,
        "sendgrid_api_key": "SG.test",
        "sendgrid_host": PUBLIC_URL,
        "sendgrid_webhook_public_key": base64.b64encode(public).decode(),
        "public_url": PUBLIC_URL,
        "payment_webhook_secret": SECRET,
        "stripe_webhook_secret": STRIPE,
        "pix_webhook_secret": PIX,
        "asaas_webhook_token": ASAAS,
        "mercadopago_webhook_secret": MERCADOPAGO,
        "mercadopago_access_token": "asking",
        "mercadopago_api_base_url": asked_at,
    }


@dataclass(frozen=True, slots=True)
class Request:
    """One webhook as it goes over the wire; `path` has the query."""

    path: str
    body: bytes
    headers: Mapping[str, str]


Signer = Callable[[Told, datetime], Request]


@dataclass(frozen=True, slots=True)
class Hook:
    """A way in: how its sender signs what it tells at an instant, and something it might tell."""

    name: str
    path: str
    sign: Signer
    example: Told
    signs_body: bool = True
    signs_time: bool = True

    def signed(self, at: datetime, **told: Any) -> Request:
        """The example, or something else, as its sender would send it at `at`."""
        return self.sign({**self.example, **told}, at)


def twilio(path: str) -> Signer:
    """A form, by HMAC-SHA1 of the account's token."""

    def sign(told: Told, _at: datetime) -> Request:
        fields = {name: str(value) for name, value in told.items()}
        signature = RequestValidator(TWILIO_TOKEN).compute_signature(PUBLIC_URL + path, fields)
        return Request(path, urlencode(fields).encode(), FORM | {"X-Twilio-Signature": signature})

    return sign


def twilio_json(path: str) -> Signer:
    """JSON, whose hash is in the address, by HMAC-SHA256 of a shared key."""

    def sign(told: Told, _at: datetime) -> Request:
        body = json.dumps(told).encode()
        whole = f"{path}?bodySHA256={hashlib.sha256(body).hexdigest()}"
        signature = RequestValidator(TWILIO_KEY).compute_signature(PUBLIC_URL + whole, {}, "HMAC_SHA256")
        settings = {"X-Twilio-Webhooks-Signature-Settings": "key=k1,algorithm=HMAC_SHA256"}
        return Request(whole, body, JSON | settings | {"X-Twilio-Signature": signature})

    return sign


def sendgrid(told: Told, at: datetime) -> Request:
    """One event; the body ends in a line break."""
    return sendgrid_body(json.dumps([told]).encode() + b"\r\n", at)


def sendgrid_body(body: bytes, at: datetime) -> Request:
    """Any body, by ECDSA over the timestamp and its bytes."""
    stamp = str(int(at.timestamp()))
    signature = EVENT_KEY.sign(stamp.encode() + body, ec.ECDSA(hashes.SHA256()))
    headers = {
        "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(signature).decode(),
        "X-Twilio-Email-Event-Webhook-Timestamp": stamp,
    }
    return Request("/receipts/sendgrid", body, JSON | headers)


def standard(told: Told, at: datetime) -> Request:
    """A Standard Webhook; `webhook_id` is its header and the rest its body."""
    told = dict(told)
    name, body = told.pop("webhook_id"), json.dumps(told)
    headers = {"webhook-id": name, "webhook-timestamp": str(int(at.timestamp()))}
    signature = Webhook(SECRET).sign(name, at, body)
    return Request("/payments", body.encode(), JSON | headers | {"webhook-signature": signature})


def stripe(told: Told, at: datetime) -> Request:
    """HMAC-SHA256 over t.body."""
    body, stamp = json.dumps(told).encode(), str(int(at.timestamp()))
    mac = hmac.new(STRIPE.encode(), stamp.encode() + b"." + body, "sha256").hexdigest()
    return Request("/payments/stripe", body, JSON | {"Stripe-Signature": f"t={stamp},v1={mac}"})


def pix(told: Told, _at: datetime) -> Request:
    """A secret in a header, which the proxy adds."""
    return Request("/payments/pix", json.dumps(told).encode(), JSON | {"X-Pix-Secret": PIX})


def asaas(told: Told, _at: datetime) -> Request:
    """A token in a header."""
    return Request("/payments/asaas", json.dumps(told).encode(), JSON | {"asaas-access-token": ASAAS})


def mercadopago(told: Told, at: datetime) -> Request:
    """HMAC-SHA256 over the query's id, the request's id and the time; not over the body."""
    stamp, about = str(int(at.timestamp())), told["data"]["id"]
    manifest = f"id:{about};request-id:r-1;ts:{stamp};"
    mac = hmac.new(MERCADOPAGO.encode(), manifest.encode(), "sha256").hexdigest()
    headers = {"x-request-id": "r-1", "x-signature": f"ts={stamp},v1={mac}"}
    path = f"/payments/mercadopago?data.id={about}&type=payment"
    return Request(path, json.dumps(told).encode(), JSON | headers)


_STATUS = {"MessageSid": "SM" + "1" * 32, "MessageStatus": "delivered", "To": "+351900000123"}
_REPLY = {"MessageSid": "SM" + "2" * 32, "From": "+351900000123", "To": "+15555550100", "Body": "I paid"}
_EVENT = {
    "event": "delivered",
    "sg_message_id": "m-1.recvd-1",
    "sg_event_id": "e-1",
    "timestamp": 1_772_700_000,
    "email": "c-1@example.com",
}
PAYMENT = {
    "webhook_id": "msg-1",
    "id": "p-1",
    "amount": "120.50",
    "currency": "EUR",
    "invoice": "INV-1",
    "method": "transfer",
    "paid_at": "2026-03-05T12:00:00Z",
}
_STRIPE = {
    "id": "evt_1",
    "object": "event",
    "type": "payment_intent.succeeded",
    "created": 1_772_700_000,
    "data": {
        "object": {
            "id": "pi_1",
            "object": "payment_intent",
            "status": "succeeded",
            "amount": 12050,
            "amount_received": 12050,
            "currency": "eur",
            "created": 1_772_700_000,
            "metadata": {"invoice": "INV-1"},
        }
    },
}
_PIX = {
    "pix": [
        {
            "endToEndId": "E1234567820260305120000000000001",
            "txid": "a" * 26,
            "valor": "120.50",
            "horario": "2026-03-05T12:00:00.000Z",
        }
    ]
}
_ASAAS = {
    "id": "evt_asaas_1",
    "event": "PAYMENT_RECEIVED",
    "payment": {
        "id": "pay_1",
        "value": 120.5,
        "status": "RECEIVED",
        "billingType": "PIX",
        "paymentDate": "2026-03-05",
        "externalReference": "INV-1",
    },
}

HOOKS = [
    Hook("twilio", "/receipts/twilio", twilio("/receipts/twilio"), _STATUS, signs_time=False),
    Hook("twilio-json", "/receipts/twilio", twilio_json("/receipts/twilio"), _STATUS, signs_time=False),
    Hook("sendgrid", "/receipts/sendgrid", sendgrid, _EVENT),
    Hook("twilio-reply", "/replies/twilio", twilio("/replies/twilio"), _REPLY, signs_time=False),
    Hook("payment", "/payments", standard, PAYMENT),
    Hook("stripe", "/payments/stripe", stripe, _STRIPE),
    Hook("pix", "/payments/pix", pix, _PIX, signs_body=False, signs_time=False),
    Hook("asaas", "/payments/asaas", asaas, _ASAAS, signs_body=False, signs_time=False),
    Hook("mercadopago", "/payments/mercadopago", mercadopago, {"data": {"id": "123"}}, signs_body=False),
]
BY_NAME = {hook.name: hook for hook in HOOKS}
