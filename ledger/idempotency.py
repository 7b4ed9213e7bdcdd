"""Writes that a caller named by a key: each is carried out once, and its answer kept for a day."""

from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Executable, and_, delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncEngine

from ledger.database import LedgerError
from ledger.service_tables import idempotency_keys

KEPT = timedelta(hours=24)
# Longer than a request can take; who asks again then finds a process that died.
UNDER_WAY = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer as it was given; `media_type`, `etag` and `location` are its headers, where it had them."""

    status: int
    media_type: str | None
    etag: str | None
    location: str | None
    body: str


_PARTS = [part.name for part in fields(Kept)]


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to carry a write out, taken at `at`."""

    caller: str
    key: str
    at: datetime


async def claim(engine: AsyncEngine, caller: str, key: str, digest: str, now: datetime) -> Claim | Kept:
    """Begin a write, or get the answer that it had; `digest` tells requests apart.

    Raises LedgerError `idempotency_key_reused` where the key named another request, and
    `idempotency_in_progress` where this one is still under way.
    """
    async with engine.begin() as connection:
        if (await connection.execute(_taking(caller, key, digest, now))).first() is not None:
            return Claim(caller, key, now)
        found = await connection.execute(
            select(idempotency_keys).where(idempotency_keys.c.caller == caller, idempotency_keys.c.key == key)
        )
        row = found.mappings().one_or_none()
    if row is not None and row["request_digest"] != digest:
        raise LedgerError(
            "idempotency_key_reused",
            "this Idempotency-Key named another request; send a new key with this one",
        )
    if row is None or row["status"] is None:
        raise LedgerError(
            "idempotency_in_progress",
            "the first request with this Idempotency-Key is still under way; ask again",
        )
    return Kept(**{part: row[part] for part in _PARTS})


def _taking(caller: str, key: str, digest: str, now: datetime) -> Executable:
    """Insert the key, or take it over: after a crash in the middle, or when its answer is no longer kept."""
    fresh = {"request_digest": digest, "created_at": now}
    cut_short = and_(
        idempotency_keys.c.status.is_(None),
        idempotency_keys.c.created_at <= now - UNDER_WAY,
        idempotency_keys.c.request_digest == digest,
    )
    adding = upsert(idempotency_keys).values(caller=caller, key=key, **fresh)
    return adding.on_conflict_do_update(
        index_elements=["caller", "key"],
        set_=fresh | dict.fromkeys(_PARTS),
        where=or_(cut_short, idempotency_keys.c.created_at <= now - KEPT),
    ).returning(idempotency_keys.c.key)


async def keep(engine: AsyncEngine, held: Claim, answer: Kept) -> None:
    """Keep the answer of a write; nothing where somebody took it over meanwhile."""
    async with engine.begin() as connection:
        await connection.execute(update(idempotency_keys).where(_still(held)).values(asdict(answer)))


async def release(engine: AsyncEngine, held: Claim) -> None:
    """Give the key back: nothing was carried out, and the request may come again under it."""
    async with engine.begin() as connection:
        await connection.execute(delete(idempotency_keys).where(_still(held)))


async def forget(engine: AsyncEngine, now: datetime) -> int:
    """Delete what is older than a day; return how many."""
    async with engine.begin() as connection:
        gone = await connection.execute(
            delete(idempotency_keys).where(idempotency_keys.c.created_at <= now - KEPT)
        )
    return gone.rowcount


def _still(held: Claim) -> ColumnElement[bool]:
    return and_(
        idempotency_keys.c.caller == held.caller,
        idempotency_keys.c.key == held.key,
        idempotency_keys.c.created_at == held.at,
        idempotency_keys.c.status.is_(None),
    )
