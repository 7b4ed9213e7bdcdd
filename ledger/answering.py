"""An agent's own words to a customer: written once, and sent by the same permits as every message."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cadence import events as e
from cadence.facts import ANSWER_STEP
from cadence.words import BILLING, Channel
from ledger.access import Ledger
from ledger.database import LedgerError
from ledger.service_tables import answers
from ledger.tables import agenda_table, replies
from ledger.unit import Held, Origin, Unit
from ledger.writers import Writer, writer

# The channels on which a customer writes to us, and may be answered in words of our own.
CONVERSING = (Channel.SMS, Channel.WHATSAPP)
# Meta: free text within 24 hours of the customer's last message; outside, approved templates only.
FREE_TEXT = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class WrittenAnswer:
    """An answer that is on the agenda: its number within the invoice, to which role, and the instant it leaves at."""

    invoice: str
    number: int
    channel: str
    to: str
    leaves_at: datetime


async def write_answer(
    ledger: Ledger,
    number: str,
    channel: Channel,
    text: str,
    origin: Origin,
    now: datetime,
    *,
    customer: str | None = None,
    role: str | None = None,
) -> WrittenAnswer:
    """Answer the customer of the creditor's invoice `number` by exactly this channel; `text` is checked by the caller.

    It goes to the address from which they, or a contact of theirs, wrote last by it; with `role`, to that of the
    contact who has that role. `customer` is the creditor's key of who is meant, where the caller names one. Raises
    LedgerError where the invoice is unknown, another customer's or closed, where nobody of that role wrote, and where
    it is known already that the channel is closed: that address opted out, there is none, or it wrote too long ago
    for free text on WhatsApp.
    """
    invoice_id = await ledger.invoice_id(number)
    async with ledger.invoice_unit(invoice_id, now) as unit:
        held = unit.invoice(invoice_id)
        _check_owner(unit, held, customer)
        if channel not in CONVERSING:
            raise LedgerError("unknown_channel", f"nobody is answered by {channel}; choose sms or whatsapp")
        to = await writer(unit.connection, unit.customer, channel, role)
        await _check_channel(unit, held, channel, to)
        written = 1 + sum(notice.branch == "answer" for notice in held.facts.notices)
        row = {"invoice_id": held.id, "number": written, "channel": str(channel), "text": text}
        await unit.connection.execute(insert(answers), row | {"actor": origin.actor, "at": now})
        told = e.AnswerWritten(number=written, channel=channel, address=to.send.address)
        await unit.tell(held, told, origin)
    leaves_at = await _planned_at(ledger, invoice_id, written)
    return WrittenAnswer(number, written, str(channel), to.role, leaves_at or now)


def _check_owner(unit: Unit, held: Held, customer: str | None) -> None:
    number = held.row["number"]
    if customer not in (None, unit.customer["key"]):
        raise LedgerError(
            "unknown_invoice_of_customer", f"customer {customer!r} owes no invoice {number!r}; check both"
        )
    if held.facts.closed:
        raise LedgerError(
            "invoice_closed",
            f"{number} is closed as {held.facts.closed}, and nothing leaves for it any more; "
            "answer about an open invoice, or call the customer",
        )


async def _check_channel(unit: Unit, held: Held, channel: Channel, to: Writer) -> None:
    rules = unit.rules(held)
    if reason := rules.closed_for(to.send).get(channel):
        whom = "the customer" if to.role == BILLING else f"the customer's {to.role}"
        raise LedgerError(
            "channel_closed",
            f"{whom} cannot be answered by {channel} ({reason}); choose the other channel, or call",
        )
    if channel is not Channel.WHATSAPP:
        return
    until = await free_text_until(unit.connection, to.address)
    opens = rules.window.next_open(unit.now)
    if until is None or until <= opens:
        raise LedgerError("whatsapp_window_closed", _too_late(until, opens))


def _too_late(until: datetime | None, opens: datetime) -> str:
    since = (
        "has not written on WhatsApp yet"
        if until is None
        else f"may be answered freely until {until:%Y-%m-%d %H:%M} UTC"
    )
    return (
        f"the customer {since}, and could be written to at {opens:%Y-%m-%d %H:%M} UTC at the earliest; "
        "WhatsApp takes free text for 24 hours after a customer's message: answer by sms, or call"
    )


async def free_text_until(connection: AsyncConnection, address: str | None) -> datetime | None:
    """Until when WhatsApp takes free text to this number; None where nobody wrote from it."""
    wrote = select(func.max(replies.c.at)).where(
        replies.c.channel == str(Channel.WHATSAPP), replies.c.sender == address
    )
    last: datetime | None = (await connection.execute(wrote)).scalar_one()
    return last + FREE_TEXT if last else None


async def answer_text(connection: AsyncConnection, invoice_id: int, number: int) -> str:
    """What an agent wrote. Personal data: never log it."""
    written = select(answers.c.text).where(answers.c.invoice_id == invoice_id, answers.c.number == number)
    text: str = (await connection.execute(written)).scalar_one()
    return text


async def _planned_at(ledger: Ledger, invoice_id: int, number: int) -> datetime | None:
    """When the answer leaves, unless it left meanwhile."""
    mine = (agenda_table.c.step == ANSWER_STEP) & (agenda_table.c.occurrence == number)
    wanted = select(agenda_table.c.at).where(agenda_table.c.invoice_id == invoice_id, mine)
    async with ledger.engine.connect() as connection:
        at: datetime | None = (await connection.execute(wanted)).scalar_one_or_none()
    return at
