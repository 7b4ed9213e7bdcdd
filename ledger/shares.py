"""Shares: the parts of one payment that went to several invoices, found again by the payment's own id."""

from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.tables import events_table

# The first share bears the payment's own id, in the key space of payments; each other one its id and a number.
FIRST, OTHERS = "payment", "payment_share"


@dataclass(frozen=True, slots=True)
class PaidShare:
    """A share as it is in the log: our ids of its event and its invoice, and what of it was not taken back yet.

    `counted` is false where the money could not be taken off the balance, and a person looks at it.
    """

    event: int
    invoice_id: int
    amount: Decimal
    left: Decimal
    currency: str | None
    counted: bool


def share_key(payment: str, number: int) -> tuple[str, str]:
    """Source and external id of the share `number` (1, 2, ...) of a payment."""
    return (FIRST, payment) if number == 1 else (OTHERS, f"{payment}/{number}")


async def shares_of(connection: AsyncConnection, payment: str) -> list[PaidShare]:
    """The shares of a payment, in their order; one where it went to one invoice, none where it is unknown."""
    first = (events_table.c.source == FIRST) & (events_table.c.external_id == payment)
    more = (events_table.c.source == OTHERS) & events_table.c.external_id.startswith(
        f"{payment}/", autoescape=True
    )
    columns = events_table.c[("id", "invoice_id", "source", "external_id", "type", "payload")]
    found = await connection.execute(select(*columns).where(first | more).order_by(events_table.c.id))
    # "a/2" is of the payment "a"; "a/b/2" is of another.
    rows = [row for row in found if row.source == FIRST or row.external_id.rpartition("/")[0] == payment]
    gone = await _taken_back(connection, [row.id for row in rows])
    return [
        PaidShare(
            row.id, row.invoice_id, amount, amount - gone.get(row.id, Decimal(0)), row.payload.get("currency"),
            row.type == "payment_received",
        )
        for row in rows
        for amount in (Decimal(row.payload.get("amount", 0)),)
    ]  # fmt: skip


async def _taken_back(connection: AsyncConnection, events: list[int]) -> dict[int, Decimal]:
    of = events_table.c.payload["of"].astext
    reversals = (events_table.c.type == "payment_reversed") & of.in_([str(each) for each in events])
    where = select(events_table.c.invoice_id).where(events_table.c.id.in_(events))
    found = await connection.execute(
        select(of, events_table.c.payload["amount"].astext).where(
            reversals, events_table.c.invoice_id.in_(where)
        )
    )
    gone: dict[int, Decimal] = {}
    for event, amount in found:
        gone[int(event)] = gone.get(int(event), Decimal(0)) + Decimal(amount)
    return gone
