"""Deliveries: what endpoints are still to hear, of each invoice in its order, and what became of it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import RowMapping, select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from cadence.announcements import details
from cadence.events import INVOICE_EVENT
from cadence.words import rounded
from ledger.service_tables import deliveries, endpoints
from ledger.tables import customers, events_table, invoices

# How long after each failure the next try follows; after the last one, the delivery is given up: three days in all.
BACKOFF = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    *(timedelta(hours=hours) for hours in (2, 5, 10, 14, 20, 24)),
)
BATCH = 100
TEST = "webhook.test"

_WAITING = text("""
    SELECT endpoint.id, untold.ids
    FROM webhook_endpoint AS endpoint, LATERAL (
        SELECT array_agg(id) AS ids FROM (
            SELECT id FROM webhook_delivery WHERE endpoint_id = endpoint.id AND NOT told ORDER BY id LIMIT 1000
        ) AS first
    ) AS untold
    WHERE endpoint.status = 'active' AND untold.ids IS NOT NULL
""")
# What is due and not behind one of the same invoice that has to wait. Deliveries of no invoice wait for nobody.
_DUE = text("""
    SELECT delivery.id, delivery.invoice_id
    FROM webhook_delivery AS delivery JOIN webhook_endpoint AS endpoint ON endpoint.id = delivery.endpoint_id
    WHERE endpoint.id = :endpoint_id AND endpoint.status = 'active'
    AND delivery.state = 'waiting' AND delivery.next_at <= :now AND NOT EXISTS (
        SELECT FROM webhook_delivery AS former
        WHERE former.endpoint_id = delivery.endpoint_id AND former.invoice_id = delivery.invoice_id
        AND former.id < delivery.id AND former.state = 'waiting' AND former.next_at > :now
    )
    ORDER BY delivery.id LIMIT :batch
""")
_NEXT = text("""
    SELECT min(next_at) FROM (
        SELECT DISTINCT ON (coalesce(invoice_id, -delivery.id)) next_at
        FROM webhook_delivery AS delivery JOIN webhook_endpoint AS endpoint ON endpoint.id = delivery.endpoint_id
        WHERE endpoint.id = :endpoint_id AND endpoint.status = 'active' AND delivery.state = 'waiting'
        ORDER BY coalesce(invoice_id, -delivery.id), delivery.id
    ) AS heads
""")
_STALLED = text("""
    SELECT id FROM webhook_endpoint AS endpoint WHERE status = 'active' AND EXISTS (
        SELECT FROM webhook_delivery WHERE endpoint_id = endpoint.id AND state = 'waiting' AND next_at <= :before
    )
""")


async def endpoints_waiting(engine: AsyncEngine) -> dict[int, list[int]]:
    """Endpoints whose workflow is to be told that something waits, each with its deliveries that say so.

    By the mark, never by a cursor: identity values do not commit in their order.
    """
    async with engine.connect() as connection:
        found = await connection.execute(_WAITING)
        return {endpoint_id: list(ids) for endpoint_id, ids in found.all()}


async def mark_told(engine: AsyncEngine, delivery_ids: Sequence[int]) -> None:
    """Their endpoint's workflow knows."""
    async with engine.begin() as connection:
        await connection.execute(
            update(deliveries).where(deliveries.c.id.in_(delivery_ids)).values(told=True)
        )


async def endpoints_stalled(engine: AsyncEngine, before: datetime) -> list[int]:
    """Endpoints of which something fell due before an instant and still waits: their workflow may be missing."""
    async with engine.connect() as connection:
        return list((await connection.execute(_STALLED, {"before": before})).scalars())


async def due_deliveries(
    engine: AsyncEngine, endpoint_id: int, now: datetime, batch: int = BATCH
) -> list[list[int]]:
    """Deliveries that may leave now, up to `batch`, as one list for each invoice, in its order."""
    wanted = {"endpoint_id": endpoint_id, "now": now, "batch": batch}
    chains: dict[int, list[int]] = {}
    async with engine.connect() as connection:
        for delivery_id, invoice_id in (await connection.execute(_DUE, wanted)).all():
            chains.setdefault(invoice_id or -delivery_id, []).append(delivery_id)
    return list(chains.values())


async def next_delivery_at(engine: AsyncEngine, endpoint_id: int) -> datetime | None:
    """When the next delivery may leave; None where nothing waits, or the endpoint is not to be called."""
    async with engine.connect() as connection:
        found = await connection.execute(_NEXT, {"endpoint_id": endpoint_id})
        next_at: datetime | None = found.scalar_one_or_none()
    return next_at


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One delivery as it is to be posted now; `webhook_id` stays the same, however often it is."""

    url: str
    secret: str = field(repr=False)
    webhook_id: str
    body: str


async def outgoing(engine: AsyncEngine, delivery_id: int) -> Outgoing | None:
    """What to post for a delivery; None where it does not wait any more, or its endpoint is not to be called."""
    wanted = (
        select(
            deliveries.c.type,
            deliveries.c.created_at,
            endpoints.c.url,
            endpoints.c.secret,
            *(
                column.label(f"event_{column.name}")
                for column in (events_table.c.type, events_table.c.payload, events_table.c.at)
            ),
            events_table.c.state,
            invoices.c.number,
            invoices.c.currency,
            invoices.c.balance,
            invoices.c.due_on,
            invoices.c.facts["amount"].astext.label("amount"),
            customers.c.key,
        )
        .join_from(deliveries, endpoints)
        .outerjoin(events_table, events_table.c.id == deliveries.c.event_id)
        .outerjoin(invoices, invoices.c.id == deliveries.c.invoice_id)
        .outerjoin(customers, customers.c.id == invoices.c.customer_id)
        .where(deliveries.c.id == delivery_id)
        .where(deliveries.c.state == "waiting", endpoints.c.status == "active")
    )
    async with engine.connect() as connection:
        row = (await connection.execute(wanted)).mappings().one_or_none()
    if row is None:
        return None
    # No dot, which parts id, time and body in what is signed.
    webhook_id = f"evt_{delivery_id}_{row['type'].replace('.', '_')}"
    return Outgoing(row["url"], row["secret"], webhook_id, json.dumps(_written(row), ensure_ascii=False))


def _written(row: RowMapping) -> dict[str, Any]:
    at = row["event_at"] or row["created_at"]
    return {
        "type": row["type"],
        "timestamp": at.astimezone(UTC).isoformat(),
        "data": _invoice(row) if row["number"] is not None else {},
    }


def _invoice(row: RowMapping) -> dict[str, Any]:
    event = INVOICE_EVENT.validate_python({"type": row["event_type"], **row["event_payload"]})
    return {
        "invoice": row["number"],
        "customer": row["key"],
        "state": row["state"],
        "currency": row["currency"],
        "amount": str(rounded(Decimal(row["amount"]), row["currency"])),
        "balance": str(rounded(row["balance"], row["currency"])),
        "due_on": row["due_on"].isoformat(),
        **details(event),
    }


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an endpoint answered: `code` is a status or what went wrong; `gone` that it wants nothing any more."""

    code: str
    delivered: bool
    gone: bool = False
    retry_after: timedelta = timedelta(0)


async def settle(
    engine: AsyncEngine,
    delivery_id: int,
    outcome: Outcome,
    now: datetime,
    backoff: Sequence[timedelta] = BACKOFF,
) -> bool:
    """Write down what came of a post; whether the invoice's next delivery may leave."""
    async with engine.begin() as connection:
        row = await connection.execute(
            select(deliveries.c.endpoint_id, deliveries.c.attempts)
            .where(deliveries.c.id == delivery_id, deliveries.c.state == "waiting")
            .with_for_update()
        )
        found = row.one_or_none()
        if found is None:
            return False
        values = _settled(outcome, found.attempts, now, backoff)
        values |= {"attempts": deliveries.c.attempts + 1, "last_answer": outcome.code}
        await connection.execute(update(deliveries).where(deliveries.c.id == delivery_id).values(values))
        if outcome.gone:
            gone = {"status": "disabled", "status_reason": "gone"}
            of_it = endpoints.c.id == found.endpoint_id
            await connection.execute(update(endpoints).where(of_it).values(gone))
    return "state" in values and not outcome.gone


def _settled(outcome: Outcome, failures: int, now: datetime, backoff: Sequence[timedelta]) -> dict[str, Any]:
    if outcome.delivered:
        return {"state": "delivered", "delivered_at": now}
    if outcome.gone or failures >= len(backoff):
        return {"state": "given_up"}
    return {"next_at": now + max(backoff[failures], outcome.retry_after)}
