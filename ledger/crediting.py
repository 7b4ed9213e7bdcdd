"""Credit: what customers paid too much lies on the invoice it came to, until it is moved, refunded or taken back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from cadence import events as e
from cadence.facts import InvoiceFacts
from cadence.words import is_sum, rounded
from ledger.database import LedgerError, UnknownCustomer
from ledger.ownership import known_as
from ledger.tables import events_table, invoices
from ledger.unit import Held, Origin, Unit

# The key spaces of a credit that was moved: where it came from, and where it went.
OUT, INTO = "credit_out", "credit"
RETURNED = Origin(actor="regua", source="credit_returned")


class CreditLine(BaseModel):
    """What lies on one invoice to the customer's good."""

    model_config = ConfigDict(frozen=True)

    invoice: str
    currency: str
    credit: Decimal


class CustomerCredit(BaseModel):
    """All that is to a customer's good: in each currency, and on which invoices, the oldest due first."""

    model_config = ConfigDict(frozen=True)

    customer: str
    credit: dict[str, Decimal]
    invoices: tuple[CreditLine, ...]


@dataclass(frozen=True, slots=True)
class Used:
    """How much credit came to an invoice, from which others by their numbers; nothing new where told before."""

    amount: Decimal
    sources: tuple[str, ...]
    recorded: bool


async def credit_of(engine: AsyncEngine, key: str) -> CustomerCredit:
    """What is to the good of the customer whom the creditor's `key` names; raise UnknownCustomer."""
    wanted = (
        select(invoices.c.number, invoices.c.currency, -invoices.c.balance)
        .where(invoices.c.customer_id == known_as(key), invoices.c.balance < 0)
        .order_by(invoices.c.currency, invoices.c.due_on, invoices.c.number)
    )
    async with engine.connect() as connection:
        rows = (await connection.execute(wanted)).all()
        if (await connection.execute(select(known_as(key)))).scalar_one() is None:
            raise UnknownCustomer(key)
    lines = tuple(
        CreditLine(invoice=number, currency=currency, credit=rounded(credit, currency))
        for number, currency, credit in rows
    )
    total = {line.currency: Decimal(0) for line in lines}
    for line in lines:
        total[line.currency] += line.credit
    return CustomerCredit(customer=key, credit=total, invoices=lines)


async def use_credit(unit: Unit, held: Held, amount: Decimal | None, origin: Origin) -> Used:
    """Move the customer's credit in the invoice's currency onto a locked, open invoice: `amount`, or what it needs.

    The oldest due is used first. The origin's external id counts once: told again, it changes nothing. Raises
    LedgerError where the id was told of something else, nothing is owed, or there is less credit than that.
    """
    if earlier := await _used_before(unit, origin, held, amount):
        return earlier
    if held.facts.closed or held.facts.balance <= 0:
        raise LedgerError(
            "nothing_owed", f"nothing is owed on invoice {held.row['number']}; leave the credit where it is"
        )
    if amount is not None and not is_sum(amount, held.facts.currency):
        raise LedgerError(
            "bad_amount",
            f"{amount} is no sum in {held.facts.currency}: it is above zero, with no more decimals than that has",
        )
    if amount is not None and amount > held.facts.balance:
        raise LedgerError("more_than_open", f"{amount} is more than is open: {held.facts.balance}")
    sources = await _in_credit(unit, held)
    there = sum((source.facts.credit for source in sources), Decimal(0))
    wanted = min(held.facts.balance, there) if amount is None else amount
    if there == 0 or wanted > there:
        has = f"{there} in {held.facts.currency}" if there else f"none in {held.facts.currency}"
        raise LedgerError("not_enough_credit", f"the customer's credit is not enough: there is {has}")
    return await _draw(unit, held, sources, wanted, origin)


async def _draw(unit: Unit, held: Held, sources: Sequence[Held], wanted: Decimal, origin: Origin) -> Used:
    left, names = wanted, []
    for number, source in enumerate(sources, 1):
        share = min(left, source.facts.credit)
        if not share:
            break
        left -= share
        names.append(str(source.row["number"]))
        await _move(unit, source, held, share, origin, f"{origin.external_id}/{number}")
    return Used(wanted, tuple(names), recorded=True)


async def _move(
    unit: Unit, source: Held, target: Held, amount: Decimal, origin: Origin, key: str | None
) -> None:
    currency = source.facts.currency
    out = Origin(origin.actor, OUT if key else origin.source, key, origin.note)
    into = Origin(origin.actor, INTO if key else origin.source, key, origin.note)
    await unit.tell(source, e.CreditMoved(amount=amount, currency=currency, to=target.id), out)
    await unit.tell(target, e.CreditApplied(amount=amount, currency=currency, of=source.id), into)


async def _used_before(unit: Unit, origin: Origin, held: Held, amount: Decimal | None) -> Used | None:
    """What an id brought about when it was told first; None where it is new."""
    of_id = events_table.c.external_id.startswith(f"{origin.external_id}/", autoescape=True)
    told = await unit.connection.execute(
        select(events_table.c.invoice_id, events_table.c.external_id, events_table.c.payload)
        .where(events_table.c.source == INTO, of_id)
        .order_by(events_table.c.id)
    )
    # "a/1" is of the id "a"; "a/b/1" is of another.
    parts = [row for row in told if row.external_id.rpartition("/")[0] == origin.external_id]
    if not parts:
        return None
    total = sum((Decimal(row.payload["amount"]) for row in parts), Decimal(0))
    if parts[0].invoice_id != held.id or amount not in (None, total):
        raise LedgerError(
            "id_taken", f"{origin.external_id!r} was told of {total} already; check the id and the amount"
        )
    return Used(total, (), recorded=False)


async def _in_credit(unit: Unit, held: Held) -> list[Held]:
    """The customer's other invoices with credit in the same currency, locked, the oldest due first."""
    wanted = select(invoices.c.id).where(
        invoices.c.customer_id == unit.customer["id"],
        invoices.c.currency == held.facts.currency,
        invoices.c.balance < 0,
    )
    ids = (await unit.connection.execute(wanted)).scalars().all()
    await unit.hold_invoices(ids)
    found = [unit.invoice(each) for each in ids if each != held.id]
    return sorted(found, key=lambda each: (each.facts.due_on, each.row["number"]))


async def return_what_is_overdrawn(unit: Unit, held: Held, at: datetime) -> None:
    """Bring back what had been moved away of a payment that is gone: the invoices it went to owe it again.

    What they had moved on comes back as well. Nothing is left that owes more than it was asked for.
    """
    waiting = [held]
    while waiting:
        source = waiting.pop()
        for other, amount in overdrawn(source.facts):
            await unit.hold_invoices([other])
            target = unit.invoice(other)
            await _move(unit, target, source, amount, RETURNED, None)
            waiting.append(target)


def overdrawn(facts: InvoiceFacts) -> list[tuple[int, Decimal]]:
    """Which invoices hold money that was moved there and is owed here now, and how much; the last that came first."""
    left, found = max(Decimal(0), facts.balance), []
    for other, moved in sorted(facts.moved.items(), reverse=True):
        share = min(left, max(Decimal(0), -moved))
        if share:
            found.append((other, share))
            left -= share
    return found
