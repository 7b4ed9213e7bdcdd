"""The application: every route, and what happens around each request."""

from functools import cache
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from starlette.routing import BaseRoute

from starter.api import health, webhooks
from starter.api.errors import FORESEEN, as_problem
from starter.api.idempotency import KEY_PARAMETER, Idempotent, takes_key
from starter.api.limits import Limits
from starter.api.middleware import BodyLimit, Envelope, Identified, SourceLimit
from starter.api.oidc import add_login
from starter.api.problems import MEDIA_TYPE, Problem, problem_answer
from starter.api.resources import (
    agenda,
    approvals,
    cadences,
    cases,
    conversations,
    customers,
    disputes,
    endpoints,
    feeding,
    halts,
    invoices,
    jobs,
    me,
    merging,
    messages,
    money,
    plans,
    segments,
    telling,
    tokens,
    unmatched,
)
from starter.api.service import Service

ROUTERS: tuple[APIRouter, ...] = (
    health.router,
    me.router,
    tokens.router,
    conversations.router,
    webhooks.router,
    endpoints.router,
    segments.router,
    # Before feeding: the key of a customer may hold slashes, so its own address would match longer ones.
    money.router,
    customers.router,
    merging.router,
    feeding.router,
    agenda.router,
    approvals.router,
    cadences.router,
    cases.router,
    halts.router,
    jobs.router,
    messages.router,
    unmatched.router,
    disputes.router,
    plans.router,
    telling.router,
    # Last: the number of an invoice may hold slashes, so its story's address would match longer ones.
    invoices.router,
)
_ABOUT = (
    "Régua runs the reminders of every invoice. Send a token as `Authorization: Bearer regua_...`; name writes by an "
    "`Idempotency-Key`, and they are carried out once. Errors are problem documents (RFC 9457) with a stable `code`."
)
_ANY_PROBLEM: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "The request is not carried out; `detail` says why, and what to do.",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
}


def api_app(service: Service) -> FastAPI:
    """The HTTP service on a ledger and a Temporal client; PUBLIC_URL must be the address that others call."""
    app = FastAPI(
        title="Régua",
        version="1",
        description=_ABOUT,
        docs_url=None,  # its pages come from another company's servers
        redoc_url=None,
        redirect_slashes=False,  # it would send callers to whatever host the header Host names
    )
    app.state.service, app.state.limits = service, Limits(service.api)
    app.router.routes.extend(_routes())
    for kind in FORESEEN:
        app.add_exception_handler(kind, _answer)
    _surround(app, service)
    _describe(app)
    return app


@cache
def _routes() -> list[BaseRoute]:
    """Every route, made once in a process: FastAPI takes longer to make them than to answer many requests."""
    whole = APIRouter(responses=_ANY_PROBLEM)
    for router in ROUTERS:
        whole.include_router(router)
    return whole.routes


def _surround(app: FastAPI, service: Service) -> None:
    """What happens around a request; the last one added is the outermost."""
    app.add_middleware(Idempotent)
    app.add_middleware(Identified)
    add_login(app, service)
    app.add_middleware(BodyLimit)
    app.add_middleware(SourceLimit, limits=app.state.limits)
    app.add_middleware(Envelope, https=service.channels.public_url.startswith("https://"))


async def _answer(request: Request, error: Exception) -> Response:
    problem = as_problem(error)
    assert problem is not None, "handlers are registered for what is foreseen alone"
    return problem_answer(problem, request.state.request_id)


def _describe(app: FastAPI) -> None:
    """Put into /openapi.json what no route says by itself: the problem document, and Idempotency-Key."""
    plain = app.openapi

    def described() -> dict[str, Any]:
        document = plain()
        if "parameters" not in document["components"]:
            problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            document["components"]["schemas"] |= problem.pop("$defs") | {"Problem": problem}
            document["components"]["parameters"] = {"IdempotencyKey": KEY_PARAMETER}
            _name_keys(document["paths"])
        return document

    app.openapi = described  # type: ignore[method-assign]


def _name_keys(paths: dict[str, Any]) -> None:
    for path, methods in paths.items():
        for method, operation in methods.items():
            if takes_key(method.upper(), path):
                reference = {"$ref": "#/components/parameters/IdempotencyKey"}
                operation.setdefault("parameters", []).append(reference)
