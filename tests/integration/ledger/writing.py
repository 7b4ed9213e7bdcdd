"""Customers who write back, and what the ledger holds of it."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from cadence import events as e
from cadence.facts import InvoiceFacts
from cadence.words import Channel
from ledger import queries
from ledger.access import Ledger
from ledger.answering import write_answer
from ledger.conversations import IncomingReply, Taken, record_reply
from ledger.tables import invoices
from ledger.unit import Origin
from tests.integration.ledger.playing import (
    COURTESY_AT,
    DAY,
    REMINDER_AT,
    row,
    send,
    take_in,
)

PHONE = "+351900000123"
WHATSAPP = "+351900000456"
NOON = datetime(2026, 3, 12, 12, tzinfo=UTC)  # a Thursday, the day after the reminder
AGENT = Origin(actor="agent-1", source="api")


async def write(
    ledger: Ledger, intent: str, body: str = "...", now: datetime = NOON, **changes: Any
) -> Taken:
    """A customer writes by SMS, unless told otherwise."""
    given: dict[str, Any] = {
        "channel": Channel.SMS,
        "source": "twilio",
        "external_id": f"R-{intent}-{now:%d%H%M}",
        "sender": PHONE,
    }
    reply = IncomingReply(**(given | {"body": body, "at": now, "intent": intent} | changes))
    return await record_reply(ledger, reply, now)


async def facts(ledger: Ledger, number: str = "INV-1") -> InvoiceFacts:
    async with ledger.engine.connect() as connection:
        stored = await connection.execute(select(invoices.c.facts).where(invoices.c.number == number))
        return InvoiceFacts.model_validate(stored.scalar_one())


async def cases(ledger: Ledger, number: str = "INV-1") -> list[tuple[str, str]]:
    story = await queries.show_invoice(ledger.engine, number)
    return [(case.reason, case.queue) for case in story.cases]


async def reminded(ledger: Ledger, *numbers: str) -> list[int]:
    """Invoices of one customer, of which the first was reminded of by SMS the day before noon."""
    ids = await take_in(ledger, *(row(number) for number in numbers or ("INV-1",)))
    await send(ledger, ids[0], COURTESY_AT)
    await send(ledger, ids[0], REMINDER_AT)
    return ids


async def answer(ledger: Ledger, channel: Channel = Channel.SMS, now: datetime = NOON) -> datetime:
    written = await write_answer(ledger, "INV-1", channel, "We found your payment.", AGENT, now)
    return written.leaves_at


async def cancel(ledger: Ledger, invoice_id: int) -> None:
    async with ledger.invoice_unit(invoice_id, NOON - DAY) as unit:
        await unit.tell(unit.invoice(invoice_id), e.Cancelled(), AGENT)
