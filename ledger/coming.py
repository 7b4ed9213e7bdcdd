"""Coming: who is contacted next, by what is planned, and which of it a cap will defer."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, Select, cast, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from cadence.agenda import SEND_KIND
from cadence.rules import Rulebook
from cadence.words import rounded
from ledger.foreseeing import with_caps
from ledger.queries import rows_of
from ledger.tables import agenda_table, customers, invoices
from ledger.together import why_ahead
from ledger.views import UpcomingContact

_FACTS = customers.c.facts
# An agenda row of the ledger that is a message to come. One whose condition is false as things stand is none.
IS_CONTACT = agenda_table.c.kind.in_([str(kind) for kind in SEND_KIND.values()]) & (
    agenda_table.c.why != "condition"
)


async def upcoming(
    engine: AsyncEngine, until: datetime, book: Rulebook | None = None
) -> list[UpcomingContact]:
    """Who is contacted up to the aware instant `until`: every planned message of an open invoice, in its order.

    With the `book` of contact rules it says which of them a cap will defer.
    """
    return await _foreseen(engine, contact_lines().where(agenda_table.c.at <= until), book)


async def next_contact(engine: AsyncEngine, book: Rulebook | None = None) -> UpcomingContact | None:
    """The planned message of an open invoice that leaves next; None where none is planned."""
    return next(iter(await _foreseen(engine, contact_lines().limit(1), book)), None)


async def _foreseen(engine: AsyncEngine, wanted: Select[Any], book: Rulebook | None) -> list[UpcomingContact]:
    async with engine.connect() as connection:
        lines = [contact_line(row) for row in await rows_of(connection, wanted)]
        if book is None:
            return lines
        return await with_caps(connection, book, [(line.invoice, line) for line in lines])


async def contacts_a_day(connection: AsyncConnection, numbers: Sequence[str]) -> list[tuple[str, date, int]]:
    """How many messages the agendas of these invoices hold for each day where their customers are."""
    day = cast(func.timezone(_FACTS["zone"].astext, agenda_table.c.at), Date)
    wanted = select(invoices.c.number, day, func.count()).join_from(agenda_table, invoices).join(customers)
    wanted = wanted.where(invoices.c.number.in_(numbers), IS_CONTACT)
    found = await connection.execute(wanted.group_by(invoices.c.number, day))
    return [(number, on, count) for number, on, count in found]


def _contacts() -> Select[Any]:
    return (
        select(agenda_table)
        .join_from(agenda_table, invoices)
        .join(customers)
        .where(invoices.c.closed_at.is_(None), IS_CONTACT)
    )


def contact_lines() -> Select[Any]:
    """What an `UpcomingContact` is made of, in its order; `contact_line` reads it."""
    return (
        _contacts()
        .with_only_columns(
            *(column for column in agenda_table.c if column.name != "why"),
            why_ahead(),
            invoices.c.number.label("invoice"),
            invoices.c.currency,
            invoices.c.balance,
            customers.c.key.label("customer"),
            customers.c.name.label("customer_name"),
            *(_FACTS[name].astext.label(name) for name in ("segment", "language", "zone")),
        )
        .order_by(agenda_table.c.at, customers.c.key, invoices.c.number, agenda_table.c.position)
    )


def contact_line(row: Any) -> UpcomingContact:
    """A row of `contact_lines` as it is shown."""
    return UpcomingContact.model_validate(dict(row) | {"balance": rounded(row["balance"], row["currency"])})
