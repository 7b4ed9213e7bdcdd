"""Judging: whether an item that a workflow would perform may be performed now, and what is written where not."""

from datetime import timedelta

from cadence import events as e
from cadence.agenda import AgendaItem
from cadence.directive import ItemOrder
from cadence.facts import ANSWER_STEP
from cadence.permit import Answer, Verdict, capped, is_capped, judge
from cadence.words import Channel
from ledger.access import Ledger
from ledger.addressing import addressed
from ledger.answering import free_text_until
from ledger.contacting import contacts_before
from ledger.unit import PLANNER, Held, Unit


async def judged(unit: Unit, held: Held, ledger: Ledger, order: ItemOrder) -> Verdict:
    """Judge the item a workflow was told to perform; anything it was not told last is stale."""
    told = ledger.leaving(held.directive).item
    if told is None or (told.key, told.at) != (order.key, order.at):
        return Verdict(Answer.STALE, "not_the_directive")
    rules, known = unit.rules(held), await unit.payer(held)
    return judge(held.facts, held.cadence, rules, unit.customer_facts, known, order.key, unit.now)


async def may_leave(unit: Unit, held: Held, verdict: Verdict, *, halted: bool) -> Verdict:
    """The verdict on a message, or what else forbids it now: a closed conversation, a halt, a cap on contacts.

    Only for what is sent: looking for a lost message sends nothing, and must wait for none of these.
    """
    item, rules = verdict.item, unit.rules(held)
    assert item is not None, "a permit is for an item"
    if await _too_late_for_free_text(unit, held, item):
        return Verdict(Answer.SKIP, "whatsapp_window_closed", item)
    if halted:
        tomorrow = rules.window.local_day(unit.now) + timedelta(days=1)
        return Verdict(Answer.DEFER, "halted", item, rules.contact_at(tomorrow))
    if not is_capped(item, rules):
        return verdict
    return capped(verdict, await contacts_before(unit, held, item), rules, unit.now)


async def _too_late_for_free_text(unit: Unit, held: Held, item: AgendaItem) -> bool:
    if item.step != ANSWER_STEP or item.channel is not Channel.WHATSAPP:
        return False
    to = await addressed(unit, held, item)
    until = await free_text_until(unit.connection, to.address)
    return until is None or until <= unit.now


async def put_off(unit: Unit, held: Held, verdict: Verdict) -> None:
    """Write down that an item was deferred or skipped, and by which rule: it never stays as it was."""
    item = verdict.item
    if item is None or item.step is None:
        # Its instant follows from the facts alone: the calendar behind it changed, and it is to be planned anew.
        held.causes.append("asked")
        return
    if verdict.answer is Answer.SKIP:
        begun = held.facts.step(item.step, item.occurrence).messages
        kind = e.StepFailed if begun else e.StepSkipped
        over = kind(step=item.step, occurrence=item.occurrence, reason=verdict.reason, planned_at=item.at)
        await unit.tell(held, over, PLANNER)
    elif verdict.answer is Answer.DEFER and verdict.until:
        deferred = e.StepDeferred(
            step=item.step, occurrence=item.occurrence, reason=verdict.reason, until=verdict.until
        )
        await unit.tell(held, deferred, PLANNER)
