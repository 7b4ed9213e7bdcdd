"""E-mail by SendGrid's v3 mail/send."""

import asyncio
import base64
import json
import re
from typing import Any

from python_http_client.exceptions import HTTPError

from channels.message import EmailMessage
from channels.outcome import ErrorClass, Outcome, OutcomeKind, classify, error_table
from channels.sendgrid_api import SingleCall
from channels.settings import ChannelSettings
from channels.wire import Wire, answered

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_ADDRESS = re.compile(r"[^\s<>,;:\"()\x00-\x1f\x7f@]+@[^\s<>,;:\"()\x00-\x1f\x7f@]+")
_URI = re.compile(r"(https?://|mailto:)[!#-;=?-~]+")


class SendGridEmail:
    """Sends e-mails; `send` never raises."""

    name = "email"

    def __init__(self, settings: ChannelSettings) -> None:
        self._settings = settings

    async def send(self, message: EmailMessage) -> Outcome:
        """Hand one e-mail to SendGrid; an address that could not stand in a header is not sent at all."""
        wrong = _wrong_field(message)
        if wrong:
            reason = ErrorClass.bad_address if wrong == "to" else ErrorClass.template
            return Outcome(OutcomeKind.rejected, code=f"invalid_{wrong}", error_class=reason)
        return await asyncio.to_thread(_post, self._settings, _body(message))


def _wrong_field(message: EmailMessage) -> str | None:
    for name in ("to", "sender", "reply_to"):
        if not _ADDRESS.fullmatch(getattr(message, name)):
            return name
    if not all(_ADDRESS.fullmatch(address) for address in message.cc):
        return "cc"
    return None if all(_URI.fullmatch(uri) for uri in _unsubscribe_uris(message)) else "unsubscribe"


def _unsubscribe_uris(message: EmailMessage) -> list[str]:
    mailto = "mailto:" + message.unsubscribe_mailto.removeprefix("mailto:")
    return [message.unsubscribe_url, mailto] if message.unsubscribe_url else [mailto]


def _headers(message: EmailMessage) -> dict[str, str]:
    """One-click unsubscription: RFC 2369 and RFC 8058."""
    headers = {"List-Unsubscribe": ", ".join(f"<{uri}>" for uri in _unsubscribe_uris(message))}
    if message.unsubscribe_url:
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return headers


def _one_line(text: str) -> str:
    return _CONTROLS.sub(" ", text).strip()


def _attached(message: EmailMessage) -> dict[str, Any]:
    """The files, as v3 mail/send wants them; it refuses an empty list."""
    files = [
        {
            "content": base64.b64encode(each.content).decode(),
            "type": each.media_type,
            "filename": _one_line(each.filename),
            "disposition": "attachment",
        }
        for each in message.attachments
    ]
    return {"attachments": files} if files else {}


def _copies(message: EmailMessage) -> dict[str, Any]:
    """Whom SendGrid sends it in copy; it refuses an empty list."""
    return {"cc": [{"email": address} for address in message.cc]} if message.cc else {}


def _body(message: EmailMessage) -> dict[str, Any]:
    return {
        **_attached(message),
        # At this level custom_args may be an object; at the message's own level SendGrid wants a string.
        "personalizations": [
            {
                "to": [{"email": message.to}],
                **_copies(message),
                "custom_args": {"attempt_id": message.attempt_id},
            },
        ],
        "from": {"email": message.sender, "name": _one_line(message.sender_name)},
        "reply_to": {"email": message.reply_to},
        "subject": _one_line(message.subject),
        "content": [
            {"type": "text/plain", "value": message.text},
            {"type": "text/html", "value": message.html},
        ],
        "headers": _headers(message),
        # A payment link must show the creditor's own address, not a tracker's.
        "tracking_settings": {"click_tracking": {"enable": False, "enable_text": False}},
    }


def _post(settings: ChannelSettings, body: dict[str, Any]) -> Outcome:
    wire = Wire()
    try:
        response = SingleCall(settings, wire, ["mail", "send"]).post(body)
    except HTTPError as error:
        return _answered(error)
    except Exception as error:  # noqa: BLE001  # whatever it was, the message may be on its way
        return wire.failure(error)
    # SendGrid's specification does not promise the header; without it, receipts still name the attempt.
    return Outcome(OutcomeKind.accepted, provider_id=response.headers.get("X-Message-Id"))


def _answered(error: Any) -> Outcome:
    status = error.status_code
    field_class = _class_of(_first_field(error.body)) if status == 400 else None
    return answered(
        status, str(status), field_class or classify(None, status), error.headers.get("Retry-After")
    )


def _first_field(body: bytes) -> str:
    try:
        return str(json.loads(body)["errors"][0]["field"])
    except (ValueError, LookupError, TypeError):
        return ""


def _class_of(field: str) -> ErrorClass | None:
    fields: dict[str, str] = error_table()["sendgrid"]["fields"]
    known = [name for name in fields if field == name or field.startswith(name + ".")]
    return ErrorClass(fields[max(known, key=len)]) if known else None
