"""References: the names, beside its number, by which those who pay an invoice and those who pass money on know it."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection
from stdnum import iso11649
from stdnum.exceptions import ValidationError
from stdnum.iso7064 import mod_97_10

from ledger import statements
from ledger.database import LedgerError
from ledger.driving import run
from ledger.service_tables import references_table
from ledger.tables import invoices
from ledger.unit import Held, Unit

CREDITOR, PIX, PROVIDER = "creditor_reference", "pix_txid", "provider"
# What our own creditor references begin with after their check digits, and to how many digits the id is filled up.
_OURS, _DIGITS = "RG", 8
_OUR_FORM = re.compile(r"RF\d\dRG\d{8,}")
_TITLES = {CREDITOR: "the creditor reference", PIX: "the Pix txid", PROVIDER: "the payment reference"}


@dataclass(frozen=True, slots=True)
class Reference:
    """A word by which an invoice may be found; `kind` as `channels.rails.money.Reference` has it."""

    kind: str
    value: str


class ReferenceTaken(LedgerError):
    """A reference that was given for an invoice names another one; `whose` says which."""

    def __init__(self, reference: Reference, whose: str) -> None:
        super().__init__(
            "reference_taken",
            f"{_TITLES[reference.kind]} {reference.value!r} names {whose}; a reference names one invoice, so "
            "check both",
        )


def creditor_reference(invoice_id: int) -> str:
    """The creditor reference (ISO 11649) that we make for an invoice of ours: RF, check digits, RG and the id."""
    body = f"{_OURS}{invoice_id:0{_DIGITS}d}"
    return f"RF{mod_97_10.calc_check_digits(f'{body}RF')}{body}"


def as_creditor_reference(text: str) -> str | None:
    """`text` as ISO 11649 writes it for machines, whatever its spaces and case; None where it is none."""
    try:
        found: str = iso11649.validate(text)
    except ValidationError:
        return None
    return found if found.isascii() else None  # the library takes the digits of every script


def given_references(pix_txid: str | None, payment_reference: str | None) -> list[Reference]:
    """What a creditor's file says of one invoice, each by its kind."""
    found = [Reference(PIX, pix_txid)] if pix_txid else []
    if payment_reference:
        creditors = as_creditor_reference(payment_reference)
        found.append(Reference(CREDITOR, creditors) if creditors else Reference(PROVIDER, payment_reference))
    return found


async def add_references(
    connection: AsyncConnection, invoice_id: int, references: Sequence[Reference]
) -> bool:
    """Keep what an invoice is known by; False where all of it was known. Nothing is ever taken away.

    Money may come by an old reference. Raises ReferenceTaken, after which the transaction must be given back.
    """
    if not references:
        return False
    for each in references:
        # One that we make, or shall make, for another invoice would keep that one from getting it.
        if _OUR_FORM.fullmatch(each.value) and each != Reference(CREDITOR, creditor_reference(invoice_id)):
            raise ReferenceTaken(each, "another invoice of ours")
    values = {"kinds": [each.kind for each in references], "values": [each.value for each in references]}
    new = len(await run(connection, statements.ADD_REFERENCES, values | {"invoice_id": invoice_id}))
    if new < len(references):
        await _refuse_taken(connection, invoice_id, references)
    return new > 0


async def _refuse_taken(
    connection: AsyncConnection, invoice_id: int, references: Iterable[Reference]
) -> None:
    wanted = tuple_(references_table.c.kind, references_table.c.value).in_(
        [(each.kind, each.value) for each in references]
    )
    found = await connection.execute(
        select(references_table.c.kind, references_table.c.value, invoices.c.number)
        .join_from(references_table, invoices)
        .where(wanted, references_table.c.invoice_id != invoice_id)
    )
    for kind, value, number in found:
        raise ReferenceTaken(Reference(kind, value), f"invoice {number} already")


async def references_of(
    connection: AsyncConnection, invoice_ids: Sequence[int]
) -> dict[int, list[Reference]]:
    """What invoices are known by, by our ids: the one to quote comes first (see `quoted`)."""
    stored = (
        select(references_table)
        .where(references_table.c.invoice_id.in_(invoice_ids))
        .order_by(references_table.c.kind, references_table.c.value)
    )
    found: dict[int, list[Reference]] = {}
    for row in (await connection.execute(stored)).mappings():
        found.setdefault(row["invoice_id"], []).append(Reference(row["kind"], row["value"]))
    for invoice_id, known in found.items():
        known.sort(key=lambda each: (each.kind != CREDITOR, each.value == creditor_reference(invoice_id)))
    return found


async def quoted(unit: Unit, held: Held) -> str:
    """The creditor reference that a customer is asked to quote: the one on the creditor's own papers before ours.

    Empty, and not looked for, where the creditor's instructions for the invoice's currency quote none.
    """
    payment = unit.creditor.payment_in(held.facts.currency)
    if payment is None or not payment.quotes_reference:
        return ""
    known = (await references_of(unit.connection, [held.id])).get(held.id, [])
    return next((each.value for each in known if each.kind == CREDITOR), creditor_reference(held.id))
