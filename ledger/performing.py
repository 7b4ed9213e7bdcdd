"""Perform an agenda item that is no message, or settle a message whose fate nobody knows."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from cadence import events as e
from cadence.agenda import AgendaItem
from cadence.directive import Directive, ItemKind, ItemOrder
from cadence.facts import MessageState
from cadence.permit import Answer
from cadence.plans import found_missing
from cadence.promises import found_on_its_day
from cadence.words import Channel
from ledger.access import Ledger
from ledger.attempts import Result, StoredAttempt, attempt_of, lapse, lose_call, message_event, settle
from ledger.judging import judged, put_off
from ledger.keys import customer_hold_key
from ledger.tables import attempts, messages
from ledger.unit import PLANNER, Held, Origin, Unit


async def perform(ledger: Ledger, order: ItemOrder, now: datetime) -> Directive:
    """Do what an item asks for in the ledger itself: a case, a hand-over, a write-off, a hold's or a promise's end.

    An item that is not, or no longer, what the workflow was told last is not performed; the current directive
    comes back either way.
    """
    async with ledger.invoice_unit(order.invoice_id, now, told=order.invoice_id) as unit:
        held = unit.invoice(order.invoice_id)
        verdict = await judged(unit, held, ledger, order)
        if verdict.answer is Answer.PERMIT and verdict.item:
            for event in _events(verdict.item, held):
                await unit.tell(held, event, PLANNER)
            await _end_customer_hold(unit, verdict.item)
        elif verdict.answer is Answer.STALE:
            held.causes.append("asked")
        else:
            await put_off(unit, held, verdict)
    return ledger.leaving(held.directive)


async def _end_customer_hold(unit: Unit, item: AgendaItem) -> None:
    """A hold of the whole customer is over for the customer, too, once its time has come for one invoice."""
    if any(hold.hold == item.hold for hold in unit.customer_facts.holds):
        key = customer_hold_key(int(unit.customer["id"]), item.hold or "")
        ended = e.CustomerHoldEnded(hold=item.hold)
        await unit.tell_customer(ended, Origin(PLANNER.actor, PLANNER.source, key))


def _events(item: AgendaItem, held: Held) -> list[e.InvoiceEvent]:
    """The facts that performing an item makes."""
    match item.kind:
        case ItemKind.END_HOLD:
            return [e.HoldEnded(hold=item.hold)]
        case ItemKind.CHECK_PROMISE:
            return [*found_on_its_day(held.facts, item.number)]
        case ItemKind.CHECK_DISPUTE:
            return [e.DisputeOverdue()]
        case ItemKind.CHECK_INSTALMENT:
            return found_missing(held.facts, held.cadence, item.number)
        case ItemKind.ASK_APPROVAL | ItemKind.REMIND_APPROVAL | ItemKind.TIME_OUT_APPROVAL:
            return [_approval_event(item, held)]
        case ItemKind.OPEN_CASE | ItemKind.HAND_OVER | ItemKind.WRITE_OFF:
            return [_step_event(item, held)]
        case _:
            message = f"{item.kind} is not performed in the ledger"
            raise ValueError(message)


def _approval_event(item: AgendaItem, held: Held) -> e.InvoiceEvent:
    step = held.cadence.step(item.step or "")
    assert step is not None, "the planner made it from a step that needs leave"
    assert step.approval is not None, "the planner made it from a step that needs leave"
    name = {"step": step.id, "occurrence": item.occurrence}
    if item.kind is ItemKind.ASK_APPROVAL:
        return e.ApprovalAsked(**name, by=step.approval.by)
    reminds = item.kind is ItemKind.REMIND_APPROVAL
    return e.ApprovalReminded(**name) if reminds else e.ApprovalTimedOut(**name)


def _step_event(item: AgendaItem, held: Held) -> e.StepPerformed | e.StepFailed:
    step = held.cadence.step(item.step or "")
    assert step is not None, "the planner made it from a step"
    assert item.step is not None, "the planner made it from a step"
    if item.why == "no_usable_channel":
        return e.StepFailed(step=item.step, occurrence=item.occurrence, reason=item.why, planned_at=item.at)
    if item.why in ("missed_step", "approval_timed_out"):
        how = {"queue": held.cadence.queue, "reason": item.why}
    elif step.open_case:
        how = {"queue": step.open_case.queue, "reason": step.open_case.reason}
    elif step.hand_over:
        how = {"closes_as": "handed_over", "reason": step.hand_over.to}
    else:
        how = {"closes_as": "written_off", "reason": step.write_off.reason if step.write_off else ""}
    return e.StepPerformed.model_validate({"step": item.step, "occurrence": item.occurrence} | how)


@dataclass(frozen=True, slots=True)
class LostMessage:
    """A message whose attempt ended in the dark: where to look for it at the provider."""

    attempt_id: str
    channel: Channel
    address: str
    reference: str
    since: datetime
    resent: bool
    readings: int


async def lost_message(ledger: Ledger, order: ItemOrder, now: datetime) -> LostMessage | Directive:
    """The lost message that a `reconcile_message` item is about, or the directive where nothing is lost now."""
    async with ledger.invoice_unit(order.invoice_id, now, told=order.invoice_id) as unit:
        held = unit.invoice(order.invoice_id)
        verdict = await judged(unit, held, ledger, order)
        item = verdict.item if verdict.answer is Answer.PERMIT else None
        if item is None or await _was_never_settled(unit, held, item):
            held.causes.append("asked")
            item = None
    if item is None or item.channel is None:
        return ledger.leaving(held.directive)
    found = await attempt_of(ledger, _message_of(held, item))
    assert found is not None, "an unknown message had an attempt"
    assert item.step is not None, "an unknown message had an attempt"
    message = held.facts.step(item.step, item.occurrence).messages[item.channel]
    return LostMessage(
        attempt_id=found.attempt_id,
        channel=item.channel,
        address=found.address or "",
        reference=found.reference,
        since=found.permitted_at,
        resent=message.resent,
        readings=message.readings,
    )


def _message_of(held: Held, item: AgendaItem) -> Any:
    return (
        (messages.c.invoice_id == held.id)
        & (messages.c.step == item.step)
        & (messages.c.occurrence == item.occurrence)
        & (messages.c.channel == str(item.channel))
    )


async def _was_never_settled(unit: Unit, held: Held, item: AgendaItem) -> bool:
    """Settle an attempt whose worker died and whose channel was closed since: asked, or never asked at all."""
    assert item.step is not None, "a message has both"
    assert item.channel is not None, "a message has both"
    message = held.facts.step(item.step, item.occurrence).messages[item.channel]
    if message.state is not MessageState.RESERVED:
        return False
    mine = select(messages.c.id).where(_message_of(held, item)).scalar_subquery()
    # In this order: once the permits have lapsed, none can begin behind our back.
    await lapse(unit, mine)
    if not await lose_call(unit, held, item, mine):
        await unit.tell(
            held, message_event(e.MessageRefused, item.step, item.occurrence, item.channel), PLANNER
        )
    return True


async def settle_lost(
    ledger: Ledger, order: ItemOrder, lost: LostMessage, provider_id: str | None, now: datetime
) -> Directive:
    """Adopt a lost message that was found, count a reading that did not find it, or give it to a person.

    SMS and WhatsApp go out once more after two empty readings, and never a third time. E-mail has no list to
    read: without a receipt in time it is given up, and never sent again.
    """
    found = await attempt_of(ledger, attempts.c.id == lost.attempt_id)
    assert found is not None, "attempts stay"
    async with ledger.invoice_unit(order.invoice_id, now, told=order.invoice_id) as unit:
        held = unit.invoice(order.invoice_id)
        if not _still_lost(held, found):
            held.causes.append("asked")
        elif provider_id is not None:
            await settle(unit, held, found, Result("accepted", provider_id=provider_id))
        else:
            await _not_found(unit, held, lost, found.step, found.occurrence)
    return ledger.leaving(held.directive)


def _still_lost(held: Held, found: StoredAttempt) -> bool:
    step = held.facts.step(found.step, found.occurrence)
    message = step.messages.get(found.channel)
    return message is not None and message.state is MessageState.UNKNOWN


async def _not_found(unit: Unit, held: Held, lost: LostMessage, step: str, occurrence: int) -> None:
    hopeless = lost.channel is Channel.EMAIL or (lost.resent and lost.readings >= 1)
    kind = e.MessageGivenUp if hopeless else e.MessageNotFound
    await unit.tell(held, kind(step=step, occurrence=occurrence, channel=lost.channel), PLANNER)
