"""Whether a callback really comes from whom it says: Twilio, SendGrid, or a payment's Standard Webhook."""

import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from pydantic import SecretStr
from sendgrid.helpers.eventwebhook import EventWebhook
from standardwebhooks.webhooks import Webhook
from twilio.request_validator import (  # type: ignore[import-untyped]
    SIGNATURE_HEADER,
    SIGNATURE_SETTINGS_HEADER,
    RequestValidator,
    get_signature_algorithm,
)

from channels.settings import ChannelSettings

SENDGRID_SIGNATURE_HEADER = "X-Twilio-Email-Event-Webhook-Signature"
SENDGRID_TIMESTAMP_HEADER = "X-Twilio-Email-Event-Webhook-Timestamp"
_TOLERANCE = 300  # seconds; SendGrid's library checks no time, Standard Webhooks asks for five minutes


class SignatureRejected(Exception):  # a verdict, not a mistake
    """A callback is not signed by its provider; the text says what is missing, never what was in it."""


def _header(headers: Mapping[str, str], name: str) -> str | None:
    wanted = name.lower()
    return next((value for key, value in headers.items() if key.lower() == wanted and value), None)


def _required(headers: Mapping[str, str], name: str) -> str:
    value = _header(headers, name)
    if value is None:
        raise SignatureRejected(f"the header {name} is missing")
    return value


def verify_twilio(
    url: str,
    params_or_raw_body: Mapping[str, str] | str | bytes,
    headers: Mapping[str, str],
    settings: ChannelSettings,
) -> None:
    """Check X-Twilio-Signature, by HMAC-SHA1 or the newer HMAC-SHA256 of a shared key.

    `url` is the public one with its query, built from PUBLIC_URL and never from the Host header. A form's
    fields come as a mapping, a JSON body raw. Raises `SignatureRejected`.
    """
    signature = _required(headers, SIGNATURE_HEADER)
    algorithm = _header(headers, SIGNATURE_SETTINGS_HEADER)
    key = settings.twilio_webhook_key if algorithm else None
    validator = RequestValidator((key or settings.twilio_auth_token).get_secret_value())
    try:
        body = params_or_raw_body
        body = body.decode() if isinstance(body, bytes) else body
        genuine = validator.validate(url, body, signature, algorithm=get_signature_algorithm(algorithm))
    except Exception:  # noqa: BLE001  # a library that stumbles over forged input has not accepted it
        genuine = False
    if not genuine:
        raise SignatureRejected("Twilio's signature does not match; check TWILIO_AUTH_TOKEN and PUBLIC_URL")


def verify_sendgrid(raw: bytes, headers: Mapping[str, str], settings: ChannelSettings, now: datetime) -> None:
    """Check SendGrid's ECDSA signature over its timestamp and the body's exact bytes.

    `now` is the real time (aware); a timestamp more than five minutes off is refused. Raises
    `SignatureRejected`.
    """
    signature = _required(headers, SENDGRID_SIGNATURE_HEADER)
    timestamp = _required(headers, SENDGRID_TIMESTAMP_HEADER)
    try:
        age = abs(now.timestamp() - float(timestamp))
        webhook = EventWebhook(settings.sendgrid_webhook_public_key)
        genuine = webhook.verify_signature(raw.decode(), signature, timestamp)
    except Exception:  # noqa: BLE001  # a library that stumbles over forged input has not accepted it
        genuine, age = False, 0.0
    if not genuine:
        raise SignatureRejected("SendGrid's signature does not match; check SENDGRID_WEBHOOK_PUBLIC_KEY")
    if not age <= _TOLERANCE:
        raise SignatureRejected(
            "SendGrid's signature is more than five minutes off; check this machine's clock"
        )


def verify_standard_webhook(raw: bytes, headers: Mapping[str, str], secret: SecretStr) -> dict[str, Any]:
    """Check a Standard Webhook (HMAC-SHA256, five minutes) and return its JSON object.

    Numbers with a fraction come back as `Decimal`: they may be money. Raises `SignatureRejected`.
    """
    for name in ("webhook-id", "webhook-timestamp", "webhook-signature"):
        _required(headers, name)
    try:
        Webhook(secret.get_secret_value()).verify(raw, dict(headers), json_parse=False)
        payload = json.loads(raw, parse_float=Decimal)
    except Exception:  # noqa: BLE001  # a library that stumbles over forged input has not accepted it
        payload = None
    if not isinstance(payload, dict):
        raise SignatureRejected("the signature does not match a JSON object; check PAYMENT_WEBHOOK_SECRET")
    return payload
