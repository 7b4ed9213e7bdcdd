"""Approvals: the steps that wait for somebody's yes or no, the first asked first."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from cadence.document import Cadence
from cadence.facts import InvoiceFacts
from cadence.reducing.approvals import REASON
from cadence.words import rounded
from ledger.tables import cadences, cases_table, customers, invoices


class ApprovalLine(BaseModel):
    """A step that waits: who may say yes or no, since when, until when, and what it does if nobody does (`otherwise`).

    `case` is its case; `state` is the invoice's, which may be paused or disputed meanwhile: then its time stands still.
    """

    model_config = ConfigDict(frozen=True)

    case: int
    invoice: str
    customer: str
    customer_name: str
    state: str
    currency: str
    balance: Decimal
    step: str
    occurrence: int
    stage: str
    by: str
    asked_at: datetime
    reminded: int
    ends_at: datetime
    otherwise: str


async def list_approvals(
    engine: AsyncEngine, *, after: int | None = None, limit: int | None = None
) -> tuple[list[ApprovalLine], int | None]:
    """What waits for approval after the case `after`, and the case after which more of it waits, if any does.

    At most `limit` cases are looked at. Personal data: never log it.
    """
    wanted = (
        select(
            cases_table.c.id.label("case"),
            cases_table.c.key,
            invoices.c.number.label("invoice"),
            customers.c.key.label("customer"),
            customers.c.name.label("customer_name"),
            *invoices.c[("state", "currency", "balance", "facts")],
            cadences.c.document,
        )
        .join_from(cases_table, invoices)
        .join(customers)
        .join(cadences, invoices.c.cadence_id == cadences.c.id)
        .where(cases_table.c.reason == REASON, cases_table.c.status != "closed")
        .order_by(cases_table.c.id)  # in which they were opened
    )
    if after is not None:
        wanted = wanted.where(cases_table.c.id > after)
    if limit is not None:
        wanted = wanted.limit(limit + 1)
    async with engine.connect() as connection:
        rows = (await connection.execute(wanted)).mappings().all()
    lines = (_line(row) for row in rows[:limit])
    more = rows[limit - 1]["case"] if limit is not None and len(rows) > limit else None
    return [line for line in lines if line is not None], more


def _line(row: Any) -> ApprovalLine | None:
    key = row["key"].removeprefix("approval/")
    step_id, _, occurrence = key.rpartition("/")
    step = Cadence.model_validate(row["document"]).step(step_id)
    record = InvoiceFacts.model_validate(row["facts"]).steps.get(key)
    if step is None or step.approval is None or record is None or record.approval is None:
        return None  # the invoice moved to a cadence that needs no leave for it
    told = {name: row[name] for name in ("case", "invoice", "customer", "customer_name", "state", "currency")}
    return ApprovalLine(
        **told,
        balance=rounded(row["balance"], row["currency"]),
        step=step_id,
        occurrence=int(occurrence),
        stage=step.stage,
        by=step.approval.by,
        asked_at=record.approval.asked_at,
        reminded=record.approval.reminded,
        ends_at=record.approval.asked_at + step.approval.within,
        otherwise=step.approval.otherwise,
    )
