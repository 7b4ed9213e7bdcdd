"""Merging by a file of happenings: the customers of two invoices who turn out to be one."""

from datetime import datetime

from sqlalchemy import select

from ledger.access import Ledger
from ledger.database import UnknownInvoice
from ledger.merging import merge
from ledger.unit import Origin, customers, invoices
from starter.acts import UNSPECIFIED
from starter.happenings import Happening


async def merge_owners(ledger: Ledger, happening: Happening, actor: str, now: datetime) -> bool:
    """Merge the customer of a happening's invoice into the one of the invoice that it names; False where they are one.

    Raises UnknownInvoice, and LedgerError where they cannot be merged.
    """
    assert happening.into is not None, "a merge names an invoice of who stays"
    gone, stays = await _owner(ledger, happening.invoice), await _owner(ledger, happening.into)
    if gone == stays:
        return False
    # A merge is many events, and counts once by itself: none of them can bear the key of the row.
    origin = Origin(actor, happening.source)
    done = await merge(ledger, gone, stays, happening.reason or UNSPECIFIED, origin, now)
    return done.recorded


async def _owner(ledger: Ledger, number: str) -> str:
    found = select(customers.c.key).join_from(invoices, customers).where(invoices.c.number == number)
    async with ledger.engine.connect() as connection:
        key: str | None = (await connection.execute(found)).scalar_one_or_none()
    if key is None:
        raise UnknownInvoice(number)
    return key
