"""The sandbox as SendGrid: v3 mail/send, for one recipient a request, and others in copy."""

import hmac
import json
import re
from functools import partial
from typing import Any
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from channels.sandbox.hub import Hub, Incoming
from channels.sandbox.store import Accepted

_ADDRESS = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
_TWICE = "Each email address in the personalization block should be unique between to, cc, and bcc."
_NOT_AN_ADDRESS = "Does not contain a valid address."


def routes(hub: Hub) -> list[Route]:
    """SendGrid's part of the sandbox."""
    return [Route("/v3/mail/send", partial(_send, hub), methods=["POST"])]


def _error(status: int, message: str, field: str | None = None) -> Response:
    return JSONResponse({"errors": [{"message": message, "field": field, "help": None}]}, status)


def _refusal(status: int, code: int | None = None, retry_after: float | None = None) -> Response:
    response = _error(status, f"The sandbox was asked to answer {code or status}")
    if retry_after is not None:
        response.headers["Retry-After"] = f"{retry_after:g}"
    return response


async def _send(hub: Hub, request: Request) -> Response:
    expected = f"Bearer {hub.config.sendgrid_api_key}".encode()
    if not hmac.compare_digest(request.headers.get("authorization", "").encode(), expected):
        return _error(401, "The provided authorization grant is invalid, expired, or revoked")
    try:
        body = json.loads(await request.body())
        wrong = _wrong(body)
    except (ValueError, TypeError, LookupError, AttributeError):
        return _error(400, "Bad Request")
    if wrong:
        return _error(400, *wrong)
    personalization = body["personalizations"][0]
    incoming = Incoming(
        id=uuid4().hex[:22],
        channel="email",
        to=personalization["to"][0]["email"],
        attempt_id=personalization.get("custom_args", {}).get("attempt_id"),
        fields=body,
        copies=tuple(copy["email"] for copy in personalization.get("cc", ())),
    )
    return await hub.send(request, incoming, _accepted, _refusal)


def _accepted(message: Accepted) -> Response:
    return Response(status_code=202, headers={"X-Message-Id": message.id})


def _wrong(body: dict[str, Any]) -> tuple[str, str] | None:
    """What SendGrid would say to this request and of which field, or None."""
    recipients = [to for each in body["personalizations"] for to in each["to"]]
    copies = [copy["email"] for each in body["personalizations"] for copy in each.get("cc", ())]
    addresses = [address.lower() for address in (*copies, *(to["email"] for to in recipients))]
    types = [part["type"] for part in body["content"]]
    checks = (
        ("personalizations", "The sandbox takes one recipient a request", len(recipients) != 1),
        ("personalizations.0.to.0.email", _NOT_AN_ADDRESS, not _ADDRESS.fullmatch(recipients[0]["email"])),
        (
            "personalizations.0.cc.0.email",
            _NOT_AN_ADDRESS,
            not all(_ADDRESS.fullmatch(copy) for copy in copies),
        ),
        ("personalizations.0", _TWICE, len(set(addresses)) < len(addresses)),
        ("from.email", _NOT_AN_ADDRESS, not _ADDRESS.fullmatch(body["from"]["email"])),
        ("subject", "The subject is required.", not body.get("subject")),
        ("content", "text/plain must come first, text/html after it", types != sorted(types, reverse=True)),
        (
            "content.0.value",
            "The content value must be a string.",
            not all(p["value"] for p in body["content"]),
        ),
        ("custom_args", "must be a string", not isinstance(body.get("custom_args", ""), str)),
    )
    return next(((message, field) for field, message, failed in checks if failed), None)
