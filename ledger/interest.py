"""What late interest is worked out on: how the open principal of an invoice moved, by its log; and against whom."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from cadence import events as e
from cadence.document import Cadence
from cadence.facts import InvoiceFacts
from cadence.interest import Debt, Movement
from cadence.words import Debtor
from ledger.access import Ledger
from ledger.database import UnknownInvoice
from ledger.logs import Logged, replayed
from ledger.tables import cadences, events_table, invoices


@dataclass(frozen=True, slots=True)
class Owed:
    """An invoice as a debt, and its facts. `debtor` is whom its cadence is for; None where that says nothing."""

    debt: Debt
    facts: InvoiceFacts
    debtor: Debtor | None


async def owed_by(ledger: Ledger, number: str) -> Owed:
    """The creditor's invoice `number` as a debt, with days by the creditor's zone; raise UnknownInvoice."""
    async with ledger.engine.connect() as connection:
        return await owed_on(connection, ledger.creditor.timezone, number)


async def owed_on(connection: AsyncConnection, zone: ZoneInfo, number: str) -> Owed:
    """The same within the caller's transaction; `zone` is the creditor's."""
    columns = events_table.c[("id", "type", "payload", "at")]
    of_invoice = (
        select(*columns, cadences.c.document)
        .join_from(events_table, invoices, events_table.c.invoice_id == invoices.c.id)
        .join(cadences)
        .where(invoices.c.number == number)
        .order_by(events_table.c.id)
    )
    rows = (await connection.execute(of_invoice)).all()
    if not rows:
        raise UnknownInvoice(number)
    log = [
        Logged(row.id, e.INVOICE_EVENT.validate_python({"type": row.type, **row.payload}), row.at)
        for row in rows
    ]
    *_, (_, _, facts) = replayed(log)
    return Owed(debt_of(log, zone), facts, Cadence.model_validate(rows[0].document).debtors)


def debt_of(log: Sequence[Logged], zone: ZoneInfo) -> Debt:
    """The debt that an invoice's log tells of: due when it last was, on the principal from its issue on."""
    steps = list(replayed(log))
    *_, facts = steps[-1]
    return Debt(facts.currency, facts.due_on, tuple(_movements(steps, zone)), facts.charges)


def _movements(
    steps: Sequence[tuple[Logged, InvoiceFacts | None, InvoiceFacts]], zone: ZoneInfo
) -> Iterator[Movement]:
    for logged, before, after in steps:
        change = _open(after) - (_open(before) if before else Decimal(0))
        if change:
            yield Movement(_day(logged, before, zone), change)


def _day(logged: Logged, before: InvoiceFacts | None, zone: ZoneInfo) -> date:
    """The day of an event; an invoice stands from its issue on, whenever it was imported."""
    if before is None and isinstance(logged.event, e.InvoiceReceived):
        return logged.event.issued_on
    return logged.at.astimezone(zone).date()


def _open(facts: InvoiceFacts) -> Decimal:
    """The open principal; a closed invoice has none, also where it was written off or is left to others."""
    return Decimal(0) if facts.closed else facts.principal
