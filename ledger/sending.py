"""The send protocol: permit, begin, conclude. Every attempt leaves a trace before and after the provider is asked."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from cadence import events as e
from cadence.agenda import AgendaItem
from cadence.directive import Directive, ItemOrder
from cadence.facts import InvoiceFacts
from cadence.permit import Answer, History, Verdict, judge
from cadence.words import Channel
from ledger.access import Ledger
from ledger.keys import new_attempt_id, new_reference
from ledger.recording import history
from ledger.tables import Attempt, Halt, Message
from ledger.unit import PLANNER, Held, Origin, Unit

messages, attempts, halts = Message.__table__, Attempt.__table__, Halt.__table__  # type: ignore[attr-defined]

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


_NO_HISTORY = History()


async def judged(unit: Unit, held: Held, ledger: Ledger, order: ItemOrder) -> Verdict:
    """Judge the item a workflow was told to perform, with the halts; anything it was not told last is stale."""
    told = ledger.leaving(held.directive).item
    if told is None or (told.key, told.at) != (order.key, order.at):
        return Verdict(Answer.STALE, "not_the_directive")
    known = await history(unit, but=held.id) if _has_conditions(held) else _NO_HISTORY
    rules = unit.rules(held)
    verdict = judge(held.facts, held.cadence, rules, unit.customer_facts, known, order.key, unit.now)
    if (
        verdict.answer is Answer.PERMIT
        and verdict.item
        and verdict.item.channel
        and await _halted(unit, verdict.item)
    ):
        tomorrow = rules.window.local_day(unit.now) + timedelta(days=1)
        return Verdict(Answer.DEFER, "halted", verdict.item, rules.contact_at(tomorrow))
    return verdict


def _has_conditions(held: Held) -> bool:
    return any(step.when and "history" in step.when for step in held.cadence.steps)


async def _halted(unit: Unit, item: AgendaItem) -> bool:
    found = await unit.connection.execute(
        select(halts.c.scope).where(
            or_(
                halts.c.scope == "all",
                (halts.c.scope == "channel") & (halts.c.value == str(item.channel)),
                (halts.c.scope == "segment") & (halts.c.value == unit.customer_facts.segment),
            )
        )
    )
    return found.first() is not None


async def put_off(unit: Unit, held: Held, verdict: Verdict) -> None:
    """Write down that an item was deferred or skipped, and by which rule: it never stays as it was."""
    item = verdict.item
    if item is None or item.step is None:
        return
    if verdict.answer is Answer.SKIP:
        skipped = e.StepSkipped(
            step=item.step, occurrence=item.occurrence, reason=verdict.reason, planned_at=item.at
        )
        await unit.tell(held, skipped, PLANNER)
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
    if await _lost_own_call(unit, held, item, message["id"]):
        return None
    channel = item.channel
    assert channel is not None, "a send item names both"
    assert item.step is not None, "a send item names both"
    number = 1 + await _retire_reservations(unit, message["id"])
    attempt_id = new_attempt_id()
    event = e.MessagePermitted(
        step=item.step, occurrence=item.occurrence, channel=channel, attempt=attempt_id
    )
    await unit.tell(held, event, PLANNER)
    window_ends = unit.rules(held).window.around(unit.now)[1]
    row = {
        "id": attempt_id,
        "message_id": message["id"],
        "number": number,
        "state": "reserved",
        "permitted_at": unit.now,
        "lease_until": min(unit.now + LEASE, window_ends),
        "permit_event": held.last_event,
    }
    await unit.connection.execute(insert(attempts).values(row))
    return _written(unit, held, item, attempt_id, message["reference"], window_ends)


async def _message_row(unit: Unit, held: Held, item: AgendaItem) -> Any:
    wanted = (
        messages.c.invoice_id == held.id,
        messages.c.step == item.step,
        messages.c.occurrence == item.occurrence,
        messages.c.channel == str(item.channel),
    )
    found = (await unit.connection.execute(select(messages).where(*wanted))).mappings().one_or_none()
    if found is not None:
        return found
    assert item.send is not None, "a send item carries its document"
    row = {
        "invoice_id": held.id,
        "step": item.step,
        "occurrence": item.occurrence,
        "channel": str(item.channel),
        "template": item.send.template,
        "language": str(unit.customer_facts.language),
        "notice": item.notice,
        "reference": new_reference(),
    }
    return (await unit.connection.execute(insert(messages).values(row).returning(messages))).mappings().one()


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


async def _retire_reservations(unit: Unit, message_id: int) -> int:
    """Let permits that were never used lapse; return how many attempts there were."""
    reserved = (attempts.c.message_id == message_id) & (attempts.c.state == "reserved")
    await unit.connection.execute(
        update(attempts).where(reserved).values(state="lapsed", settled_at=unit.now)
    )
    found = await unit.connection.execute(select(attempts.c.id).where(attempts.c.message_id == message_id))
    return len(found.all())


def _written(
    unit: Unit, held: Held, item: AgendaItem, attempt_id: str, reference: str, window_ends: datetime
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
        live = (
            (attempts.c.id == attempt_id) & (attempts.c.state == "reserved") & (attempts.c.lease_until > now)
        )
        began = await connection.execute(
            update(attempts)
            .where(live)
            .values(state="calling", began_at=now)
            .returning(attempts.c.message_id)
        )
        message_id = began.scalar_one_or_none()
        if message_id is None:
            return False
        content = {"subject": subject, "html": html, "body": body, "address": address}
        await connection.execute(update(messages).where(messages.c.id == message_id).values(content))
    return True


async def conclude(ledger: Ledger, attempt_id: str, result: Result, now: datetime) -> Directive:
    """Write down what became of an attempt, and return the directive that follows from it."""
    found = await attempt_of(ledger, attempts.c.id == attempt_id)
    assert found is not None, "only attempts that were reserved are concluded"
    async with ledger.invoice_unit(found["invoice_id"], now, told=found["invoice_id"]) as unit:
        held = unit.invoice(found["invoice_id"])
        await settle(unit, held, found, result)
    return ledger.leaving(held.directive)


async def attempt_of(ledger: Ledger, condition: Any) -> Any:
    """An attempt with its message, by any condition on either; None where there is none."""
    columns = [
        attempts.c.id.label("attempt_id"),
        attempts.c.state.label("attempt_state"),
        attempts.c.permitted_at,
        attempts.c.number,
        *(column for column in messages.c if column.name not in ("html", "body", "subject")),
    ]
    joined = select(*columns).join_from(attempts, messages, attempts.c.message_id == messages.c.id)
    async with ledger.engine.connect() as connection:
        newest = joined.where(condition).order_by(attempts.c.number.desc()).limit(1)
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
        await suppress(unit, Channel(found["channel"]), result.error_class)
    if result.error_class == "account":
        await _halt_by_itself(unit, held, found)


async def _halt_by_itself(unit: Unit, held: Held, found: Any) -> None:
    """The provider closed its door on us: stop the channel at once, and let the step wait for a person."""
    halt = {
        "scope": "channel",
        "value": found["channel"],
        "at": unit.now,
        "actor": "regua",
        "reason": "account",
    }
    await unit.connection.execute(upsert(halts).values(halt).on_conflict_do_nothing())
    rules = unit.rules(held)
    tomorrow = rules.contact_at(rules.window.local_day(unit.now) + timedelta(days=1))
    deferred = e.StepDeferred(
        step=found["step"], occurrence=found["occurrence"], reason="halted", until=tomorrow
    )
    await unit.tell(held, deferred, PLANNER)


SUPPRESSING = {"opt_out": "opt_out", "bad_address": "bad_address", "recipient_limit": "recipient_limit"}


async def suppress(unit: Unit, channel: Channel, error_class: str | None, origin: Origin = PLANNER) -> None:
    """Learn from an error class that a channel, or the address on it, is not to be used again."""
    reason = SUPPRESSING.get(error_class or "")
    if reason is None or unit.customer_facts.unusable(channel):
        return
    address = None if reason == "opt_out" else unit.customer_facts.addresses[channel]
    suppressed = e.ChannelSuppressed.model_validate(
        {"channel": channel, "reason": reason, "address": address}
    )
    await unit.tell_customer(suppressed, Origin(origin.actor, origin.source))


def _message_event(kind: Any, step: str | None, occurrence: int, channel: Channel | None, **more: Any) -> Any:
    return kind(step=step, occurrence=occurrence, channel=channel, **more)
