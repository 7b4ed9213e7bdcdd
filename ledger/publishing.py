"""Publishing: cadence documents as versions that never change, and which of them serves a segment."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic_core import to_jsonable_python
from sqlalchemy import func, insert, select, text
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from cadence.document import Cadence
from ledger.database import LedgerError
from ledger.tables import cadences, invoices

# By digest, so it holds for every database: the same content is the same cadence.
_read: dict[str, Cadence] = {}


@dataclass(frozen=True, slots=True)
class PublishedCadence:
    """One version of a cadence. `open_invoices` keep to it; new ones start with the `latest` of its name.

    `published_by` is None where that was not written down yet.
    """

    id: int
    version: int
    cadence: Cadence
    published_at: datetime
    published_by: str | None
    latest: bool
    open_invoices: int


async def publish(
    engine: AsyncEngine,
    cadence: Cadence,
    now: datetime,
    *,
    actor: str | None = None,
    expect: Callable[[PublishedCadence | None], None] | None = None,
) -> tuple[int, bool]:
    """Publish `cadence` at the aware instant `now`; its version, and whether that is a new one.

    The same content as the latest version of its name is that version; anything else is the next one.
    `actor` is who publishes; `expect` is shown the latest version before, and raises where that is not the one
    that was looked at.
    """
    document = _as_json(cadence)
    digest = _digest(document)
    async with engine.begin() as connection:
        # Rare, and two that publish at once must not both make version n + 1.
        await connection.execute(text("LOCK TABLE cadence_version IN SHARE ROW EXCLUSIVE MODE"))
        known = select(cadences).where(cadences.c.name == cadence.name)
        latest = (await connection.execute(known.order_by(cadences.c.version.desc()).limit(1))).one_or_none()
        if expect:
            expect(_published(latest, latest=True, open_invoices=0) if latest else None)
        if latest is not None and latest.digest == digest:
            return latest.version, False
        version = latest.version + 1 if latest else 1
        row = {"name": cadence.name, "version": version, "digest": digest, "document": document}
        row |= {"published_at": now, "published_by": actor}
        await connection.execute(insert(cadences).values(row))
    return version, True


async def published(engine: AsyncEngine) -> list[PublishedCadence]:
    """Every version of every cadence, by name, the newest first."""
    still_open = select(func.count()).where(
        invoices.c.cadence_id == cadences.c.id, invoices.c.closed_at.is_(None)
    )
    newest = func.max(cadences.c.version).over(partition_by=cadences.c.name)
    found = select(
        cadences,
        (cadences.c.version == newest).label("latest"),
        still_open.scalar_subquery().label("open_invoices"),
    ).order_by(cadences.c.name, cadences.c.version.desc())
    async with engine.connect() as connection:
        rows = (await connection.execute(found)).all()
    return [_published(row, latest=row.latest, open_invoices=row.open_invoices) for row in rows]


def _published(row: Any, *, latest: bool, open_invoices: int) -> PublishedCadence:
    return PublishedCadence(
        id=row.id,
        version=row.version,
        cadence=Cadence.model_validate(row.document),
        published_at=row.published_at,
        published_by=row.published_by,
        latest=latest,
        open_invoices=open_invoices,
    )


async def cadence_for_segment(
    connection: AsyncConnection, segment: str
) -> tuple[int, Cadence] | tuple[None, None]:
    """Our id and the document of the cadence that serves `segment` now; (None, None) where none does.

    Only the latest version of a name counts. Raises LedgerError where two names claim the segment.
    """
    latest = (
        select(
            cadences.c.id,
            cadences.c.name,
            cadences.c.digest,
            cadences.c.document["segments"].label("segments"),
        )
        .ext(distinct_on(cadences.c.name))
        .order_by(cadences.c.name, cadences.c.version.desc())
        .subquery()
    )
    serves = latest.c.segments.has_key(segment)
    found = (await connection.execute(select(latest).where(serves).order_by(latest.c.name))).all()
    if len(found) > 1:
        names = " and ".join(repr(row.name) for row in found)
        raise LedgerError(
            "segment_claimed_twice",
            f"the segment {segment!r} is claimed by the cadences {names}; take it out of all but one and publish",
        )
    if not found:
        return None, None
    return found[0].id, await _document(connection, found[0].id, found[0].digest)


async def _document(connection: AsyncConnection, cadence_id: int, digest: str) -> Cadence:
    if digest not in _read:
        found = await connection.execute(select(cadences.c.document).where(cadences.c.id == cadence_id))
        _read[digest] = Cadence.model_validate(found.scalar_one())
    return _read[digest]


def _as_json(cadence: Cadence) -> dict[str, Any]:
    """The document as the ledger keeps it; spans in seconds, because their ISO form is not one people write."""
    kept: dict[str, Any] = to_jsonable_python(cadence.model_dump(), timedelta_mode="float")
    return kept


def _digest(document: dict[str, Any]) -> str:
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
