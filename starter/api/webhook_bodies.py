"""How the OpenAPI document describes webhooks in, whose bodies are read as raw bytes because they are signed."""

from collections.abc import Sequence
from typing import Any

from channels.rails.generic import PaymentNote
from starter.api.problems import MEDIA_TYPE

EXAMPLE = {
    "id": "bank-2026-000123",
    "amount": "120.50",
    "currency": "EUR",
    "paid_at": "2026-03-05T12:00:00Z",
    "method": "transfer",
    "invoice": "2026/0001",
    "payer": {"name": "Ana Exemplo"},
}


def _generic() -> dict[str, Any]:
    """The schema of a payment, in one piece: what is inside it has no name of its own in the document."""
    schema = PaymentNote.model_json_schema()
    inner = schema.pop("$defs", {})
    schema["properties"]["payer"] = {"anyOf": [inner["Payer"], {"type": "null"}], "default": None}
    (shares,) = (each for each in schema["properties"]["shares"]["anyOf"] if each["type"] == "array")
    shares["items"] = inner["ShareNote"]
    return schema


GENERIC_PAYMENT = {"application/json": {"schema": _generic(), "example": EXAMPLE}}
# The least that each provider's documentation shows; they send more.
_OF_RAILS: dict[str, dict[str, Any]] = {
    "stripe": {
        "id": "evt_1",
        "object": "event",
        "type": "payment_intent.succeeded",
        "created": 1_772_700_000,
        "data": {
            "object": {
                "id": "pi_1",
                "object": "payment_intent",
                "status": "succeeded",
                "amount_received": 12_050,
                "currency": "eur",
                "created": 1_772_700_000,
                "metadata": {"invoice": "2026/0001"},
            }
        },
    },
    "pix": {
        "pix": [
            {
                "endToEndId": "E1234567820260305120000000000001",
                "txid": "regua20260001aaaaaaaaaaaaa",
                "valor": "120.50",
                "horario": "2026-03-05T12:00:00.000Z",
            }
        ]
    },
    "asaas": {
        "id": "evt_1",
        "event": "PAYMENT_RECEIVED",
        "payment": {
            "id": "pay_1",
            "value": 120.5,
            "status": "RECEIVED",
            "billingType": "PIX",
            "paymentDate": "2026-03-05",
            "externalReference": "2026/0001",
        },
    },
    "mercadopago": {"type": "payment", "action": "payment.updated", "data": {"id": "123"}},
}
OF_RAIL = {
    "application/json": {
        "schema": {"type": "object"},
        "examples": {rail: {"value": body} for rail, body in _OF_RAILS.items()},
    }
}
_EVENT = {
    "event": "delivered",
    "sg_message_id": "m-1.recvd-1",
    "sg_event_id": "e-1",
    "timestamp": 1_772_700_000,
    "attempt_id": "42",
}
SENDGRID_EVENTS = {
    "application/json": {"schema": {"type": "array", "items": {"type": "object"}}, "example": [_EVENT]}
}
# Of a receipt the status counts, of a reply the body.
_FIELDS = {
    "schema": {"type": "object", "additionalProperties": {"type": "string"}},
    "example": {
        "MessageSid": "SM" + "1" * 32,
        "MessageStatus": "delivered",
        "From": "+15555550100",
        "To": "+351900000123",
        "Body": "",
    },
}
FORM = {"application/x-www-form-urlencoded": _FIELDS, "application/json": _FIELDS}


_PROBLEM = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"description": "`malformed`: signed, but not of this form; nothing is kept.", "content": _PROBLEM},
    401: {"description": "`signature_rejected`: nothing is kept.", "content": _PROBLEM},
}


_SIGNED = {
    "webhook-id": "The same in each repetition.",
    "webhook-timestamp": "Unix seconds, at most five minutes from now.",
    "webhook-signature": "v1, and the base64 of HMAC-SHA256 over id.timestamp.body (standardwebhooks.com).",
}
STANDARD_HEADERS = [
    {"name": name, "in": "header", "required": True, "description": what, "schema": {"type": "string"}}
    for name, what in _SIGNED.items()
]


def documented(content: dict[str, Any], headers: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    """What a route adds to its description: it takes no token, but this body, and headers that sign it."""
    body = {"required": True, "content": content}
    return {"security": [], "requestBody": body, "parameters": list(headers)}
