"""The read side: lists, and one invoice's story. Filters, sorting and sums are the database's."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Numeric, Select, any_, cast, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from cadence.appropriation import parts_of
from cadence.customer_facts import CustomerFacts
from cadence.facts import InvoiceFacts
from cadence.rules import Rulebook
from cadence.words import rounded
from ledger.cases import cases_of
from ledger.database import LedgerError, UnknownInvoice
from ledger.foreseeing import with_caps
from ledger.keys import workflow_id
from ledger.names import check_names
from ledger.ownership import known_as, owner_at
from ledger.references import references_of
from ledger.tables import agenda_table, cadences, cases_table, customers, events_table, invoices, replies
from ledger.tables import attempts as attempts_table
from ledger.tables import messages as messages_table
from ledger.together import agenda_ahead, carrier
from ledger.views import (
    AgendaLine,
    AttemptLine,
    CustomerCard,
    EventLine,
    InvoiceLine,
    InvoiceStory,
    MessageLine,
    MessageSeen,
    ReplyLine,
    Totals,
)

_FACTS = customers.c.facts
_CONTENT = ("address", "subject", "html", "body")
_LONGEST_ID = 18  # digits; more do not fit PostgreSQL's bigint


async def list_invoices(
    engine: AsyncEngine,
    *,
    state: str | None = None,
    segment: str | None = None,
    customer: str | None = None,
    limit: int | None = None,
) -> list[InvoiceLine]:
    """Invoices of a state, a segment and a customer (by the creditor's key): open ones first, the next due on top.

    Raises LedgerError where nobody knows the segment or the customer.
    """
    wanted = invoice_lines().order_by(
        invoices.c.closed_at.is_not(None), invoices.c.next_at.nulls_last(), invoices.c.number
    )
    if state is not None:
        wanted = wanted.where(invoices.c.state == state)
    if segment is not None:
        wanted = wanted.where(_FACTS["segment"].astext == segment)
    if customer is not None:
        wanted = wanted.where(customers.c.id == known_as(customer))
    async with engine.connect() as connection:
        found = [invoice_line(row) for row in await rows_of(connection, wanted.limit(limit))]
        if not found:
            await check_names(connection, customer=customer, segment=segment)
        return found


async def show_invoice(engine: AsyncEngine, number: str, book: Rulebook | None = None) -> InvoiceStory:
    """The whole story of the creditor's invoice `number`, as of one instant; raise UnknownInvoice.

    With the `book` of contact rules it says which messages ahead a cap will defer.
    """
    # One snapshot: the story must not change while it is read.
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="REPEATABLE READ")
        return await story_of(connection, number, book)


async def story_of(connection: AsyncConnection, number: str, book: Rulebook | None = None) -> InvoiceStory:
    """The same, as the transaction of `connection` sees it."""
    stored = select(
        invoices.c.id,
        invoices.c.facts.label("invoice_facts"),
        *customers.c[("name", "email", "phone", "whatsapp", "key", "facts")],
        customers.c.id.label("customer_id"),
    ).join_from(invoices, customers)
    row = (await connection.execute(stored.where(invoices.c.number == number))).mappings().one_or_none()
    if row is None:
        raise UnknownInvoice(number)
    story = await _story(connection, row)
    if book is None:
        return story
    ahead = await with_caps(connection, book, [(number, line) for line in story.agenda])
    return story.model_copy(update={"agenda": tuple(ahead)})


async def messages(
    engine: AsyncEngine, invoice: str | None = None, *, limit: int | None = None
) -> list[MessageLine]:
    """Messages with their attempts, the latest first; of the creditor's invoice `invoice`, or of all."""
    wanted = message_lines().order_by(messages_table.c.id.desc()).limit(limit)
    async with engine.connect() as connection:
        if invoice is not None:
            known = select(invoices.c.id).where(invoices.c.number == invoice)
            if (await connection.execute(known)).first() is None:
                raise UnknownInvoice(invoice)
            wanted = wanted.where(invoices.c.number == invoice)
        return [MessageLine.model_validate(row) for row in await with_attempts(connection, wanted)]


async def message(engine: AsyncEngine, name: int | str) -> MessageSeen:
    """One message as the customer saw it, by our id or by the reference it carries; raise LedgerError."""
    written = str(name).strip().upper()
    matches = messages_table.c.reference == written
    if written.isascii() and written.isdigit() and len(written) <= _LONGEST_ID:
        matches |= messages_table.c.id == int(written)
    content = message_lines().add_columns(*messages_table.c[_CONTENT])
    # A reference may happen to be all digits; it wins, because it is what customers quote.
    wanted = content.where(matches).order_by((messages_table.c.reference == written).desc()).limit(1)
    async with engine.connect() as connection:
        found = await with_attempts(connection, wanted)
    if not found:
        raise LedgerError(
            "unknown_message", f"no message {name!r} is known; the list of messages shows ids and references"
        )
    return MessageSeen.model_validate(found[0])


async def numbers(engine: AsyncEngine, invoice_ids: Sequence[int]) -> list[str]:
    """The creditor's numbers of the invoices with these ids of ours, in the same order."""
    wanted = select(invoices.c.id, invoices.c.number).where(invoices.c.id.in_(invoice_ids))
    async with engine.connect() as connection:
        known = {row["id"]: row["number"] for row in await rows_of(connection, wanted)}
    return [known[each] for each in invoice_ids]


async def totals(engine: AsyncEngine) -> Totals:
    """Invoices by state, cases that are not closed by queue, attempts by state."""
    async with engine.connect() as connection:
        return Totals(
            invoices=await _counted(connection, invoices.c.state),
            cases=await _counted(connection, cases_table.c.queue, cases_table.c.status != "closed"),
            attempts=await _counted(connection, attempts_table.c.state),
        )


async def _counted(connection: AsyncConnection, column: Any, *only: Any) -> dict[str, int]:
    found = select(column, func.count()).where(*only).group_by(column).order_by(column)
    return {name: count for name, count in await connection.execute(found)}  # noqa: C416 - rows, not pairs


async def rows_of(connection: AsyncConnection, wanted: Select[Any]) -> Sequence[Any]:
    """The rows that a selection finds, each by its columns' names."""
    rows: Sequence[Any] = (await connection.execute(wanted)).mappings().all()
    return rows


def invoice_lines() -> Select[Any]:
    """What an `InvoiceLine` is made of: a selection to be narrowed, ordered, and read by `invoice_line`."""
    item = invoices.c.directive["item"]
    return (
        select(
            *invoices.c[("number", "state", "currency", "balance", "due_on", "next_at", "received_at")],
            invoices.c.closed_at,
            cast(invoices.c.facts["amount"].astext, Numeric).label("amount"),
            item["kind"].astext.label("next_kind"),
            customers.c.key.label("customer"),
            customers.c.name.label("customer_name"),
            _FACTS["segment"].astext.label("segment"),
            cadences.c.name.label("cadence"),
            cadences.c.version.label("cadence_version"),
        )
        .join_from(invoices, customers)
        .join(cadences)
    )


def invoice_line(row: Any) -> InvoiceLine:
    """A row of `invoice_lines` as it is shown."""
    money = {name: rounded(row[name], row["currency"]) for name in ("amount", "balance")}
    return InvoiceLine.model_validate(dict(row) | money)


def message_lines() -> Select[Any]:
    """What a `MessageLine` is made of, without what the message says; `with_attempts` reads it."""
    columns = (column for column in messages_table.c if column.name not in _CONTENT)
    return (
        select(*columns, invoices.c.number.label("invoice"), customers.c.key.label("customer"))
        .join_from(messages_table, invoices)
        .join(customers)
    )


async def with_attempts(connection: AsyncConnection, wanted: Select[Any]) -> list[dict[str, Any]]:
    """The messages that a selection of `message_lines` finds, each with its attempts."""
    rows = await rows_of(connection, wanted)
    ids = any_(literal([row["id"] for row in rows], ARRAY(BigInteger)))  # one parameter, however many rows
    tried = select(attempts_table).where(attempts_table.c.message_id == ids)
    by_message: dict[int, list[AttemptLine]] = {}
    for attempt in await rows_of(connection, tried.order_by(attempts_table.c.number)):
        by_message.setdefault(attempt["message_id"], []).append(AttemptLine.model_validate(dict(attempt)))
    return [dict(row) | {"attempts": by_message.get(row["id"], [])} for row in rows]


async def _story(connection: AsyncConnection, row: Any) -> InvoiceStory:
    of_invoice = invoices.c.id == row["id"]
    facts = InvoiceFacts.model_validate(row["invoice_facts"])
    lines = await rows_of(connection, invoice_lines().where(of_invoice))
    sent = await with_attempts(connection, message_lines().where(of_invoice).order_by(messages_table.c.id))
    ahead = agenda_ahead().where(of_invoice)
    answered = select(replies).where(replies.c.customer_id == row["customer_id"]).order_by(replies.c.id)
    return InvoiceStory(
        invoice=invoice_line(lines[0]),
        workflow_id=workflow_id(row["id"]),
        paid=rounded(facts.paid, facts.currency),
        credited=rounded(facts.credited, facts.currency),
        parts=parts_of(facts),
        references=tuple((await references_of(connection, [row["id"]])).get(row["id"], ())),
        customer=card_of(row),
        events=tuple(await _events(connection, row["id"], row["customer_id"])),
        messages=tuple(MessageLine.model_validate(each) for each in sent),
        agenda=tuple(
            AgendaLine.model_validate(dict(each))
            for each in await rows_of(connection, ahead.order_by(agenda_table.c.position))
        ),
        cases=tuple(await cases_of(connection, row["id"])),
        replies=tuple(ReplyLine.model_validate(dict(each)) for each in await rows_of(connection, answered)),
    )


async def _events(connection: AsyncConnection, invoice_id: int, customer_id: int) -> list[EventLine]:
    """The invoice's own events and its customer's, which change what may be sent as well."""
    own = events_table.c.invoice_id == invoice_id
    whose = owner_at(events_table, literal(invoice_id), literal(customer_id))
    shared = events_table.c.invoice_id.is_(None) & (events_table.c.customer_id == whose)
    found = select(events_table, carrier().label("carrier")).where(own | shared).order_by(events_table.c.id)
    return [_event_line(dict(row)) for row in await rows_of(connection, found)]


def _event_line(row: dict[str, Any]) -> EventLine:
    said = {"carrier": row["carrier"]} if row["carrier"] else {}
    return EventLine.model_validate(row | {"payload": row["payload"] | said})


def card_of(row: Any) -> CustomerCard:
    """A customer's row as it is shown."""
    facts = CustomerFacts.model_validate(row["facts"])
    plain = {
        "segment",
        "language",
        "country",
        "subdivision",
        "zone",
        "zone_assumed",
        "forbidden",
        "preference",
    }
    known = facts.model_dump(include=plain)
    stored = {name: row[name] for name in ("key", "name", "email", "phone", "whatsapp")}
    # A suppression of an address that has changed since suppresses nothing.
    reasons = {channel: facts.unusable(channel) for channel in facts.addresses}
    suppressed = {str(channel): reason for channel, reason in reasons.items() if reason}
    consents = [
        given.model_dump(exclude={"address"}) | {"holds": facts.addresses.get(given.channel) == given.address}
        for given in facts.consents
    ]
    return CustomerCard.model_validate(known | stored | {"suppressed": suppressed, "consents": consents})
