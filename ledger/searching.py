"""Searching: invoices, customers and messages by what people know of them, a page at a time in a stable order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Generic, Literal, TypeVar

from pydantic import AwareDatetime
from sqlalchemy import ColumnElement, Select, cast, func, literal, or_, select, tuple_
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from cadence.customer_facts import CustomerFacts
from cadence.directive import Directive
from cadence.facts import InvoiceFacts
from cadence.rules import Rulebook
from cadence.words import rounded
from ledger.behaviour import payer_facts
from ledger.coming import contact_line, contact_lines
from ledger.contact_cards import contacts_of
from ledger.database import UnknownCustomer, UnknownInvoice
from ledger.filters import OPEN, SEGMENT, InvoiceFilter, check_filter, conditions, contains
from ledger.foreseeing import with_caps
from ledger.names import check_names
from ledger.ownership import aliases_of, known_as
from ledger.queries import (
    card_of,
    invoice_line,
    invoice_lines,
    message_lines,
    rows_of,
    with_attempts,
)
from ledger.tables import agenda_table, customers, invoices
from ledger.tables import messages as messages_table
from ledger.views import (
    CustomerLine,
    CustomerView,
    HoldLine,
    InvoiceLine,
    InvoiceStatus,
    MessageLine,
    UpcomingContact,
)

T = TypeVar("T")
Position = Mapping[str, Any]
Sort = Literal["next", "due", "-balance"]

# Stands for "never" where instants are compared; PostgreSQL's own infinity is none of Python's instants.
_NEVER = datetime(9000, 1, 1, tzinfo=UTC)
_KNOWN_BY = ("key", "name", "email", "phone", "whatsapp")

# What a page is ordered by, with what a position in it is made of; the id makes every order total.
ORDERS: Mapping[Sort, Mapping[str, tuple[ColumnElement[Any], Any]]] = {
    "next": {
        "closed": (~OPEN, bool),
        "at": (func.coalesce(invoices.c.next_at, literal(_NEVER, invoices.c.next_at.type)), AwareDatetime),
        "id": (invoices.c.id, int),
    },
    "due": {"due_on": (invoices.c.due_on, date), "id": (invoices.c.id, int)},
    "-balance": {"owed": (-invoices.c.balance, Decimal), "id": (invoices.c.id, int)},
}
AGENDA_ORDER: Mapping[str, tuple[ColumnElement[Any], Any]] = {
    "at": (agenda_table.c.at, AwareDatetime),
    "customer": (customers.c.key, str),
    "invoice": (invoices.c.number, str),
    "position": (agenda_table.c.position, int),
}


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """A page of a list, and the position after which the next one begins; None at its end."""

    items: list[T]
    next: Position | None


async def search_invoices(
    engine: AsyncEngine,
    wanted: InvoiceFilter,
    *,
    today: date,
    sort: Sort = "next",
    after: Position | None = None,
    limit: int = 50,
) -> Found[InvoiceLine]:
    """Invoices by a filter: what comes next first (closed ones last), by due date, or the largest balance first.

    Raises LedgerError where it names what nobody knows.
    """
    matching = invoice_lines().where(*conditions(wanted, today))
    async with engine.connect() as connection:
        page = await _page(connection, matching, ORDERS[sort], after, limit, invoice_line)
        if not page.items:
            await check_filter(connection, wanted)
        return page


async def search_agenda(
    engine: AsyncEngine, book: Rulebook, *, until: datetime, after: Position | None = None, limit: int = 50
) -> Found[UpcomingContact]:
    """Who is contacted up to the aware instant `until`, in the order in which they are, and what a cap will defer."""
    ahead = contact_lines().order_by(None).where(agenda_table.c.at <= until)
    async with engine.connect() as connection:
        page = await _page(connection, ahead, AGENDA_ORDER, after, limit, contact_line)
        lines = await with_caps(connection, book, [(line.invoice, line) for line in page.items])
    return replace(page, items=lines)


async def search_customers(
    engine: AsyncEngine,
    *,
    text: str | None = None,
    segment: str | None = None,
    after: Position | None = None,
    limit: int = 50,
) -> Found[CustomerLine]:
    """Customers by their key, name, e-mail address or number in part, and by segment, ordered by key.

    One who was merged into another is found as that one. Raises LedgerError where nobody knows the segment.
    """
    matching = _customer_lines()
    if text is not None:
        former = customers.alias("former")
        merged = select(former.c.merged_into).where(contains(text, *former.c[_KNOWN_BY]))
        matching = matching.where(or_(contains(text, *customers.c[_KNOWN_BY]), customers.c.id.in_(merged)))
    if segment is not None:
        matching = matching.where(segment == SEGMENT)
    order = {"key": (customers.c.key, str)}
    async with engine.connect() as connection:
        page = await _page(connection, matching, order, after, limit, CustomerLine.model_validate)
        if not page.items:
            await check_names(connection, segment=segment)
        return page


async def search_messages(
    engine: AsyncEngine, *, invoice: str | None = None, after: Position | None = None, limit: int = 50
) -> Found[MessageLine]:
    """Messages with their attempts, the latest first; of all invoices or of the creditor's `invoice`.

    Raises UnknownInvoice.
    """
    wanted = message_lines().order_by(messages_table.c.id.desc()).limit(limit + 1)
    if after is not None:
        wanted = wanted.where(messages_table.c.id < after["id"])
    async with engine.connect() as connection:
        if invoice is not None:
            wanted = wanted.where(messages_table.c.invoice_id == await _invoice_id(connection, invoice))
        rows = await with_attempts(connection, wanted)
    lines = [MessageLine.model_validate(row) for row in rows[:limit]]
    return Found(lines, {"id": lines[-1].id} if len(rows) > limit else None)


async def customer_view(connection: AsyncConnection, key: str, zone: str) -> CustomerView:
    """A customer by the creditor's key, or a merged one's: the card, its holds, how it pays and its invoices stand.

    `zone` is the creditor's, in which due dates are. Raises UnknownCustomer.
    """
    rows = await rows_of(connection, select(customers).where(customers.c.id == known_as(key)))
    if not rows:
        raise UnknownCustomer(key)
    facts = CustomerFacts.model_validate(rows[0]["facts"])
    states = select(invoices.c.state, func.count()).where(invoices.c.customer_id == rows[0]["id"])
    counted = await connection.execute(states.group_by(invoices.c.state).order_by(invoices.c.state))
    payer = await payer_facts(connection, rows[0]["id"], zone)
    return CustomerView(
        card=card_of(rows[0]),
        contacts=await contacts_of(connection, rows[0]["id"], facts),
        merged_keys=await aliases_of(connection, rows[0]["id"]),
        holds=tuple(HoldLine.model_validate(hold) for hold in facts.holds),
        invoices={state: count for state, count in counted},  # noqa: C416 - rows, not pairs
        open_balance=dict(sorted(payer.owed.items())),
        payer=payer,
    )


async def status_of(connection: AsyncConnection, number: str) -> InvoiceStatus:
    """Where the creditor's invoice stands, with nothing about who owes it; raise UnknownInvoice."""
    rows = await rows_of(connection, select(invoices).where(invoices.c.number == number))
    if not rows:
        raise UnknownInvoice(number)
    directive = Directive.model_validate(rows[0]["directive"])
    facts = InvoiceFacts.model_validate(rows[0]["facts"])
    return status_from(number, facts, directive, rows[0]["closed_at"])


def status_from(
    number: str, facts: InvoiceFacts, directive: Directive, closed_at: datetime | None
) -> InvoiceStatus:
    """The same, of an invoice in hand; instants in UTC, so that what is equal has one ETag."""
    names = ("amount", "paid", "credited", "balance")
    amounts = {name: rounded(getattr(facts, name), facts.currency) for name in names}
    return InvoiceStatus(
        number=number,
        state=str(facts.state),
        currency=facts.currency,
        **amounts,
        due_on=facts.due_on,
        next_at=directive.item.at.astimezone(UTC) if directive.item else None,
        next_kind=str(directive.item.kind) if directive.item else None,
        closed_at=closed_at.astimezone(UTC) if closed_at else None,
    )


async def _invoice_id(connection: AsyncConnection, number: str) -> int:
    found = await connection.execute(select(invoices.c.id).where(invoices.c.number == number))
    invoice_id: int | None = found.scalar_one_or_none()
    if invoice_id is None:
        raise UnknownInvoice(number)
    return invoice_id


def _customer_lines() -> Select[Any]:
    facts = customers.c.facts
    open_ones = select(func.count()).where(invoices.c.customer_id == customers.c.id, OPEN)
    return select(
        *customers.c[("key", "name")],
        *(facts[name].astext.label(name) for name in ("segment", "language", "country", "zone")),
        (func.jsonb_array_length(func.coalesce(facts["holds"], cast("[]", JSONB))) > 0).label("on_hold"),
        open_ones.scalar_subquery().label("open_invoices"),
    ).where(customers.c.merged_into.is_(None))


async def _page(
    connection: AsyncConnection,
    matching: Select[Any],
    order: Mapping[str, tuple[ColumnElement[Any], Any]],
    after: Position | None,
    limit: int,
    line: Any,
) -> Found[Any]:
    """One page by keyset: what follows a position, whatever came or went before it."""
    keys = {name: column for name, (column, _) in order.items()}
    ordered = matching.add_columns(*(column.label(f"key_{name}") for name, column in keys.items()))
    ordered = ordered.order_by(*keys.values()).limit(limit + 1)
    if after is not None:
        passed = [literal(after[name], column.type) for name, column in keys.items()]
        ordered = ordered.where(tuple_(*keys.values()) > tuple_(*passed))
    rows: Sequence[Any] = await rows_of(connection, ordered)
    last = rows[limit - 1] if len(rows) > limit else None
    position = {name: last[f"key_{name}"] for name in keys} if last else None
    return Found([line(_shown(row)) for row in rows[:limit]], position)


def _shown(row: Any) -> dict[str, Any]:
    return {name: value for name, value in row.items() if not name.startswith("key_")}
