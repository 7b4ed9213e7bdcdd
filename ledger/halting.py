"""Halting: one switch per channel, segment or all that stops sending at the permit, and the way back."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import cast, delete, select
from sqlalchemy.dialects.postgresql import JSONPATH
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from cadence import events as e
from cadence.words import Channel
from ledger.access import Ledger
from ledger.database import LedgerError
from ledger.names import check_names
from ledger.tables import customers, invoices
from ledger.tables import halts as halts_table
from ledger.unit import Origin

SCOPES = ("all", "channel", "segment")
_HALTED = '$.steps.*.deferred_reason ? (@ == "halted")'


@dataclass(frozen=True, slots=True)
class ActiveHalt:
    """A switch that is thrown: since when, by whom, and why (a code). `value` is `all` for the scope `all`."""

    scope: str
    value: str
    at: datetime
    actor: str
    reason: str


async def halt(engine: AsyncEngine, scope: str, value: str, actor: str, reason: str, now: datetime) -> bool:
    """Stop sending from the next permit on; False where that was halted already.

    `scope` is `all`, `channel` or `segment`, `value` the channel's or the segment's name (any for `all`).
    Raises LedgerError where neither is known. What falls due meanwhile is deferred to its next open day.
    """
    async with engine.begin() as connection:
        key = await _checked(connection, scope, value)
        row = key | {"at": now, "actor": actor, "reason": reason}
        statement = upsert(halts_table).values(row).on_conflict_do_nothing()
        return (await connection.execute(statement.returning(halts_table.c.scope))).first() is not None


async def unhalt(ledger: Ledger, scope: str, value: str, actor: str, now: datetime) -> int:
    """Let sending go on, today where the window is still open; how many invoices had been deferred.

    What another halt still covers is deferred again at its permit. Raises LedgerError where nothing of that
    name is halted. A crash in between is harmless: what is left goes on the next open day by itself.
    """
    async with ledger.engine.begin() as connection:
        value = "all" if scope == "all" else value
        wanted = (halts_table.c.scope == scope) & (halts_table.c.value == value)
        removed = await connection.execute(delete(halts_table).where(wanted).returning(halts_table.c.scope))
        if removed.first() is None:
            raise LedgerError("not_halted", await _not_halted(connection, scope, value))
        deferred = await _deferred(connection, scope, value)
    for invoice_id in deferred:
        async with ledger.invoice_unit(invoice_id, now) as unit:
            await unit.tell(unit.invoice(invoice_id), e.DeferralLifted(), Origin(actor, "unhalt"))
    return len(deferred)


async def halts(engine: AsyncEngine) -> list[ActiveHalt]:
    """All switches that are thrown, the oldest first."""
    async with engine.connect() as connection:
        return await _active(connection)


async def _active(connection: AsyncConnection) -> list[ActiveHalt]:
    found = await connection.execute(select(halts_table).order_by(halts_table.c.at, halts_table.c.value))
    return [ActiveHalt(**row) for row in found.mappings()]


async def _deferred(connection: AsyncConnection, scope: str, value: str) -> list[int]:
    """Open invoices with an item that a halt deferred."""
    wanted = (
        select(invoices.c.id)
        .join_from(invoices, customers)
        .where(invoices.c.closed_at.is_(None), invoices.c.facts.path_exists(cast(_HALTED, JSONPATH)))
        .order_by(invoices.c.id)
    )
    if scope == "segment":
        wanted = wanted.where(customers.c.facts["segment"].astext == value)
    return list((await connection.execute(wanted)).scalars())


async def _checked(connection: AsyncConnection, scope: str, value: str) -> dict[str, str]:
    """The switch's key; a name with a slip in it would halt nothing and say it did."""
    match scope:
        case "all":
            return {"scope": "all", "value": "all"}
        case "channel":
            if value not in list(Channel):
                names = ", ".join(Channel)
                raise LedgerError("unknown_channel", f"no channel {value!r} is known; choose one of: {names}")
        case "segment":
            await check_names(connection, segment=value)
        case _:
            raise LedgerError(
                "unknown_scope", f"{scope!r} cannot be halted; choose one of {', '.join(SCOPES)}"
            )
    return {"scope": scope, "value": value}


async def _not_halted(connection: AsyncConnection, scope: str, value: str) -> str:
    name = "sending as a whole" if scope == "all" else f"the {scope} {value!r}"
    active = ", ".join(f"{halt.scope} {halt.value}" for halt in await _active(connection))
    return f"{name} is not halted; halted now: {active or 'nothing'}"
