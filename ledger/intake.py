"""Intake: customers and invoices as the creditor's files give them, once, or as events where they changed."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from cadence import events as e
from cadence.customers import reduce_customer
from cadence.document import Cadence
from cadence.segments import Decision
from cadence.words import Currency, Line, Money, Slug
from ledger import statements
from ledger.access import Ledger
from ledger.customer_intake import (
    Changed,
    ContactIntake,
    CustomerIntake,
    CustomerKey,
    RoleTaken,
    add_customer,
    lock_customer,
    receive_contact,
    receive_customer,
    told_of,
)
from ledger.database import CustomerMoved
from ledger.driving import run
from ledger.ownership import own_keys
from ledger.publishing import cadence_for_segment
from ledger.references import (
    CREDITOR,
    Reference,
    ReferenceTaken,
    add_references,
    creditor_reference,
    given_references,
)
from ledger.segmenting import assign, decided
from ledger.spoken_for import finish
from ledger.unit import Origin, Unit

# A slip in a year must not silence an invoice for centuries, nor lead calendars past their end.
FIRST_DAY, END_OF_DAYS = date(1990, 1, 1), date(2100, 1, 1)
Day = Annotated[date, Field(ge=FIRST_DAY, lt=END_OF_DAYS)]


Served = tuple[int, Cadence] | tuple[None, None]
"""The cadence that serves a segment now, by our id and the document; (None, None) where none does."""
Serving = dict[str, Served]
Expect = Callable[[AsyncConnection], Awaitable[None]]


class InvoiceTerms(BaseModel):
    """One invoice of a customer who is known, checked and normalised: ISO codes, exact money."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: Annotated[Line, Field(max_length=30)]
    customer: CustomerKey
    issued_on: Day
    due_on: Day
    amount: Annotated[Money, Field(gt=0, lt=Decimal(1000000000))]
    currency: Currency
    payment_method: str = ""
    stage: Slug | None = None
    pix_txid: Annotated[str, Field(pattern=r"^[A-Za-z0-9]{1,35}$")] | None = None
    payment_reference: Annotated[Line, Field(max_length=60)] | None = None

    @property
    def references(self) -> list[Reference]:
        """By what else payers and providers know the invoice."""
        return given_references(self.pix_txid, self.payment_reference)


class InvoiceIntake(CustomerIntake, InvoiceTerms):
    """One invoice with its customer, as a row of a file has both."""


Intake = CustomerIntake | ContactIntake | InvoiceTerms
"""Whatever the creditor's books tell; an InvoiceIntake is the first and the last at once."""


@dataclass(frozen=True, slots=True)
class Received:
    """What became of one row; `number` is its invoice's, or its customer's or contact's key.

    `reason` is a sentence where it was rejected.
    """

    number: str
    outcome: Literal["new", "changed", "same", "rejected"]
    reason: str = ""


async def receive(
    ledger: Ledger, rows: Sequence[Intake], now: datetime, origin: Origin, expect: Expect | None = None
) -> list[Received]:
    """Take in rows in one transaction, in the order of their customers, so that two imports never block each other.

    A row that says what is known changes nothing; one that differs becomes events. The answer keeps the order
    of the rows. `origin.external_id` must be empty: rows are told apart by their content. `expect` is asked,
    with the customer locked, before a row changes anything, and may raise.

    A row that names a customer who was merged into another brings that one its invoice, and nothing else: whose
    name and addresses to keep was decided with the merge, and books that still have both must not undo it.
    """
    while True:
        # Merged while these rows waited for a lock, a customer has another place in the order: then all over again.
        with suppress(CustomerMoved):
            async with ledger.engine.begin() as connection:
                owners = await own_keys(connection, (row.customer for row in rows))
                owned = [_owned(row, owners) for row in rows]
                return await _receive_all(Unit(connection, ledger.book, now), owned, origin, expect)


def _owned(row: Intake, owners: Mapping[str, str]) -> Intake | Received:
    """The row as it is meant for who took its customer over; where nothing of it is, the answer to it."""
    owner = owners.get(row.customer)
    if owner is None:
        return row
    if not isinstance(row, InvoiceTerms):
        return Received(_name(row), "same")
    terms = {name: getattr(row, name) for name in InvoiceTerms.model_fields}
    return InvoiceTerms.model_validate(terms | {"customer": owner})


async def _receive_all(
    first: Unit, rows: Sequence[Intake | Received], origin: Origin, expect: Expect | None
) -> list[Received]:
    answers = {index: row for index, row in enumerate(rows) if isinstance(row, Received)}
    serving: Serving = {}
    meant = [(row.customer, index, row) for index, row in enumerate(rows) if not isinstance(row, Received)]
    for _, index, row in sorted(meant, key=lambda each: each[:2]):
        unit = Unit(first.connection, first.book, first.now)
        answers[index] = await _receive_row(unit, row, serving, origin, expect)
    return [answers[index] for index in range(len(rows))]


async def _receive_row(
    unit: Unit, row: Intake, serving: Serving, origin: Origin, expect: Expect | None
) -> Received:
    """Take in one row, or nothing of it where a reference or a role of its turns out to be another's."""
    gives_back = isinstance(row, ContactIntake) or (isinstance(row, InvoiceTerms) and row.references)
    try:
        async with unit.connection.begin_nested() if gives_back else nullcontext():
            received = await _receive(unit, row, serving, origin, expect)
            await finish(unit)
    except (ReferenceTaken, RoleTaken) as taken:
        return Received(_name(row), "rejected", str(taken))
    return received


def _name(row: Intake) -> str:
    if isinstance(row, InvoiceTerms):
        return row.number
    return row.contact if isinstance(row, ContactIntake) else row.customer


async def _receive(
    unit: Unit, row: Intake, serving: Serving, origin: Origin, expect: Expect | None
) -> Received:
    locked = await lock_customer(unit, row.customer)
    if not locked and not isinstance(row, CustomerIntake):
        return Received(_name(row), "rejected", "its customer is not known; send the customer first")
    if expect is not None:
        await expect(unit.connection)
    if isinstance(row, ContactIntake):
        return Received(row.contact, await receive_contact(unit, row, origin))
    known = await _known_invoice(unit, row.number) if isinstance(row, InvoiceTerms) else None
    decision = await _decision(unit, row, known, locked=locked)
    segment = decision.segment
    if segment not in serving:
        serving[segment] = await cadence_for_segment(unit.connection, segment)
    if reason := _refusal(unit, row, known, segment, serving):
        return Received(_name(row), "rejected", reason)
    customer: Changed = "same"
    if isinstance(row, CustomerIntake):
        if not locked and not await add_customer(unit, row):
            # Another import brought the customer while this one waited, and perhaps the invoice.
            await lock_customer(unit, row.customer)
            known = await _known_invoice(unit, row.number) if isinstance(row, InvoiceIntake) else None
        customer = await receive_customer(unit, row, origin)
    if await assign(unit, decision, origin) and customer == "same":
        customer = "changed"
    return await _receive_invoice(unit, row, known, serving[segment], customer, origin)


async def _receive_invoice(
    unit: Unit, row: Intake, known: Any, served: Served, customer: Changed, origin: Origin
) -> Received:
    """Take in the invoice of a row, if it has one, once its customer is; `customer` is what became of them."""
    if not isinstance(row, InvoiceTerms):
        return Received(row.customer, customer)
    if known is None:
        await _start(unit, row, served, origin)
        return Received(row.number, "new")
    await unit.hold_invoices([known["id"]])
    changed = await _change(unit, known["id"], row, origin)
    changed |= await add_references(unit.connection, known["id"], row.references)
    return Received(row.number, "changed" if changed or customer != "same" else "same")


async def _decision(unit: Unit, row: Intake, known: Any, *, locked: bool) -> Decision:
    """The segment that a row's customer has with it: judged anew for a new invoice, and where the customer changed."""
    told = (
        reduce_customer(unit.customer_facts if locked else None, told_of(row))
        if isinstance(row, CustomerIntake)
        else None
    )
    facts = told or unit.customer_facts
    if known is not None and facts == unit.customer_facts:
        return Decision(facts.segment, facts.assigned)
    return await decided(unit, facts, new=not locked)


async def _known_invoice(unit: Unit, number: str) -> Any:
    found = await run(unit.connection, statements.KNOWN_INVOICE, {"wanted_number": number})
    return found[0] if found else None


def _refusal(unit: Unit, row: Intake, known: Any, segment: str, serving: Serving) -> str | None:
    """Why a row cannot be taken in, as a sentence; None where it can."""
    _, cadence = serving[segment]
    if cadence is None:
        return f"no published cadence serves the segment {segment!r}"
    if not isinstance(row, InvoiceTerms):
        return None
    if known and known["customer_key"] != row.customer:
        return "this invoice number belongs to another customer"
    if known and known["currency"] != row.currency:
        return (
            f"the invoice is in {known['currency']}; a currency never changes, cancel it and send a new one"
        )
    if unit.creditor.payment_in(row.currency) is None:
        return f"the creditor document says nothing on how to pay in {row.currency}; add it under payment"
    if row.stage and row.stage not in cadence.stages:
        return f"the cadence {cadence.name!r} has no stage {row.stage!r}; it has {', '.join(cadence.stages)}"
    return None


async def _start(unit: Unit, row: InvoiceTerms, served: Served, origin: Origin) -> None:
    cadence_id, _ = served
    event = e.InvoiceReceived(
        amount=row.amount,
        currency=row.currency,
        issued_on=row.issued_on,
        due_on=row.due_on,
        payment_method=row.payment_method,
        stage=row.stage,
        close_below=unit.creditor.close_below.get(row.currency, Decimal(0)),
    )
    held = await unit.begin_invoice(row.number, int(cadence_id or 0), event, origin)
    ours = Reference(CREDITOR, creditor_reference(held.id))
    await add_references(unit.connection, held.id, [ours, *row.references])
    await unit.pause_with_customer(held, origin.actor)


async def _change(unit: Unit, invoice_id: int, row: InvoiceTerms, origin: Origin) -> bool:
    held = unit.invoice(invoice_id)
    facts = held.facts
    # Books know nothing of an extension: a row with the due date that it was extended from takes nothing back.
    due_on = facts.due_on if row.due_on == facts.extended_from else row.due_on
    if (facts.amount, facts.due_on, facts.payment_method) == (row.amount, due_on, row.payment_method):
        return False
    changed = e.InvoiceChanged(
        amount=row.amount,
        due_on=due_on,
        payment_method=row.payment_method,
        on=unit.now.astimezone(unit.creditor.timezone).date(),
    )
    return await unit.tell(held, changed, origin)
