"""Promises to pay."""

from datetime import date, datetime
from decimal import Decimal

from cadence import events as e
from starter.acts.checks import check_coming, check_money, refuse_closed
from starter.printing import money
from starter.session import Refusal
from starter.standing import Report, Standing


def promise(stands: Standing, now: datetime, *, by: date, amount: Decimal | None = None) -> Report:
    """The customer promised to pay `amount` (all that is open if None) by the end of the day `by`."""
    refuse_closed(stands, "promise")
    check_coming("by", by, stands.situation.zone, now)
    balance, currency = stands.facts.balance, stands.facts.currency
    if amount is not None:
        check_money(stands, amount, None)
    if amount is not None and amount > balance:
        raise Refusal(
            f"{amount} is more than is open: {stands.number} has {money(balance, currency)} open",
            code="more_than_open",
            field="amount",
        )
    return Report(e.PromiseMade(amount=balance if amount is None else amount, by=by), now)
