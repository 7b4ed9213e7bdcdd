"""Payment plans: how much of each instalment is owed, when it is judged, and what is found then."""

from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from typing import Literal

from pydantic import ValidationError

from cadence import events as e
from cadence.agreements import ZERO, Instalment
from cadence.branches import INSTALMENT_STEP
from cadence.changes import changed, owe_case, rebased
from cadence.document import Cadence
from cadence.facts import InvoiceFacts
from cadence.grace import grace_by
from cadence.rules import Rules
from cadence.words import MINOR_UNITS

Every = Literal["week", "month"]
# The notices of a plan, by the names under which their messages are kept.
PLAN_STEP, MISSED_STEP = "on:plan", "on:instalment_missed"


@dataclass(frozen=True, slots=True)
class Owed:
    """An instalment of the plan that stands, and how much of it is owed: zero where it was paid."""

    instalment: Instalment
    amount: Decimal


def owed(facts: InvoiceFacts) -> list[Owed]:
    """Each instalment of the plan that stands with what is owed of it: money goes to the first of them first.

    What was credited or waived is owed no more, and lessens the last ones; what was taken back is owed again. A part
    that is disputed lessens them until that is resolved.
    """
    in_part = facts.dispute is not None and facts.dispute.amount is not None
    return _divided(facts, facts.disputed_amount if in_part else ZERO)


def _divided(facts: InvoiceFacts, aside: Decimal) -> list[Owed]:
    """The same, with so much of what is owed put `aside`."""
    if facts.plan is None:
        return []
    paid = max(facts.money - facts.plan.paid_before, ZERO)
    open_, found = max(facts.balance, ZERO) - aside, []
    for instalment in facts.plan.instalments:
        credited = min(paid, instalment.amount)
        left = min(instalment.amount - credited, open_)
        # So little as would not keep the invoice open makes nobody miss an instalment; it is owed with the next.
        found.append(Owed(instalment, left if left > facts.close_below else ZERO))
        paid, open_ = paid - credited, open_ - left
    return found


def judged_at(instalment: Instalment, facts: InvoiceFacts, cadence: Cadence, rules: Rules) -> datetime:
    """When an instalment is judged: the end of its day where the customer is, after the grace of its way to pay."""
    assert facts.plan is not None, "an instalment is a plan's"
    grace = grace_by(cadence.branches.plan.grace, facts.plan.method or facts.payment_method)
    return rules.end_of(instalment.due_on, grace)


def to_come(facts: InvoiceFacts) -> list[Instalment]:
    """The instalments that are owed and not judged yet."""
    return _unjudged(owed(facts))


def _unjudged(instalments: Iterable[Owed]) -> list[Instalment]:
    return [each.instalment for each in instalments if each.amount > 0 and not each.instalment.missed]


def found_missing(facts: InvoiceFacts, cadence: Cadence, number: int) -> list[e.InvoiceEvent]:
    """What judging an instalment finds: nothing where it was paid, else that it was missed, and the plan with it
    where it was one too many, or the last.
    """
    if facts.plan is None or number not in [instalment.number for instalment in to_come(facts)]:
        return []
    missed = 1 + sum(instalment.missed for instalment in facts.plan.instalments)
    events: list[e.InvoiceEvent] = [e.InstalmentMissed(number=number)]
    # One of which all is disputed may come yet.
    last = len(_unjudged(_divided(facts, ZERO))) == 1
    if last or missed >= cadence.branches.plan.ends_after_missed:
        events.append(e.PlanEnded(outcome="missed", reason="instalments_missed"))
    return events


def ended_if_over(facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    """The facts without a plan of which nothing is to come: the ruler goes on with what it left open."""
    left = _divided(facts, ZERO)
    if facts.plan is None or _unjudged(left):
        return facts
    ended = rebased(changed(facts, plan=None), "resumed", at)
    missed = any(each.amount > 0 for each in left)
    return owe_case(ended, f"plan_ended/{facts.plan.number}", "plan_ended") if missed else ended


def is_of_plan(step: str) -> bool:
    """Whether the messages of a step, by its name, ask for an instalment."""
    return step.startswith(INSTALMENT_STEP) or step == MISSED_STEP


def spoken_of(facts: InvoiceFacts, step: str, occurrence: int) -> tuple[date, Decimal] | None:
    """The instalment of which a message speaks, and what is owed of it: a reminder of its own, a plan's notice of
    the first. None where it speaks of none.
    """
    left = [each for each in owed(facts) if each.amount > 0]
    if step.startswith(INSTALMENT_STEP):
        left = [each for each in left if each.instalment.number == occurrence]
    elif step == MISSED_STEP:
        return next(
            (
                (missed.by, missed.amount)
                for missed in facts.notices
                if (missed.step, missed.number) == (step, occurrence) and missed.by and missed.amount
            ),
            None,
        )
    elif step != PLAN_STEP:
        return None
    return (left[0].instalment.due_on, left[0].amount) if left else None


def divided(
    total: Decimal, currency: str, count: int, every: Every, first: date
) -> tuple[e.AgreedInstalment, ...]:
    """`total` in `count` equal parts from the day `first` on; the last part takes what division leaves over.

    A month later is the same day of the month, or the month's last. Raise ValueError where a part would be nothing, or
    the calendar ends before the plan.
    """
    if first.year > date.max.year - count:
        message = f"a plan cannot begin on {first}; check the year"
        raise ValueError(message)
    unit = Decimal(1).scaleb(-MINOR_UNITS[currency])
    part = (total / count).quantize(unit, rounding=ROUND_DOWN)
    if part <= 0:
        message = f"{total} {currency} cannot be divided by {count}; agree fewer instalments"
        raise ValueError(message)
    days = [_later(first, index, every) for index in range(count)]
    amounts = [part] * (count - 1) + [total - part * (count - 1)]
    return tuple(
        e.AgreedInstalment(due_on=day, amount=amount) for day, amount in zip(days, amounts, strict=True)
    )


def _later(first: date, times: int, every: Every) -> date:
    if every == "week":
        return first + timedelta(weeks=times)
    year, month = divmod(first.year * 12 + first.month - 1 + times, 12)
    return date(year, month + 1, min(first.day, monthrange(year, month + 1)[1]))


def parse_instalments(text: str) -> tuple[e.AgreedInstalment, ...]:
    """Read parts as they are written, `2026-12-01=100.00 2027-01-01=100.00`; raise ValueError with an example."""
    written = [each.partition("=") for each in text.replace(",", " ").split()]
    try:
        return tuple(
            e.AgreedInstalment.model_validate({"due_on": day, "amount": amount}) for day, _, amount in written
        )
    except ValidationError:
        message = f"{text!r} is no instalment; write a day and an amount, such as 2026-12-01=100.00"
        raise ValueError(message) from None
