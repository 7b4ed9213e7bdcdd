"""The send protocol: permit, begin, conclude. Every attempt leaves a trace before and after the provider is asked."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from cadence import events as e
from cadence.account import Account, OpenItem
from cadence.agenda import AgendaItem
from cadence.directive import Directive, ItemOrder
from cadence.disputes import asked, in_part
from cadence.facts import ANSWER_STEP, THANKS_STEP, InvoiceFacts
from cadence.permit import Answer
from cadence.plans import owed, spoken_of
from ledger import statements
from ledger.access import Ledger
from ledger.account import open_account
from ledger.addressing import addressed
from ledger.answering import answer_text
from ledger.attempts import KnownAttempt, Result, goes_again, lapse, lose_call, message_event, settle
from ledger.behaviour import payer_facts
from ledger.driving import run
from ledger.grouping import Companion, gathered, list_them, open_items
from ledger.judging import judged, may_leave, put_off
from ledger.keys import new_attempt_id, new_reference
from ledger.references import quoted
from ledger.unit import PLANNER, Held, Unit

# Longer than any provider's time-out, short enough that a payment is never long behind an attempt.
LEASE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Permit(KnownAttempt):
    """Leave to make one attempt now, and all that its message is written from. Personal data: never log it."""

    address: str
    window_ends: datetime
    template: str
    language: str
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
    # The late charges within the balance.
    interest: Decimal
    costs: Decimal
    instalment: tuple[date, Decimal] | None
    # What is owed of each instalment of the plan that stands, by its day.
    plan: tuple[tuple[date, Decimal], ...]
    # How many of the customer's invoices were paid on time, where the message thanks for a payment; else 0.
    paid_on_time: int
    # The part that is disputed while the rest, which is the balance here, is asked for; and what was credited.
    disputed_amount: Decimal | None
    credited_amount: Decimal | None
    # What to quote with the payment; empty where the creditor's instructions do not ask for it.
    creditor_reference: str
    # Where the customer is (ISO 3166), by whose manner numbers and dates are written.
    country: str
    # All that the message speaks of; empty where that is its own invoice alone.
    items: tuple[OpenItem, ...] = ()
    # What the statement shows that goes with it; None where none is asked for.
    account: Account | None = None
    # An agent's own words, which no template renders.
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Leave:
    """The answer to a request for a permit: the permit, or none and the directive that holds instead."""

    directive: Directive
    permit: Permit | None = None
    reason: str = ""


async def permit(ledger: Ledger, order: ItemOrder, now: datetime) -> Leave:
    """Ask leave to send one message now, at the aware instant `now`; every HTTP attempt needs a fresh one.

    One transaction: what was recorded before it counts, whatever signal is still on its way.
    """
    async with ledger.invoice_unit(order.invoice_id, now, told=order.invoice_id) as unit:
        held = unit.invoice(order.invoice_id)
        verdict = await judged(unit, held, ledger, order)
        granted, so_far = None, None
        along: tuple[Companion, ...] = ()
        if verdict.answer is Answer.PERMIT and verdict.item:
            so_far = await _so_far(unit, held, verdict.item)
            verdict = await may_leave(unit, held, verdict, halted=so_far["halted"])
        if verdict.answer is Answer.PERMIT:
            verdict, along = await gathered(unit, held, verdict)
        if verdict.answer is Answer.PERMIT and verdict.item:
            granted = await _reserve(unit, held, verdict.item, so_far, along)
        elif verdict.answer is Answer.STALE:
            # The directive may be older than the day: plan again, so that what the workflow gets is true now.
            held.causes.append("asked")
        else:
            await put_off(unit, held, verdict)
    return Leave(ledger.leaving(held.directive), granted, verdict.reason)


def _key(held: Held, item: AgendaItem) -> dict[str, Any]:
    """What a message is unique for."""
    return {
        "invoice_id": held.id,
        "step": item.step,
        "occurrence": item.occurrence,
        "channel": str(item.channel),
    }


async def _so_far(unit: Unit, held: Held, item: AgendaItem) -> Any:
    """Whether sending is halted, and the message's id and reference and how many attempts there were, if any."""
    known = _key(held, item) | {"segment": unit.customer_facts.segment}
    [found] = await run(unit.connection, statements.SO_FAR, known)
    return found


async def _reserve(
    unit: Unit, held: Held, item: AgendaItem, so_far: Any, along: tuple[Companion, ...]
) -> Permit | None:
    if so_far["attempts"]:
        await lapse(unit, so_far["id"])
        if await lose_call(unit, held, item, so_far["id"]):
            return None
    attempt_id, to = new_attempt_id(), await addressed(unit, held, item)
    event = message_event(
        e.MessagePermitted, item.step, item.occurrence, item.channel, attempt=attempt_id, **to.told
    )
    await unit.tell(held, event, PLANNER)
    window_ends = unit.rules(held).window.around(unit.now)[1]
    whom = {"attempt_id": attempt_id, "role": to.found.to.role, "copies": to.copies}
    attempt = whom | {
        "number": so_far["attempts"] + 1,
        "state": "reserved",
        "permitted_at": unit.now,
        "lease_until": min(unit.now + LEASE, window_ends),
        "permit_event": held.last_event,
    }
    language = str(to.found.to.language)
    message = await _write_attempt(unit, held, item, so_far, attempt, language)
    await list_them(unit, attempt_id, along)
    where = {"address": to.address, "language": language, "window_ends": window_ends}
    return _written(unit, held, item, whom | where | message | await _said_with_it(unit, held, item, along))


async def _said_with_it(
    unit: Unit, held: Held, item: AgendaItem, along: tuple[Companion, ...]
) -> dict[str, Any]:
    """What the message speaks of beside its own invoice's facts."""
    answers = item.step == ANSWER_STEP
    return {
        "items": await open_items(unit, held, along),
        "account": await _attached(unit, item),
        "paid_on_time": await _paid_on_time(unit, item),
        "creditor_reference": await quoted(unit, held),
        "text": await answer_text(unit.connection, held.id, item.occurrence) if answers else None,
    }


async def _paid_on_time(unit: Unit, item: AgendaItem) -> int:
    if item.step != THANKS_STEP:
        return 0
    payer = await payer_facts(unit.connection, int(unit.customer["id"]), unit.creditor.zone)
    return payer.paid_on_time


async def _attached(unit: Unit, item: AgendaItem) -> Account | None:
    """The account that a statement shows, where one goes with the message."""
    if item.send is None or item.send.attach is None:
        return None
    return await open_account(unit.connection, unit.customer, unit.now)


async def _write_attempt(
    unit: Unit, held: Held, item: AgendaItem, so_far: Any, attempt: dict[str, Any], language: str
) -> dict[str, Any]:
    """Write the attempt, and the message where this is its first; the message's id and reference."""
    if so_far["id"] is not None:
        await run(unit.connection, statements.RESERVE_AGAIN, attempt | {"at_message": so_far["id"]})
        return {"message_id": so_far["id"], "reference": so_far["reference"]}
    assert item.send is not None, "a send item carries its document"
    row = {
        "template": item.send.template,
        "language": language,
        "notice": item.notice,
        "reference": new_reference(),
    }
    [written] = await run(unit.connection, statements.RESERVE_FIRST, _key(held, item) | row | attempt)
    return {**written, "reference": row["reference"]}


def _written(unit: Unit, held: Held, item: AgendaItem, known: Mapping[str, Any]) -> Permit:
    facts, customer = held.facts, unit.customer
    assert item.channel is not None, "a send item names both"
    assert item.step is not None, "a send item names both"
    assert item.send is not None, "a send item carries its document"
    return Permit(
        **known,
        invoice_id=held.id,
        step=item.step,
        occurrence=item.occurrence,
        channel=item.channel,
        template=item.send.template,
        customer_name=customer["name"],
        invoice_number=held.row["number"],
        amount=facts.amount,
        balance=asked(facts, held.cadence),
        disputed_amount=facts.disputed_amount if in_part(facts, held.cadence) else None,
        currency=facts.currency,
        issued_on=facts.issued_on,
        due_on=facts.due_on,
        today=unit.rules(held).window.local_day(unit.now),
        country=unit.customer_facts.country,
        interest=facts.charges.open["interest"],
        costs=facts.charges.open["costs"],
        **_branch_words(facts, item),
    )


def _branch_words(facts: InvoiceFacts, item: AgendaItem) -> dict[str, Any]:
    """What the customer did, for the notice that answers it."""
    answered = next((n for n in facts.notices if (n.step, n.number) == (item.step, item.occurrence)), None)
    amount = answered.amount if answered else None
    branch = answered.branch if answered else None
    return {
        "promised_on": answered.by if answered else None,
        "promised_amount": amount if branch in ("promise", "broken_promise") else None,
        "payment_amount": amount if branch == "payment" else None,
        "credited_amount": amount if branch == "dispute_upheld" else None,
        "instalment": spoken_of(facts, item.step or "", item.occurrence),
        "plan": tuple((each.instalment.due_on, each.amount) for each in owed(facts) if each.amount > 0),
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
    async with ledger.single() as connection:
        content = {"the_subject": subject, "the_html": html, "the_body": body, "the_address": address}
        return bool(await run(connection, statements.BEGIN, content | {"attempt_id": attempt_id, "now": now}))


async def conclude(ledger: Ledger, attempt: KnownAttempt, result: Result, now: datetime) -> Directive:
    """Write down what became of an attempt, and return the directive that follows from it.

    What was refused is tried again, and its answer reaches no workflow: what changed with it, the relay tells.
    """
    told = None if goes_again(result) else attempt.invoice_id
    async with ledger.invoice_unit(attempt.invoice_id, now, told=told) as unit:
        held = unit.invoice(attempt.invoice_id)
        await settle(unit, held, attempt, result)
    return ledger.leaving(held.directive)
