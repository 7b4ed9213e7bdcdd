"""Movements of money, and disputes about one: what each means to an invoice, and under which id it counts once.

A dispute at the payer's bank (a chargeback) moves no money by itself; what it takes or gives back is told as a
reversal or a payment beside it. Opened, it opens a dispute, whose case a person works on, and reminders wait. Won by
the creditor, it is rejected: the debt stands, and the ruler goes on if the money did not come back. Lost, it stays
open: the bank has agreed with the customer, so neither must reminders go on by themselves, nor is the debt given up
by the loss of one payment. The creditor decides: uphold the dispute, which credits the invoice, or reject it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from pydantic import ValidationError
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cadence import events as e
from ledger.access import Ledger
from ledger.recording import Fact, tell
from ledger.references import Reference
from ledger.shares import PaidShare, shares_of
from ledger.spoken_for import finish
from ledger.tables import events_table
from ledger.unit import Held, Origin, Unit

# The key spaces of money, which webhooks, Temporal's signals and the command line share.
PAYMENT_SOURCE, REVERSAL_SOURCE, DISPUTE_SOURCE = "payment", "reversal", "dispute"
CREDIT_NOTE_SOURCE, REFUND_SOURCE = "credit_note", "refund"
# What else a reversal, or a dispute, of a payment of several invoices is about.
REVERSED_SHARE, DISPUTED_SHARE = "reversal_share", "dispute_share"


@dataclass(frozen=True, slots=True)
class Movement:
    """What a rail told, as `channels.rails.money.MoneyNote` has it; `source` is the rail.

    `payer` is personal data; `shares` say what of it is for which invoice, by number. `of` is the payment that a
    reversal or a dispute is about, or whose money a payment gives back after a dispute.
    """

    source: str
    kind: str
    id: str
    amount: Decimal
    currency: str
    at: datetime
    method: str
    references: tuple[Reference, ...]
    payer: str | None
    of: str | None
    shares: tuple[tuple[str, Decimal], ...] = ()

    @property
    def payment(self) -> str:
        """The id of the payment that this is, or is about."""
        return self.of or self.id

    @property
    def told_of(self) -> str:
        """The external id of its event. A dispute's carries the payment's, so that all turns of one are found."""
        return self.id if self.kind in ("payment", "reversal") else f"{self.payment}/{self.id}"


@dataclass(frozen=True, slots=True)
class PaymentKnown:
    """A payment that is in an invoice's log; `counted` says whether its money was taken off the balance."""

    invoice_id: int
    counted: bool


async def take_turns(connection: AsyncConnection, payment: str) -> None:
    """Wait until no other transaction deals with this payment; it ends with the transaction."""
    key = func.hashtextextended(f"payment/{payment}", 0)
    await connection.execute(select(func.pg_advisory_xact_lock(key)))


async def known_payment(connection: AsyncConnection, payment: str) -> PaymentKnown | None:
    """Where a payment was recorded, whoever told it."""
    found = await connection.execute(
        select(events_table.c.invoice_id, events_table.c.type).where(
            events_table.c.source == PAYMENT_SOURCE, events_table.c.external_id == payment
        )
    )
    row = found.one_or_none()
    return PaymentKnown(row.invoice_id, row.type == "payment_received") if row else None


async def dispute_opened(connection: AsyncConnection, invoice_id: int, payment: str) -> bool:
    """Whether a dispute about a payment is in the invoice's log."""
    found = await connection.execute(
        select(events_table.c.id).where(
            events_table.c.invoice_id == invoice_id,
            events_table.c.source == DISPUTE_SOURCE,
            events_table.c.external_id.startswith(f"{payment}/", autoescape=True),
        )
    )
    return found.first() is not None


async def record_on(
    ledger: Ledger,
    connection: AsyncConnection,
    invoice_id: int,
    movement: Movement,
    actor: str,
    now: datetime,
) -> bool:
    """Record a movement on an invoice within the caller's transaction; False where it had been told before.

    `actor` says so; the id is the movement's own. What cannot be counted (another currency, more back than
    came) holds the invoice and opens a case instead. Raises UnknownInvoice.
    """
    unit = Unit(connection, ledger.book, now)
    await unit.lock_invoice(invoice_id)
    held = unit.invoice(invoice_id)
    shares = await shares_of(connection, movement.payment) if movement.kind != "payment" else []
    if len(shares) > 1:
        await unit.hold_invoices({share.invoice_id for share in shares})
        act = _take_back_shares if movement.kind == "reversal" else _dispute_shares
        new = await act(unit, shares, movement, actor)
        await finish(unit)
        return new
    event = _event(movement, held, shares[0] if shares else None)
    told = Origin(actor, _SOURCES[movement.kind], movement.told_of)
    new = await tell(unit, held, Fact(event, movement.at, told))
    await finish(unit)
    return new


async def _take_back_shares(unit: Unit, shares: Sequence[PaidShare], movement: Movement, actor: str) -> bool:
    """A reversal of a payment that went to several invoices; what cannot be of it is for a person, on the first one."""
    origin = Origin(actor, REVERSAL_SOURCE, movement.told_of)
    first, still = unit.invoice(shares[0].invoice_id), still_paid(unit, shares)
    left = sum((share.left for share in still), Decimal(0))
    if movement.currency == first.facts.currency and movement.amount <= left:
        return bool(await take_back(unit, still, movement.amount, origin, movement.at))
    return await tell(unit, first, Fact(e.PaymentUnidentified(), movement.at, origin))


async def _dispute_shares(unit: Unit, shares: Sequence[PaidShare], movement: Movement, actor: str) -> bool:
    """A dispute about a payment that went to several invoices is one of each."""
    new = False
    for number, share in enumerate(shares, 1):
        source, key = (
            (DISPUTE_SOURCE, movement.told_of)
            if number == 1
            else (DISPUTED_SHARE, f"{movement.told_of}/{number}")
        )
        fact = Fact(_OF_DISPUTES[movement.kind], movement.at, Origin(actor, source, key))
        new |= await tell(unit, unit.invoice(share.invoice_id), fact)
    return new


def still_paid(unit: Unit, shares: Sequence[PaidShare]) -> list[PaidShare]:
    """Shares of locked invoices, at most what is still paid there: a reversal may have named no payment."""
    return [
        replace(share, left=min(share.left, unit.invoice(share.invoice_id).facts.paid)) for share in shares
    ]


async def take_back(
    unit: Unit, shares: Sequence[PaidShare], amount: Decimal, origin: Origin, at: datetime
) -> list[tuple[Held, Decimal]]:
    """Take `amount` back from the shares of a payment, whose invoices are locked, the last share first.

    What was taken from which invoice; nothing where the origin's id was told before.
    """
    left = amount
    taken: list[tuple[Held, Decimal]] = []
    for share in reversed(shares):
        part = min(left, share.left)
        if not part:
            continue
        number = len(taken) + 1
        key = (
            (origin.source, origin.external_id)
            if number == 1
            else (REVERSED_SHARE, f"{origin.external_id}/{number}")
        )
        held = unit.invoice(share.invoice_id)
        event = e.PaymentReversed(amount=part, currency=held.facts.currency, of=share.event)
        if not await tell(unit, held, Fact(event, at, Origin(origin.actor, *key, origin.note))):
            return []
        taken.append((held, part))
        left -= part
    return taken


def _event(movement: Movement, held: Held, payment: PaidShare | None) -> e.InvoiceEvent:
    """What a movement means to an invoice; `payment` is what a reversal is about, None where that is not known."""
    if movement.kind == "payment":
        return _payment(movement)
    if movement.kind == "reversal":
        left = held.facts.paid if payment is None else min(payment.left, held.facts.paid)
        ours = movement.currency == held.facts.currency and movement.amount <= left
        if not ours or (payment and not payment.counted):
            return e.PaymentUnidentified()
        of = payment.event if payment else None
        return e.PaymentReversed(amount=movement.amount, currency=movement.currency, of=of)
    return _OF_DISPUTES[movement.kind]


def _payment(movement: Movement) -> e.InvoiceEvent:
    try:
        return e.PaymentReceived(amount=movement.amount, currency=movement.currency, method=movement.method)
    except ValidationError:  # a currency in which no invoice is written, or a sum that no ledger holds
        return e.PaymentUnidentified()


_OF_DISPUTES: Mapping[str, e.InvoiceEvent] = {
    "dispute": e.DisputeOpened(reason="chargeback"),
    "dispute_won": e.DisputeResolved(outcome="rejected"),
    "dispute_lost": e.DisputeOpened(reason="chargeback_lost"),
}
_SOURCES = {"payment": PAYMENT_SOURCE, "reversal": REVERSAL_SOURCE} | dict.fromkeys(
    _OF_DISPUTES, DISPUTE_SOURCE
)
