"""Segmenting: which segment a customer belongs to now, and what a change of it does to the open invoices."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from cadence import events as e
from cadence.customer_facts import Assignment, CustomerFacts
from cadence.payers import NO_PAYER
from cadence.segments import Decision, decide
from ledger.access import Ledger
from ledger.behaviour import payer_facts
from ledger.database import LedgerError
from ledger.migrating import Foreseen, Target, edition_of, foresee_move, move
from ledger.publishing import cadence_for_segment
from ledger.tables import customers
from ledger.unit import Origin, Unit

Effect = Literal["now", "next_invoice"]


@dataclass(frozen=True, slots=True)
class Segmented:
    """A customer by the creditor's key: the segment now, and what the rules and overrides decide."""

    customer: str
    segment: str
    decision: Decision

    @property
    def changes(self) -> bool:
        """Whether the customer is to come into another segment."""
        return self.segment != self.decision.segment


async def decided(
    unit: Unit, facts: CustomerFacts, *, new: bool = False, overridden: bool = True
) -> Decision:
    """The segment of the locked customer, whose facts are, or will be, `facts`; a `new` one has not paid yet."""
    rules = unit.book.segments
    asks = rules is not None and rules.ask_the_payer and not new
    payer = (
        await payer_facts(unit.connection, int(unit.customer["id"]), unit.creditor.zone) if asks else NO_PAYER
    )
    return decide(rules, facts, payer, unit.now, overridden=overridden)


async def assign(unit: Unit, decision: Decision, origin: Origin, effect: Effect = "next_invoice") -> bool:
    """Let the locked customer come into the segment decided on; False where they are in it by the same word.

    `now` moves all their open invoices to the cadence of that segment as well. Raises LedgerError where no
    published cadence serves it.
    """
    facts = unit.customer_facts
    by_hand = "manual" in {each.by for each in (facts.assigned, decision.assignment) if each}
    if facts.segment == decision.segment and not (by_hand and facts.assigned != decision.assignment):
        return False
    assignment = decision.assignment
    event = e.SegmentAssigned(
        segment=decision.segment,
        by=assignment.by if assignment else "file",
        rule=assignment.rule if assignment else None,
        takes_effect=effect,
        reason=assignment.reason if assignment else None,
    )
    if not await unit.tell_customer(event, origin):
        return False
    if effect == "now":
        quiet = Origin(origin.actor, origin.source, None, origin.note)
        target = await _serving(unit, decision.segment)
        for held in list(unit.held.values()):
            await move(unit, held, target, quiet)
    return True


async def _serving(unit: Unit, segment: str) -> Target:
    cadence_id, _ = await cadence_for_segment(unit.connection, segment)
    if cadence_id is None:
        raise LedgerError(
            "segment_not_served",
            f"no published cadence serves the segment {segment!r}; publish one that does, or choose another segment",
        )
    return Target(cadence_id, await edition_of(unit.connection, cadence_id))


async def assign_by_hand(unit: Unit, segment: str, reason: str, origin: Origin, effect: Effect) -> bool:
    """Put the locked customer into a segment for a reason (a code), until that is cleared; False where they are already.

    Raises LedgerError where no cadence serves the segment.
    """
    await _serving(unit, segment)
    return await assign(unit, Decision(segment, Assignment(by="manual", reason=reason)), origin, effect)


async def clear_by_hand(unit: Unit, origin: Origin, effect: Effect) -> bool:
    """Let the rules, or the file, decide again on the locked customer's segment; False where told before.

    Raises LedgerError where nobody had assigned it by hand, or no cadence serves the one that follows.
    """
    assigned = unit.customer_facts.assigned
    if assigned is None or assigned.by != "manual":
        raise LedgerError(
            "not_assigned",
            f"the segment of {unit.customer['key']} was not assigned by hand; nothing is to be taken back",
        )
    decision = await decided(unit, unit.customer_facts, overridden=False)
    await _serving(unit, decision.segment)
    return await assign(unit, decision, origin, effect)


async def all_customers(engine: AsyncEngine) -> list[tuple[int, str]]:
    """Every customer who is known and was not merged into another, by our id and the creditor's key."""
    known = select(customers.c.id, customers.c.key).where(customers.c.merged_into.is_(None))
    async with engine.connect() as connection:
        found = await connection.execute(known.order_by(customers.c.key))
        return [(row.id, row.key) for row in found]


async def explained(ledger: Ledger, customer_id: int, key: str, now: datetime) -> Segmented:
    """The segment of a customer and what decides on it, rule by rule."""
    async with ledger.engine.begin() as connection:
        unit = Unit(connection, ledger.book, now)
        await unit.lock(customer_id, ())
        return Segmented(key, unit.customer_facts.segment, await decided(unit, unit.customer_facts))


async def foreseen_moves(ledger: Ledger, customer_id: int, segment: str, now: datetime) -> list[Foreseen]:
    """What moving the customer's open invoices to the cadence of `segment` would change; nothing is moved."""
    async with ledger.engine.begin() as connection:
        unit = Unit(connection, ledger.book, now)
        await unit.lock(customer_id)
        target = await _serving(unit, segment)
        return [
            await foresee_move(unit, held, target)
            for held in unit.held.values()
            if held.cadence_id != target.id
        ]


async def reassign(
    ledger: Ledger, customer_id: int, origin: Origin, now: datetime, effect: Effect = "next_invoice"
) -> bool:
    """Let a customer come into the segment that the rules decide on; False where they are in it."""
    async with ledger.unit(customer_id, None if effect == "now" else (), now) as unit:
        return await assign(unit, await decided(unit, unit.customer_facts), origin, effect)
