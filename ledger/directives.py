"""Directives as the relay takes them to workflows: each as it holds now, with what its workflow is found by."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select

from cadence.directive import Directive
from ledger.access import Ledger
from ledger.tables import customers, invoices


@dataclass(frozen=True, slots=True)
class Word:
    """What one workflow is told, and by which attributes Temporal's UI finds it; ids are ours."""

    directive: Directive
    customer_id: int
    segment: str


async def words(ledger: Ledger, invoice_ids: Iterable[int], *, closed: bool = False) -> list[Word]:
    """What the workflows of these invoices, by our ids, are to be told; with `closed`, of those that are closed."""
    columns = (invoices.c.directive, invoices.c.customer_id, customers.c.facts["segment"].astext)
    wanted = select(*columns).join_from(invoices, customers).where(invoices.c.id.in_(list(invoice_ids)))
    if closed:
        wanted = wanted.where(invoices.c.closed_at.is_not(None))
    async with ledger.engine.connect() as connection:
        rows = (await connection.execute(wanted)).all()
    return [Word(ledger.leaving(Directive.model_validate(row[0])), row[1], row[2]) for row in rows]
