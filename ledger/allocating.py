"""Allocating: one payment recorded over several invoices of a customer, in one transaction, once for its id."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from pydantic import BaseModel, ConfigDict
from sqlalchemy.ext.asyncio import AsyncConnection

from cadence import events as e
from cadence.allocation import AllocationRefused, Owing, Share, allocate
from cadence.words import MINOR_UNITS, is_sum, rounded
from ledger.access import Ledger
from ledger.database import LedgerError
from ledger.movements import (
    PAYMENT_SOURCE,
    Movement,
    PaymentKnown,
    record_on,
    still_paid,
    take_back,
    take_turns,
)
from ledger.recording import MOST_PAID, contradict
from ledger.shares import PaidShare, share_key, shares_of
from ledger.spoken_for import finish
from ledger.told_before import was_told
from ledger.unit import Held, Origin, Unit


class NotAllocated(LedgerError):
    """A payment makes no sense as one of this customer: no invoice is open for it, or its sum is none."""


@dataclass(frozen=True, slots=True)
class CustomerPayment:
    """Money that a customer paid for several invoices: its own id, `amount` in `currency`, and when (aware).

    `named` is what of it is for which invoice, by number; `only` are the invoices it may go to at all, where the payer
    named them without sums.
    """

    id: str
    amount: Decimal
    currency: str
    at: datetime
    method: str = ""
    named: Mapping[str, Decimal] | None = None
    only: tuple[str, ...] | None = None


class ShareLine(BaseModel):
    """What of a payment went to an invoice, or went back from it, and how that one stands then."""

    model_config = ConfigDict(frozen=True)

    invoice: str
    amount: Decimal
    state: str
    balance: Decimal


class Allocated(BaseModel):
    """How a payment was shared out; `recorded` is false where it was told before, or only looked at."""

    model_config = ConfigDict(frozen=True)

    payment: str
    currency: str
    shares: tuple[ShareLine, ...]
    recorded: bool


async def pay_customer(
    ledger: Ledger,
    customer_id: int,
    payment: CustomerPayment,
    origin: Origin,
    now: datetime,
    *,
    preview: bool = False,
) -> Allocated:
    """Share a payment out over the open invoices of a customer, by our id, the oldest due first.

    With `preview` nothing is recorded. Raises UnknownCustomer, CustomerMoved, and LedgerError where the sum makes no
    sense, nothing is open, or the id was told of something else.
    """
    async with ledger.engine.begin() as connection:
        await take_turns(connection, payment.id)
        unit = Unit(connection, ledger.book, now)
        await unit.lock(customer_id, None)
        found = await allocated(unit, payment, origin, preview=preview)
        if not preview:
            await finish(unit)
        return found


async def allocated(
    unit: Unit, payment: CustomerPayment, origin: Origin, *, preview: bool = False
) -> Allocated:
    """The same for a customer that this transaction has locked with all open invoices."""
    if earlier := await shares_of(unit.connection, payment.id):
        return await _told_before(unit, payment, earlier)
    _check(payment)
    by_number = {str(held.row["number"]): held for held in _open(unit, payment)}
    owing = [Owing(number, held.facts.due_on, held.facts.balance) for number, held in by_number.items()]
    try:
        shares = allocate(payment.amount, owing, payment.named)
    except AllocationRefused as refused:
        raise NotAllocated(refused.code, str(refused)) from None
    if not preview:
        await _record(unit, by_number, shares, payment, origin)
    parts = [(by_number[share.number], share.amount) for share in shares]
    return _answer(payment.id, payment.currency, parts, recorded=not preview)


async def share_out(
    ledger: Ledger,
    connection: AsyncConnection,
    customer_id: int,
    only: tuple[str, ...] | None,
    movement: Movement,
    actor: str,
    now: datetime,
) -> Allocated:
    """The same for a payment that a rail told, within the caller's transaction, which takes turns for it.

    `only` are the invoices that it names, by number. Raises LedgerError as `pay_customer` does.
    """
    unit = Unit(connection, ledger.book, now)
    await unit.lock(customer_id, None)
    payment = CustomerPayment(
        movement.id,
        movement.amount,
        movement.currency,
        movement.at,
        movement.method,
        named=dict(movement.shares),
        only=only,
    )
    found = await allocated(unit, payment, Origin(actor, PAYMENT_SOURCE, movement.id))
    await finish(unit)
    return found


async def told_again(
    ledger: Ledger,
    connection: AsyncConnection,
    known: PaymentKnown,
    customer_id: int,
    movement: Movement,
    actor: str,
    now: datetime,
) -> bool:
    """Compare a customer's payment with what was recorded under its id; False where it is the same, or told of before.

    Another amount, or another customer's invoice, holds the one where it was recorded, for a person.
    """
    unit = Unit(connection, ledger.book, now)
    await unit.lock_invoice(known.invoice_id)
    if unit.customer["id"] == customer_id or not known.counted:
        return await record_on(ledger, connection, known.invoice_id, movement, actor, now)
    told = Origin(actor, PAYMENT_SOURCE, movement.id)
    new = await contradict(unit, unit.invoice(known.invoice_id), told, movement.at)
    await finish(unit)
    return new


def _check(payment: CustomerPayment) -> None:
    amount, currency = payment.amount, payment.currency
    if currency not in MINOR_UNITS:
        raise NotAllocated(
            "unknown_currency", f"{currency!r} is no currency Régua writes in; write its ISO 4217 code"
        )
    if not (amount < MOST_PAID and is_sum(amount, currency)):
        raise NotAllocated(
            "bad_amount",
            f"{amount} is no sum in {currency}: it is above zero, below {MOST_PAID}, with its decimals",
        )
    for number, share in (payment.named or {}).items():
        if not is_sum(share, currency):
            raise NotAllocated(
                "bad_amount", f"{share} for {number} is no sum in {currency}; write what was meant"
            )


def _open(unit: Unit, payment: CustomerPayment) -> Sequence[Held]:
    return [
        held
        for held in unit.held.values()
        if held.facts.closed is None
        and held.facts.balance > 0
        and held.facts.currency == payment.currency
        and (payment.only is None or held.row["number"] in payment.only)
    ]


async def _record(
    unit: Unit,
    by_number: Mapping[str, Held],
    shares: Sequence[Share],
    payment: CustomerPayment,
    origin: Origin,
) -> None:
    for number, share in enumerate(shares, 1):
        source, key = share_key(payment.id, number)
        event = e.PaymentReceived(amount=share.amount, currency=payment.currency, method=payment.method)
        told = Origin(origin.actor, source, key, origin.note)
        if not await unit.tell(by_number[share.number], event, told, payment.at):
            raise LedgerError(
                "payment_taken", f"the payment {payment.id!r} is recorded already; check its id"
            )


async def _told_before(unit: Unit, payment: CustomerPayment, earlier: Sequence[PaidShare]) -> Allocated:
    """What came of it then; raise LedgerError where something else was told under its id."""
    await unit.hold_invoices({share.invoice_id for share in earlier})
    total = sum((share.amount for share in earlier), Decimal(0))
    ours = all(share.invoice_id in unit.held and share.currency == payment.currency for share in earlier)
    if not ours or total != payment.amount:
        raise LedgerError(
            "payment_taken",
            f"{payment.id!r} was told of {total} already; check the id, the customer and the amount",
        )
    parts = [(unit.invoice(share.invoice_id), share.amount) for share in earlier]
    return _answer(payment.id, payment.currency, parts, recorded=False)


async def reverse_payment(
    ledger: Ledger,
    customer_id: int,
    payment: str,
    amount: Decimal | None,
    origin: Origin,
    at: datetime,
    now: datetime,
) -> Allocated:
    """Take back a payment of a customer, by our id, from every invoice that it went to: `amount` of it, or all.

    The youngest debt gives back first. The origin's external id counts once. Raises UnknownCustomer, CustomerMoved, and
    LedgerError where the payment is unknown or the amount is more than is left of it, or finer than its currency.
    """
    async with ledger.engine.begin() as connection:
        await take_turns(connection, payment)
        unit = Unit(connection, ledger.book, now)
        await unit.lock(customer_id, ())
        shares = await _shares_here(unit, payment)
        left = sum((share.left for share in shares), Decimal(0))
        wanted = left if amount is None else amount
        done = await was_told(connection, origin)
        if not done and not 0 < wanted <= left:
            raise LedgerError(
                "more_than_paid", f"of the payment {payment!r}, {left} are left; take back no more than that"
            )
        if not done and not is_sum(wanted, shares[0].currency or ""):
            raise LedgerError(
                "bad_amount",
                f"{wanted} is no sum in {shares[0].currency}: it has too many decimals; write fewer",
            )
        parts = [] if done else await take_back(unit, shares, wanted, origin, at)
        await finish(unit)
    return _answer(payment, shares[0].currency or "", parts, recorded=bool(parts))


async def _shares_here(unit: Unit, payment: str) -> list[PaidShare]:
    shares = await shares_of(unit.connection, payment)
    await unit.hold_invoices({share.invoice_id for share in shares})
    if not shares or any(share.invoice_id not in unit.held or not share.counted for share in shares):
        raise LedgerError(
            "unknown_payment", f"no payment {payment!r} of this customer is known; check its id"
        )
    return still_paid(unit, shares)


def _answer(
    payment: str, currency: str, parts: Sequence[tuple[Held, Decimal]], *, recorded: bool
) -> Allocated:
    lines = tuple(
        ShareLine(
            invoice=str(held.row["number"]),
            amount=rounded(amount, currency),
            state=str(held.facts.state),
            balance=rounded(held.facts.balance, currency),
        )
        for held, amount in parts
    )
    return Allocated(payment=payment, currency=currency, shares=lines, recorded=recorded)
