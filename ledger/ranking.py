"""Ranking: which of a customer's invoices speaks first, where what is due for them cannot all leave now.

The later stage goes first, then the older due date. The other waits two minutes, once: whatever keeps the first from
leaving, nobody waits for it for good.
"""

from datetime import timedelta

from sqlalchemy import bindparam, select

from cadence.agenda import SEND_KIND, AgendaItem
from cadence.caps import Contact
from cadence.facts import StepFacts
from cadence.permit import Answer, Verdict, capped, is_capped, judge, rank
from ledger.contacting import contacts_before
from ledger.driving import run
from ledger.tables import invoices
from ledger.unit import Held, Unit

GROUPED = "grouped"
OUTRANKED = "outranked"
# Longer than a lease, so that the message in hand has an outcome by then; too short for anybody to notice.
PATIENCE = timedelta(minutes=2)
_SENDS = frozenset(SEND_KIND.values())

_DUE = select(invoices.c.id).where(
    invoices.c.customer_id == bindparam("of_customer"),
    invoices.c.closed_at.is_(None),
    invoices.c.next_at <= bindparam("soon"),
)


def has_waited(record: StepFacts) -> bool:
    """Whether a step gave way to another invoice's already, or began to speak: it gives way no more."""
    return record.deferred_reason in (GROUPED, OUTRANKED) or bool(record.messages)


async def judged_as_due(unit: Unit, held: Held, key: str) -> Verdict:
    """Whether an item may leave now. One that only waits for another invoice's is taken as due."""
    rules, payer = unit.rules(held), await unit.payer(held)
    verdict = judge(held.facts, held.cadence, rules, unit.customer_facts, payer, key, unit.now)
    item = verdict.item
    if item is None or verdict.until is None or item.step is None:
        return verdict
    record = held.facts.step(item.step, item.occurrence)
    # By no clock: whoever deferred it may have one that is ahead of ours.
    if record.deferred_reason not in (GROUPED, OUTRANKED) or record.deferred_until != verdict.until:
        return verdict
    return judge(held.facts, held.cadence, rules, unit.customer_facts, payer, key, verdict.until)


async def outranked(unit: Unit, held: Held, item: AgendaItem, along: frozenset[int]) -> bool:
    """Whether a reminder is to give way to one of the customer's other invoices, as a cap has room for one of the two.

    `along` are the invoices that its message lists: they are said with it. Answers to the customer give way to nobody.
    """
    if not _competes(unit, held, item) or has_waited(held.facts.step(item.step or "", item.occurrence)):
        return False
    known = {"of_customer": unit.customer["id"], "soon": unit.now + PATIENCE}
    due = {row["id"] for row in await run(unit.connection, _DUE, known)} - {held.id} - along
    if due:
        await unit.hold_invoices(sorted(due))
    for other in sorted(due):
        first = await _due_now(unit, unit.invoice(other))
        if first is None or _rank(unit.invoice(other), first) <= _rank(held, item):
            continue
        if await _wants_the_room(unit, unit.invoice(other), first, item):
            return True
    return False


def _rank(held: Held, item: AgendaItem) -> tuple[int, int]:
    return rank(held.cadence, item.step or "", held.facts.due_on)


def _competes(unit: Unit, held: Held, item: AgendaItem) -> bool:
    """Whether an item is a reminder of the ruler that some cap counts."""
    return held.cadence.step(item.step or "") is not None and is_capped(item, unit.rules(held))


async def _due_now(unit: Unit, held: Held) -> AgendaItem | None:
    """The reminder that an invoice would send now, if nothing but another's message were in its way."""
    told = held.directive.item
    if told is None or told.kind not in _SENDS or not unit.rules(held).window.is_open(unit.now):
        return None
    verdict = await judged_as_due(unit, held, told.key)
    item = verdict.item if verdict.answer is Answer.PERMIT else None
    return item if item and _competes(unit, held, item) else None


async def _wants_the_room(unit: Unit, held: Held, item: AgendaItem, before: AgendaItem) -> bool:
    """Whether a cap lets an invoice's item go now, and would not once `before`, another's, has gone."""
    assert before.channel is not None, "a contact is by a channel"
    said, rules = await contacts_before(unit, held, item), unit.rules(held)
    going = Verdict(Answer.PERMIT, item.why, item)
    alone = capped(going, said, rules, unit.now)
    beside = capped(going, [*said, Contact(unit.now, before.channel)], rules, unit.now)
    return (alone.answer, beside.answer) == (Answer.PERMIT, Answer.DEFER)
