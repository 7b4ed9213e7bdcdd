"""Filters: which invoices a search or a job is about."""

from datetime import date, timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cadence.facts import State
from cadence.words import Slug, one_line
from ledger.coming import IS_CONTACT
from ledger.names import check_names
from ledger.ownership import known_as
from ledger.tables import agenda_table, cadences, cases_table, customers, invoices

Words = Annotated[str, AfterValidator(one_line), Field(min_length=1, max_length=100)]

SEGMENT = customers.c.facts["segment"].astext
OPEN = invoices.c.closed_at.is_(None)


class InvoiceFilter(BaseModel):
    """Which invoices are meant: those of which everything said here is true.

    Days overdue are counted from the due date in the creditor's zone, of open invoices only.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    state: State | None = Field(None, description="In this state.")
    segment: Slug | None = Field(None, description="Of a customer in this segment.")
    cadence: Slug | None = Field(None, description="That follows this cadence, in whichever version.")
    customer: Words | None = Field(None, description="Of this customer, by the creditor's key.")
    overdue_min: int | None = Field(None, ge=-36_500, le=36_500, description="Open, and overdue since so many days or more; -3 is due in three days.")  # fmt: skip
    overdue_max: int | None = Field(None, ge=-36_500, le=36_500, description="Open, and overdue since so many days or fewer.")  # fmt: skip
    next_contact_before: AwareDatetime | None = Field(None, description="A message is planned before this instant.")  # fmt: skip
    agent: Words | None = Field(None, description="This agent has claimed a case of it.")
    text: Words | None = Field(None, description="In the number, or in the customer's key or name.")


def conditions(wanted: InvoiceFilter, today: date) -> list[ColumnElement[bool]]:
    """What a filter says of `invoice` joined with `customer`; `today` is the creditor's."""
    found: list[ColumnElement[bool]] = []
    if wanted.state is not None:
        found.append(invoices.c.state == str(wanted.state))
    if wanted.segment is not None:
        found.append(wanted.segment == SEGMENT)
    if wanted.cadence is not None:
        of_name = select(cadences.c.id).where(cadences.c.name == wanted.cadence)
        found.append(invoices.c.cadence_id.in_(of_name))
    if wanted.customer is not None:
        found.append(customers.c.id == known_as(wanted.customer))
    if wanted.agent is not None:
        found.append(
            _has(cases_table, cases_table.c.status == "claimed", cases_table.c.claimed_by == wanted.agent)
        )
    if wanted.text is not None:
        found.append(contains(wanted.text, invoices.c.number, customers.c.key, customers.c.name))
    return found + _dated(wanted, today)


def _dated(wanted: InvoiceFilter, today: date) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.overdue_min is not None:
        found += [OPEN, invoices.c.due_on <= today - timedelta(days=wanted.overdue_min)]
    if wanted.overdue_max is not None:
        found += [OPEN, invoices.c.due_on >= today - timedelta(days=wanted.overdue_max)]
    if wanted.next_contact_before is not None:
        planned = _has(agenda_table, IS_CONTACT, agenda_table.c.at < wanted.next_contact_before)
        found += [OPEN, planned]
    return found


def _has(table: Any, *which: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(table.c.invoice_id == invoices.c.id, *which)


def contains(text: str, *columns: ColumnElement[Any]) -> ColumnElement[bool]:
    """That some column has a text in it, whatever its capitals."""
    return or_(*(column.icontains(text, autoescape=True) for column in columns))


async def check_filter(connection: AsyncConnection, wanted: InvoiceFilter) -> None:
    """Raise LedgerError where a filter names a customer, a segment or a cadence that nobody knows."""
    await check_names(connection, customer=wanted.customer, segment=wanted.segment, cadence=wanted.cadence)
