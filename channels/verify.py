"""Whether a callback really comes from whom it says: Twilio or SendGrid. The payment rails have their own.

A refusal is the same text after the same work, whichever of signature, time and body is missing, malformed or
wrong: a header that cannot be read is replaced by one that cannot hold, and then everything is computed.
"""

import base64
import binascii
import hmac
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from urllib.parse import parse_qs, urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from sendgrid.helpers.eventwebhook import EventWebhook
from twilio.request_validator import (  # type: ignore[import-untyped]
    HMAC_SHA1,
    HMAC_SHA256,
    SIGNATURE_HEADER,
    SIGNATURE_SETTINGS_HEADER,
    RequestValidator,
    get_signature_algorithm,
)

from channels.settings import ChannelSettings

SENDGRID_SIGNATURE_HEADER = "X-Twilio-Email-Event-Webhook-Signature"
SENDGRID_TIMESTAMP_HEADER = "X-Twilio-Email-Event-Webhook-Timestamp"
_TOLERANCE = 300  # seconds; SendGrid's library checks no time
REFUSED = (
    "the signature is missing, malformed, stale or wrong; sign the body's exact bytes with the secret that both "
    "sides have, for the public address that is called, by a clock that is right"
)
# r = s = 1 in DER: it is verified like any other, and holds for nothing.
_NO_SIGNATURE = bytes.fromhex("3006020101020101")


class SignatureRejected(Exception):  # a verdict, not a mistake
    """A callback is not signed by its provider; one text, whatever the reason."""

    def __init__(self, text: str = REFUSED) -> None:
        super().__init__(text)


def _header(headers: Mapping[str, str], name: str) -> str:
    """A header's value whatever its case, "" where there is none."""
    wanted = name.lower()
    return next((value for key, value in headers.items() if key.lower() == wanted), "")


def verify_twilio(
    url: str, form_or_json: Mapping[str, str] | bytes, headers: Mapping[str, str], settings: ChannelSettings
) -> None:
    """Check X-Twilio-Signature, by HMAC-SHA1 or the newer HMAC-SHA256 of a shared key.

    `url` is the public one with its query, built from PUBLIC_URL and never from the Host header. A form's
    fields come as a mapping (with `getlist` where a name occurs twice), a JSON body raw: its hash is in the URL.
    Raises `SignatureRejected`.
    """
    shared = _header(headers, SIGNATURE_SETTINGS_HEADER)
    algorithm = get_signature_algorithm(shared)
    known = algorithm.upper() in (HMAC_SHA1, HMAC_SHA256)
    key = settings.twilio_webhook_key if shared else None
    validator = RequestValidator((key or settings.twilio_auth_token).get_secret_value())
    form, whole = (
        ({}, _has_hash(url, form_or_json)) if isinstance(form_or_json, bytes) else (form_or_json, True)
    )
    try:
        signature = _header(headers, SIGNATURE_HEADER)
        genuine = validator.validate(url, form, signature, algorithm=algorithm if known else HMAC_SHA1)
    except ValueError:  # half of a surrogate pair in a field, or an address that is none
        genuine = False
    if not (genuine and known and whole):
        raise SignatureRejected


def _has_hash(url: str, raw: bytes) -> bool:
    """Whether the signed address names the hash of this body (Twilio's way to sign JSON)."""
    stated = parse_qs(urlsplit(url).query).get("bodySHA256", [""])[0]
    return hmac.compare_digest(stated.encode("utf-8", "replace"), sha256(raw).hexdigest().encode())


def verify_sendgrid(raw: bytes, headers: Mapping[str, str], settings: ChannelSettings, now: datetime) -> None:
    """Check SendGrid's ECDSA signature over its timestamp and the body's exact bytes.

    `now` is the real time (aware); a timestamp more than five minutes off is refused. Raises
    `SignatureRejected`.
    """
    timestamp = _header(headers, SENDGRID_TIMESTAMP_HEADER)
    signature = _ecdsa(_header(headers, SENDGRID_SIGNATURE_HEADER))
    signed = timestamp.encode("utf-8", "replace") + raw
    try:
        _sendgrid_key(settings.sendgrid_webhook_public_key).verify(
            signature, signed, ec.ECDSA(hashes.SHA256())
        )
        genuine = True
    except InvalidSignature:
        genuine = False
    recent = _is_recent(timestamp, now)
    if not (genuine and recent):
        raise SignatureRejected


@lru_cache(maxsize=8)
def _sendgrid_key(public_key: str) -> ec.EllipticCurvePublicKey:
    key = EventWebhook(public_key).public_key
    assert isinstance(key, ec.EllipticCurvePublicKey), "the settings take no other key"
    return key


def _ecdsa(encoded: str) -> bytes:
    try:
        signature = base64.b64decode(encoded)
        decode_dss_signature(signature)
    except (ValueError, binascii.Error):
        return _NO_SIGNATURE
    return signature


def _is_recent(timestamp: str, now: datetime) -> bool:
    """Whether a timestamp in Unix seconds, as a header gives it, is within five minutes of `now` (aware)."""
    try:
        return abs(now.timestamp() - float(timestamp)) <= _TOLERANCE
    except ValueError:
        return False
