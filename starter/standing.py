"""Where an invoice stands when somebody reports something about it, and the one way to report it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from cadence import events as e
from cadence.facts import InvoiceFacts
from ledger.access import Ledger
from ledger.recording import Fact, Situation, record, situation
from ledger.unit import Origin, events_table, invoices
from starter.session import Refusal, wall_clock


@dataclass(frozen=True, slots=True)
class Standing:
    """An invoice by the creditor's number: its facts, and where it stands on its ruler."""

    id: int
    number: str
    facts: InvoiceFacts
    situation: Situation


@dataclass(frozen=True, slots=True)
class Report:
    """An event to be recorded, and the aware instant at which it happened."""

    event: e.InvoiceEvent
    at: datetime


async def standing(ledger: Ledger, number: str) -> Standing:
    """Where the creditor's invoice `number` stands; raise UnknownInvoice."""
    invoice_id = await ledger.invoice_id(number)
    async with ledger.engine.connect() as connection:
        stored = await connection.execute(select(invoices.c.facts).where(invoices.c.id == invoice_id))
        facts = InvoiceFacts.model_validate(stored.scalar_one())
    return Standing(invoice_id, number, facts, await situation(ledger, invoice_id))


async def report(
    ledger: Ledger, number: str, origin: Origin, judge: Callable[[Standing, datetime], Report]
) -> Standing | None:
    """Record what `judge` makes of an invoice's standing; how it stands then, or None where it was told before.

    `judge` raises Refusal for what makes no sense. Raises UnknownInvoice, and Refusal where the origin's id was
    told of another invoice.
    """
    now = wall_clock()
    stands = await standing(ledger, number)
    if await _told_before(ledger, stands, origin):
        return None
    told = judge(stands, now)
    recorded = await record(ledger, stands.id, [Fact(told.event, told.at, origin)], now)
    return await standing(ledger, number) if recorded.new else None


async def _told_before(ledger: Ledger, stands: Standing, origin: Origin) -> bool:
    if origin.external_id is None:
        return False
    known = (
        select(invoices.c.number)
        .join_from(events_table, invoices)
        .where(events_table.c.source == origin.source, events_table.c.external_id == origin.external_id)
    )
    async with ledger.engine.connect() as connection:
        owner = (await connection.execute(known)).scalar_one_or_none()
    if owner not in (None, stands.number):
        raise Refusal(f"--id: {origin.external_id!r} was told of invoice {owner} already; check the id")
    return owner is not None
