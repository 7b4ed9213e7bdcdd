"""What customers write back: kept, and followed at once by what it means for their invoices."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import false, func, or_, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from cadence import events as e
from cadence.customer_facts import CustomerFacts
from cadence.facts import InvoiceFacts
from cadence.words import Channel
from ledger.access import Ledger
from ledger.addressing import COLUMN
from ledger.keys import address_fingerprint, hold_key
from ledger.recording import record_customer, spread
from ledger.service_tables import contacts
from ledger.tables import attempts, customers, invoices, messages, replies
from ledger.told_before import was_told
from ledger.unit import Held, Origin, Unit

Taken = Literal["new", "known", "unknown_sender"]
# The hold's name as well as its reason: a second claim makes the first one's hold longer, and adds none.
SAYS_PAID = "says_paid"
MAY_OPT_OUT = "may_opt_out"


@dataclass(frozen=True, slots=True)
class IncomingReply:
    """What a customer wrote: from which address, by which channel, and what it means (`cadence.words.Intent`)."""

    channel: Channel
    source: str
    external_id: str
    sender: str
    body: str
    at: datetime
    intent: str


async def record_reply(ledger: Ledger, reply: IncomingReply, now: datetime) -> Taken:
    """Keep what a customer wrote, and do what it means; every customer with that address is meant.

    `stop` silences the channel at once, and `start` takes that back. Anything else is about the invoice of which the
    last message to that address spoke: `paid` holds it for some business days, `wrong` opens a dispute to be
    confirmed, and each of them opens a case. `stop_unsure` also holds all invoices to the end of the next business
    day, so that nothing leaves before a person has read it.
    """
    async with ledger.engine.begin() as connection:
        owners = await _owners(connection, reply)
        new = await _keep(connection, reply, next(iter(owners), None))
    # A crash here loses nothing: the reply is told again, and what was told already is known by its id.
    for owner, writes in owners.items():
        new |= await _follow(ledger, owner, writes, reply, now)
    if not new:
        return "known"
    return "new" if owners else "unknown_sender"


_Writer = Literal["billing", "contact"]


async def _owners(connection: AsyncConnection, reply: IncomingReply) -> dict[int, _Writer]:
    """Whose address it is, or was before a merge, or whose contact's; none of them is merged before the reply is kept."""
    column = COLUMN[reply.channel]
    of_contacts = select(contacts.c.customer_id).where(contacts.c[column] == reply.sender)
    theirs = customers.c[column] == reply.sender
    whose = func.coalesce(customers.c.merged_into, customers.c.id)
    # In the order of keys, as all who lock more than one customer.
    wanted = select(whose.label("id"), func.coalesce(theirs, false()).label("billing"))
    wanted = wanted.where(or_(theirs, customers.c.id.in_(of_contacts))).order_by(customers.c.key)
    rows = (await connection.execute(wanted.with_for_update(read=True, key_share=True))).all()
    billing = {row.id for row in rows if row.billing}
    return {each: "billing" if each in billing else "contact" for each in sorted({row.id for row in rows})}


async def _keep(connection: AsyncConnection, reply: IncomingReply, owner: int | None) -> bool:
    row = {
        "customer_id": owner,
        "channel": str(reply.channel),
        "sender": reply.sender,
        "body": reply.body,
        "at": reply.at,
        "external_id": f"{reply.source}/{reply.external_id}",
        "intent": str(reply.intent),
    }
    kept = upsert(replies).values(row).on_conflict_do_nothing().returning(replies.c.id)
    return (await connection.execute(kept)).first() is not None


async def _follow(ledger: Ledger, owner: int, writes: _Writer, reply: IncomingReply, now: datetime) -> bool:
    # The billing contact speaks for themselves wherever they are; another contact of the address they write from.
    address = address_fingerprint(reply.sender) if writes == "contact" else None
    if reply.intent == "stop":
        stop = e.ChannelSuppressed(channel=reply.channel, reason="opt_out", address=address)
        told = Origin("customer", reply.source, f"{reply.external_id}/{owner}")
        return await record_customer(ledger, owner, stop, told, now)
    if reply.intent == "start":
        started = await _start_again(ledger, owner, address, reply, now)
        if started is not None:
            return started
    async with ledger.engine.connect() as connection:
        spoken_of = await _last_spoken_of(connection, owner, reply)
    # All open ones where all are to wait, or where none was written about yet.
    alone = None if spoken_of is None or reply.intent == "stop_unsure" else [spoken_of]
    async with ledger.unit(owner, alone, now) as unit:
        if spoken_of is not None:
            await unit.hold_invoices([spoken_of])  # it may be closed
        return await _tell(unit, reply, _meant(unit, spoken_of))


async def _start_again(
    ledger: Ledger, owner: int, address: str | None, reply: IncomingReply, now: datetime
) -> bool | None:
    """Take the customer's own stop back, or a contact's of their `address` (a fingerprint), once; None where no stop closes the channel, or one was written later."""
    told = Origin("customer", reply.source, f"{reply.external_id}/start/{owner}")
    async with ledger.unit(owner, [], now) as unit:
        if _closed_by(unit.customer_facts, reply.channel, address) != "opt_out":
            return False if await was_told(unit.connection, told) else None
        if await _stopped_since(unit, reply):
            return None
        lifted = e.SuppressionLifted(channel=reply.channel, reason="opt_out", address=address)
        return await unit.tell_customer(lifted, told)


def _closed_by(facts: CustomerFacts, channel: Channel, address: str | None) -> str | None:
    if address is not None:
        return facts.closed(channel, address)
    suppression = facts.suppressed.get(channel)
    return suppression.reason if suppression else None


async def _stopped_since(unit: Unit, reply: IncomingReply) -> bool:
    """Whether a stop was written after the reply: replies come in any order, and the last word counts."""
    of_sender = (replies.c.channel == str(reply.channel)) & (replies.c.sender == reply.sender)
    later = (replies.c.intent == "stop") & (replies.c.at >= reply.at)
    found = await unit.connection.execute(select(replies.c.id).where(of_sender, later).limit(1))
    return found.first() is not None


async def _last_spoken_of(connection: AsyncConnection, owner: int, reply: IncomingReply) -> int | None:
    """The invoice of which the last message to the reply's address spoke, before the reply was written."""
    reached = attempts.c.state.in_(("accepted", "unknown", "calling"))
    newest = (
        select(messages.c.invoice_id)
        .join_from(messages, attempts)
        .join(invoices)
        .where(invoices.c.customer_id == owner, messages.c.channel == str(reply.channel))
        .where(messages.c.address == reply.sender, reached)
        # One that left after it cannot be what it answers; where clocks disagree, the newest is as good as any.
        .order_by(
            (attempts.c.began_at > reply.at), func.abs(func.extract("epoch", attempts.c.began_at - reply.at))
        )
        .limit(1)
    )
    found: int | None = (await connection.execute(newest)).scalar_one_or_none()
    return found


def _meant(unit: Unit, spoken_of: int | None) -> list[Held]:
    """The invoices that a reply is about; all that fell due or were written about, where no message tells."""
    if spoken_of is not None:
        return [unit.invoice(spoken_of)]
    every = list(unit.held.values())
    return [held for held in every if _is_known_to_the_customer(held.facts, unit, held)] or every


def _is_known_to_the_customer(facts: InvoiceFacts, unit: Unit, held: Held) -> bool:
    fell_due = facts.due_on <= unit.now.astimezone(unit.rules(held).creditor_zone).date()
    return fell_due or any(step.messages for step in facts.steps.values())


async def _tell(unit: Unit, reply: IncomingReply, meant: list[Held]) -> bool:
    new = False
    for held in meant:
        replied = e.Replied.model_validate({"channel": reply.channel, "intent": str(reply.intent)})
        told = Origin("customer", reply.source, f"{reply.external_id}/{held.id}")
        if await unit.tell(held, replied, told):
            new = True
            await _act_on(unit, held, reply)
    if new and reply.intent == "stop_unsure":
        await _hold_customer(unit, meant[0], reply)
    return new


async def _act_on(unit: Unit, held: Held, reply: IncomingReply) -> None:
    """The fact beside the reply itself. It was told in the same transaction, so it needs no id of its own."""
    if held.facts.closed:
        return
    origin, event = Origin("customer", reply.source), _consequence(unit, held, reply)
    if event is not None:
        await unit.tell(held, event, origin)


def _consequence(unit: Unit, held: Held, reply: IncomingReply) -> e.InvoiceEvent | None:
    if reply.intent == "paid":
        days = unit.creditor.paid_claim_hold_business_days
        return e.HoldPlaced(hold=SAYS_PAID, reason=SAYS_PAID, until=_end_of_business_day(unit, held, days))
    if reply.intent == "wrong":
        return e.DisputeOpened(reason="reply", confirmed=False)
    return None


def _end_of_business_day(unit: Unit, held: Held, days: int) -> datetime:
    rules = unit.rules(held)
    return rules.end_of(rules.window.local_day(unit.now), days)


async def _hold_customer(unit: Unit, held: Held, reply: IncomingReply) -> None:
    name = hold_key(f"{MAY_OPT_OUT}/{unit.customer['key']}", unit.now.isoformat())
    until = _end_of_business_day(unit, held, 1)
    placed = e.CustomerHoldPlaced(hold=name, reason=MAY_OPT_OUT, until=until)
    origin = Origin("customer", reply.source)
    await unit.tell_customer(placed, origin)
    await spread(unit, placed, origin)
