"""`record()`: take note of what happened to an invoice or a customer, once, and plan anew."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, get_args
from zoneinfo import ZoneInfo

from sqlalchemy import select

from cadence import events as e
from cadence.agreements import Dispute
from cadence.directive import Directive
from cadence.disputes import most_credited
from cadence.facts import Closed, InvoiceFacts
from cadence.words import rounded
from ledger.access import Ledger
from ledger.crediting import return_what_is_overdrawn
from ledger.shares import FIRST, shares_of
from ledger.tables import invoices
from ledger.unit import Held, Origin, Unit

# The bound of what an invoice can come to; more would not fit the ledger's columns either.
MOST_PAID = Decimal(10) ** 9


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that happened to an invoice at the aware instant `at`, and who says so."""

    event: e.InvoiceEvent
    at: datetime
    origin: Origin


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of a call: how many facts were new, and the directive as it stands."""

    new: int
    directive: Directive


async def record(ledger: Ledger, invoice_id: int, facts: Sequence[Fact], now: datetime) -> Recorded:
    """Append facts to an invoice's log, in order; one told before (same source and external id) does nothing.

    Raises UnknownInvoice. A payment that cannot be applied is kept as an unidentified one, never refused.
    """

    def as_told(fact: Fact) -> Telling:
        return lambda _stands: fact

    return await record_judged(ledger, invoice_id, [as_told(fact) for fact in facts], now)


async def record_judged(
    ledger: Ledger, invoice_id: int, told: Sequence["Telling"], now: datetime
) -> Recorded:
    """The same for facts that depend on where the invoice stands when each is told: after all that came before it.

    What a telling raises records nothing.
    """
    async with ledger.invoice_unit(invoice_id, now) as unit:
        held = unit.invoice(invoice_id)
        new = 0
        for fact_of in told:
            new += await tell(unit, held, fact_of(situation_of(unit, held)))
    return Recorded(new, ledger.leaving(held.directive))


async def tell(unit: Unit, held: Held, fact: Fact) -> bool:
    """Append one fact to a locked invoice's log; False where it had been told before."""
    told = await unit.tell(held, _applicable(fact.event, held), fact.origin, fact.at)
    if told and isinstance(fact.event, e.PaymentReversed):
        await return_what_is_overdrawn(unit, held, fact.at)
    return told or await _told_otherwise(unit, held, fact)


async def _told_otherwise(unit: Unit, held: Held, fact: Fact) -> bool:
    """Money told before under the same id, but of another invoice or amount: one of the two is wrong, a person looks."""
    event, origin = fact.event, fact.origin
    if not isinstance(event, e.PaymentReceived) or origin.source != FIRST:
        return False
    first, *others = await shares_of(unit.connection, origin.external_id or "")
    if not first.counted:  # it went to a person the first time
        return False
    total = sum((share.amount for share in others), first.amount)
    where = {share.invoice_id for share in (first, *others)}
    if held.id in where and (total, first.currency) == (event.amount, event.currency):
        return False
    return await contradict(unit, held, origin, fact.at)


async def contradict(unit: Unit, held: Held, origin: Origin, at: datetime) -> bool:
    """Hold a locked invoice for a person: the payment of `origin` was told of something else before. False if known."""
    told = Origin(origin.actor, "payment-conflict", f"{origin.external_id}/{held.id}", origin.note)
    return await unit.tell(held, e.PaymentUnidentified(), told, at)


def _applicable(event: e.InvoiceEvent, held: Held) -> e.InvoiceEvent:
    """Money in another currency, or an amount that cannot be, clears nothing here: a person must look at it."""
    if not isinstance(event, e.PaymentReceived):
        return event
    ours = event.currency == held.facts.currency and event.amount < MOST_PAID
    return (
        event if ours and event.amount == rounded(event.amount, event.currency) else e.PaymentUnidentified()
    )


async def record_customer(
    ledger: Ledger, customer_id: int, event: e.CustomerEvent, origin: Origin, now: datetime
) -> bool:
    """Take note of what happened to a customer, for all its open invoices; False where it had been told before."""
    async with ledger.unit(customer_id, None, now) as unit:
        return await tell_customer(unit, event, origin, now)


async def tell_customer(
    unit: Unit, event: e.CustomerEvent, origin: Origin, at: datetime | None = None
) -> bool:
    """The same for a locked customer, to whom it happened at the aware instant `at`, or now."""
    new = await unit.tell_customer(event, origin, at)
    if new:
        await spread(unit, event, origin)
    return new


async def end_customer_holds(unit: Unit, origin: Origin, at: datetime | None = None) -> bool:
    """End the holds of a locked customer, and what came of them: an invoice that was paused by itself stays so.

    False where there are none, or the origin's id, which the first of them bears, was told before.
    """
    bearer = origin
    for hold in unit.customer_facts.holds:
        if not await tell_customer(unit, e.CustomerHoldEnded(hold=hold.hold), bearer, at):
            return False
        bearer = Origin(origin.actor, origin.source, None, origin.note)
    return bearer is not origin


async def spread(unit: Unit, event: e.CustomerEvent, origin: Origin) -> None:
    """Carry a customer's hold to every locked invoice that is open; its end to closed ones as well, which may reopen."""
    quiet = Origin(origin.actor, origin.source, None, origin.note)
    if isinstance(event, e.CustomerHoldEnded):
        await unit.hold_invoices(await _closed_under(unit, event))
    for held in unit.held.values():
        if isinstance(event, e.CustomerHoldPlaced) and held.facts.closed is None:
            placed = e.HoldPlaced(hold=event.hold, reason=event.reason, until=event.until)
            await unit.tell(held, placed, quiet)
        elif isinstance(event, e.CustomerHoldEnded):
            await unit.tell(held, e.HoldEnded(hold=event.hold), quiet)


async def _closed_under(unit: Unit, ended: e.CustomerHoldEnded) -> Sequence[int]:
    """Our ids of the customer's closed invoices that the hold was placed on while they were open."""
    named = [{} if ended.hold is None else {"hold": ended.hold}]
    closed = select(invoices.c.id).where(
        invoices.c.customer_id == unit.customer["id"],
        invoices.c.closed_at.is_not(None),
        invoices.c.facts["holds"].contains(named),
    )
    return (await unit.connection.execute(closed)).scalars().all()


@dataclass(frozen=True, slots=True)
class Sums:
    """What may still be done with an invoice's money, in its currency.

    At most `paid` can be taken back, `creditable` credited and `credit` refunded; `interest` and `costs` are the open
    late charges, and `disputed` is what upholding the dispute credits at most.
    """

    paid: Decimal = Decimal(0)
    creditable: Decimal = Decimal(0)
    credit: Decimal = Decimal(0)
    interest: Decimal = Decimal(0)
    costs: Decimal = Decimal(0)
    disputed: Decimal = Decimal(0)


def sums_of(facts: InvoiceFacts) -> Sums:
    """What may still be done with the money of an invoice."""
    charges = facts.charges.open
    creditable = facts.amount - facts.credited
    return Sums(
        facts.paid, creditable, facts.credit, charges["interest"], charges["costs"], most_credited(facts)
    )


@dataclass(frozen=True, slots=True)
class Situation:
    """Where an invoice stands, for those who report something about it. `next_stage` is None at the last one.

    `promised` is what open promises still have to bring. `zone` is the customer's, `creditor_zone` the one in which
    it is due on `due_on`.
    """

    state: str
    currency: str
    balance: Decimal
    zone: ZoneInfo
    stages: tuple[str, ...]
    next_stage: str | None
    due_on: date
    creditor_zone: ZoneInfo
    promised: Decimal = Decimal(0)
    sums: Sums = Sums()
    awaiting: tuple[str, ...] = ()
    dispute: Dispute | None = None
    on_hold: bool = False
    on_plan: bool = False

    @property
    def closed(self) -> bool:
        """Whether the invoice is closed, as what its state says."""
        return self.state in get_args(Closed)

    @property
    def unpromised(self) -> Decimal:
        """The part of the balance of which no open promise speaks."""
        return max(self.balance - self.promised, Decimal(0))


Telling = Callable[[Situation], Fact]


def waiting_step(awaiting: Sequence[str], wanted: str | None) -> dict[str, Any]:
    """The occurrence of a step that waits for leave, as its events name it: the step `wanted`, or the only one.

    Raises ValueError with a sentence where there is none, or more than one and nobody said which.
    """
    found = [key for key in awaiting if wanted in (None, key.rpartition("/")[0])]
    named = ", ".join(key.rpartition("/")[0] for key in awaiting)
    if not awaiting:
        raise ValueError("no step waits for approval")
    if not found:
        raise ValueError(f"{wanted!r} does not wait for approval; what waits is {named}")
    if len(found) > 1:
        raise ValueError(f"several steps wait for approval, {named}; say which")
    step, _, occurrence = found[0].rpartition("/")
    return {"step": step, "occurrence": int(occurrence)}


async def situation(ledger: Ledger, invoice_id: int, now: datetime) -> Situation:
    """Where an invoice stands at the aware instant `now`; raise UnknownInvoice."""
    async with ledger.invoice_unit(invoice_id, now) as unit:
        return situation_of(unit, unit.invoice(invoice_id))


def situation_of(unit: Unit, held: Held) -> Situation:
    """Where a locked invoice stands."""
    stages = held.cadence.stages
    reached = max((stages.index(stage) for stage in _begun_stages(held)), default=-1)
    return Situation(
        state=str(held.facts.state),
        currency=held.facts.currency,
        balance=held.facts.balance,
        due_on=held.facts.due_on,
        zone=ZoneInfo(unit.customer_facts.zone),
        creditor_zone=unit.creditor.timezone,
        stages=stages,
        next_stage=stages[reached + 1] if reached + 1 < len(stages) else None,
        promised=held.facts.promised,
        awaiting=held.facts.awaiting,
        sums=sums_of(held.facts),
        dispute=held.facts.dispute,
        on_hold=bool(held.facts.holds),
        on_plan=held.facts.plan is not None,
    )


def _begun_stages(held: Held) -> list[str]:
    """The stages of which a step was performed or passed over, and those escalated to."""
    ids = {
        key.rpartition("/")[0] for key, step in held.facts.steps.items() if step.outcome or step.permitted_at
    }
    begun = [step.stage for step in held.cadence.steps if step.id in ids]
    return begun + [rebase.stage for rebase in held.facts.rebases if rebase.stage in held.cadence.stages]
