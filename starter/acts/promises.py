"""Promises to pay."""

from datetime import date, datetime
from decimal import Decimal

from cadence import events as e
from cadence.facts import InvoiceFacts
from starter.acts.checks import check_coming, check_money, refuse_closed
from starter.printing import money
from starter.session import Refusal
from starter.standing import Report, Standing


def promise(
    stands: Standing,
    now: datetime,
    *,
    by: date,
    amount: Decimal | None = None,
    method: str = "",
    replaces: bool = False,
) -> Report:
    """The customer promised to pay `amount` (all that is open and not promised, if None) by the end of the day `by`.

    `method` is how, as a code, the invoice's own if empty. With `replaces`, the promises that are open count no more.
    """
    refuse_closed(stands, "promise")
    if stands.facts.plan:
        raise Refusal(
            f"{stands.number} is on a payment plan; agree a new plan, or end that one first", code="on_plan"
        )
    check_coming("by", by, stands.situation.zone, now)
    if amount is not None:
        check_money(stands, amount, None)
    free = _unpromised(stands, replaces=replaces)
    if amount is not None and amount > free:
        raise Refusal(_too_much(stands, amount, free), code="more_than_open", field="amount")
    amount = free if amount is None else amount
    return Report(e.PromiseMade(amount=amount, by=by, method=method, replaces=replaces), now)


def _unpromised(stands: Standing, *, replaces: bool) -> Decimal:
    """What there is to promise; raise Refusal where it is promised already."""
    facts = stands.facts
    free = facts.balance if replaces else stands.situation.unpromised
    if free > 0:
        return free
    raise Refusal(
        f"{stands.number} is promised already: {_promised(facts)}; say that the new promise replaces what was "
        "promised, or wait for that day",
        code="promised",
        field="replaces",
    )


def _too_much(stands: Standing, amount: Decimal, free: Decimal) -> str:
    facts = stands.facts
    told = f"{amount} is more than is open: {stands.number} has {money(facts.balance, facts.currency)} open"
    return told if free == facts.balance else f"{told}, of which is promised {_promised(facts)}"


def _promised(facts: InvoiceFacts) -> str:
    """The open promises, as a person lists them."""
    return ", ".join(
        f"{money(promise.missing, facts.currency)} by {promise.by}" for promise in facts.promises_open
    )
