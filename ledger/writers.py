"""Writers: from which of a customer's addresses somebody writes, or wrote last, which is where an answer goes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from cadence.customer_facts import CustomerFacts
from cadence.recipients import recipients
from cadence.sends import Answering
from cadence.words import BILLING, Channel
from ledger.addressing import COLUMN
from ledger.database import LedgerError
from ledger.keys import address_fingerprint
from ledger.service_tables import contacts
from ledger.tables import customers, invoices, messages, replies

# The channels by which a customer can answer us.
REPLYING = (Channel.SMS, Channel.WHATSAPP)


@dataclass(frozen=True, slots=True)
class Writer:
    """Whom an answer reaches: their address, which is personal data, and what the document of it says of where it goes."""

    address: str | None
    send: Answering
    role: str


async def writer(
    connection: AsyncConnection, customer: Mapping[str, Any], channel: Channel, role: str | None = None
) -> Writer:
    """Who of a customer (their row) wrote last by a channel, if need be of those with a `role`; else billing.

    Raises LedgerError where nobody with that role has written.
    """
    of_channel = replies.c.channel == str(channel)
    theirs = replies.c.sender.in_(_addresses(customer["id"], COLUMN[channel], role))
    latest = (
        select(replies.c.sender).where(of_channel, theirs).order_by(replies.c.at.desc(), replies.c.id.desc())
    )
    wrote = (await connection.execute(latest.limit(1))).scalar_one_or_none()
    if wrote is None and role not in (None, BILLING):
        raise LedgerError(
            "nobody_wrote",
            f"nobody with the role {role} has written by {channel}; name a role that has, or none: then whoever wrote "
            "last is answered",
        )
    own = customer[COLUMN[channel]]
    address = own if wrote is None else wrote
    send = Answering(
        template="answer",
        channels=(channel,),
        address=None if address == own else address_fingerprint(address),
    )
    facts = CustomerFacts.model_validate(customer["facts"])
    return Writer(address, send, recipients(send, channel, facts).to.role)


async def numbers_of(engine: AsyncEngine, invoice_id: int) -> dict[Channel, str]:
    """The customer's own numbers of an invoice, by our id: those from which replies come. Personal data: never log it."""
    columns = (customers.c[COLUMN[channel]] for channel in REPLYING)
    wanted = select(*columns).join_from(invoices, customers).where(invoices.c.id == invoice_id)
    async with engine.connect() as connection:
        found = (await connection.execute(wanted)).one()
    return {channel: number for channel, number in zip(REPLYING, found, strict=True) if number}


async def last_channel(engine: AsyncEngine, invoice_id: int) -> Channel | None:
    """The channel of those they can answer by which the customer of an invoice, by our id, was written to last."""
    owner = select(invoices.c.customer_id).where(invoices.c.id == invoice_id).scalar_subquery()
    spoken = (
        select(messages.c.channel)
        .join_from(messages, invoices)
        .where(invoices.c.customer_id == owner, messages.c.channel.in_([str(each) for each in REPLYING]))
        .order_by(messages.c.id.desc())
    )
    async with engine.connect() as connection:
        last = (await connection.execute(spoken.limit(1))).scalar()
    return Channel(last) if last else None


def _addresses(customer_id: int, column: str, role: str | None) -> Select[Any] | Any:
    own = select(customers.c[column]).where(customers.c.id == customer_id)
    theirs = select(contacts.c[column]).where(contacts.c.customer_id == customer_id)
    if role is not None:
        return own if role == BILLING else theirs.where(contacts.c.role == role)
    return union_all(own, theirs)
