"""Whether the service is alive, and whether it is ready for requests."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import cache
from typing import Literal

import structlog
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel
from sqlalchemy.exc import SQLAlchemyError
from temporalio.service import RPCError

from ledger import outbox, schema
from starter.api.service import Service, service

log = structlog.get_logger()
router = APIRouter(tags=["health"])

# Well within the patience of those who ask.
PATIENCE_SECONDS = 3.0
_FAILURES = (SQLAlchemyError, RPCError, RuntimeError, OSError)


class Alive(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Ready(BaseModel):
    """What the service needs, by name; each is `ok` or a code that says what is wrong."""

    status: Literal["ready", "not_ready"]
    checks: dict[str, str]


# Load balancers ask with HEAD; the server leaves the body out.
@router.head("/healthz", include_in_schema=False)
@router.get("/healthz")
async def healthz() -> Alive:
    """Say that the process is alive; nothing is asked of others."""
    return Alive()


@router.head("/readyz", include_in_schema=False)
@router.get("/readyz", responses={503: {"model": Ready, "description": "Not ready, and why."}})
async def readyz(request: Request, response: Response) -> Ready:
    """Say whether ledger, migrations, Temporal and relay are as requests need them."""
    held = service(request)
    found = await asyncio.gather(*(_checked(check, held) for check in _CHECKS.values()))
    checks = dict(zip(_CHECKS, found, strict=True))
    ready = set(found) == {"ok"}
    response.status_code = 200 if ready else 503
    return Ready(status="ready" if ready else "not_ready", checks=checks)


async def _checked(check: Callable[[Service], Awaitable[str]], held: Service) -> str:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await check(held)
    except _FAILURES as error:
        # Its words name servers and users; who may read the log may know where to look.
        log.warning("check_failed", error=type(error).__name__)
        return "away"


async def _migrations(held: Service) -> str:
    async with held.ledger.engine.connect() as connection:
        found = await connection.run_sync(schema.revision)
    return "ok" if found == _needed() else "run_regua_migrate"


@cache
def _needed() -> str:
    return schema.head()


async def _temporal(held: Service) -> str:
    patience = timedelta(seconds=PATIENCE_SECONDS)
    return "ok" if await held.temporal.service_client.check_health(timeout=patience) else "not_serving"


async def _relay(held: Service) -> str:
    _count, oldest = await outbox.waiting(held.ledger.engine)
    lag = (held.clock() - oldest).total_seconds() if oldest else 0.0
    return "ok" if lag <= held.api.ready_relay_lag_seconds else "behind"


_CHECKS: dict[str, Callable[[Service], Awaitable[str]]] = {
    "ledger": _migrations,
    "temporal": _temporal,
    "relay": _relay,
}
