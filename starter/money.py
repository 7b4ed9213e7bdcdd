"""Money in: what the rails tell becomes facts of the invoice it names, or waits for an agent in the unmatched queue."""

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from channels.rails.money import MoneyNote
from ledger import unmatched
from ledger.access import Ledger
from ledger.allocating import NotAllocated, share_out, told_again
from ledger.inbox import Later, Verdict
from ledger.matching import Match, match, match_known
from ledger.movements import Movement, PaymentKnown, dispute_opened, known_payment, record_on, take_turns
from ledger.references import Reference
from ledger.shares import shares_of
from ledger.unmatched import Place

# Webhooks overtake each other by hours at most. Then a reversal of a payment nobody told of is for a person; well
# before the inbox gives it up.
PATIENCE = timedelta(days=2)
RECORDED, KNOWN, UNMATCHED = "recorded", "known", "unmatched"
BEFORE_ITS_PAYMENT, BEFORE_ITS_DISPUTE = "before_its_payment", "before_its_dispute"


async def take(ledger: Ledger, note: MoneyNote, source: str, now: datetime) -> Verdict:
    """Take what the rail `source` tells, at the aware instant `now`: once, whatever its order, however often.

    The outcome is `recorded` on an invoice, `known` (told before), or `unmatched`. A reversal or a dispute that comes
    before its payment is Later, for two days after it happened.
    """
    money = _movement(note, source)
    async with ledger.engine.begin() as connection:
        await take_turns(connection, money.payment)
        if money.of is None:
            return await _take_named(ledger, connection, money, now)
        return await _take_following(ledger, connection, money, now)


async def take_unconfirmed(ledger: Ledger, note: MoneyNote, source: str, now: datetime) -> Verdict:
    """Keep for an agent what the provider did not confirm; it touches no invoice. `unmatched`, or `known` before."""
    money = _movement(note, source)
    async with ledger.engine.begin() as connection:
        await take_turns(connection, money.payment)
        if money.kind == "payment" and await known_payment(connection, money.id):
            return KNOWN
        return await _keep(connection, money, unmatched.NOT_CONFIRMED, now)


async def _take_named(ledger: Ledger, connection: AsyncConnection, money: Movement, now: datetime) -> Verdict:
    """A payment, which references lead to its invoices; or something about a payment that the rail does not name."""
    if await unmatched.standing_of(connection, money.id, money.kind) in ("settled", "dismissed"):
        return KNOWN
    found = await match(connection, money.references)
    if found.invoice_id is not None:
        return await _record(ledger, connection, found.invoice_id, money, now)
    if money.kind != "payment":
        return await _keep(connection, money, found.reason, now)
    return await _take_shared(ledger, connection, found, money, now)


async def _take_shared(
    ledger: Ledger, connection: AsyncConnection, found: Match, money: Movement, now: datetime
) -> Verdict:
    """A payment that names no one invoice: told before, of one customer, or for a person."""
    known = await known_payment(connection, money.id)
    if known:
        return await _compare(ledger, connection, known, found, money, now)
    if found.customer_id is None:
        return await _keep(connection, money, found.reason, now)
    return await _share_out(ledger, connection, found, money, now)


async def _share_out(
    ledger: Ledger, connection: AsyncConnection, found: Match, money: Movement, now: datetime
) -> Verdict:
    """A payment for several invoices of one customer; where nothing is open for it, a person finds out."""
    assert found.customer_id is not None, "only a customer's payment is shared out"
    actor = f"webhook/{money.source}"
    try:
        await share_out(ledger, connection, found.customer_id, found.only, money, actor, now)
    except NotAllocated as refused:
        return await _keep(connection, money, refused.code, now)
    await unmatched.follow_shares(ledger, connection, found.customer_id, money, actor, now)
    return RECORDED


async def _compare(
    ledger: Ledger,
    connection: AsyncConnection,
    known: PaymentKnown,
    found: Match,
    money: Movement,
    now: datetime,
) -> Verdict:
    """A payment that was told before; without a customer to compare, by somebody who knew its invoice."""
    if found.customer_id is None:
        return KNOWN
    actor = f"webhook/{money.source}"
    new = await told_again(ledger, connection, known, found.customer_id, money, actor, now)
    return RECORDED if new else KNOWN


async def _take_following(
    ledger: Ledger, connection: AsyncConnection, money: Movement, now: datetime
) -> Verdict:
    """What is about an earlier payment belongs to that one's invoice, whatever else it names."""
    if await unmatched.standing_of(connection, money.id, money.kind) in ("settled", "dismissed"):
        return KNOWN
    payment = await known_payment(connection, money.payment)
    if payment is None:
        queued = await unmatched.standing_of(connection, money.payment, "payment")
        if queued or now - money.at > PATIENCE:
            return await _keep(connection, money, f"{money.kind}_of_unknown", now)
        return Later(BEFORE_ITS_PAYMENT)
    ends = money.kind in ("dispute_won", "dispute_lost") and now - money.at <= PATIENCE
    if ends and not await dispute_opened(connection, payment.invoice_id, money.payment):
        # Ended before it is opened, a dispute would stay open for good.
        return Later(BEFORE_ITS_DISPUTE)
    if money.kind == "payment":
        shares = await shares_of(connection, money.payment)
        found = await match_known(connection, [share.invoice_id for share in shares])
        if found.customer_id is not None:
            return await _take_shared(ledger, connection, found, money, now)
    return await _record(ledger, connection, payment.invoice_id, money, now)


async def _record(
    ledger: Ledger, connection: AsyncConnection, invoice_id: int, money: Movement, now: datetime
) -> Verdict:
    actor = f"webhook/{money.source}"
    new = await record_on(ledger, connection, invoice_id, money, actor, now)
    await unmatched.follow(ledger, connection, Place(invoice_id), money, actor, now)
    return RECORDED if new else KNOWN


async def _keep(connection: AsyncConnection, money: Movement, reason: str, now: datetime) -> Verdict:
    return UNMATCHED if await unmatched.keep(connection, money, reason, now) else KNOWN


def _movement(note: MoneyNote, source: str) -> Movement:
    return Movement(
        source=source,
        kind=note.kind,
        id=note.id,
        amount=note.amount,
        currency=note.currency,
        at=note.at,
        method=note.method,
        references=tuple(Reference(each.kind, each.value) for each in note.references),
        payer=note.payer,
        of=note.of,
        shares=note.shares,
    )
