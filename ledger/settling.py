"""Settling: what agents do with money in the unmatched queue; two of them never settle the same."""

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ledger.access import Ledger
from ledger.allocating import ShareLine, share_out
from ledger.database import LedgerError, UnknownCustomer, UnknownInvoice
from ledger.movements import Movement, known_payment, record_on, take_turns
from ledger.ownership import known_as
from ledger.tables import invoices
from ledger.unmatched import (
    WAITING,
    Place,
    UnmatchedLine,
    follow,
    follow_shares,
    movement_of,
    row_of,
    standing_of,
    write,
)

Expect = Callable[[UnmatchedLine], None]


class Settled(UnmatchedLine):
    """Money as it was settled; `shares` is what went to which invoice where it was shared out over a customer's."""

    shares: tuple[ShareLine, ...] = ()


def _anything(_line: UnmatchedLine) -> None:
    """What a caller expects who did not say."""


async def claim(
    engine: AsyncEngine, unmatched_id: int, actor: str, *, expect: Expect = _anything
) -> UnmatchedLine:
    """Give it to `actor`; claiming one's own again changes nothing. Raises LedgerError where somebody else has it.

    `expect`, here and below, is shown the locked row first, and raises where it is not as its caller saw it.
    """
    async with engine.begin() as connection:
        row = await _locked(connection, unmatched_id, expect)
        _refuse_taken(row, actor)
        await write(connection, unmatched_id, status="claimed", claimed_by=actor)
        return UnmatchedLine.model_validate(await row_of(connection, unmatched_id))


async def release(
    engine: AsyncEngine,
    unmatched_id: int,
    actor: str,
    *,
    of_anybody: bool = False,
    expect: Expect = _anything,
) -> UnmatchedLine:
    """Give it back to the queue: whose it is may, and with `of_anybody` (a manager) anybody. Raises LedgerError."""
    async with engine.begin() as connection:
        row = await _locked(connection, unmatched_id, expect)
        _refuse_taken(row, row["claimed_by"] if of_anybody else actor)
        if row["status"] != "claimed":
            raise LedgerError(
                "unmatched_not_claimed", f"unmatched {unmatched_id} is open; nobody has claimed it"
            )
        await write(connection, unmatched_id, status="open", claimed_by=None)
        return UnmatchedLine.model_validate(await row_of(connection, unmatched_id))


async def dismiss(
    engine: AsyncEngine,
    unmatched_id: int,
    actor: str,
    reason: str,
    now: datetime,
    *,
    expect: Expect = _anything,
) -> UnmatchedLine:
    """Put it aside for good: it is money for no invoice here. `reason` is one line, for those who look later.

    Raises LedgerError where it is not waiting, or claimed by somebody else.
    """
    async with engine.begin() as connection:
        _refuse_taken(await _locked(connection, unmatched_id, expect), actor)
        await write(
            connection, unmatched_id, status="dismissed", settled_by=actor, settled_at=now, dismissal=reason
        )
        return UnmatchedLine.model_validate(await row_of(connection, unmatched_id))


async def settle(
    ledger: Ledger,
    unmatched_id: int,
    number: str,
    actor: str,
    now: datetime,
    *,
    expect: Expect = _anything,
) -> Settled:
    """Record it on the creditor's invoice `number` under its own id, and what waits for it there with it.

    Settling it there again changes nothing. Raises UnknownInvoice, and LedgerError where it is settled elsewhere,
    dismissed, claimed by somebody else, in another currency than the invoice, or recorded elsewhere by other means.
    """
    async with ledger.engine.begin() as connection:
        money = movement_of(await row_of(connection, unmatched_id))
        await take_turns(connection, money.payment)
        row = await _locked(connection, unmatched_id, expect)
        invoice = await _invoice(connection, number)
        if (row["status"], row["invoice_id"]) != ("settled", invoice["id"]):
            _refuse_taken(row, actor)
            await _refuse_unfit(connection, money, invoice)
            await record_on(ledger, connection, invoice["id"], money, actor, now)
            await follow(ledger, connection, Place(invoice["id"]), money, actor, now)
        return Settled.model_validate(await row_of(connection, unmatched_id))


async def settle_over_customer(
    ledger: Ledger, unmatched_id: int, key: str, actor: str, now: datetime, *, expect: Expect = _anything
) -> Settled:
    """Share a payment out over the open invoices of the creditor's customer `key`, the oldest due first.

    Settling it there again changes nothing. Raises UnknownCustomer, and LedgerError as `settle` does, where it is no
    payment, and where nothing is open in its currency.
    """
    async with ledger.engine.begin() as connection:
        money = movement_of(await row_of(connection, unmatched_id))
        await take_turns(connection, money.payment)
        row = await _locked(connection, unmatched_id, expect)
        customer_id = (await connection.execute(select(known_as(key)))).scalar_one()
        if customer_id is None:
            raise UnknownCustomer(key)
        again = (row["status"], row["customer_id"]) == ("settled", customer_id)
        if not again:
            _refuse_taken(row, actor)
            await _refuse_unshareable(connection, money)
        shared = await share_out(ledger, connection, customer_id, None, money, actor, now)
        if not again:
            await follow_shares(ledger, connection, customer_id, money, actor, now)
        found = await row_of(connection, unmatched_id)
        return Settled.model_validate({**found, "shares": shared.shares})


async def _locked(connection: AsyncConnection, unmatched_id: int, expect: Expect) -> Mapping[str, Any]:
    row = await row_of(connection, unmatched_id, locked=True)
    expect(UnmatchedLine.model_validate(row))
    return row


async def _refuse_unshareable(connection: AsyncConnection, money: Movement) -> None:
    if money.kind != "payment" or money.of:
        raise LedgerError(
            "not_a_payment_conflict",
            f"this is about the payment {money.payment!r}, and belongs where that one went; settle it on its "
            "invoice",
        )
    if await known_payment(connection, money.id):
        raise LedgerError(
            "payment_taken",
            f"the payment {money.id!r} is recorded already; settle this on its invoice, or dismiss it",
        )


def _refuse_taken(row: Mapping[str, Any], actor: str) -> None:
    if row["status"] not in WAITING:
        place = (
            f"over the invoices of {row['customer']}" if row["customer"] else f"on invoice {row['invoice']}"
        )
        where = f" {place}" if row["status"] == "settled" else ""
        raise LedgerError(
            "unmatched_closed", f"unmatched {row['id']} was {row['status']}{where} by {row['settled_by']!r}"
        )
    if row["claimed_by"] not in (None, actor):
        raise LedgerError(
            "unmatched_claimed",
            f"unmatched {row['id']} is claimed by {row['claimed_by']!r}; they release it, or a manager does",
        )


async def _refuse_unfit(connection: AsyncConnection, money: Movement, invoice: Mapping[str, Any]) -> None:
    number, currency = invoice["number"], invoice["currency"]
    if money.currency != currency:
        raise LedgerError(
            "other_currency",
            f"this is money in {money.currency}, and invoice {number} is in {currency}; dismiss it, and "
            f"record on the invoice what it came to in {currency}",
        )
    if money.of and await standing_of(connection, money.of, "payment") in WAITING:
        raise LedgerError(
            "payment_first_conflict",
            f"this is about the payment {money.of!r}, which waits in the queue too; settle that first, and "
            "this follows it",
        )
    for payment in {money.payment, money.id}:
        known = await known_payment(connection, payment)
        if known is not None and known.invoice_id != invoice["id"]:
            raise LedgerError(
                "payment_taken",
                f"the payment {payment!r} is recorded on another invoice; settle this there, or dismiss it",
            )
    if money.kind == "reversal" and money.amount > invoice["paid"]:
        raise LedgerError(
            "more_than_paid", f"{money.amount} is more than was paid: invoice {number} has {invoice['paid']}"
        )


async def _invoice(connection: AsyncConnection, number: str) -> Mapping[str, Any]:
    paid = func.coalesce(invoices.c.facts["paid"].astext, "0")
    wanted = select(invoices.c.id, invoices.c.number, invoices.c.currency, paid.label("paid"))
    found = await connection.execute(wanted.where(invoices.c.number == number))
    row = found.mappings().one_or_none()
    if row is None:
        raise UnknownInvoice(number)
    return dict(row) | {"paid": Decimal(row["paid"])}
