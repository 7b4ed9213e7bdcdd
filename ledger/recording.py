"""`record()`: take note of what happened to an invoice or a customer, once, and plan anew."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from cadence import events as e
from cadence.directive import Directive
from cadence.permit import History
from ledger.access import Ledger
from ledger.keys import customer_hold_key
from ledger.unit import Held, Origin, Unit, invoices


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


async def record(
    ledger: Ledger, invoice_id: int, facts: Sequence[Fact], now: datetime, *, by_return: bool = False
) -> Recorded:
    """Append facts to an invoice's log, in order; one told before (same source and external id) does nothing.

    `by_return` is for the invoice's own workflow, which learns its directive from the answer.
    Raises UnknownInvoice. A payment that cannot be applied is kept as an unidentified one, never refused.
    """
    async with ledger.invoice_unit(invoice_id, now, told=invoice_id if by_return else None) as unit:
        held = unit.invoice(invoice_id)
        new = 0
        for fact in facts:
            new += await unit.tell(held, _applicable(fact.event, held), fact.origin, fact.at)
            await _note_customer_hold(unit, fact)
    return Recorded(new, ledger.leaving(held.directive))


def _applicable(event: e.InvoiceEvent, held: Held) -> e.InvoiceEvent:
    """Money in another currency clears nothing here: a person must look at it."""
    if isinstance(event, e.PaymentReceived) and event.currency != held.facts.currency:
        return e.PaymentUnidentified()
    return event


async def _note_customer_hold(unit: Unit, fact: Fact) -> None:
    """A hold of the whole customer ends for the customer as soon as it ends for one of its invoices."""
    ended = fact.event.hold if isinstance(fact.event, e.HoldEnded) else None
    if ended and any(hold.hold == ended for hold in unit.customer_facts.holds):
        key = customer_hold_key(int(unit.customer["id"]), ended)
        origin = Origin(fact.origin.actor, "regua", key)
        await unit.tell_customer(e.CustomerHoldEnded(hold=ended), origin, fact.at)


async def record_customer(
    ledger: Ledger, customer_id: int, event: e.CustomerEvent, origin: Origin, now: datetime
) -> bool:
    """Take note of what happened to a customer, for all its open invoices; False where it had been told before."""
    async with ledger.unit(customer_id, None, now) as unit:
        new = await unit.tell_customer(event, origin, now)
        if new:
            await spread(unit, event, origin)
    return new


async def spread(unit: Unit, event: e.CustomerEvent, origin: Origin) -> None:
    """Carry a customer's hold, or its end, to every locked invoice."""
    quiet = Origin(origin.actor, origin.source, None, origin.note)
    for held in unit.held.values():
        if isinstance(event, e.CustomerHoldPlaced):
            placed = e.HoldPlaced(hold=event.hold, reason=event.reason, until=event.until)
            await unit.tell(held, placed, quiet)
        elif isinstance(event, e.CustomerHoldEnded):
            await unit.tell(held, e.HoldEnded(hold=event.hold), quiet)


async def history(unit: Unit, *, but: int) -> History:
    """What is known of the customer's other invoices than `but`."""
    due_day_ends = func.timezone(unit.creditor.zone, invoices.c.due_on + timedelta(days=1))
    late = invoices.c.closed_at >= due_day_ends
    paid = invoices.c.state == "paid"
    found = await unit.connection.execute(
        select(
            func.count(),
            func.count().filter(paid),
            func.count().filter(paid & late),
            func.count().filter(invoices.c.closed_at.is_(None)),
        ).where(invoices.c.customer_id == unit.customer["id"], invoices.c.id != but)
    )
    return History(*found.one())


@dataclass(frozen=True, slots=True)
class Situation:
    """Where an invoice stands, for those who report something about it. `next_stage` is None at the last one."""

    state: str
    currency: str
    balance: Decimal
    zone: ZoneInfo
    stages: tuple[str, ...]
    next_stage: str | None


async def situation(ledger: Ledger, invoice_id: int) -> Situation:
    """Where an invoice stands now; raise UnknownInvoice."""
    async with ledger.engine.begin() as connection:
        unit = Unit(connection, ledger.creditor, datetime.now(UTC))
        await unit.lock(await ledger.owner(connection, invoice_id), [invoice_id])
        held = unit.invoice(invoice_id)
        stages = held.cadence.stages
        reached = max((stages.index(stage) for stage in _begun_stages(held)), default=-1)
        return Situation(
            state=str(held.facts.state),
            currency=held.facts.currency,
            balance=held.facts.balance,
            zone=ZoneInfo(unit.customer_facts.zone),
            stages=stages,
            next_stage=stages[reached + 1] if reached + 1 < len(stages) else None,
        )


def _begun_stages(held: Held) -> list[str]:
    """The stages of which a step was performed or passed over, and those escalated to."""
    ids = {
        key.rpartition("/")[0] for key, step in held.facts.steps.items() if step.outcome or step.permitted_at
    }
    begun = [step.stage for step in held.cadence.steps if step.id in ids]
    return begun + [rebase.stage for rebase in held.facts.rebases if rebase.stage in held.cadence.stages]
