"""The sandbox's own addresses under /sandbox/, for whoever plays the world: demos, tests, rehearsals.

GET  /sandbox/health       whether it runs, and how much it holds
GET  /sandbox/public-key   what SENDGRID_WEBHOOK_PUBLIC_KEY must be
GET  /sandbox/messages     what was accepted, in order, as received (?address= ?channel= ?attempt=)
GET  /sandbox/habits       POST {address: {"email": "bounce", "sms": "undelivered:30005", "delay": 60}}
GET  /sandbox/faults       POST a fault (`faults.Fault`); DELETE clears all
GET  /sandbox/receipts     receipts not yet called back, with their delay after acceptance (?address=)
POST /sandbox/receipts/release   {"ids": [...], "at": instant}: call these back now, dated `at`
POST /sandbox/replies      {"channel": "sms", "from": "+…", "to": "+…", "body": "…", "at": instant}
POST /sandbox/payments     a payment, its refund or a dispute, told as its rail tells it (`paying.Paid`)
POST /sandbox/reset        forget everything
"""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from typing import Literal
from uuid import uuid4

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from channels.sandbox import habits, paying
from channels.sandbox.faults import Fault
from channels.sandbox.hub import Hub


class Release(BaseModel):
    """Which receipts to call back now, in this order, and what date they bear."""

    model_config = ConfigDict(extra="forbid")

    ids: list[str]
    at: AwareDatetime | None = None


class PlayedReply(BaseModel):
    """A message from a person; `opt_out_type` is what Twilio's Advanced Opt-Out would add."""

    model_config = ConfigDict(extra="forbid")

    channel: Literal["sms", "whatsapp"]
    sender: str = Field(alias="from", pattern=r"^\+[1-9][0-9]{6,14}$")
    to: str
    body: str
    opt_out_type: Literal["STOP", "START", "HELP"] | None = None
    at: AwareDatetime | None = None


_Handler = Callable[[Hub, Request], Awaitable[Response]]


def routes(hub: Hub) -> list[Route]:
    """The sandbox's own part."""
    table: list[tuple[str, str, _Handler]] = [
        ("GET", "health", _health),
        ("GET", "public-key", _public_key),
        ("GET", "messages", _messages),
        ("GET", "habits", _habits),
        ("POST", "habits", _set_habits),
        ("GET", "faults", _faults),
        ("POST", "faults", _add_fault),
        ("DELETE", "faults", _clear_faults),
        ("GET", "receipts", _receipts),
        ("POST", "receipts/release", _release),
        ("POST", "replies", _reply),
        ("POST", "payments", _pay),
        ("POST", "reset", _reset),
    ]
    return [Route(f"/sandbox/{path}", partial(_answer, hub, f), methods=[verb]) for verb, path, f in table]


async def _answer(hub: Hub, handler: _Handler, request: Request) -> Response:
    """Run a handler; input that makes no sense is answered 422 with a sentence."""
    try:
        return await handler(hub, request)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the body"
        return JSONResponse({"error": f"{place}: {first['msg']}"}, 422)
    except ValueError as error:
        return JSONResponse({"error": str(error)}, 422)


async def _health(hub: Hub, _request: Request) -> Response:
    counts = {"messages": len(hub.store.messages), "receipts_owed": len(hub.store.owed)}
    return JSONResponse({"status": "ok", "receipts": "held" if hub.config.held else "push", **counts})


async def _public_key(hub: Hub, _request: Request) -> Response:
    return PlainTextResponse(hub.key.public)


async def _messages(hub: Hub, request: Request) -> Response:
    wanted = {
        name: request.query_params[query]
        for query, name in (("address", "to"), ("channel", "channel"), ("attempt", "attempt_id"))
        if query in request.query_params
    }
    rows = (asdict(message) for message in hub.store.messages.values())
    return JSONResponse(
        [
            row | {"accepted_at": datetime.fromtimestamp(row["accepted_at"], UTC).isoformat()}
            for row in rows
            if all(row[name] == value for name, value in wanted.items())
        ]
    )


async def _habits(hub: Hub, _request: Request) -> Response:
    return JSONResponse(hub.store.habits)


async def _set_habits(hub: Hub, request: Request) -> Response:
    given = await request.json()
    if not isinstance(given, dict):
        raise ValueError("expected an object of habits by address")  # noqa: TRY004  # answered as bad input
    hub.store.set_habits(habits.check(given))
    return JSONResponse({"habits": len(given)})


async def _faults(hub: Hub, _request: Request) -> Response:
    return JSONResponse([fault.model_dump() for fault in hub.faults.active])


async def _add_fault(hub: Hub, request: Request) -> Response:
    hub.faults.active.append(Fault.model_validate_json(await request.body()))
    return JSONResponse({"faults": len(hub.faults.active)}, 201)


async def _clear_faults(hub: Hub, _request: Request) -> Response:
    hub.faults.active.clear()
    return JSONResponse({"faults": 0})


async def _receipts(hub: Hub, request: Request) -> Response:
    address = request.query_params.get("address")
    rows = []
    for owed in hub.store.owed.values():
        message = hub.store.messages[owed.message_id]
        if address in (None, message.to):
            about = {"address": message.to, "channel": message.channel, "attempt_id": message.attempt_id}
            rows.append(asdict(owed) | about)
    return JSONResponse(rows)


async def _release(hub: Hub, request: Request) -> Response:
    release = Release.model_validate_json(await request.body())
    missing = [each for each in release.ids if each not in hub.store.owed]
    if missing:
        raise ValueError(f"no receipt {missing[0]} is held; GET /sandbox/receipts lists those that are")
    taken = await hub.courier.deliver([hub.store.owed[each] for each in release.ids], release.at)
    return JSONResponse({"released": len(release.ids)}) if taken else _not_taken()


async def _reply(hub: Hub, request: Request) -> Response:
    reply = PlayedReply.model_validate_json(await request.body())
    prefix = "whatsapp:" if reply.channel == "whatsapp" else ""
    sid = "SM" + uuid4().hex
    form = {
        "Body": reply.body,
        "From": prefix + reply.sender,
        "MessageSid": sid,
        "NumMedia": "0",
        "SmsSid": sid,
        "SmsStatus": "received",
        "To": prefix + reply.to,
    }
    if reply.opt_out_type:
        form["OptOutType"] = reply.opt_out_type
    taken = await hub.courier.reply(form, reply.at)
    return JSONResponse({"id": sid}, 201) if taken else _not_taken()


async def _pay(hub: Hub, request: Request) -> Response:
    told = paying.tell(hub, paying.Paid.model_validate_json(await request.body()))
    hub.store.set_resources(told.resources)
    for _ in range(told.copies):
        if not await hub.courier.post(told.path, told.body, told.sign):
            return _not_taken()
    return JSONResponse({"id": told.id}, 201)


def _not_taken() -> Response:
    return JSONResponse({"error": "the receiver did not take the callback; see the sandbox's log"}, 502)


async def _reset(hub: Hub, _request: Request) -> Response:
    hub.store.reset()
    hub.faults.active.clear()
    return JSONResponse({"status": "empty"})
