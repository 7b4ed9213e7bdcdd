"""The unmatched queue: money for which no invoice was found, until an agent settles it on one or dismisses it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Select, case, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from cadence.words import MINOR_UNITS, rounded
from ledger.access import Ledger
from ledger.candidates import Candidate, candidates
from ledger.database import LedgerError
from ledger.movements import Movement, record_on
from ledger.references import Reference
from ledger.service_tables import unmatched_table
from ledger.shares import shares_of
from ledger.tables import customers, invoices

STATUSES = ("open", "claimed", "settled", "dismissed")
WAITING = ("open", "claimed")
# What the provider did not confirm may be told again, confirmed: then that is what counts.
NOT_CONFIRMED = "not_confirmed"


class MeantShare(BaseModel):
    """What of a payment its sender meant for one invoice, by the number that they wrote."""

    model_config = ConfigDict(frozen=True)

    invoice: str
    amount: Decimal


class UnmatchedLine(BaseModel):
    """Money that is, or was, in the queue. Personal data: never log it.

    `source` is the rail, `external_id` the movement's own id, `of_payment` the payment that a reversal or dispute is
    about. `reason` says why no invoice was found, `dismissal` why an agent put it aside. `invoice` is where it went, or
    `customer` over whose invoices it was shared out. `meant` is what its sender named for which invoice.
    """

    model_config = ConfigDict(frozen=True)

    id: int
    source: str
    external_id: str
    kind: str
    amount: Decimal
    currency: str
    paid_at: datetime
    method: str
    references: tuple[Reference, ...]
    meant: tuple[MeantShare, ...]
    payer: str | None
    of_payment: str | None
    reason: str
    received_at: datetime
    status: str
    claimed_by: str | None
    settled_by: str | None
    settled_at: datetime | None
    dismissal: str | None
    invoice: str | None
    customer: str | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where money went, by our ids: an invoice; with a customer, the first of theirs over which it was shared out."""

    invoice_id: int
    customer_id: int | None = None

    @property
    def columns(self) -> dict[str, int | None]:
        """What the queue keeps of it."""
        return {
            "invoice_id": self.invoice_id if self.customer_id is None else None,
            "customer_id": self.customer_id,
        }


class UnmatchedSeen(UnmatchedLine):
    """The same with the invoices it may be meant for, the best first; none once it is settled or dismissed."""

    candidates: tuple[Candidate, ...]


async def keep(connection: AsyncConnection, money: Movement, reason: str, now: datetime) -> bool:
    """Put money into the queue; False where it is or was there, which a repetition does not change.

    What was not confirmed and is told anew comes back, even if an agent had put it aside meanwhile.
    """
    row = {
        "source": money.source,
        "external_id": money.id,
        "kind": money.kind,
        "amount": money.amount,
        "currency": money.currency,
        "paid_at": money.at,
        "method": money.method,
        "references": [{"kind": each.kind, "value": each.value} for each in money.references],
        "meant": [{"invoice": number, "amount": str(amount)} for number, amount in money.shares],
        "payer": money.payer,
        "of_payment": money.of,
        "reason": reason,
        "received_at": now,
        "status": "open",
    }
    told_anew = (
        (unmatched_table.c.status != "settled")
        & (unmatched_table.c.reason == NOT_CONFIRMED)
        & (reason != NOT_CONFIRMED)
    )
    statement = upsert(unmatched_table).values(row)
    kept = statement.on_conflict_do_update(
        index_elements=["external_id", "kind"],
        set_={name: statement.excluded[name] for name in row if name not in ("status", "received_at")}
        | {"status": case((unmatched_table.c.status == "dismissed", "open"), else_=unmatched_table.c.status)}
        | dict.fromkeys(("dismissal", "settled_by", "settled_at")),
        where=told_anew,
    )
    return (await connection.execute(kept.returning(unmatched_table.c.id))).first() is not None


async def standing_of(connection: AsyncConnection, external_id: str, kind: str) -> str | None:
    """How money stands in the queue (a status); None where it never was there. Take turns first.

    What an agent put aside because nobody confirmed it is as if it had never been told: a confirmation counts.
    """
    told = (unmatched_table.c.external_id == external_id) & (unmatched_table.c.kind == kind)
    aside = (unmatched_table.c.status == "dismissed") & (unmatched_table.c.reason == NOT_CONFIRMED)
    wanted = select(unmatched_table.c.status).where(told, ~aside)
    status: str | None = (await connection.execute(wanted)).scalar_one_or_none()
    return status


async def follow(
    ledger: Ledger, connection: AsyncConnection, place: Place, money: Movement, actor: str, now: datetime
) -> None:
    """Take money out of the queue that was now recorded, and record there what waits for it.

    A payment is waited for by its reversals and disputes.
    """
    itself = (unmatched_table.c.external_id == money.id) & (unmatched_table.c.kind == money.kind)
    waits_for_it = (unmatched_table.c.of_payment == money.id) & (money.kind == "payment")
    waiting = select(unmatched_table).where(itself | waits_for_it, unmatched_table.c.status.in_(WAITING))
    waiting = waiting.order_by(unmatched_table.c.paid_at, unmatched_table.c.id).with_for_update()
    for row in (await connection.execute(waiting)).mappings().all():
        if (row["external_id"], row["kind"]) != (money.id, money.kind):
            await record_on(ledger, connection, place.invoice_id, movement_of(_exact(row)), actor, now)
        await write(
            connection, row["id"], status="settled", settled_by=actor, settled_at=now, **place.columns
        )


async def follow_shares(
    ledger: Ledger, connection: AsyncConnection, customer_id: int, money: Movement, actor: str, now: datetime
) -> None:
    """The same for a payment that was shared out over a customer's invoices."""
    first, *_ = await shares_of(connection, money.id)
    await follow(ledger, connection, Place(first.invoice_id, customer_id), money, actor, now)


async def list_unmatched(
    engine: AsyncEngine, *, status: str | None = None, after: int | None = None, limit: int | None = None
) -> list[UnmatchedLine]:
    """The queue, the oldest first: what waits, or what has one `status`; `after` is the last id of the page before.

    Raises LedgerError for a status that does not exist.
    """
    if status is not None and status not in STATUSES:
        raise LedgerError(
            "unknown_status", f"{status!r} is no status of unmatched money; choose {', '.join(STATUSES)}"
        )
    wanted = _lines().where(unmatched_table.c.status.in_(WAITING if status is None else (status,)))
    if after is not None:
        wanted = wanted.where(unmatched_table.c.id > after)
    async with engine.connect() as connection:
        rows = await connection.execute(wanted.order_by(unmatched_table.c.id).limit(limit))
        return [UnmatchedLine.model_validate(_exact(row)) for row in rows.mappings()]


async def show_unmatched(ledger: Ledger, unmatched_id: int) -> UnmatchedSeen:
    """One of the queue with its candidates; raise LedgerError where it is unknown."""
    async with ledger.engine.connect() as connection:
        row = await row_of(connection, unmatched_id)
        waits = row["status"] in WAITING
        found = await candidates(connection, ledger.creditor, movement_of(row)) if waits else ()
    return UnmatchedSeen.model_validate(dict(row) | {"candidates": found})


async def count_waiting(engine: AsyncEngine) -> tuple[int, datetime | None]:
    """How much money waits in the queue, and since when the one does that has waited longest."""
    wanted = select(func.count(), func.min(unmatched_table.c.received_at)).where(
        unmatched_table.c.status.in_(WAITING)
    )
    async with engine.connect() as connection:
        count, oldest = (await connection.execute(wanted)).one()
    return count, oldest


async def write(connection: AsyncConnection, unmatched_id: int, **values: Any) -> None:
    """Change a row."""
    await connection.execute(
        update(unmatched_table).where(unmatched_table.c.id == unmatched_id).values(values)
    )


def _lines() -> Select[Any]:
    return (
        select(unmatched_table, invoices.c.number.label("invoice"), customers.c.key.label("customer"))
        .outerjoin_from(unmatched_table, invoices)
        .outerjoin(customers, unmatched_table.c.customer_id == customers.c.id)
    )


async def row_of(
    connection: AsyncConnection, unmatched_id: int, *, locked: bool = False
) -> Mapping[str, Any]:
    """One row with where it went, locked or not; raise LedgerError where there is none."""
    wanted = _lines().where(unmatched_table.c.id == unmatched_id)
    found = await connection.execute(wanted.with_for_update(of=unmatched_table) if locked else wanted)
    row = found.mappings().one_or_none()
    if row is None:
        raise LedgerError(
            "unknown_unmatched",
            f"no unmatched money {unmatched_id} is known; the queue of unmatched money shows what there is",
        )
    return _exact(row)


def _exact(row: Any) -> dict[str, Any]:
    """A row with its amount in the decimals of its currency, as it was told."""
    amount = row["amount"].normalize()
    if row["currency"] in MINOR_UNITS and amount == rounded(amount, row["currency"]):
        amount = rounded(amount, row["currency"])
    return dict(row) | {"amount": Decimal(f"{amount:f}")}


def movement_of(row: Mapping[str, Any]) -> Movement:
    """The money as its rail told it."""
    return Movement(
        source=row["source"],
        kind=row["kind"],
        id=row["external_id"],
        amount=row["amount"],
        currency=row["currency"],
        at=row["paid_at"],
        method=row["method"],
        references=tuple(Reference(each["kind"], each["value"]) for each in row["references"]),
        payer=row["payer"],
        of=row["of_payment"],
    )
