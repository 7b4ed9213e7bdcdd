"""The read side of conversations: what customers wrote and what left for them, in the order of time."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Select, and_, func, literal, null, select, tuple_, union_all
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from cadence.customer_facts import CustomerFacts
from cadence.facts import ANSWER_STEP
from cadence.words import Channel
from ledger.answering import free_text_until
from ledger.case_keeping import CONVERSATION_CASES
from ledger.database import UnknownCustomer
from ledger.ownership import known_as
from ledger.service_tables import answers
from ledger.tables import attempts, cases_table, customers, invoices, messages, replies
from ledger.writers import writer

# What closes these cases was said to the customer in some other way: nobody waits any more.
_SETTLING = (*CONVERSATION_CASES, "dispute_to_confirm")


class ConversationLine(BaseModel):
    """A conversation in a list, by what was written last. Personal data: never log it.

    Of somebody whose number belongs to no customer, `customer` and `name` are null, and each text is a line of
    its own. `waiting`: it asks for an answer, and nobody has answered or closed its case since.
    """

    model_config = ConfigDict(frozen=True)

    id: int
    customer: str | None
    name: str | None
    sender: str
    channel: str
    intent: str | None
    text: str
    at: datetime
    replies: int
    waiting: bool


class Said(BaseModel):
    """One text of a conversation. `address` is where it came from or went to, null where nothing has left.

    `state` is the last attempt's, null where nothing has left either; `by` an agent's name.
    """

    model_config = ConfigDict(frozen=True)

    at: datetime
    who: Literal["customer", "agent", "regua"]
    channel: str
    address: str | None
    text: str
    intent: str | None
    invoice: str | None
    reference: str | None
    state: str | None
    delivery: str | None
    by: str | None


class Conversation(BaseModel):
    """A customer's conversation, the newest texts of it in the order of time.

    An answer by a channel goes to whoever wrote last by it: `whatsapp_open_until` is the end of the 24 hours in which
    WhatsApp takes free text to them. `closed_channels` says why the customer (who is billed) is not to be written to.
    """

    model_config = ConfigDict(frozen=True)

    customer: str
    name: str
    whatsapp_open_until: datetime | None
    closed_channels: Mapping[str, str]
    said: Sequence[Said]


async def list_conversations(
    engine: AsyncEngine,
    limit: int,
    *,
    after: tuple[bool, datetime, int] | None = None,
    unknown: bool | None = None,
) -> list[ConversationLine]:
    """Conversations, those that wait for an answer first, then the newest; `after` is (waiting, at, id) of a line.

    `unknown` limits them to numbers that belong to no customer, or to those that do.
    """
    parts = [
        part for part, own in ((_with_customers(), False), (_with_others(), True)) if unknown in (None, own)
    ]
    lines = union_all(*parts).subquery()
    order = (lines.c.waiting, lines.c.at, lines.c.id)
    wanted = select(lines).order_by(*(column.desc() for column in order)).limit(limit)
    if after is not None:
        position = (literal(value, column.type) for value, column in zip(after, order, strict=True))
        wanted = wanted.where(tuple_(*order) < tuple_(*position))
    async with engine.connect() as connection:
        found = (await connection.execute(wanted)).mappings().all()
    return [ConversationLine.model_validate(dict(row)) for row in found]


def _with_customers() -> Select[Any]:
    latest = (
        select(replies, func.count().over(partition_by=replies.c.customer_id).label("replies"))
        .where(replies.c.customer_id.is_not(None))
        .ext(distinct_on(replies.c.customer_id))
        .order_by(replies.c.customer_id, replies.c.at.desc(), replies.c.id.desc())
        .subquery()
    )
    mine = invoices.c.customer_id == latest.c.customer_id
    answered = select(func.max(answers.c.at)).join_from(answers, invoices).where(mine).scalar_subquery()
    settled = (
        select(func.max(cases_table.c.closed_at))
        .join_from(cases_table, invoices)
        .where(mine, cases_table.c.reason.in_(_SETTLING))
        .scalar_subquery()
    )
    # PostgreSQL's GREATEST leaves nulls out.
    since = func.coalesce(func.greatest(answered, settled) < latest.c.at, True)
    waiting = and_(func.coalesce(latest.c.intent, "other") != "stop", since)
    who = (customers.c.key.label("customer"), customers.c.name)
    return select(*_line(latest), latest.c.replies, *who, waiting.label("waiting")).join_from(
        latest, customers, customers.c.id == latest.c.customer_id
    )


def _with_others() -> Select[Any]:
    """Texts from numbers that belong to no customer: nobody can be answered about an invoice."""
    who = (null().label("customer"), null().label("name"))
    return select(
        *_line(replies), literal(1).label("replies"), *who, literal(value=False).label("waiting")
    ).where(replies.c.customer_id.is_(None))


def _line(table: Any) -> tuple[Any, ...]:
    return (*table.c[("id", "sender", "channel", "intent")], table.c.body.label("text"), table.c.at)


async def conversation(engine: AsyncEngine, key: str, limit: int) -> Conversation:
    """The conversation with the creditor's customer `key`, its newest `limit` texts; raise UnknownCustomer."""
    async with engine.connect() as connection:
        owner = select(customers).where(customers.c.id == known_as(key))
        row = (await connection.execute(owner)).mappings().one_or_none()
        if row is None:
            raise UnknownCustomer(key)
        facts = CustomerFacts.model_validate(row["facts"])
        reasons = {channel: facts.unusable(channel) for channel in facts.addresses}
        last = await writer(connection, dict(row), Channel.WHATSAPP)
        return Conversation(
            customer=row["key"],
            name=row["name"],
            whatsapp_open_until=await free_text_until(connection, last.address),
            closed_channels={str(channel): reason for channel, reason in reasons.items() if reason},
            said=await _said(connection, row["id"], limit),
        )


async def _said(connection: AsyncConnection, customer_id: int, limit: int) -> list[Said]:
    every = union_all(_written(customer_id), _sent(customer_id), _answered(customer_id)).subquery()
    newest = select(every).order_by(every.c.at.desc()).limit(limit)
    found = (await connection.execute(newest)).mappings().all()
    return [Said.model_validate(dict(row)) for row in reversed(found)]


def _written(customer_id: int) -> Select[Any]:
    nothing = (null().label(name) for name in ("invoice", "reference", "state", "delivery", "by"))
    sender = replies.c.sender.label("address")
    columns = (replies.c.channel, sender, replies.c.body.label("text"), replies.c.intent)
    return select(replies.c.at, literal("customer").label("who"), *columns, *nothing).where(
        replies.c.customer_id == customer_id
    )


def _sent(customer_id: int) -> Select[Any]:
    """What left, or may have, but for the agents' answers."""
    tried = _last_attempts()
    return (
        select(
            tried.c.began_at.label("at"),
            literal("regua").label("who"),
            messages.c.channel,
            messages.c.address,
            messages.c.body.label("text"),
            null().label("intent"),
            invoices.c.number.label("invoice"),
            messages.c.reference,
            tried.c.state,
            messages.c.delivery,
            null().label("by"),
        )
        .join_from(messages, invoices)
        .join(tried, tried.c.message_id == messages.c.id)
        .where(
            invoices.c.customer_id == customer_id,
            messages.c.step != ANSWER_STEP,
            messages.c.body.is_not(None),
        )
        .where(tried.c.began_at.is_not(None))
    )


def _answered(customer_id: int) -> Select[Any]:
    """What agents wrote, whether it has left or not."""
    tried = _last_attempts()
    same = and_(
        messages.c.invoice_id == answers.c.invoice_id,
        messages.c.step == ANSWER_STEP,
        messages.c.occurrence == answers.c.number,
    )
    return (
        select(
            answers.c.at,
            literal("agent").label("who"),
            answers.c.channel,
            messages.c.address,
            answers.c.text,
            null().label("intent"),
            invoices.c.number.label("invoice"),
            messages.c.reference,
            tried.c.state,
            messages.c.delivery,
            answers.c.actor.label("by"),
        )
        .join_from(answers, invoices)
        .outerjoin(messages, same)
        .outerjoin(tried, tried.c.message_id == messages.c.id)
        .where(invoices.c.customer_id == customer_id)
    )


def _last_attempts() -> Any:
    newest = select(attempts).ext(distinct_on(attempts.c.message_id))
    return newest.order_by(attempts.c.message_id, attempts.c.number.desc()).subquery()
