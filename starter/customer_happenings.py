"""Happenings of a customer, or of several of their invoices, told by one of these: each done as its command does it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from cadence import events as e
from ledger.access import Ledger
from ledger.allocating import CustomerPayment, pay_customer, reverse_payment
from ledger.charging import Claim
from ledger.crediting import use_credit
from ledger.keys import hold_key, told_key
from ledger.merging import merge
from ledger.recording import end_customer_holds, situation, tell_customer
from ledger.segmenting import assign_by_hand
from ledger.unit import Origin, Unit
from starter.acts import UNSPECIFIED
from starter.charging import charge
from starter.happenings import Happening, Kind, end_of, money_in, note_of
from starter.sense import NothingToEnd


@dataclass(frozen=True, slots=True)
class Occasion:
    """Where and by whom a happening is told, at which aware instant, and where the regimes of late charges lie."""

    ledger: Ledger
    actor: str
    now: datetime
    policies_dir: Path


async def happen(occasion: Occasion, happening: Happening) -> bool:
    """Let a happening of `OF_CUSTOMERS` happen; False where it had been told before.

    Raises UnknownInvoice; LedgerError, DocumentError or ValueError, in a sentence, where it makes no sense.
    """
    invoice_id = await occasion.ledger.invoice_id(happening.invoice)
    return await OF_CUSTOMERS[happening.event](occasion, happening, invoice_id)


def _origin(occasion: Occasion, happening: Happening) -> Origin:
    return Origin(occasion.actor, happening.source, happening.key, note_of(happening))


async def _pay(occasion: Occasion, happening: Happening, invoice_id: int) -> bool:
    ledger = occasion.ledger
    amount, currency = await _money(occasion, happening, invoice_id)
    assert amount is not None, "a payment has an amount"
    paid = CustomerPayment(happening.key, amount, currency, happening.at, happening.reason or "")
    owner, origin = await ledger.owner(invoice_id), _origin(occasion, happening)
    return (await pay_customer(ledger, owner, paid, origin, occasion.now)).recorded


async def _take_back(occasion: Occasion, happening: Happening, invoice_id: int) -> bool:
    ledger, payment = occasion.ledger, told_key(happening.text or "")
    owner = await ledger.owner(invoice_id)
    origin = _origin(occasion, happening)
    back = await reverse_payment(ledger, owner, payment, happening.amount, origin, happening.at, occasion.now)
    return back.recorded


async def _use_credit(occasion: Occasion, happening: Happening, invoice_id: int) -> bool:
    amount, _ = await _money(occasion, happening, invoice_id)
    # In the key space of credit that was used, also where the row has no id of its own.
    origin = _origin(occasion, happening)
    async with occasion.ledger.invoice_unit(invoice_id, occasion.now) as unit:
        return (await use_credit(unit, unit.invoice(invoice_id), amount, origin)).recorded


async def _money(occasion: Occasion, happening: Happening, invoice_id: int) -> tuple[Decimal | None, str]:
    """The amount of a row, and its currency: the invoice's own where the row has none."""
    stands = await situation(occasion.ledger, invoice_id, occasion.now)
    return happening.amount, money_in(happening, stands)


async def _charge(occasion: Occasion, happening: Happening, _invoice_id: int) -> bool:
    day = happening.at.astimezone(occasion.ledger.creditor.timezone).date()
    until = happening.on or day
    if until > day:
        raise ValueError(f"date: {until} is not over by then; claim up to {day}")
    only = happening.reason
    claim = Claim(until, interest=only != "costs", costs=only != "interest")
    origin = _origin(occasion, happening)
    told = await charge(
        occasion.ledger, occasion.policies_dir, happening.invoice, claim, origin, occasion.now
    )
    return told.recorded


async def _pause(occasion: Occasion, happening: Happening, invoice_id: int) -> bool:
    async def act(unit: Unit, origin: Origin) -> bool:
        placed = e.CustomerHoldPlaced(
            # Hashed: it travels to Temporal, where the file's own numbers must not be.
            hold=hold_key(happening.key, happening.at.isoformat()),
            reason=happening.reason or UNSPECIFIED,
            until=end_of(happening, ZoneInfo(unit.customer_facts.zone)),
        )
        return await tell_customer(unit, placed, origin, happening.at)

    return await _with_customer(occasion, happening, invoice_id, act)


async def _resume(occasion: Occasion, happening: Happening, invoice_id: int) -> bool:
    async def act(unit: Unit, origin: Origin) -> bool:
        if not unit.customer_facts.holds:
            raise NothingToEnd("event: the customer is not paused then; put a customer_pause before it")
        return await end_customer_holds(unit, origin, happening.at)

    return await _with_customer(occasion, happening, invoice_id, act)


async def _assign(occasion: Occasion, happening: Happening, invoice_id: int) -> bool:
    async def act(unit: Unit, origin: Origin) -> bool:
        assert happening.reason is not None, "a segment is named"
        return await assign_by_hand(unit, happening.reason, UNSPECIFIED, origin, "now")

    return await _with_customer(occasion, happening, invoice_id, act)


async def _with_customer(
    occasion: Occasion, happening: Happening, invoice_id: int, act: Callable[[Unit, Origin], Awaitable[bool]]
) -> bool:
    """Do something with the customer and all their open invoices locked."""
    owner = await occasion.ledger.owner(invoice_id)
    async with occasion.ledger.unit(owner, None, occasion.now) as unit:
        return await act(unit, _origin(occasion, happening))


async def _merge(occasion: Occasion, happening: Happening, invoice_id: int) -> bool:
    assert happening.into is not None, "a merge names an invoice of who stays"
    ledger = occasion.ledger
    owners = [await ledger.owner(each) for each in (invoice_id, await ledger.invoice_id(happening.into))]
    gone, stays = [await ledger.customer_key(each) for each in owners]
    if gone == stays:
        return False
    # A merge is many events, and counts once by itself: none of them can bear the key of the row.
    origin = Origin(occasion.actor, happening.source)
    merged = await merge(ledger, gone, stays, happening.reason or UNSPECIFIED, origin, occasion.now)
    return merged.recorded


OF_CUSTOMERS: Mapping[Kind, Callable[[Occasion, Happening, int], Awaitable[bool]]] = {
    Kind.CUSTOMER_PAYMENT: _pay,
    Kind.CUSTOMER_REVERSAL: _take_back,
    Kind.USE_CREDIT: _use_credit,
    Kind.CHARGE: _charge,
    Kind.CUSTOMER_PAUSE: _pause,
    Kind.CUSTOMER_RESUME: _resume,
    Kind.SEGMENT: _assign,
    Kind.MERGE: _merge,
}
