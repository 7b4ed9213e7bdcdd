"""The send protocol: permit, begin, conclude. Every attempt leaves a trace before and after the provider is asked."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import insert, update

from cadence import events as e
from cadence.agenda import AgendaItem
from cadence.directive import Directive, ItemOrder
from cadence.facts import ANSWER_STEP, InvoiceFacts
from cadence.permit import Answer, Verdict, judge
from cadence.words import Channel
from ledger import statements
from ledger.access import Ledger
from ledger.answering import answer_text, free_text_until
from ledger.contacting import capped
from ledger.keys import new_attempt_id, new_reference
from ledger.learning import halt_by_itself, suppress
from ledger.references import quoted
from ledger.tables import Attempt, Message
from ledger.unit import PLANNER, Held, Unit

messages, attempts = Message.__table__, Attempt.__table__  # type: ignore[attr-defined]

# Longer than any provider's time-out, short enough that a payment is never long behind an attempt.
LEASE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave to make one attempt now, and all that its message is written from. Personal data: never log it."""

    attempt_id: str
    reference: str
    window_ends: datetime
    channel: Channel
    template: str
    language: str
    address: str
    customer_name: str
    invoice_number: str
    amount: Decimal
    balance: Decimal
    currency: str
    issued_on: date
    due_on: date
    today: date
    promised_on: date | None
    promised_amount: Decimal | None
    payment_amount: Decimal | None
    # What to quote with the payment; empty where the creditor's instructions do not ask for it.
    creditor_reference: str
    # An agent's own words, which no template renders.
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Leave:
    """The answer to a request for a permit: the permit, or none and the directive that holds instead."""

    directive: Directive
    permit: Permit | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of an attempt, in the ledger's words; `error_class` and `code` are the provider's, classified."""

    state: str  # accepted, refused, rejected or unknown
    provider_id: str | None = None
    code: str | None = None
    error_class: str | None = None


def goes_again(result: Result) -> bool:
    """Whether the provider surely took nothing, and may take it later."""
    return result.state == "refused" or (result.state, result.error_class) == ("rejected", "throughput")


async def judged(unit: Unit, held: Held, ledger: Ledger, order: ItemOrder) -> Verdict:
    """Judge the item a workflow was told to perform, with the halts; anything it was not told last is stale.

    A halt stops what is sent. Looking for a lost message sends nothing, and must not wait for it.
    """
    told = ledger.leaving(held.directive).item
    if told is None or (told.key, told.at) != (order.key, order.at):
        return Verdict(Answer.STALE, "not_the_directive")
    rules, known = unit.rules(held), await unit.history(held)
    verdict = judge(held.facts, held.cadence, rules, unit.customer_facts, known, order.key, unit.now)
    sends = verdict.answer is Answer.PERMIT and verdict.item is not None and verdict.item.send is not None
    if verdict.item and sends and await _too_late_for_free_text(unit, verdict.item):
        return Verdict(Answer.SKIP, "whatsapp_window_closed", verdict.item)
    if verdict.item and sends and await _halted(unit, verdict.item):
        tomorrow = rules.window.local_day(unit.now) + timedelta(days=1)
        return Verdict(Answer.DEFER, "halted", verdict.item, rules.contact_at(tomorrow))
    if verdict.item and sends:
        return await capped(unit, held, rules, verdict)
    return verdict


async def _too_late_for_free_text(unit: Unit, item: AgendaItem) -> bool:
    if item.step != ANSWER_STEP or item.channel is not Channel.WHATSAPP:
        return False
    until = await free_text_until(unit.connection, unit.customer["whatsapp"])
    return until is None or until <= unit.now


async def _halted(unit: Unit, item: AgendaItem) -> bool:
    scopes = {"channel": str(item.channel), "segment": unit.customer_facts.segment}
    return (await unit.connection.execute(statements.HALTED, scopes)).first() is not None


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


async def permit(ledger: Ledger, order: ItemOrder, now: datetime) -> Leave:
    """Ask leave to send one message now, at the aware instant `now`; every HTTP attempt needs a fresh one.

    One transaction: what was recorded before it counts, whatever signal is still on its way.
    """
    async with ledger.invoice_unit(order.invoice_id, now, told=order.invoice_id) as unit:
        held = unit.invoice(order.invoice_id)
        verdict = await judged(unit, held, ledger, order)
        granted = None
        if verdict.answer is Answer.PERMIT and verdict.item and verdict.item.channel:
            granted = await _reserve(unit, held, verdict.item)
        elif verdict.answer is Answer.STALE:
            # The directive may be older than the day: plan again, so that what the workflow gets is true now.
            held.causes.append("asked")
        else:
            await put_off(unit, held, verdict)
    return Leave(ledger.leaving(held.directive), granted, verdict.reason)


async def _reserve(unit: Unit, held: Held, item: AgendaItem) -> Permit | None:
    message = await _message_row(unit, held, item)
    if message["attempts"]:
        await _retire_reservations(unit, message["id"])
        if await _lost_own_call(unit, held, item, message["id"]):
            return None
    channel = item.channel
    assert channel is not None, "a send item names both"
    assert item.step is not None, "a send item names both"
    attempt_id = new_attempt_id()
    event = e.MessagePermitted(
        step=item.step, occurrence=item.occurrence, channel=channel, attempt=attempt_id
    )
    await unit.tell(held, event, PLANNER)
    window_ends = unit.rules(held).window.around(unit.now)[1]
    row = {
        "id": attempt_id,
        "message_id": message["id"],
        "number": message["attempts"] + 1,
        "state": "reserved",
        "permitted_at": unit.now,
        "lease_until": min(unit.now + LEASE, window_ends),
        "permit_event": held.last_event,
    }
    await unit.connection.execute(insert(attempts), row)
    quote = await quoted(unit, held)
    permit = _written(unit, held, item, attempt_id, message["reference"], quote, window_ends)
    if item.step != ANSWER_STEP:
        return permit
    return replace(permit, text=await answer_text(unit.connection, held.id, item.occurrence))


async def _message_row(unit: Unit, held: Held, item: AgendaItem) -> Any:
    """The message's id and reference, and how many attempts at it there were; a new row where there is none."""
    key = {
        "invoice_id": held.id,
        "step": item.step,
        "occurrence": item.occurrence,
        "channel": str(item.channel),
    }
    found = (await unit.connection.execute(statements.MESSAGE_SO_FAR, key)).mappings().one_or_none()
    if found is not None:
        return found
    assert item.send is not None, "a send item carries its document"
    row = {
        "template": item.send.template,
        "language": str(unit.customer_facts.language),
        "notice": item.notice,
        "reference": new_reference(),
    }
    written = await unit.connection.execute(insert(messages).returning(messages.c.id), key | row)
    return {"id": written.scalar_one(), "reference": row["reference"], "attempts": 0}


async def _lost_own_call(unit: Unit, held: Held, item: AgendaItem, message_id: int) -> bool:
    """Whether an earlier attempt was writing to the provider when its worker died: then its fate is unknown."""
    calling = (attempts.c.message_id == message_id) & (attempts.c.state == "calling")
    lost = await unit.connection.execute(
        update(attempts).where(calling).values(state="unknown", settled_at=unit.now).returning(attempts.c.id)
    )
    if lost.first() is None:
        return False
    await unit.tell(held, _message_event(e.MessageUnknown, item.step, item.occurrence, item.channel), PLANNER)
    return True


async def _retire_reservations(unit: Unit, message_id: int) -> None:
    """Let permits that were never used lapse: from here on, none of them can begin."""
    reserved = (attempts.c.message_id == message_id) & (attempts.c.state == "reserved")
    await unit.connection.execute(
        update(attempts).where(reserved).values(state="lapsed", settled_at=unit.now)
    )


def _written(
    unit: Unit,
    held: Held,
    item: AgendaItem,
    attempt_id: str,
    reference: str,
    quote: str,
    window_ends: datetime,
) -> Permit:
    facts, customer, channel = held.facts, unit.customer, item.channel
    assert channel is not None, "a send item names both"
    assert item.send is not None, "a send item names both"
    column = {Channel.EMAIL: "email", Channel.SMS: "phone", Channel.WHATSAPP: "whatsapp"}[channel]
    return Permit(
        attempt_id=attempt_id,
        reference=reference,
        window_ends=window_ends,
        channel=channel,
        template=item.send.template,
        language=str(unit.customer_facts.language),
        address=customer[column],
        customer_name=customer["name"],
        invoice_number=held.row["number"],
        amount=facts.amount,
        balance=facts.balance,
        currency=facts.currency,
        issued_on=facts.issued_on,
        due_on=facts.due_on,
        today=unit.rules(held).window.local_day(unit.now),
        creditor_reference=quote,
        **_branch_words(facts, item),
    )


def _branch_words(facts: InvoiceFacts, item: AgendaItem) -> dict[str, Any]:
    """What the customer did, for the notice that answers it."""
    answered = next((n for n in facts.notices if (n.step, n.number) == (item.step, item.occurrence)), None)
    amount = answered.amount if answered else None
    paid = answered is not None and answered.branch == "payment"
    return {
        "promised_on": answered.by if answered else None,
        "promised_amount": None if paid else amount,
        "payment_amount": amount if paid else None,
    }


async def begin(
    ledger: Ledger,
    attempt_id: str,
    *,
    subject: str | None,
    html: str | None,
    body: str,
    address: str,
    now: datetime,
) -> bool:
    """Commit that the provider is about to be asked; False where the lease ran out or was taken over."""
    async with ledger.engine.begin() as connection:
        content = {"the_subject": subject, "the_html": html, "the_body": body, "the_address": address}
        began = await connection.execute(statements.BEGIN, content | {"attempt_id": attempt_id, "now": now})
        return began.first() is not None


async def conclude(ledger: Ledger, attempt_id: str, result: Result, now: datetime) -> Directive:
    """Write down what became of an attempt, and return the directive that follows from it.

    What was refused is tried again, and its answer reaches no workflow: what changed with it, the relay tells.
    """
    found = await attempt_of(ledger, attempts.c.id == attempt_id)
    assert found is not None, "only attempts that were reserved are concluded"
    invoice_id = found["invoice_id"]
    told = None if goes_again(result) else invoice_id
    async with ledger.unit(found["customer_id"], [invoice_id], now, told=told) as unit:
        held = unit.invoice(invoice_id)
        await settle(unit, held, found, result)
    return ledger.leaving(held.directive)


async def attempt_of(ledger: Ledger, condition: Any) -> Any:
    """An attempt with its message and whose it is, by any condition on either; None where there is none."""
    newest = statements.ATTEMPTS.where(condition).order_by(attempts.c.number.desc()).limit(1)
    async with ledger.engine.connect() as connection:
        # One question needs no transaction around it, which would be two more.
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        return (await connection.execute(newest)).mappings().one_or_none()


async def settle(unit: Unit, held: Held, found: Any, result: Result) -> None:
    """Turn an attempt's result into its row, the message's and the event that changes the facts."""
    of = (found["step"], found["occurrence"], Channel(found["channel"]))
    values = {
        "state": result.state,
        "settled_at": unit.now,
        "code": result.code,
        "error_class": result.error_class,
    }
    # A receipt may have proved by now that the provider took what we had lost sight of.
    mine = (attempts.c.id == found["attempt_id"]) & (attempts.c.state != "accepted")
    await unit.connection.execute(update(attempts).where(mine).values(values))
    if result.state == "accepted":
        adopted = update(messages).where(messages.c.id == found["id"]).values(provider_id=result.provider_id)
        await unit.connection.execute(adopted)
        await unit.tell(held, _message_event(e.MessageAccepted, *of), PLANNER)
    elif result.state == "unknown":
        await unit.tell(held, _message_event(e.MessageUnknown, *of), PLANNER)
    elif result.state == "refused" or result.error_class in ("throughput", "account"):
        await unit.tell(
            held,
            _message_event(e.MessageRefused, *of, code=result.code, error_class=result.error_class),
            PLANNER,
        )
    else:
        error_class = result.error_class or "unclassified"
        rejected = _message_event(e.MessageRejected, *of, code=result.code, error_class=error_class)
        await unit.tell(held, rejected, PLANNER)
        await suppress(unit, Channel(found["channel"]), found["address"], result.error_class)
    if result.error_class == "account":
        await halt_by_itself(unit, Channel(found["channel"]))
        await _wait_for_a_person(unit, held, found)


async def _wait_for_a_person(unit: Unit, held: Held, found: Any) -> None:
    rules = unit.rules(held)
    tomorrow = rules.contact_at(rules.window.local_day(unit.now) + timedelta(days=1))
    deferred = e.StepDeferred(
        step=found["step"], occurrence=found["occurrence"], reason="halted", until=tomorrow
    )
    await unit.tell(held, deferred, PLANNER)


def _message_event(kind: Any, step: str | None, occurrence: int, channel: Channel | None, **more: Any) -> Any:
    return kind(step=step, occurrence=occurrence, channel=channel, **more)
