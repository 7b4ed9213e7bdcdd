"""The sandbox as Twilio: create, list and fetch of /2010-04-01/Accounts/{sid}/Messages."""

import base64
import hmac
import json
import re
import time
from email.utils import formatdate
from functools import partial
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from channels.sandbox.faults import LISTING
from channels.sandbox.hub import Hub, Incoming
from channels.sandbox.store import Accepted

_BASE = "/2010-04-01/Accounts/{account}/Messages"
_WHATSAPP = "whatsapp:"
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_LIST_FILTERS = frozenset({"To", "From", "PageSize", "Page", "PageToken"})
_ENDED = ("sent", "delivered", "read", "undelivered")


def routes(hub: Hub) -> list[Route]:
    """Twilio's part of the sandbox."""
    return [
        Route(_BASE + ".json", partial(_create, hub), methods=["POST"]),
        Route(_BASE + ".json", partial(_list, hub), methods=["GET"]),
        Route(_BASE + "/{sid}.json", partial(_fetch, hub), methods=["GET"]),
    ]


def _refusal(status: int, code: int | None = None, retry_after: float | None = None) -> Response:
    code = code or {401: 20003, 404: 20404, 429: 20429}.get(status, 20500 if status >= 500 else 20001)
    body = {
        "code": code,
        "message": f"The sandbox was asked to answer {code}",
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    headers = {} if retry_after is None else {"Retry-After": f"{retry_after:g}"}
    return JSONResponse(body, status, headers)


def _is_authentic(hub: Hub, request: Request) -> bool:
    pair = f"{hub.config.account_sid}:{hub.config.auth_token}".encode()
    expected = "Basic " + base64.b64encode(pair).decode()
    given = request.headers.get("authorization", "")
    right_account = request.path_params["account"] == hub.config.account_sid
    return hmac.compare_digest(given.encode(), expected.encode()) and right_account


async def _create(hub: Hub, request: Request) -> Response:
    if not _is_authentic(hub, request):
        return _refusal(401)
    form = dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))
    wrong = _wrong(form)
    if wrong:
        return _refusal(400, wrong)
    to = form["To"]
    query = parse_qs(urlsplit(form.get("StatusCallback", "")).query)
    incoming = Incoming(
        id=("MM" if "ContentSid" in form else "SM") + uuid4().hex,
        channel="whatsapp" if to.startswith(_WHATSAPP) else "sms",
        to=to.removeprefix(_WHATSAPP),
        attempt_id=query.get("attempt", [None])[0],
        fields=form,
        status="accepted" if "MessagingServiceSid" in form else "queued",
    )
    return await hub.send(request, incoming, partial(_created, hub), _refusal)


def _wrong(form: dict[str, str]) -> int | None:
    """Twilio's code for what a request to send lacks, or None."""
    checks = (
        (21604, not form.get("To")),
        (21603, not (form.get("From") or form.get("MessagingServiceSid"))),
        (21602, not (form.get("Body") or form.get("ContentSid"))),
        (21617, len(form.get("Body", "")) > 1600),
        (21211, not _E164.fullmatch(form.get("To", "").removeprefix(_WHATSAPP))),
        (21656, not _are_variables(form.get("ContentVariables", "{}"))),
    )
    return next((code for code, failed in checks if failed), None)


def _are_variables(text: str) -> bool:
    try:
        variables = json.loads(text)
    except ValueError:
        return False
    return isinstance(variables, dict) and all(isinstance(value, str) for value in variables.values())


def _created(hub: Hub, message: Accepted) -> Response:
    return JSONResponse(_resource(hub, message), 201)


def _resource(hub: Hub, message: Accepted) -> dict[str, Any]:
    path = f"/2010-04-01/Accounts/{hub.config.account_sid}/Messages/{message.id}"
    sent_at = formatdate(message.accepted_at, usegmt=False) if message.status in _ENDED else None
    return {
        "account_sid": hub.config.account_sid,
        "api_version": "2010-04-01",
        "body": _text(message.fields),
        "date_created": formatdate(message.accepted_at),
        "date_sent": sent_at,
        "date_updated": formatdate(message.accepted_at),
        "direction": "outbound-api",
        "error_code": message.error_code,
        "error_message": None,
        "from": message.fields.get("From"),
        "messaging_service_sid": message.fields.get("MessagingServiceSid"),
        "num_media": "0",
        "num_segments": "1",
        "price": None,
        "price_unit": "USD",
        "sid": message.id,
        "status": message.status,
        "subresource_uris": {"media": f"{path}/Media.json"},
        "to": message.fields["To"],
        "uri": f"{path}.json",
    }


def _text(form: dict[str, Any]) -> str:
    """The text as listed. The sandbox knows no templates: of one, it shows the variables."""
    return form.get("Body") or " ".join(json.loads(form.get("ContentVariables", "{}")).values())


async def _list(hub: Hub, request: Request) -> Response:
    query = request.query_params
    if not _is_authentic(hub, request):
        return _refusal(401)
    if not set(query) <= _LIST_FILTERS:
        return _refusal(400)  # better than a list that ignores a filter
    to = query.get("To", "")
    channel = "whatsapp" if to.startswith(_WHATSAPP) else "sms"
    fault = hub.faults.take(LISTING, channel, to.removeprefix(_WHATSAPP))
    if fault is not None and fault.kind == "unreadable_list":
        return _refusal(fault.status or 500)
    latest = time.time() - (fault.seconds if fault else 0)
    found = [m for m in _matching(hub, to, query.get("From")) if m.accepted_at <= latest]
    return JSONResponse(_page(hub, request, found))


def _matching(hub: Hub, to: str, sender: str | None) -> list[Accepted]:
    """Twilio's messages with this recipient and sender, the newest first."""
    among = hub.store.by_address[to.removeprefix(_WHATSAPP)] if to else list(hub.store.messages.values())
    return [
        message
        for message in reversed(among)
        if message.channel != "email"
        and to in ("", message.fields["To"])
        and sender in (None, message.fields.get("From"))
    ]


def _page(hub: Hub, request: Request, found: list[Accepted]) -> dict[str, Any]:
    query = request.query_params
    size, page = min(int(query.get("PageSize", 50)), 1000), int(query.get("Page", 0))
    start, end = page * size, page * size + size
    shown = found[start:end]
    others = {key: value for key, value in query.items() if key in ("To", "From")}

    def uri(number: int) -> str:
        return f"{request.url.path}?{urlencode({**others, 'PageSize': size, 'Page': number})}"

    return {
        "messages": [_resource(hub, message) for message in shown],
        "page": page,
        "page_size": size,
        "start": start,
        "end": start + max(len(shown) - 1, 0),
        "uri": uri(page),
        "first_page_uri": uri(0),
        "next_page_uri": uri(page + 1) if end < len(found) else None,
        "previous_page_uri": uri(page - 1) if page else None,
    }


async def _fetch(hub: Hub, request: Request) -> Response:
    if not _is_authentic(hub, request):
        return _refusal(401)
    message = hub.store.messages.get(request.path_params["sid"])
    if message is None or message.channel == "email":
        return _refusal(404)
    return JSONResponse(_resource(hub, message))
