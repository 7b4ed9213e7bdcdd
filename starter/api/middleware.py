"""What happens around every request: its id, its log line, its headers, its limits, and who calls."""

import asyncio
import re
import time
from collections.abc import Mapping
from http import HTTPStatus
from uuid import uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from starter.api.errors import as_problem
from starter.api.identity import identify
from starter.api.limits import Limits
from starter.api.problems import ApiProblem, problem_answer
from starter.metrics import REQUEST_SECONDS, REQUESTS

log = structlog.get_logger()

MIB = 1024 * 1024
MAX_BODY = MIB
# The only addresses that take more at once.
LARGE_BODIES: Mapping[str, int] = {"/v1/feed": 32 * MIB}
# How long the next piece of a body may take.
PATIENCE_SECONDS = 20.0
RESOURCES = "/v1/"
# Anybody can invent more, and each would be a series of its own.
_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,100}")
_HEADERS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
_HSTS = "max-age=31536000; includeSubDomains"


class Envelope:
    """Gives a request its id, its answer the headers, errors their form, and the log one line."""

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self.app = app
        self.headers = dict(_HEADERS) | ({"Strict-Transport-Security": _HSTS} if https else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        began, sent = time.perf_counter(), _Sent(send, self.headers | {"X-Request-Id": request_id})
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self.app(scope, receive, sent)
            except Exception as error:  # noqa: BLE001 - the outermost frame of a request: every error gets an answer
                await _tell(error, scope, receive, sent, request_id)
            _account(scope, sent.status, time.perf_counter() - began)


class _Sent:
    """Sends on, with the service's headers wherever an answer has not its own."""

    def __init__(self, send: Send, headers: Mapping[str, str]) -> None:
        self._send, self._headers = send, headers
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in self._headers.items():
                headers.setdefault(name, value)
        await self._send(message)


async def _tell(error: Exception, scope: Scope, receive: Receive, sent: _Sent, request_id: str) -> None:
    problem = as_problem(error)
    if problem is None:
        log.error("request_failed", exc_info=error)
        problem = ApiProblem(
            HTTPStatus.INTERNAL_SERVER_ERROR,
            "internal",
            "this was not foreseen; please report it with its request id",
        )
    if not sent.status:  # an answer that has begun cannot be taken back
        await problem_answer(problem, request_id)(scope, receive, sent)


def _request_id(scope: Scope) -> str:
    """The one that came along, where it can stand in a log; else a new one."""
    given = Headers(scope=scope).get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else uuid4().hex


def _account(scope: Scope, status: int, seconds: float) -> None:
    """Log and count what identifies nobody: a path holds numbers and references, a person's name is an address."""
    caller = scope["state"].get("caller")
    route = getattr(scope.get("route"), "path", "unknown")
    method = scope["method"] if scope["method"] in _METHODS else "other"
    REQUESTS.labels(method, route, str(status)).inc()
    REQUEST_SECONDS.labels(route).observe(seconds)
    log.info(
        "request",
        method=method,
        route=route,
        status=status,
        milliseconds=round(seconds * 1000, 1),
        role=caller and str(caller.role),
    )


class SourceLimit:
    """Counts requests by where they come from, before anything else is done for them."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self.app, self.limits = app, limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Who asks whether the process is alive must not hear that it is busy, and be told to end it.
        if scope["type"] == "http" and scope["path"] != "/healthz":
            address, _port = scope["client"] or ("", 0)
            await self.limits.spend_of_source(address)
        await self.app(scope, receive, send)


class BodyLimit:
    """Refuses a body that is larger than its address takes, by the bytes that come and not by what a header says."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        most = LARGE_BODIES.get(scope["path"], MAX_BODY)
        stated = Headers(scope=scope).get("content-length", "")
        if stated.isdecimal() and int(stated) > most:
            raise HTTPException(413)
        await self.app(scope, _Counted(receive, most), send)


class _Counted:
    """Receives a body no further than it may go, and waits for no sender that dawdles."""

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive, self._left = receive, most
        self._more = True

    async def __call__(self) -> Message:
        if not self._more:  # what comes now is that the caller went away, whenever that is
            return await self._receive()
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                message = await self._receive()
        except TimeoutError:
            raise HTTPException(408) from None
        self._left -= len(message.get("body", b""))
        self._more = message.get("more_body", False)
        if self._left < 0:
            raise HTTPException(413)
        return message


class Identified:
    """Lets nobody into the resources who does not say who they are: before a body is read."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(RESOURCES):
            await identify(HTTPConnection(scope))
        await self.app(scope, receive, send)
