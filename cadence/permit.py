"""The pure half of a permit: whether one agenda item may be performed now, or when, or never, and by which rule."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from cadence.agenda import AgendaItem
from cadence.caps import Contact, room
from cadence.conditions import ConditionFailed, holds
from cadence.customer_facts import CustomerFacts
from cadence.disputes import asked
from cadence.document import Cadence
from cadence.facts import ANSWER_STEP, InvoiceFacts
from cadence.payers import PayerFacts, payer_terms
from cadence.planner import plan
from cadence.rules import Rules


class Answer(StrEnum):
    """What the ledger says to an attempt."""

    PERMIT = "permit"
    DEFER = "defer"
    SKIP = "skip"
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer, the rule that decided (a code), and until when it is deferred."""

    answer: Answer
    reason: str
    item: AgendaItem | None = None
    until: datetime | None = None


def judge(
    facts: InvoiceFacts,
    cadence: Cadence,
    rules: Rules,
    customer: CustomerFacts,
    payer: PayerFacts,
    key: str,
    now: datetime,
) -> Verdict:
    """Judge the item named `key` at `now`, by planning again: one brain decides what is due and what may go."""
    item = next((item for item in plan(facts, cadence, rules, now).items if item.key == key), None)
    if item is None:
        return Verdict(Answer.STALE, "not_on_the_agenda")
    if item.at > now:
        return Verdict(Answer.DEFER, _too_early(rules, now), item, item.at)
    against = _objection(item, facts, cadence, rules, customer, payer, now)
    return Verdict(Answer.SKIP, against, item) if against else Verdict(Answer.PERMIT, item.why, item)


def _too_early(rules: Rules, now: datetime) -> str:
    """Why an item that lies ahead does not go yet: what was said on that day already, or the rule that shuts it."""
    if rules.window.is_open(now):
        return "spacing"
    shut_by = rules.window.shut_by(now)
    return shut_by if shut_by and shut_by != "send_window" else "window_closed"


def is_capped(item: AgendaItem, rules: Rules) -> bool:
    """Whether an item is a contact, and some rule says how often there may be one.

    An agent's answer is none: it continues what the customer began.
    """
    return item.channel is not None and item.step != ANSWER_STEP and bool(rules.law.limits)


def capped(verdict: Verdict, contacts: Sequence[Contact], rules: Rules, now: datetime) -> Verdict:
    """The verdict on a contact, or a deferral until the strictest cap has room for one more with this person.

    `contacts` are those there were, over all their invoices; other attempts at the same message are none of them.
    """
    item = verdict.item
    assert item is not None, "a contact is by a channel"
    assert item.channel is not None, "a contact is by a channel"
    found = room(rules.law.limits, contacts, item.channel, now, rules.window)
    if found.rule is None:
        return verdict
    return replace(verdict, answer=Answer.DEFER, reason=found.rule, until=found.at)


def rank(cadence: Cadence, step_id: str, due_on: date) -> tuple[int, int]:
    """How much an invoice's step has to say, where it cannot be said beside another's: the later stage, then the older
    due date. Answers to the customer, which are no step of the ruler, are less than every stage.
    """
    step = cadence.step(step_id)
    return cadence.stages.index(step.stage) if step else -1, -due_on.toordinal()


def forecast(
    item: AgendaItem,
    facts: InvoiceFacts,
    cadence: Cadence,
    rules: Rules,
    customer: CustomerFacts,
    payer: PayerFacts,
) -> str:
    """Why an item is on the agenda; `condition` where, as things stand, it will be skipped when its time comes."""
    return _objection(item, facts, cadence, rules, customer, payer, item.at) or item.why


def asks_payer(cadence: Cadence) -> bool:
    """Whether a condition of the cadence looks at how the customer pays."""
    return any(step.when and "payer." in step.when for step in cadence.steps)


def _objection(
    item: AgendaItem,
    facts: InvoiceFacts,
    cadence: Cadence,
    rules: Rules,
    customer: CustomerFacts,
    payer: PayerFacts,
    at: datetime,
) -> str | None:
    """Why an item's step would not be performed at `at`, by its condition."""
    step = cadence.step(item.step) if item.step else None
    begun = item.step is not None and facts.step(item.step, item.occurrence).messages
    # A fallback stays within its step: what was decided at the first permit is not decided again.
    if step is None or step.when is None or begun:
        return None
    try:
        told = condition_facts(facts, customer, payer, rules, step.stage, at)
        # What is disputed is not asked for, so that no step is to rest on it.
        true = holds(step.when, {**told, "balance": max(asked(facts, cadence), Decimal(0))})
    except ConditionFailed:
        return "condition_failed"
    return None if true else "condition"


def condition_facts(
    facts: InvoiceFacts, customer: CustomerFacts, payer: PayerFacts, rules: Rules, stage: str, now: datetime
) -> Mapping[str, Any]:
    """The facts that CONDITION_FACTS documents, as they are at `now`. Amounts are Decimals."""
    today = now.astimezone(rules.creditor_zone).date()
    return {
        "amount": facts.amount,
        "balance": max(facts.balance, Decimal(0)),
        "paid": facts.paid,
        "currency": facts.currency,
        "days_overdue": (today - facts.due_on).days,
        "payment_method": facts.payment_method,
        "segment": customer.segment,
        "country": customer.country,
        "language": str(customer.language),
        "stage": stage,
        "kept_promises": facts.kept_promises,
        "partly_kept_promises": facts.partly_kept_promises,
        "broken_promises": facts.broken_promises,
        "disputes": facts.disputes,
        "payer": payer_terms(payer, now),
    }
