"""Receipts and replies: what providers and customers say of messages, in any order and any number of times."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from cadence import events as e
from cadence.words import Channel
from ledger.access import Ledger
from ledger.learning import halt_by_itself, suppress
from ledger.recording import record_customer
from ledger.sending import attempt_of, attempts, messages
from ledger.tables import Reply
from ledger.unit import Held, Origin, Unit, customers, invoices

replies = Reply.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Receipt:
    """One report on one message, classified by the channel; `external_id` makes a repetition harmless."""

    channel: Channel
    source: str
    external_id: str
    attempt_id: str | None
    provider_id: str | None
    delivery: str
    code: str | None = None
    error_class: str | None = None
    opted_out: bool = False
    address_dead: bool = False


@dataclass(frozen=True, slots=True)
class IncomingReply:
    """What a customer wrote: from which address, by which channel, and whether it plainly says stop."""

    channel: Channel
    source: str
    external_id: str
    sender: str
    body: str
    at: datetime
    opt_out: bool


async def record_receipt(ledger: Ledger, receipt: Receipt, now: datetime) -> bool:
    """Take note of a receipt, also for closed invoices; False where it is a repetition or not about our messages."""
    by_attempt = attempts.c.id == receipt.attempt_id
    by_provider = (messages.c.provider_id == receipt.provider_id) & (
        messages.c.channel == str(receipt.channel)
    )
    found = await attempt_of(ledger, by_attempt) if receipt.attempt_id else None
    if found is None and receipt.provider_id:
        found = await attempt_of(ledger, by_provider)
    if found is None:
        return False
    # By the attempt, whatever the report makes of the address it went to.
    receipt = replace(receipt, channel=Channel(found["channel"]))
    async with ledger.invoice_unit(found["invoice_id"], now) as unit:
        held = unit.invoice(found["invoice_id"])
        new = await _tell_delivery(unit, held, found["step"], found["occurrence"], receipt)
        if new:
            await _keep_delivery(unit, held, found["id"], found["attempt_id"], receipt)
            await _learn(unit, receipt, found["address"])
    return new


async def _tell_delivery(unit: Unit, held: Held, step: str, occurrence: int, receipt: Receipt) -> bool:
    reported = e.DeliveryReported.model_validate(
        {
            "step": step,
            "occurrence": occurrence,
            "channel": receipt.channel,
            "delivery": receipt.delivery,
            "code": receipt.code,
            "error_class": receipt.error_class,
        }
    )
    return await unit.tell(held, reported, Origin("provider", receipt.source, receipt.external_id))


async def _keep_delivery(unit: Unit, held: Held, message_id: int, attempt_id: str, receipt: Receipt) -> None:
    step = held.facts.steps
    row = (
        (await unit.connection.execute(select(messages).where(messages.c.id == message_id))).mappings().one()
    )
    known = step[f"{row['step']}/{row['occurrence']}"].messages[receipt.channel]
    values = {"delivery": known.delivery, "provider_id": row["provider_id"] or receipt.provider_id}
    await unit.connection.execute(update(messages).where(messages.c.id == message_id).values(values))
    dark = (attempts.c.id == attempt_id) & attempts.c.state.in_(["unknown", "calling"])
    await unit.connection.execute(update(attempts).where(dark).values(state="accepted", settled_at=unit.now))


async def _learn(unit: Unit, receipt: Receipt, address: str | None) -> None:
    origin = Origin("provider", receipt.source)
    if receipt.opted_out:
        await suppress(unit, receipt.channel, address, "opt_out", origin)
    elif receipt.address_dead:
        await suppress(unit, receipt.channel, address, "bad_address", origin)
    elif receipt.delivery == "failed":
        await suppress(unit, receipt.channel, address, receipt.error_class, origin)
    if receipt.delivery == "failed" and receipt.error_class == "account":
        await halt_by_itself(unit, receipt.channel)


async def record_reply(ledger: Ledger, reply: IncomingReply, now: datetime) -> bool:
    """Keep what a customer wrote; stop the channel at once where it says so, else open a case on each open invoice.

    Every customer with that address is meant. False where the reply was told before.
    """
    column = customers.c.phone if reply.channel is Channel.SMS else customers.c.whatsapp
    async with ledger.engine.begin() as connection:
        found = await connection.execute(
            select(customers.c.id).where(column == reply.sender).order_by(customers.c.id)
        )
        owners = list(found.scalars())
        row = {
            "customer_id": owners[0] if owners else None,
            "channel": str(reply.channel),
            "sender": reply.sender,
            "body": reply.body,
            "at": reply.at,
            "external_id": f"{reply.source}/{reply.external_id}",
        }
        await connection.execute(upsert(replies).values(row).on_conflict_do_nothing())
    # Facts before the reply's own row could be lost to a crash; a repeated reply finds them told already.
    return await _tell_owners(ledger, reply, owners, now)


async def _tell_owners(ledger: Ledger, reply: IncomingReply, owners: Iterable[int], now: datetime) -> bool:
    new = False
    for owner in owners:
        origin = Origin("customer", reply.source, f"{reply.external_id}/{owner}")
        if reply.opt_out:
            stop = e.ChannelSuppressed(channel=reply.channel, reason="opt_out")
            new |= await record_customer(ledger, owner, stop, origin, now)
        else:
            new |= await _open_cases(ledger, owner, reply, now)
    return new


async def _open_cases(ledger: Ledger, owner: int, reply: IncomingReply, now: datetime) -> bool:
    new = False
    async with ledger.unit(owner, None, now) as unit:
        for held in unit.held.values():
            origin = Origin("customer", reply.source, f"{reply.external_id}/{held.row['id']}")
            new |= await unit.tell(held, e.Replied(channel=reply.channel), origin)
    return new


async def opt_out_by_reference(ledger: Ledger, reference: str, now: datetime) -> bool:
    """Stop the channel of the message `reference` for its customer; False where no message has it."""
    wanted = select(messages.c.channel, invoices.c.customer_id).join_from(messages, invoices)
    async with ledger.engine.connect() as connection:
        found = (await connection.execute(wanted.where(messages.c.reference == reference))).one_or_none()
    if found is None:
        return False
    stop = e.ChannelSuppressed(channel=Channel(found.channel), reason="opt_out")
    origin = Origin("customer", "unsubscribe", reference)
    await record_customer(ledger, found.customer_id, stop, origin, now)
    return True
