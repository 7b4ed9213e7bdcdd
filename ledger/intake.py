"""Intake: customers and invoices as the creditor's files give them, once, or as events where they changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import update

from cadence import events as e
from cadence.creditor import Email, Phone, Zone
from cadence.document import Cadence
from cadence.words import Channel, Currency, Language, Line, Money, Slug
from ledger import statements
from ledger.access import Ledger
from ledger.keys import address_fingerprint
from ledger.publishing import cadence_for_segment
from ledger.unit import Origin, Unit, customers

# A slip in a year must not silence an invoice for centuries, nor lead calendars past their end.
Day = Annotated[date, Field(ge=date(1990, 1, 1), lt=date(2100, 1, 1))]


Serves = Mapping[str, tuple[int, Cadence] | tuple[None, None]]
"""Which cadence serves which segment now, by our id and the document; (None, None) where none does."""


class InvoiceIntake(BaseModel):
    """One invoice with its customer, checked and normalised: E.164 phones, ISO codes, exact money."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: Annotated[Line, Field(max_length=30)]
    customer: Annotated[Line, Field(max_length=60)]
    customer_name: Annotated[Line, Field(max_length=60)]
    segment: Slug
    language: Language
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    subdivision: str | None = None
    zone: Zone
    email: Email | None = None
    phone: Phone | None = None
    whatsapp: Phone | None = None
    issued_on: Day
    due_on: Day
    amount: Annotated[Money, Field(gt=0, lt=Decimal(1000000000))]
    currency: Currency
    payment_method: str = ""
    stage: Slug | None = None


@dataclass(frozen=True, slots=True)
class Received:
    """What became of one row; `reason` is a sentence where it was rejected."""

    number: str
    outcome: Literal["new", "changed", "same", "rejected"]
    reason: str = ""


async def receive(
    ledger: Ledger, rows: Sequence[InvoiceIntake], now: datetime, origin: Origin
) -> list[Received]:
    """Take in rows in one transaction, in the order of their customers, so that two imports never block each other.

    A row that says what is known changes nothing; one that differs becomes events. The answer keeps the order
    of the rows. `origin.external_id` must be empty: rows are told apart by their content.
    """
    answers: dict[int, Received] = {}
    order = sorted(range(len(rows)), key=lambda index: (rows[index].customer, index))
    async with ledger.engine.begin() as connection:
        segments = sorted({row.segment for row in rows})
        serves = {segment: await cadence_for_segment(connection, segment) for segment in segments}
        for index in order:
            unit = Unit(connection, ledger.creditor, now)
            answers[index] = await _receive(unit, rows[index], serves, origin)
            await unit.finish()
    return [answers[index] for index in range(len(rows))]


async def _receive(unit: Unit, row: InvoiceIntake, serves: Serves, origin: Origin) -> Received:
    locked = await _lock_customer(unit, row)
    known = await _known_invoice(unit, row.number)
    if known and known["customer_key"] != row.customer:
        return Received(row.number, "rejected", "this invoice number belongs to another customer")
    if reason := _refusal(unit, row, known, serves):
        return Received(row.number, "rejected", reason)
    if not locked and not await _add_customer(unit, row):
        # Another import brought the customer while this one waited, and perhaps the invoice.
        await _lock_customer(unit, row)
        known = await _known_invoice(unit, row.number)
    customer_changed = await _receive_customer(unit, row, origin)
    if known is None:
        await _start(unit, row, serves, origin)
        return Received(row.number, "new")
    await unit.hold_invoices([known["id"]])
    changed = await _change(unit, known["id"], row, origin)
    return Received(row.number, "changed" if changed or customer_changed else "same")


async def _lock_customer(unit: Unit, row: InvoiceIntake) -> bool:
    """Lock the row's customer; False where there is none yet."""
    found = await unit.connection.execute(statements.LOCK_BY_KEY, {"wanted_key": row.customer})
    customer = found.mappings().one_or_none()
    if customer is not None:
        unit.hold_customer(customer)
    return customer is not None


async def _add_customer(unit: Unit, row: InvoiceIntake) -> bool:
    """Write a new customer; False where somebody else did so first."""
    values = {"key": row.customer, "facts": {}} | _contact(row)
    customer = (await unit.connection.execute(statements.ADD_CUSTOMER, values)).mappings().one_or_none()
    if customer is not None:
        unit.hold_customer(customer)
    return customer is not None


def _contact(row: InvoiceIntake) -> dict[str, str | None]:
    return {"name": row.customer_name, "email": row.email, "phone": row.phone, "whatsapp": row.whatsapp}


async def _known_invoice(unit: Unit, number: str) -> Any:
    found = await unit.connection.execute(statements.KNOWN_INVOICE, {"wanted_number": number})
    return found.mappings().one_or_none()


def _refusal(unit: Unit, row: InvoiceIntake, known: Any, serves: Serves) -> str | None:
    """Why a row cannot be taken in, as a sentence; None where it can."""
    if known and known["currency"] != row.currency:
        return (
            f"the invoice is in {known['currency']}; a currency never changes, cancel it and send a new one"
        )
    if unit.creditor.payment_in(row.currency) is None:
        return f"the creditor document says nothing on how to pay in {row.currency}; add it under payment"
    _, cadence = serves[row.segment]
    if cadence is None:
        return f"no published cadence serves the segment {row.segment!r}"
    if row.stage and row.stage not in cadence.stages:
        return f"the cadence {cadence.name!r} has no stage {row.stage!r}; it has {', '.join(cadence.stages)}"
    return None


async def _receive_customer(unit: Unit, row: InvoiceIntake, origin: Origin) -> bool:
    contact = _contact(row)
    received = _customer_event(row)
    new = not unit.customer["facts"]
    known = None if new else e.CustomerReceived(**_known_customer(unit))
    if {name: unit.customer[name] for name in contact} != contact:
        stored = update(customers).where(customers.c.id == unit.customer["id"])
        await unit.connection.execute(stored.values(contact))
    if received == known:
        return False
    await unit.tell_customer(received, origin)
    return not new


def _known_customer(unit: Unit) -> dict[str, Any]:
    return unit.customer_facts.model_dump(exclude={"suppressed", "holds"})


def _customer_event(row: InvoiceIntake) -> e.CustomerReceived:
    given = {Channel.EMAIL: row.email, Channel.SMS: row.phone, Channel.WHATSAPP: row.whatsapp}
    return e.CustomerReceived(
        segment=row.segment,
        language=row.language,
        country=row.country,
        subdivision=row.subdivision,
        zone=row.zone,
        addresses={channel: address_fingerprint(address) for channel, address in given.items() if address},
    )


async def _start(unit: Unit, row: InvoiceIntake, serves: Serves, origin: Origin) -> None:
    cadence_id, _ = serves[row.segment]
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
    for hold in unit.customer_facts.holds:
        if hold.until and hold.until <= unit.now:
            continue
        placed = e.HoldPlaced(hold=hold.hold, reason=hold.reason, until=hold.until)
        await unit.tell(held, placed, Origin(origin.actor, "regua"))


async def _change(unit: Unit, invoice_id: int, row: InvoiceIntake, origin: Origin) -> bool:
    held = unit.invoice(invoice_id)
    facts = held.facts
    if (facts.amount, facts.due_on, facts.payment_method) == (row.amount, row.due_on, row.payment_method):
        return False
    changed = e.InvoiceChanged(
        amount=row.amount,
        due_on=row.due_on,
        payment_method=row.payment_method,
        on=unit.now.astimezone(unit.creditor.timezone).date(),
    )
    return await unit.tell(held, changed, origin)
