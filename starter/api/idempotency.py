"""Idempotency-Key: a write that is sent twice under one key is carried out once, and answered alike."""

import hashlib
import re
from collections.abc import MutableMapping
from typing import Any

from fastapi import Request
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ledger import idempotency
from ledger.database import LedgerError
from ledger.idempotency import Claim, Kept
from starter.api.middleware import LARGE_BODIES, RESOURCES
from starter.api.problems import MEDIA_TYPE, ApiProblem, problem_answer
from starter.api.service import Service

_WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_KEY = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,198}[\x21-\x7e])?")
KEY_PARAMETER = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Names this write: sent again within a day, it is not carried out again but answered as before.",
    "schema": {"type": "string", "pattern": f"^{_KEY.pattern}$", "maxLength": 200},
    "example": "8f2c1f4e-7d0b-4c9e-9a55-0c3b6f0f1a77",
}
# Refusals after which the same request may be right: they leave no trace.
_NOT_KEPT = frozenset({401, 403, 412, 429})


async def shown_once(request: Request) -> None:
    """A route's dependency: its answer holds a secret, which is not kept for a repetition."""
    request.state.shown_once = True


class Idempotent:
    """Goes around the resources."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        named = scope["type"] == "http" and takes_key(scope["method"], scope["path"])
        key = Headers(scope=scope).get("idempotency-key") if named else None
        if key is None:
            await self.app(scope, receive, send)
            return
        if not _KEY.fullmatch(key):
            raise ApiProblem(
                400, "bad_idempotency_key", "Idempotency-Key must be 1 to 200 printable ASCII characters"
            )
        body = await _body(receive)
        found = await _claim(scope, key, body)
        if isinstance(found, Kept):
            await _replay(found)(scope, receive, send)
        else:
            await self._carry_out(scope, _again(body, receive), send, found)

    async def _carry_out(self, scope: Scope, receive: Receive, send: Send, held: Claim) -> None:
        engine, answer = scope["app"].state.service.ledger.engine, _Answer()
        try:
            await self.app(scope, receive, answer)
        except BaseException:
            await idempotency.release(engine, held)
            raise
        kept = answer.kept(scope)
        if kept is None:
            await idempotency.release(engine, held)
        else:
            await idempotency.keep(engine, held, kept)
        # Told only now: an answer that arrived is one that will be given again.
        for message in answer.messages:
            await send(message)


class _Answer:
    """An answer on its way, held back until it is kept."""

    def __init__(self) -> None:
        self.messages: list[MutableMapping[str, Any]] = []

    async def __call__(self, message: Message) -> None:
        self.messages.append(message)

    def kept(self, scope: Scope) -> Kept | None:
        """What is kept of it; None where the request may be carried out again."""
        start = self.messages[0]
        status, headers = start["status"], Headers(raw=start["headers"])
        if status >= 500 or status in _NOT_KEPT:
            return None
        if status < 300 and scope["state"].get("shown_once"):
            return _withheld(scope["state"]["request_id"])
        body = b"".join(message.get("body", b"") for message in self.messages[1:])
        return Kept(
            status, headers.get("content-type"), headers.get("etag"), headers.get("location"), body.decode()
        )


def takes_key(method: str, path: str) -> bool:
    """Whether a request can be named by a key: every write but a stream of many rows, each of which names itself."""
    return method in _WRITES and path.startswith(RESOURCES) and path not in LARGE_BODIES


async def _body(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


def _again(body: bytes, receive: Receive) -> Receive:
    """The body once more, then whatever comes after it."""
    first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def received() -> Message:
        return first.pop() if first else await receive()

    return received


async def _claim(scope: Scope, key: str, body: bytes) -> Claim | Kept:
    service: Service = scope["app"].state.service
    digest = _digest(scope, body)
    try:
        return await idempotency.claim(
            service.ledger.engine, scope["state"]["caller"].name, key, digest, service.clock()
        )
    except LedgerError as error:
        if error.code == "idempotency_in_progress":
            raise ApiProblem(409, error.code, str(error), {"Retry-After": "1"}) from None
        raise


def _digest(scope: Scope, body: bytes) -> str:
    parts = (scope["method"].encode(), scope["path"].encode(), scope["query_string"], body)
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8))
        digest.update(part)
    return digest.hexdigest()


def _replay(kept: Kept) -> Response:
    headers = {"Content-Type": kept.media_type, "ETag": kept.etag, "Location": kept.location}
    given = {name: value for name, value in headers.items() if value}
    return Response(kept.body, kept.status, given | {"Idempotent-Replayed": "true"})


def _withheld(request_id: str) -> Kept:
    told = problem_answer(
        ApiProblem(
            409,
            "secret_not_repeated",
            "this was carried out, and its secret shown, once; where it is lost, revoke what was made and make another",
        ),
        request_id,
    )
    return Kept(told.status_code, MEDIA_TYPE, None, None, bytes(told.body).decode())
