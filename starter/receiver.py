"""The receiver: takes receipts, replies, payments and opt-outs over HTTP, and believes only what is signed."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import structlog
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from sqlalchemy import text
from sqlalchemy.exc import DataError, DBAPIError

from cadence.words import Channel
from channels import outcome, receipts
from channels.settings import ChannelSettings
from channels.verify import SignatureRejected, verify_sendgrid, verify_standard_webhook, verify_twilio
from ledger.access import Ledger
from ledger.database import LedgerError
from ledger.deliveries import IncomingReply, Receipt, opt_out_by_reference, record_receipt, record_reply
from starter.payments import PaymentRefused, read_payment, record_payment
from starter.unsubscribe import done_page, preferred_language, question_page, unknown_page

log = structlog.get_logger()

MAX_BODY = 1024 * 1024
PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; form-action 'self'",
    "Referrer-Policy": "no-referrer",
}
Clock = Callable[[datetime], datetime]
"""The instant at which something is recorded, given the instant at which its sender says that it happened."""


class Malformed(Exception):
    """A request whose body is not of its form; the text says what was expected."""


class TooLarge(Exception):
    """A body of more than MAX_BODY bytes."""


def wall_clock(_stated: datetime) -> datetime:
    """What a sender states is recorded now, whatever its own clock says."""
    return datetime.now(UTC)


def receiver_app(ledger: Ledger, settings: ChannelSettings, clock: Clock = wall_clock) -> FastAPI:
    """The receiver's web application; PUBLIC_URL in `settings` must be the address that the providers call."""
    app = FastAPI(title="Régua receiver", openapi_url=None)
    app.state.door = _Door(ledger, settings, clock)
    for path, endpoint in _POSTS.items():
        app.add_api_route(path, endpoint, methods=["POST"], response_model=None)
    app.add_api_route("/unsubscribe", _ask_to_unsubscribe, methods=["GET"], response_model=None)
    app.add_api_route("/healthz", _health, methods=["GET"], response_model=None)
    for error, status in _STATUS_OF.items():
        app.add_exception_handler(error, _problem(status))
    return app


class _Door:
    """What the requests of one application share."""

    def __init__(self, ledger: Ledger, settings: ChannelSettings, clock: Clock) -> None:
        self.ledger = ledger
        self.settings = settings
        self.clock = clock

    async def twilio_form(self, request: Request) -> dict[str, str]:
        """The fields of a callback that Twilio signed, for the public address and not the one we see."""
        raw = await _body(request)
        form = dict(parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True))
        query = request.scope["query_string"].decode("latin-1")
        url = self.settings.public_url + request.url.path + (f"?{query}" if query else "")
        verify_twilio(url, form, request.headers, self.settings)
        # PostgreSQL keeps no NUL in a text.
        return {name: value.replace("\0", "") for name, value in form.items()}

    async def take(self, receipt: outcome.Receipt, source: str) -> None:
        """Record one receipt; a repetition, or one about a message that is not ours, changes nothing."""
        known = Receipt(
            channel=Channel(receipt.channel),
            source=source,
            external_id=receipt.external_id,
            attempt_id=receipt.attempt_id,
            provider_id=receipt.provider_id,
            delivery=receipt.delivery,
            code=receipt.code,
            error_class=receipt.error_class,
            opted_out=receipt.opted_out,
            address_dead=receipt.address_dead,
        )
        await record_receipt(self.ledger, known, self.clock(receipt.at))


def _door(request: Request) -> _Door:
    door: _Door = request.app.state.door
    return door


async def _body(request: Request) -> bytes:
    """The raw body, as it was signed; read no further than MAX_BODY, whatever the headers say."""
    raw = b""
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > MAX_BODY:
            raise TooLarge("the body is larger than 1 MiB; send less at once")
    return raw


async def _twilio_receipt(request: Request) -> Response:
    door = _door(request)
    form = await door.twilio_form(request)
    receipt = receipts.twilio_receipt({**form, "attempt": request.query_params.get("attempt", "")})
    if receipt is not None:
        await door.take(receipt, "twilio")
    return Response(status_code=204)


async def _sendgrid_receipts(request: Request) -> Response:
    door = _door(request)
    raw = await _body(request)
    verify_sendgrid(raw, request.headers, door.settings, datetime.now(UTC))
    for receipt in receipts.sendgrid_receipts(_json_list(raw)):
        await door.take(receipt, "sendgrid")
    return Response(status_code=204)


def _json_list(raw: bytes) -> list[Any]:
    try:
        events = json.loads(raw)
    except (ValueError, RecursionError):
        events = None
    if not isinstance(events, list):
        raise Malformed("the body is not a JSON list of events")
    return events


async def _twilio_reply(request: Request) -> Response:
    door = _door(request)
    try:
        reply = receipts.twilio_reply(await door.twilio_form(request))
    except ValueError as error:
        raise Malformed(str(error)) from None
    incoming = IncomingReply(
        channel=Channel(reply.channel),
        source="twilio",
        external_id=reply.external_id,
        sender=reply.sender,
        body=reply.body,
        at=reply.at,
        opt_out=reply.opt_out,
    )
    await record_reply(door.ledger, incoming, door.clock(reply.at))
    # An empty answer in Twilio's own form: nothing is said by return.
    return Response("<Response/>", media_type="application/xml")


async def _payment(request: Request) -> Response:
    door = _door(request)
    raw = await _body(request)
    note = verify_standard_webhook(raw, request.headers, door.settings.payment_webhook_secret)
    payment = read_payment(note, datetime.now(UTC))
    new = await record_payment(door.ledger, payment, "webhook", door.clock(payment.paid_at))
    return JSONResponse({"status": "recorded" if new else "known"})


async def _ask_to_unsubscribe(request: Request) -> Response:
    language = preferred_language(request.headers.get("accept-language", ""))
    reference = request.query_params.get("m", "")
    if not _is_reference(reference):
        return HTMLResponse(unknown_page(language), 404, PAGE_HEADERS)
    return HTMLResponse(question_page(language, reference), 200, PAGE_HEADERS)


async def _unsubscribe(request: Request) -> Response:
    """One click (RFC 8058), from a mail program or from the button: the message's channel is silent from now on."""
    language = preferred_language(request.headers.get("accept-language", ""))
    reference = request.query_params.get("m", "")
    door = _door(request)
    now = door.clock(datetime.now(UTC))
    if _is_reference(reference) and await opt_out_by_reference(door.ledger, reference, now):
        return HTMLResponse(done_page(language), 200, PAGE_HEADERS)
    return HTMLResponse(unknown_page(language), 404, PAGE_HEADERS)


def _is_reference(text_given: str) -> bool:
    return re.fullmatch(r"[0-9A-Z]{4,20}", text_given) is not None


async def _health(request: Request) -> Response:
    async with _door(request).ledger.engine.connect() as connection:
        await connection.execute(text("SELECT 1"))
    return JSONResponse({"status": "ok"})


_POSTS: dict[str, Callable[[Request], Any]] = {
    "/receipts/twilio": _twilio_receipt,
    "/receipts/sendgrid": _sendgrid_receipts,
    "/replies/twilio": _twilio_reply,
    "/payments": _payment,
    "/unsubscribe": _unsubscribe,
}
# A sender whose request was right is asked to come again (503); PostgreSQL's own words stay here.
_STATUS_OF: dict[type[Exception], int] = {
    SignatureRejected: 401,
    Malformed: 400,
    TooLarge: 413,
    PaymentRefused: 422,
    LedgerError: 422,
    DataError: 400,
    UnicodeError: 400,
    DBAPIError: 503,
    OSError: 503,
}
_TITLES = {
    400: "The request is malformed",
    401: "The signature does not match",
    413: "The request is too large",
    422: "The request cannot be carried out",
    503: "The ledger is away; send it again later",
}


def _problem(status: int) -> Callable[[Request, Exception], Response]:
    """Answer with a problem document (RFC 9457); only texts of our own are quoted."""

    def answered(request: Request, error: Exception) -> Response:
        log.warning("callback_refused", path=request.url.path, status=status, reason=type(error).__name__)
        ours = isinstance(error, SignatureRejected | Malformed | TooLarge | PaymentRefused | LedgerError)
        body = {"type": "about:blank", "title": _TITLES[status], "status": status}
        detail = {"detail": str(error)} if ours else {}
        return JSONResponse(body | detail, status, media_type="application/problem+json")

    return answered
