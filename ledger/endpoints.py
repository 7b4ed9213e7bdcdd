"""Endpoints: where other systems hear of invoices, what they hear, and what was sent to them."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Select, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ledger.announcing import TEST
from ledger.database import LedgerError
from ledger.service_tables import deliveries, endpoints
from ledger.tables import invoices


class UnknownEndpoint(LedgerError):
    """No endpoint has that id."""

    def __init__(self, endpoint_id: int) -> None:
        super().__init__(
            "unknown_endpoint",
            f"no webhook endpoint {endpoint_id} is registered; list them to see those that are",
        )


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint without its secret. `status_reason` says who or what paused or disabled it."""

    id: int
    url: str
    types: tuple[str, ...]
    description: str
    status: str
    status_reason: str | None
    created_at: datetime
    created_by: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """One announcement to an endpoint; `last_answer` is a status or a code, and `next_at` holds while it waits.

    `invoice` is the creditor's own number; a test is of none.
    """

    id: int
    type: str
    invoice: str | None
    state: str
    created_at: datetime
    next_at: datetime
    attempts: int
    last_answer: str | None
    delivered_at: datetime | None


# Raises where the endpoint as it stands is not the one that the caller saw; called under its lock.
Check = Callable[[Endpoint], None]

_READ = [endpoints.c[name] for name in Endpoint.__dataclass_fields__]
_READ_DELIVERY = [deliveries.c[name] for name in Delivery.__dataclass_fields__ if name != "invoice"]
_AGAIN = {"state": "waiting", "attempts": 0, "told": False, "last_answer": None, "delivered_at": None}


def _endpoint(row: RowMapping) -> Endpoint:
    return Endpoint(**{**row, "types": tuple(row["types"])})


async def register(
    engine: AsyncEngine,
    *,
    url: str,
    secret: str,
    types: Sequence[str],
    description: str,
    by: str,
    now: datetime,
) -> Endpoint:
    """Add an endpoint that hears `types` from now on; its address was checked."""
    values = {
        "url": url,
        "secret": secret,
        "types": list(types),
        "description": description,
        "status": "active",
        "created_at": now,
        "created_by": by,
    }
    async with engine.begin() as connection:
        return await _one(connection, insert(endpoints).values(values).returning(*_READ))


async def all_endpoints(engine: AsyncEngine) -> list[Endpoint]:
    """Every endpoint, the oldest first."""
    async with engine.connect() as connection:
        found = await connection.execute(select(*_READ).order_by(endpoints.c.id))
        return [_endpoint(row) for row in found.mappings()]


async def endpoint(engine: AsyncEngine, endpoint_id: int) -> Endpoint:
    """One endpoint; raise UnknownEndpoint."""
    async with engine.connect() as connection:
        return await _found(connection, endpoint_id, select(*_READ))


async def _found(connection: AsyncConnection, endpoint_id: int, wanted: Select[Any]) -> Endpoint:
    row = (await connection.execute(wanted.where(endpoints.c.id == endpoint_id))).mappings().one_or_none()
    if row is None:
        raise UnknownEndpoint(endpoint_id)
    return _endpoint(row)


async def _one(connection: AsyncConnection, statement: Any) -> Endpoint:
    return _endpoint((await connection.execute(statement)).mappings().one())


@asynccontextmanager
async def _locked(
    engine: AsyncEngine, endpoint_id: int, *, alone: bool = False
) -> AsyncIterator[tuple[AsyncConnection, Endpoint]]:
    """Keep others from changing an endpoint; only with `alone` also keep events from being announced to it.

    Announcing waits within an invoice's transaction, and so would payments.
    """
    locking = select(*_READ).with_for_update(key_share=not alone)
    async with engine.begin() as connection:
        yield connection, await _found(connection, endpoint_id, locking)


async def _change(connection: AsyncConnection, endpoint_id: int, **values: Any) -> Endpoint:
    changed = update(endpoints).where(endpoints.c.id == endpoint_id).values(**values)
    return await _one(connection, changed.returning(*_READ))


async def change(engine: AsyncEngine, endpoint_id: int, check: Check, **values: Any) -> Endpoint:
    """Change url, types, description, or the secret, which signs from now on; raise UnknownEndpoint."""
    async with _locked(engine, endpoint_id) as (connection, current):
        check(current)
        return await _change(connection, endpoint_id, **values) if values else current


async def pause(engine: AsyncEngine, endpoint_id: int, check: Check, by: str) -> Endpoint:
    """Send nothing until it is resumed, and go on collecting; raise UnknownEndpoint."""
    async with _locked(engine, endpoint_id) as (connection, current):
        check(current)
        if current.status != "active":
            return current
        return await _change(connection, endpoint_id, status="paused", status_reason=f"paused by {by}")


async def resume(engine: AsyncEngine, endpoint_id: int, check: Check, now: datetime) -> Endpoint:
    """Send again, also to one that was disabled: whatever waits is due now. Raises UnknownEndpoint."""
    async with _locked(engine, endpoint_id) as (connection, current):
        check(current)
        if current.status == "active":
            return current
        waiting = (deliveries.c.endpoint_id == endpoint_id) & (deliveries.c.state == "waiting")
        await connection.execute(update(deliveries).where(waiting).values(next_at=now, told=False))
        return await _change(connection, endpoint_id, status="active", status_reason=None)


async def remove(engine: AsyncEngine, endpoint_id: int, check: Check) -> None:
    """Forget an endpoint and what was sent to it; raise UnknownEndpoint.

    In two steps: once it is disabled, no event waits for the lock while its deliveries go.
    """
    async with _locked(engine, endpoint_id, alone=True) as (connection, current):
        check(current)
        await _change(connection, endpoint_id, status="disabled", status_reason="removed")
    async with engine.begin() as connection:
        await connection.execute(delete(deliveries).where(deliveries.c.endpoint_id == endpoint_id))
        await connection.execute(delete(endpoints).where(endpoints.c.id == endpoint_id))


async def replay(
    engine: AsyncEngine,
    endpoint_id: int,
    now: datetime,
    *,
    since: datetime | None = None,
    ids: Sequence[int] = (),
) -> int:
    """Send again what was announced since an instant, or these deliveries, or else all that was given up; how many.

    Each goes under the id that it had. Raises UnknownEndpoint.
    """
    chosen: ColumnElement[bool] = deliveries.c.state == "given_up"
    if since is not None:
        chosen = deliveries.c.created_at >= since
    elif ids:
        chosen = deliveries.c.id.in_(ids)
    async with _locked(engine, endpoint_id) as (connection, _):
        of_it = (deliveries.c.endpoint_id == endpoint_id) & chosen
        again = await connection.execute(update(deliveries).where(of_it).values(next_at=now, **_AGAIN))
    return again.rowcount


async def announce_test(engine: AsyncEngine, endpoint_id: int, now: datetime) -> Delivery:
    """Let an endpoint hear a test; raise UnknownEndpoint."""
    values = {"endpoint_id": endpoint_id, "type": TEST, "created_at": now, "next_at": now}
    async with _locked(engine, endpoint_id) as (connection, _):
        values |= {"state": "waiting", "attempts": 0, "told": False}
        written = await connection.execute(insert(deliveries).values(values).returning(*_READ_DELIVERY))
        return Delivery(**written.mappings().one(), invoice=None)


async def deliveries_to(
    engine: AsyncEngine, endpoint_id: int, *, state: str | None, before: int | None, limit: int
) -> list[Delivery]:
    """What was announced to an endpoint, the newest first, of ids below `before`; raise UnknownEndpoint."""
    await endpoint(engine, endpoint_id)
    of_invoice = (*_READ_DELIVERY, invoices.c.number.label("invoice"))
    wanted = (
        select(*of_invoice)
        .outerjoin_from(deliveries, invoices)
        .where(deliveries.c.endpoint_id == endpoint_id)
    )
    if state is not None:
        wanted = wanted.where(deliveries.c.state == state)
    if before is not None:
        wanted = wanted.where(deliveries.c.id < before)
    async with engine.connect() as connection:
        found = await connection.execute(wanted.order_by(deliveries.c.id.desc()).limit(limit))
        return [Delivery(**row) for row in found.mappings()]
