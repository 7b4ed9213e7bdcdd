"""What providers report, in our words: Twilio's callbacks and replies, SendGrid's events."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from channels.outcome import Delivery, ErrorClass, Intent, Receipt, Reply, classify, error_table
from channels.replies import read_intent

_WHATSAPP = "whatsapp:"
# What Twilio understood itself, by Advanced Opt-Out.
_TWILIO_KEYWORDS = {"STOP": Intent.stop, "START": Intent.start, "HELP": Intent.help}

# Twilio's message statuses; the inbound ones are no receipts.
_TWILIO = {
    "accepted": Delivery.queued,
    "scheduled": Delivery.queued,
    "queued": Delivery.queued,
    "sending": Delivery.queued,
    "sent": Delivery.sent,
    "delivered": Delivery.delivered,
    "partially_delivered": Delivery.delivered,
    "undelivered": Delivery.failed,
    "failed": Delivery.failed,
    "canceled": Delivery.failed,
    "read": Delivery.read,
}

_SENDGRID = {
    "processed": Delivery.queued,
    "deferred": Delivery.queued,
    "delivered": Delivery.delivered,
    "bounce": Delivery.failed,
    "dropped": Delivery.failed,
    "open": Delivery.read,
    "click": Delivery.read,
    # Whoever complains or unsubscribes has the message before them.
    "spamreport": Delivery.delivered,
    "unsubscribe": Delivery.delivered,
    "group_unsubscribe": Delivery.delivered,
}
_OPT_OUT_EVENTS = ("spamreport", "unsubscribe", "group_unsubscribe")


def twilio_receipt(params: Mapping[str, str], received_at: datetime) -> Receipt | None:
    """The receipt in a verified status callback, or None if it holds none that we know.

    `params` are the form's fields together with the query's (`attempt`). Few callbacks say when it happened; the
    others are dated `received_at` (aware UTC).
    """
    sid = params.get("MessageSid") or params.get("SmsSid")
    status = params.get("MessageStatus") or params.get("SmsStatus") or ""
    delivery = _TWILIO.get(status)
    if not sid or delivery is None:
        return None
    code = params.get("ErrorCode") or None
    error_class = classify(code) if code or delivery is Delivery.failed else None
    return Receipt(
        channel=_channel(params.get("To", "")),
        provider_id=sid,
        delivery=delivery,
        attempt_id=params.get("attempt") or None,
        code=code,
        error_class=error_class,
        external_id=":".join(filter(None, (sid, status, code))),
        at=_instant(params, received_at),
        opted_out=error_class is ErrorClass.opt_out,
        address_dead=error_class is ErrorClass.bad_address,
    )


def twilio_reply(params: Mapping[str, str], received_at: datetime) -> Reply:
    """The reply in a verified inbound callback, dated as a receipt is; raises ValueError if it has no sender or id."""
    sender, sid = params.get("From", ""), params.get("MessageSid") or params.get("SmsSid")
    if not sender or not sid:
        raise ValueError("a reply needs From and MessageSid; check the URL configured for incoming messages")
    body = params.get("Body", "")
    return Reply(
        channel=_channel(sender),
        sender=sender.removeprefix(_WHATSAPP),
        body=body,
        external_id=sid,
        at=_instant(params, received_at),
        intent=_TWILIO_KEYWORDS.get(params.get("OptOutType", "")) or read_intent(body).intent,
    )


def _channel(address: str) -> str:
    return "whatsapp" if address.startswith(_WHATSAPP) else "sms"


def _instant(params: Mapping[str, str], received_at: datetime) -> datetime:
    """The callback's own `Timestamp` (RFC 2822) where it has one, else when it came."""
    try:
        at = parsedate_to_datetime(params.get("Timestamp", ""))
        return at.replace(tzinfo=at.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return received_at


def sendgrid_receipts(events: Iterable[Any]) -> list[Receipt]:
    """The receipts in a verified batch of SendGrid's events, in its order; what is none is left out."""
    found = (_sendgrid_receipt(event) for event in events if isinstance(event, Mapping))
    return [receipt for receipt in found if receipt is not None]


def _sendgrid_receipt(event: Mapping[str, Any]) -> Receipt | None:
    name = str(event.get("event"))
    delivery = _SENDGRID.get(name)
    message_id, event_id = event.get("sg_message_id"), event.get("sg_event_id")
    # An open by a mail program on its own is no sign of a person.
    if delivery is None or not message_id or not event_id or event.get("sg_machine_open"):
        return None
    at = _unix(event.get("timestamp"))
    if at is None:
        return None
    code, error_class = _failure(name, event)
    attempt_id = event.get("attempt_id")
    return Receipt(
        channel="email",
        # X-Message-Id, then a dot and where in SendGrid the message went.
        provider_id=str(message_id).split(".", 1)[0],
        delivery=delivery,
        attempt_id=str(attempt_id) if attempt_id else None,
        code=code,
        error_class=error_class,
        external_id=str(event_id),
        at=at,
        opted_out=error_class is ErrorClass.opt_out,
        address_dead=error_class is ErrorClass.bad_address,
        address=str(event["email"]) if event.get("email") else None,
    )


def _unix(timestamp: object) -> datetime | None:
    try:
        return datetime.fromtimestamp(float(str(timestamp)), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _failure(name: str, event: Mapping[str, Any]) -> tuple[str | None, ErrorClass | None]:
    """Code and class of what went wrong. The code never quotes SendGrid's text, which names addresses."""
    if name in _OPT_OUT_EVENTS:
        return name, ErrorClass.opt_out
    table = error_table()["sendgrid"]
    if name == "bounce":
        kind = str(event.get("type") or "bounce").lower()
        known = table["bounced"].get(kind, ErrorClass.unclassified)
        return (kind if kind in table["bounced"] else "bounce"), ErrorClass(known)
    if name == "dropped":
        reason = str(event.get("reason") or "").strip().lower()
        if reason not in table["dropped"]:
            return "dropped", ErrorClass.unclassified
        return "dropped:" + re.sub(r"\W+", "_", reason), ErrorClass(table["dropped"][reason])
    return None, None
