"""Signals about a customer, or about several of their invoices, sent to any one of these: each taken as its command is."""

from collections.abc import Awaitable, Callable
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from activities.reach_signals import OF_REACH
from activities.signals import code, instant, method_of
from activities.told import Act, Told
from cadence import events as e
from cadence.directive import SignalNote
from cadence.problems import DocumentError
from ledger.access import Ledger
from ledger.allocating import CustomerPayment, pay_customer, reverse_payment
from ledger.charging import Claim, Regimes, claim_charges
from ledger.crediting import INTO, use_credit
from ledger.database import CustomerMoved, LedgerError
from ledger.keys import customer_signal_key, hold_key, signal_key, told_key
from ledger.merging import merge
from ledger.migrating import latest_of, move
from ledger.movements import PAYMENT_SOURCE, REVERSAL_SOURCE, known_payment
from ledger.recording import Fact, contradict, end_customer_holds, record, tell, tell_customer
from ledger.segmenting import Effect, assign_by_hand, clear_by_hand
from ledger.unit import Held, Origin, Unit

# What is raised by a signal that makes no sense. It must not be tried for ever, with all that came after it.
SENSELESS = (KeyError, ValueError, ArithmeticError, LedgerError, DocumentError)
LONGEST_ID = 18  # digits, which is what the ledger's own ids hold at most


async def take_in_turn(unit: Unit, held: Held, note: SignalNote, regimes: Regimes) -> None:
    """Do what a signal of IN_TURN asks for, with its invoice and customer locked; told before, it does nothing.

    What makes no sense, or changes nothing, is kept as a signal that was ignored.
    """
    note = _known_by_its_id(note)
    told = Told(note, Origin("signal", "signal", _key(unit, held, note)), regimes)
    try:
        done = await IN_TURN[note.name](unit, held, told)
    except SENSELESS:
        done = False
    if not done:
        await unit.tell(held, e.SignalIgnored(signal=note.name), told.origin, note.at)


def _known_by_its_id(note: SignalNote) -> SignalNote:
    return note.model_copy(update={"id": told_key(note.id)})


def _key(unit: Unit, held: Held, note: SignalNote) -> str:
    if note.name in OF_INVOICE:
        return signal_key(held.id, note.name, note.id)
    return customer_signal_key(int(unit.customer["id"]), note.name, note.id)


async def _use_credit(unit: Unit, held: Held, told: Told) -> bool:
    amount = told.note.fields.get("amount")
    # In the key space of credit that was used, whatever way that was told by.
    origin = Origin("signal", INTO, told.note.id)
    await use_credit(unit, held, Decimal(amount) if amount else None, origin)
    return True


async def _claim_charges(unit: Unit, held: Held, told: Told) -> bool:
    fields = told.note.fields
    today = told.note.at.astimezone(unit.creditor.timezone).date()
    until = date.fromisoformat(fields["until"]) if "until" in fields else today
    only = fields.get("only")
    if until > today or only not in (None, "interest", "costs"):
        message = "a day ahead, or no part of late charges"
        raise ValueError(message)
    claim = Claim(until, interest=only != "costs", costs=only != "interest")
    return await claim_charges(unit, held, told.regimes, claim, told.origin)


async def _migrate(unit: Unit, held: Held, told: Told) -> bool:
    return await move(unit, held, await latest_of(unit.connection, held.cadence.name), told.origin)


async def _pause(unit: Unit, _held: Held, told: Told) -> bool:
    until = told.note.fields.get("until")
    # A name of its own: an invoice's hold may have been told under the same id.
    name = hold_key(told.origin.external_id or "", told.note.at.isoformat())
    ends = instant(until, ZoneInfo(unit.customer_facts.zone)) if until else None
    placed = e.CustomerHoldPlaced(hold=name, reason=told.reason, until=ends)
    return await tell_customer(unit, placed, told.origin, told.note.at)


async def _resume(unit: Unit, _held: Held, told: Told) -> bool:
    return await end_customer_holds(unit, told.origin, told.note.at)


async def _assign(unit: Unit, _held: Held, told: Told) -> bool:
    segment = told.note.fields["segment"]
    if code(segment) != segment:
        message = "no segment's name"
        raise ValueError(message)
    return await assign_by_hand(unit, segment, told.reason, told.origin, _effect(told))


async def _clear(unit: Unit, _held: Held, told: Told) -> bool:
    return await clear_by_hand(unit, told.origin, _effect(told))


def _effect(told: Told) -> Effect:
    effects: dict[str, Effect] = {"now": "now", "next_invoice": "next_invoice"}
    return effects[told.note.fields.get("effect", "next_invoice")]


OF_INVOICE: dict[str, Act] = {
    "use_credit": _use_credit,
    "claim_late_charges": _claim_charges,
    "migrate": _migrate,
}
IN_TURN: dict[str, Act] = OF_INVOICE | {
    "pause_customer": _pause,
    "resume_customer": _resume,
    "assign_segment": _assign,
    "clear_segment": _clear,
    **OF_REACH,
}


async def take_alone(ledger: Ledger, invoice_id: int, note: SignalNote, now: datetime) -> None:
    """Do what a signal of ALONE asks for, in a transaction of its own: it takes more locks than its invoice's.

    Raises CustomerMoved where the customer is merged into another at this moment; tried again, it goes.
    """
    await ALONE[note.name](ledger, invoice_id, _known_by_its_id(note), now)


async def _share_out(ledger: Ledger, invoice_id: int, note: SignalNote, now: datetime) -> None:
    """Money that cannot be shared out, or nobody can tell from other money, goes to a person."""
    origin = Origin("signal", PAYMENT_SOURCE, note.id)
    try:
        payment = await _payment_of(ledger, note)
        await pay_customer(ledger, await ledger.owner(invoice_id), payment, origin, now)
    except CustomerMoved:
        raise
    except SENSELESS:
        await _ask_about(ledger, invoice_id, note, origin, now)


async def _payment_of(ledger: Ledger, note: SignalNote) -> CustomerPayment:
    fields = _identified(note)
    shares = _shares(fields.get("shares", ""))
    numbers = await ledger.numbers(shares)
    named = {numbers[invoice]: amount for invoice, amount in shares.items()}
    amount, currency = Decimal(fields["amount"]), fields["currency"]
    return CustomerPayment(note.id, amount, currency, note.at, method_of(fields), named)


def _identified(note: SignalNote) -> dict[str, str]:
    """The fields of a signal that came with an id."""
    if "unidentified" in note.fields:
        message = "without an id, nobody can tell it from another"
        raise ValueError(message)
    return note.fields


def _shares(text: str) -> dict[int, Decimal]:
    """`203=20.50 204=30`: what is for which invoice, by our ids; raise ValueError where one stands twice."""
    written = [each.partition("=") for each in text.replace(",", " ").split()]
    shares = {_our_id(invoice): Decimal(amount) for invoice, _, amount in written}
    if len(shares) < len(written) or not all(amount > 0 for amount in shares.values()):
        message = "an invoice has one share, above zero"
        raise ValueError(message)
    return shares


def _our_id(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= LONGEST_ID):
        message = "no id of ours"
        raise ValueError(message)
    return int(text)


async def _ask_about(
    ledger: Ledger, invoice_id: int, note: SignalNote, origin: Origin, now: datetime
) -> None:
    """Hold the invoice for a person, once; also where other money was told under the same id."""
    async with ledger.invoice_unit(invoice_id, now) as unit:
        held = unit.invoice(invoice_id)
        known = await known_payment(unit.connection, note.id)
        if known is None:
            await tell(unit, held, Fact(e.PaymentUnidentified(), note.at, origin))
        elif known.counted:
            await contradict(unit, held, origin, note.at)


async def _take_back(ledger: Ledger, invoice_id: int, note: SignalNote, now: datetime) -> None:
    origin = Origin("signal", REVERSAL_SOURCE, note.id)
    try:
        fields = _identified(note)
        payment, amount = told_key(fields["payment"]), fields.get("amount")
        wanted = Decimal(amount) if amount else None
        owner = await ledger.owner(invoice_id)
        await reverse_payment(ledger, owner, payment, wanted, origin, note.at, now)
    except CustomerMoved:
        raise
    except SENSELESS:
        await record(ledger, invoice_id, [Fact(e.PaymentUnidentified(), note.at, origin)], now)


async def _merge(ledger: Ledger, invoice_id: int, note: SignalNote, now: datetime) -> None:
    try:
        gone = await ledger.customer_key(await ledger.owner(invoice_id))
        stays = await ledger.customer_key(_our_id(note.fields["into"]))
        if gone != stays:  # else told before
            # A merge is many events, and counts once by itself: none of them can bear the signal's key.
            reason = code(note.fields.get("reason"))
            await merge(ledger, gone, stays, reason, Origin("signal", "signal"), now)
    except SENSELESS:
        origin = Origin("signal", "signal", signal_key(invoice_id, note.name, note.id))
        await record(ledger, invoice_id, [Fact(e.SignalIgnored(signal=note.name), note.at, origin)], now)


ALONE: dict[str, Callable[[Ledger, int, SignalNote, datetime], Awaitable[None]]] = {
    "customer_payment_received": _share_out,
    "customer_payment_reversed": _take_back,
    "merge_customer": _merge,
}
