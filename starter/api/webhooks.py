"""Webhooks in: verified on their raw bytes, kept in the inbox, answered; what follows is the relay's business."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel
from starlette.datastructures import ImmutableMultiDict

from channels import receipts
from channels.rails.configured import rails
from channels.rails.money import MalformedWebhook, Rail
from channels.verify import REFUSED, SignatureRejected, verify_sendgrid, verify_twilio
from ledger.deliveries import opt_out_by_reference
from ledger.inbox import Arrival, Lane, keep
from starter.api.problems import ApiProblem
from starter.api.service import Service, service
from starter.api.webhook_bodies import (
    FORM,
    GENERIC_PAYMENT,
    OF_RAIL,
    REFUSALS,
    SENDGRID_EVENTS,
    STANDARD_HEADERS,
    documented,
)
from starter.inbox import SENDGRID, TWILIO, TWILIO_REPLY
from starter.metrics import WEBHOOKS_REFUSED, WEBHOOKS_STORED
from starter.unsubscribe import done_page, preferred_language, question_page, unknown_page

router = APIRouter()

_WEBHOOK: dict[str, Any] = {"tags": ["webhooks in"], "responses": REFUSALS}
_PAGE: dict[str, Any] = {
    "tags": ["unsubscribe"],
    "response_class": HTMLResponse,
    "responses": {404: {"description": "No message has this reference.", "content": {"text/html": {}}}},
    "openapi_extra": {"security": []},
}
# No callback of Twilio comes near; more would only keep us busy before we refuse it.
MOST_FIELDS = 200
PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; form-action 'self'",
    "Referrer-Policy": "no-referrer",
}
_NOTHING_SAID = "<Response/>"
Reference = Annotated[str, Query(description="The reference in the message's unsubscribe link.")]


class Taken(BaseModel):
    """That a webhook was taken: it is new, was told before, or tells nothing that Régua acts on."""

    status: Literal["accepted", "known", "ignored"]


@router.post(
    "/receipts/twilio", status_code=204, **_WEBHOOK, openapi_extra=documented(FORM), response_class=Response
)
async def twilio_receipts(request: Request) -> Response:
    """What became of an SMS or a WhatsApp message: the StatusCallback of each, signed by Twilio."""
    asked = service(request)
    with _refusing(TWILIO):
        fields = await _twilio_fields(request, asked)
    fields |= {"attempt": request.query_params.get("attempt", "")}
    receipt = receipts.twilio_receipt(fields, asked.clock())
    if receipt is not None:
        await _keep(asked, Lane.RECEIPTS, [Arrival(TWILIO, receipt.external_id, json.dumps(fields))])
    return Response(status_code=204)


@router.post(
    "/receipts/sendgrid",
    status_code=204,
    **_WEBHOOK,
    openapi_extra=documented(SENDGRID_EVENTS),
    response_class=Response,
)
async def sendgrid_receipts(request: Request) -> Response:
    """What became of e-mails: SendGrid's signed event webhook, a list of events."""
    asked, raw = service(request), await request.body()
    with _refusing(SENDGRID):
        verify_sendgrid(raw, request.headers, asked.channels, asked.clock())
        events = _json(raw, list)
    found = ((event, receipt) for event in events for receipt in receipts.sendgrid_receipts([event]))
    arrivals = [Arrival(SENDGRID, receipt.external_id, json.dumps(event)) for event, receipt in found]
    await _keep(asked, Lane.RECEIPTS, arrivals)
    return Response(status_code=204)


@router.post("/replies/twilio", **_WEBHOOK, openapi_extra=documented(FORM), response_class=Response)
async def twilio_replies(request: Request) -> Response:
    """What a customer wrote back by SMS or WhatsApp, signed by Twilio. The answer says nothing by return."""
    asked = service(request)
    with _refusing(TWILIO_REPLY):
        fields = await _twilio_fields(request, asked)
        try:
            reply = receipts.twilio_reply(fields, asked.clock())
        except ValueError as error:
            raise MalformedWebhook(str(error)) from None
    await _keep(asked, Lane.REPLIES, [Arrival(TWILIO_REPLY, reply.external_id, json.dumps(fields))])
    return Response(_NOTHING_SAID, media_type="application/xml")


@router.post(
    "/payments", status_code=202, **_WEBHOOK, openapi_extra=documented(GENERIC_PAYMENT, STANDARD_HEADERS)
)
async def payments(request: Request, response: Response) -> Taken:
    """A payment, signed as a Standard Webhook by a bank's, a shop's or an ERP's program.

    An invoice that is named is found exactly; what cannot be matched waits for an agent. A payment counts once
    by its `id`, however often and in whatever webhook it is told.
    """
    return await _payment(request, response, "payment")


@router.post("/payments/{rail}", **_WEBHOOK, openapi_extra=documented(OF_RAIL))
async def payments_of_rail(
    request: Request, response: Response, rail: Literal["stripe", "pix", "asaas", "mercadopago"]
) -> Taken:
    """What a payment provider tells, in its own form and by its own signature, where that rail is configured."""
    return await _payment(request, response, rail)


async def _payment(request: Request, response: Response, source: str) -> Taken:
    asked, raw = service(request), await request.body()
    rail = _rails(request).get(source)
    if rail is None:
        raise ApiProblem(
            404,
            "rail_not_configured",
            f"the payment rail {source!r} is not configured here; set its variables",
        )
    told = raw, request.headers, request.query_params
    with _refusing(source):
        rail.verify(*told, asked.clock())
        entries = rail.entries(*told)
    arrivals = [Arrival(source, entry.external_id, entry.body) for entry in entries]
    new = await _keep(asked, Lane.MONEY, arrivals)
    response.status_code = rail.answer_status
    return Taken(status="ignored" if not entries else "accepted" if new else "known")


def _rails(request: Request) -> Mapping[str, Rail]:
    """The rails that are configured, made once for an application."""
    state = request.app.state
    if not hasattr(state, "rails"):
        state.rails = rails(service(request).channels)
    found: Mapping[str, Rail] = state.rails
    return found


async def _keep(asked: Service, lane: Lane, arrivals: list[Arrival]) -> int:
    new = await keep(asked.ledger.engine, lane, arrivals, asked.clock())
    if new:
        WEBHOOKS_STORED.labels(arrivals[0].source).inc(new)
    return new


@contextmanager
def _refusing(source: str) -> Iterator[None]:
    """Answer what is not signed or not understood: of both, only their number is kept."""
    try:
        yield
    except SignatureRejected:
        WEBHOOKS_REFUSED.labels(source).inc()
        raise ApiProblem(401, "signature_rejected", REFUSED) from None
    except MalformedWebhook as error:
        WEBHOOKS_REFUSED.labels(source).inc()
        raise ApiProblem(400, "malformed", str(error)) from None


async def _twilio_fields(request: Request, asked: Service) -> dict[str, str]:
    """The fields of a callback that Twilio signed for the public address, not the one we see: a form, or JSON."""
    raw = await request.body()
    query = request.scope["query_string"].decode("latin-1")
    url = asked.channels.public_url + request.url.path + (f"?{query}" if query else "")
    is_json = request.headers.get("content-type", "").lower().startswith("application/json")
    form = ImmutableMultiDict([] if is_json else _pairs(raw))
    verify_twilio(url, raw if is_json else form, request.headers, asked.channels)
    fields = _json(raw, dict) if is_json else form
    return {name: _plain(value) for name, value in fields.items() if isinstance(value, str | int)}


def _pairs(raw: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:  # too many; what has no fields is not signed either
        return []


def _plain(value: str | int) -> str:
    # PostgreSQL keeps no NUL in a text.
    return str(value).replace("\0", "")


def _json(raw: bytes, kind: type[Any]) -> Any:
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, kind):
        wanted = "list of events" if kind is list else "object of fields"
        raise MalformedWebhook(f"the body is not a JSON {wanted}")
    return found


@router.get("/unsubscribe", **_PAGE)
async def ask_to_unsubscribe(request: Request, m: Reference = "") -> HTMLResponse:
    """The page behind a message's unsubscribe link. It changes nothing: mail programs follow links by themselves."""
    language = preferred_language(request.headers.get("accept-language", ""))
    if not _is_reference(m):
        return HTMLResponse(unknown_page(language), 404, PAGE_HEADERS)
    return HTMLResponse(question_page(language, m), 200, PAGE_HEADERS)


@router.post("/unsubscribe", **_PAGE)
async def unsubscribe(request: Request, m: Reference = "") -> HTMLResponse:
    """One click (RFC 8058), from a mail program or from the button: the message's channel is silent from now on."""
    asked = service(request)
    language = preferred_language(request.headers.get("accept-language", ""))
    if _is_reference(m) and await opt_out_by_reference(asked.ledger, m, asked.clock()):
        return HTMLResponse(done_page(language), 200, PAGE_HEADERS)
    # A reference is short, so that it can be read aloud: nobody may try many.
    await request.app.state.limits.spend_of_guess(request.client.host if request.client else "")
    return HTMLResponse(unknown_page(language), 404, PAGE_HEADERS)


def _is_reference(given: str) -> bool:
    return re.fullmatch(r"[0-9A-Z]{4,20}", given) is not None
