"""Reading logs: each invoice's and each customer's, in batches from one snapshot."""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cadence import events as e
from cadence.customer_facts import CustomerFacts
from cadence.document import Cadence
from cadence.facts import InvoiceFacts, StepFacts
from cadence.migration import Edition
from ledger.logs import InvoiceLog, Listed, Logged, Owner, Tried
from ledger.tables import attempts, cadences, cases_table, customers, events_table, invoices, listed, messages

BATCH = 500
_carriers = invoices.alias("carriers")


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


async def customers_logs(connection: AsyncConnection) -> AsyncIterator[Sequence[InvoiceLog]]:
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
        page = often.where(invoices.c.customer_id > last).order_by(invoices.c.customer_id).limit(BATCH)
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
    connection: AsyncConnection,
) -> AsyncIterator[tuple[int, CustomerFacts | None, Sequence[Logged]]]:
    """Every customer: our id, the stored facts, the events."""
    last = 0
    while True:
        page = select(customers.c.id, customers.c.facts).where(customers.c.id > last)
        rows = (await connection.execute(page.order_by(customers.c.id).limit(BATCH))).all()
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
    spoken_for = await _listed(connection, ids, documents)
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


async def _listed(
    connection: AsyncConnection, ids: Sequence[int], documents: Mapping[int, Edition]
) -> dict[int, list[Listed]]:
    key = func.concat(messages.c.step, "/", messages.c.occurrence)  # cadence.facts.step_key
    found = (
        select(
            *listed.c[("invoice_id", "step", "occurrence")],
            *messages.c[("channel", "reference", "delivery")],
            *attempts.c[("message_id", "state", "permitted_at", "permit_event")],
            messages.c.step.label("of_step"),
            messages.c.occurrence.label("of_occurrence"),
            _carriers.c.facts["steps"].op("->")(key).label("carrier"),
            _carriers.c.facts["rearmed"].label("rearmed"),
            _carriers.c.closed_at.is_(None).label("is_open"),
            _carriers.c.cadence_id,
        )
        .join_from(listed, attempts)
        .join(messages)
        .join(_carriers, messages.c.invoice_id == _carriers.c.id)
        .where(listed.c.invoice_id.in_(ids))
        .order_by(attempts.c.permit_event)
    )
    by_invoice: dict[int, list[Listed]] = defaultdict(list)
    for row in await connection.execute(found):
        by_invoice[row.invoice_id].append(_listing(row, documents[row.cadence_id].cadence))
    return by_invoice


def _listing(row: Any, cadence: Cadence) -> Listed:
    carrier = StepFacts.model_validate(row.carrier or {})
    on_ruler = cadence.step(row.of_step) is not None and row.of_occurrence in (1, 1 + (row.rearmed or 0))
    return Listed(
        row.step,
        row.occurrence,
        row.channel,
        row.message_id,
        row.reference,
        row.state,
        row.delivery,
        row.permitted_at,
        row.permit_event,
        carrier,
        row.is_open and on_ruler and carrier.outcome is None,
    )


async def _case_keys(connection: AsyncConnection, ids: Sequence[int]) -> dict[int, set[str]]:
    found = select(cases_table.c.invoice_id, cases_table.c.key).where(cases_table.c.invoice_id.in_(ids))
    keys: dict[int, set[str]] = defaultdict(set)
    for invoice_id, key in await connection.execute(found):
        keys[invoice_id].add(key)
    return keys
