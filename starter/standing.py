"""Where an invoice or a customer stands when somebody reports something about it, and the one way to report it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from cadence import events as e
from cadence.customer_facts import CustomerFacts
from cadence.facts import InvoiceFacts
from ledger.access import Ledger
from ledger.recording import Fact, Situation, situation_of, tell, tell_customer
from ledger.searching import status_from
from ledger.told_before import told_under
from ledger.unit import Held, Origin, Unit
from ledger.views import InvoiceStatus
from starter.session import Refusal

# Looks at the ledger within the transaction that will record, and raises where the caller's picture is an old one.
Expect = Callable[[AsyncConnection], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Standing:
    """An invoice by the creditor's number: its facts, and where it stands on its ruler."""

    id: int
    number: str
    facts: InvoiceFacts
    situation: Situation


@dataclass(frozen=True, slots=True)
class CustomerStanding:
    """A customer by the creditor's key: its facts, and how many of its invoices are open."""

    id: int
    key: str
    facts: CustomerFacts
    open_invoices: int


@dataclass(frozen=True, slots=True)
class Report:
    """An event to be recorded, and the aware instant at which it happened."""

    event: e.InvoiceEvent
    at: datetime


@dataclass(frozen=True, slots=True)
class Told:
    """How an invoice stands after a report; `recorded` is False where it had been told before and changed nothing."""

    stands: Standing
    status: InvoiceStatus
    recorded: bool


async def standing(ledger: Ledger, number: str, now: datetime) -> Standing:
    """Where the creditor's invoice `number` stands at the aware instant `now`; raise UnknownInvoice."""
    invoice_id = await ledger.invoice_id(number)
    async with ledger.invoice_unit(invoice_id, now) as unit:
        return _standing(unit, unit.invoice(invoice_id), number)


async def report(
    ledger: Ledger,
    number: str,
    origin: Origin,
    judge: Callable[[Standing, datetime], Report],
    now: datetime,
    *,
    amount: Decimal | None = None,
    expect: Expect | None = None,
) -> Told:
    """Record what `judge` makes of an invoice's standing at the aware instant `now`, under the invoice's lock.

    `amount` is the money that the origin's id stands for, if it does for any. `judge` raises Refusal for what makes
    no sense, `expect` whatever it likes; then nothing is recorded. Raises UnknownInvoice, and Refusal where the
    origin's id was told of another invoice, or of something else.
    """
    invoice_id = await ledger.invoice_id(number)
    async with ledger.invoice_unit(invoice_id, now) as unit:
        held = unit.invoice(invoice_id)
        if expect:
            await expect(unit.connection)
        stands = _standing(unit, held, number)
        known = await told_under(unit.connection, origin)
        if known is None:
            judged = judge(stands, now)
            recorded = await tell(unit, held, Fact(judged.event, judged.at, origin))
        else:
            _refuse_other(known, stands, origin, amount)
            recorded = False
    return Told(_standing(unit, held, number), _status(unit, held, number), recorded)


async def act_on(
    ledger: Ledger,
    number: str,
    act: Callable[[Unit, Held], Awaitable[bool]],
    now: datetime,
    expect: Expect | None = None,
) -> Told:
    """Do to an invoice, under its customer's lock, what takes more than one event; `act` says whether it was new.

    Raises UnknownInvoice, and what `act` and `expect` raise; then nothing is recorded.
    """
    invoice_id = await ledger.invoice_id(number)
    async with ledger.invoice_unit(invoice_id, now) as unit:
        if expect:
            await expect(unit.connection)
        held = unit.invoice(invoice_id)
        recorded = await act(unit, held)
    return Told(_standing(unit, held, number), _status(unit, held, number), recorded)


async def report_customer(
    ledger: Ledger,
    key: str,
    origin: Origin,
    judge: Callable[[CustomerStanding, datetime], Sequence[e.CustomerEvent]],
    now: datetime,
    expect: Expect | None = None,
) -> CustomerStanding:
    """Record what `judge` makes of a customer's standing, for the customer and all its open invoices.

    Raises UnknownCustomer, and what `judge` and `expect` raise; then nothing is recorded.
    """
    customer_id = await ledger.customer_id(key)
    async with ledger.unit(customer_id, None, now) as unit:
        if expect:
            await expect(unit.connection)
        for event in judge(CustomerStanding(customer_id, key, unit.customer_facts, len(unit.held)), now):
            await tell_customer(unit, event, origin, now)
    return CustomerStanding(customer_id, key, unit.customer_facts, len(unit.held))


def _standing(unit: Unit, held: Held, number: str) -> Standing:
    return Standing(held.id, number, held.facts, situation_of(unit, held))


def _status(unit: Unit, held: Held, number: str) -> InvoiceStatus:
    closed_at = (held.row["closed_at"] or unit.now) if held.facts.closed else None
    return status_from(number, held.facts, held.directive, closed_at)


def _refuse_other(known: Any, stands: Standing, origin: Origin, amount: Decimal | None) -> None:
    """Refuse an id under which something else was told: one of the two is a slip, and whoever made it is here."""
    told = f"{origin.external_id!r} was told of invoice {known.number} already"
    if known.number != stands.number:
        raise Refusal(f"{told}; check the id", code="id_taken", field="id")
    before = known.payload.get("amount")
    if None not in (amount, before) and Decimal(before) != amount:
        raise Refusal(
            f"{told}, with the amount {before}; check the id and the amount", code="id_taken", field="id"
        )
