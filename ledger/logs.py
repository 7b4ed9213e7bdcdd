"""Logs: each invoice with its events, its customer's and its attempts, read in batches from one snapshot."""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cadence import events as e
from cadence.customer_facts import CustomerFacts
from cadence.customers import reduce_customer
from cadence.directive import Directive
from cadence.document import Cadence
from cadence.facts import InvoiceFacts
from cadence.migration import Edition
from cadence.reducer import reduce_invoice
from cadence.rules import Rulebook, Rules
from ledger.sending import attempts, messages
from ledger.spoken_for import listed
from ledger.unit import cadences, cases_table, customers, events_table, invoices

BATCH = 500


@dataclass(frozen=True, slots=True)
class Logged:
    """One event and its place in the ledger's order."""

    id: int
    event: Any
    at: datetime


@dataclass(frozen=True, slots=True)
class Tried:
    """One attempt, with the message it was for."""

    id: str
    message_id: int
    step: str
    occurrence: int
    channel: str
    notice: bool
    state: str
    permitted_at: datetime
    lease_until: datetime
    began_at: datetime | None
    permit_event: int


@dataclass(frozen=True, slots=True)
class Owner:
    """A customer whose an invoice was, with that customer's events; `until` is the event by which it moved on."""

    customer_id: int
    until: int | None
    events: Sequence[Logged]


@dataclass(frozen=True, slots=True)
class Listed:
    """A step of an invoice that an attempt on another one listed: what became of that attempt, and of its message."""

    step: str
    occurrence: int
    channel: str
    message_id: int
    reference: str
    state: str
    delivery: str | None
    permitted_at: datetime
    permit_event: int


@dataclass(frozen=True, slots=True)
class InvoiceLog:
    """All that the ledger holds of one invoice, for checking; `stored` and the row are what the events must give.

    `cadence` is the one it follows now, `editions` every published version by name and number.
    """

    row: Mapping[str, Any]
    stored: InvoiceFacts
    cadence: Cadence
    editions: Mapping[tuple[str, int], Cadence]
    events: Sequence[Logged]
    owners: Sequence[Owner]
    attempts: Sequence[Tried]
    listed: Sequence[Listed]
    cases: frozenset[str]

    @property
    def name(self) -> str:
        """How a violation names it: by the creditor's own number, which every command takes."""
        return f"invoice {self.row['number']}"

    @property
    def directive(self) -> Directive:
        """What its workflow was told last."""
        return Directive.model_validate(self.row["directive"])

    def owner(self, event_id: int) -> Owner:
        """Whose the invoice was at that place of the log: customers may be merged."""
        return next(owner for owner in self.owners if owner.until is None or event_id < owner.until)

    def rules_of(self, attempt: Tried, book: Rulebook) -> Rules | None:
        """The contact rules as they were at its permit; None where the customer was not known yet."""
        event_id = attempt.permit_event
        customer = self.customer_before(event_id)
        if customer is None:
            return None
        return book.rules(self.cadence_before(event_id), customer, attempt.permitted_at)

    def customer_before(self, event_id: int) -> CustomerFacts | None:
        """What was known of its customer then; None where nothing was."""
        return reduced_customer(logged for logged in self.owner(event_id).events if logged.id < event_id)

    def permit_of(self, attempt: Tried) -> e.MessagePermitted | None:
        """The permit under which an attempt was made, as the log has it."""
        found = (logged.event for logged in self.events if logged.id == attempt.permit_event)
        return next((event for event in found if isinstance(event, e.MessagePermitted)), None)

    def cadence_before(self, event_id: int) -> Cadence:
        """The cadence that the invoice followed then."""
        for logged in self.events:
            if logged.id >= event_id and isinstance(logged.event, e.CadenceChanged):
                return self.editions[logged.event.before, logged.event.before_version]
        return self.cadence

    def rules(self, book: Rulebook, now: datetime) -> Rules:
        """The contact rules now."""
        customer = reduced_customer(self.owners[-1].events)
        assert customer is not None  # the ledger takes in no invoice without its customer
        return book.rules(self.cadence, customer, now)


def replayed(log: Iterable[Logged]) -> Iterator[tuple[Logged, InvoiceFacts | None, InvoiceFacts]]:
    """An invoice's events one by one, with the facts before and after each."""
    facts: InvoiceFacts | None = None
    for logged in log:
        before, facts = facts, reduce_invoice(facts, logged.event, logged.at)
        yield logged, before, facts


def reduced_customer(log: Iterable[Logged]) -> CustomerFacts | None:
    """The facts that a customer's logged events add up to."""
    facts: CustomerFacts | None = None
    for logged in log:
        facts = reduce_customer(facts, logged.event)
    return facts


async def invoice_logs(connection: AsyncConnection, batch: int = BATCH) -> AsyncIterator[InvoiceLog]:
    """Every invoice by our id, `batch` of them in memory at a time."""
    documents = await _documents(connection)
    last = 0
    while True:
        page = select(invoices).where(invoices.c.id > last).order_by(invoices.c.id).limit(batch)
        rows = (await connection.execute(page)).mappings().all()
        if not rows:
            return
        for log in await _page(connection, rows, documents):
            yield log
        last = rows[-1]["id"]


async def customers_logs(
    connection: AsyncConnection, batch: int = BATCH
) -> AsyncIterator[Sequence[InvoiceLog]]:
    """The invoices of each customer who was contacted more than once, customer by customer."""
    documents = await _documents(connection)
    often = (
        select(invoices.c.customer_id)
        .join_from(attempts, messages)
        .join(invoices)
        .group_by(invoices.c.customer_id)
        .having(func.count() > 1)
    )
    last = 0
    while True:
        page = often.where(invoices.c.customer_id > last).order_by(invoices.c.customer_id).limit(batch)
        ids = list((await connection.execute(page)).scalars())
        if not ids:
            return
        found = select(invoices).where(invoices.c.customer_id.in_(ids)).order_by(invoices.c.id)
        rows = (await connection.execute(found)).mappings().all()
        by_customer: dict[int, list[InvoiceLog]] = defaultdict(list)
        for log in await _page(connection, rows, documents):
            by_customer[log.row["customer_id"]].append(log)
        for logs in by_customer.values():
            yield logs
        last = ids[-1]


async def customer_logs(
    connection: AsyncConnection, batch: int = BATCH
) -> AsyncIterator[tuple[int, CustomerFacts | None, Sequence[Logged]]]:
    """Every customer: our id, the stored facts, the events."""
    last = 0
    while True:
        page = select(customers.c.id, customers.c.facts).where(customers.c.id > last)
        rows = (await connection.execute(page.order_by(customers.c.id).limit(batch))).all()
        if not rows:
            return
        told = await _customer_events(connection, [row.id for row in rows])
        for row in rows:
            yield row.id, CustomerFacts.model_validate(row.facts) if row.facts else None, told[row.id]
        last = rows[-1].id


async def _page(
    connection: AsyncConnection, rows: Sequence[Any], documents: Mapping[int, Edition]
) -> list[InvoiceLog]:
    ids = [row["id"] for row in rows]
    told = await _invoice_events(connection, ids)
    owned = {row["id"]: list(_owned(row, told[row["id"]])) for row in rows}
    every = {customer_id for spans in owned.values() for customer_id, _ in spans}
    by_customer = await _customer_events(connection, sorted(every))
    tried = await _attempts(connection, ids)
    spoken_for = await _listed(connection, ids)
    opened = await _case_keys(connection, ids)
    editions = {(each.cadence.name, each.version): each.cadence for each in documents.values()}
    return [
        InvoiceLog(
            row=row,
            stored=InvoiceFacts.model_validate(row["facts"]),
            cadence=documents[row["cadence_id"]].cadence,
            editions=editions,
            events=told[row["id"]],
            owners=[Owner(whose, until, by_customer[whose]) for whose, until in owned[row["id"]]],
            attempts=tried[row["id"]],
            listed=spoken_for[row["id"]],
            cases=frozenset(opened[row["id"]]),
        )
        for row in rows
    ]


def _owned(row: Any, events: Iterable[Logged]) -> Iterator[tuple[int, int | None]]:
    """Whose an invoice was, and until which event."""
    for logged in events:
        if isinstance(logged.event, e.InvoiceMoved):
            yield logged.event.from_customer, logged.id
    yield row["customer_id"], None


async def _documents(connection: AsyncConnection) -> dict[int, Edition]:
    found = await connection.execute(select(cadences))
    return {row.id: Edition(Cadence.model_validate(row.document), row.version) for row in found}


async def _invoice_events(connection: AsyncConnection, ids: Sequence[int]) -> dict[int, list[Logged]]:
    found = _events().add_columns(events_table.c.invoice_id.label("owner"))
    return await _logged(connection, found.where(events_table.c.invoice_id.in_(ids)), e.INVOICE_EVENT)


async def _customer_events(connection: AsyncConnection, ids: Sequence[int]) -> dict[int, list[Logged]]:
    found = _events().add_columns(events_table.c.customer_id.label("owner"))
    of_customer = events_table.c.customer_id.in_(ids) & events_table.c.invoice_id.is_(None)
    return await _logged(connection, found.where(of_customer), e.CUSTOMER_EVENT)


def _events() -> Select[Any]:
    columns = (events_table.c.id, events_table.c.type, events_table.c.payload, events_table.c.at)
    return select(*columns).order_by(events_table.c.id)


async def _logged(connection: AsyncConnection, found: Select[Any], kind: Any) -> dict[int, list[Logged]]:
    logs: dict[int, list[Logged]] = defaultdict(list)
    for row in await connection.execute(found):
        event = kind.validate_python({"type": row.type, **row.payload})
        logs[row.owner].append(Logged(row.id, event, row.at))
    return logs


async def _attempts(connection: AsyncConnection, ids: Sequence[int]) -> dict[int, list[Tried]]:
    found = (
        select(
            *attempts.c[
                ("id", "message_id", "state", "permitted_at", "lease_until", "began_at", "permit_event")
            ],
            *messages.c[("step", "occurrence", "channel", "notice")],
            messages.c.invoice_id,
        )
        .join_from(attempts, messages)
        .where(messages.c.invoice_id.in_(ids))
        .order_by(attempts.c.permit_event)
    )
    tried: dict[int, list[Tried]] = defaultdict(list)
    for row in (await connection.execute(found)).mappings():
        values = dict(row)
        tried[values.pop("invoice_id")].append(Tried(**values))
    return tried


async def _listed(connection: AsyncConnection, ids: Sequence[int]) -> dict[int, list[Listed]]:
    found = (
        select(
            *listed.c[("invoice_id", "step", "occurrence")],
            *messages.c[("channel", "reference", "delivery")],
            *attempts.c[("message_id", "state", "permitted_at", "permit_event")],
        )
        .join_from(listed, attempts)
        .join(messages)
        .where(listed.c.invoice_id.in_(ids))
        .order_by(attempts.c.permit_event)
    )
    by_invoice: dict[int, list[Listed]] = defaultdict(list)
    for row in (await connection.execute(found)).mappings():
        values = dict(row)
        by_invoice[values.pop("invoice_id")].append(Listed(**values))
    return by_invoice


async def _case_keys(connection: AsyncConnection, ids: Sequence[int]) -> dict[int, set[str]]:
    found = select(cases_table.c.invoice_id, cases_table.c.key).where(cases_table.c.invoice_id.in_(ids))
    keys: dict[int, set[str]] = defaultdict(set)
    for invoice_id, key in await connection.execute(found):
        keys[invoice_id].add(key)
    return keys
