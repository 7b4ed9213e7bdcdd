"""Migrating: running invoices go on under another version of their cadence, or under another cadence."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, exists, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from cadence.document import Cadence
from cadence.migration import Difference, Edition, change, differences, foresee
from cadence.planner import plan
from ledger.access import Ledger
from ledger.database import LedgerError
from ledger.tables import cadences, invoices
from ledger.unit import Held, Origin, Unit


@dataclass(frozen=True, slots=True)
class Target:
    """A published version to which invoices move; `id` is ours."""

    id: int
    edition: Edition


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What a migration would do to one invoice: from which version to which, and to which steps."""

    invoice: str
    before: str
    after: str
    differences: tuple[Difference, ...]


async def edition_of(connection: AsyncConnection, cadence_id: int) -> Edition:
    """A published version by our id."""
    found = await connection.execute(select(cadences).where(cadences.c.id == cadence_id))
    row = found.one()
    return Edition(Cadence.model_validate(row.document), row.version)


async def latest_of(connection: AsyncConnection, name: str) -> Target:
    """The latest version of the cadence `name`; raise LedgerError where none is published."""
    latest = select(cadences.c.id).where(cadences.c.name == name).order_by(cadences.c.version.desc()).limit(1)
    cadence_id: int | None = (await connection.execute(latest)).scalar_one_or_none()
    if cadence_id is None:
        raise LedgerError(
            "unknown_cadence", f"no cadence {name!r} is published; the list of cadences shows those that are"
        )
    return Target(cadence_id, await edition_of(connection, cadence_id))


def is_outdated() -> Any:
    """That an invoice keeps to a version of its cadence which has a successor."""
    own, newer = cadences.alias("own"), cadences.alias("newer")
    return exists().where(
        own.c.id == invoices.c.cadence_id, newer.c.name == own.c.name, newer.c.version > own.c.version
    )


async def outdated(
    engine: AsyncEngine, cadence: str | None = None, numbers: Sequence[str] | None = None
) -> list[tuple[int, str]]:
    """Open invoices that keep to an older version, by our id and the creditor's number, in the order of our ids.

    Of the cadence of that name only, or among those `numbers` only, where given.
    """
    async with engine.connect() as connection:
        found = await connection.execute(_outdated(cadence, numbers))
        return [(row.id, row.number) for row in found]


def _outdated(cadence: str | None, numbers: Sequence[str] | None) -> Select[Any]:
    wanted = select(invoices.c.id, invoices.c.number).where(invoices.c.closed_at.is_(None), is_outdated())
    if cadence is not None:
        of_name = select(cadences.c.id).where(cadences.c.name == cadence)
        wanted = wanted.where(invoices.c.cadence_id.in_(of_name))
    if numbers is not None:
        wanted = wanted.where(invoices.c.number.in_(numbers))
    return wanted.order_by(invoices.c.id)


async def move(unit: Unit, held: Held, target: Target, origin: Origin) -> bool:
    """Let a locked invoice go on under `target`; False where it is closed or does so already."""
    if held.facts.closed or held.cadence_id == target.id:
        return False
    before = await edition_of(unit.connection, held.cadence_id)
    event = change(held.facts, before, target.edition, unit.rules(held))
    if not await unit.tell(held, event, origin):
        return False
    held.cadence_id, held.cadence, held.ruled = target.id, target.edition.cadence, None
    return True


async def migrate(ledger: Ledger, invoice_id: int, origin: Origin, now: datetime) -> bool:
    """Move one invoice to the latest version of its cadence; False where it is closed, or follows that already."""
    async with ledger.invoice_unit(invoice_id, now) as unit:
        held = unit.invoice(invoice_id)
        return await move(unit, held, await latest_of(unit.connection, held.cadence.name), origin)


async def foreseen(ledger: Ledger, invoice_id: int, now: datetime) -> Foreseen:
    """What moving an invoice to the latest version of its cadence would change; nothing is moved."""
    async with _looking(ledger, invoice_id, now) as (unit, held):
        target = await latest_of(unit.connection, held.cadence.name)
        return await foresee_move(unit, held, target)


@asynccontextmanager
async def _looking(ledger: Ledger, invoice_id: int, now: datetime) -> AsyncIterator[tuple[Unit, Held]]:
    async with ledger.engine.begin() as connection:
        unit = Unit(connection, ledger.book, now)
        await unit.lock_invoice(invoice_id)
        yield unit, unit.invoice(invoice_id)


async def foresee_move(unit: Unit, held: Held, target: Target) -> Foreseen:
    """What moving a locked invoice to `target` would change of its agenda."""
    before, after = await edition_of(unit.connection, held.cadence_id), target.edition
    rules = unit.rules(held)
    new_rules = unit.book.rules(after.cadence, unit.customer_facts, unit.now)
    event = change(held.facts, before, after, rules)
    agenda = foresee(held.facts, event, after.cadence, new_rules, unit.now)
    changed = differences(plan(held.facts, before.cadence, rules, unit.now), agenda)
    return Foreseen(held.row["number"], _named(before), _named(after), changed)


def _named(edition: Edition) -> str:
    return f"{edition.cadence.name}/{edition.version}"
