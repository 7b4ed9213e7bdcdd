"""Money that came, or was taken back."""

from datetime import datetime
from decimal import Decimal

from cadence import events as e
from starter.acts.checks import check_money, happened
from starter.printing import money
from starter.session import Refusal
from starter.standing import Report, Standing

# Payments and their reversals are told apart by ids of their own.
REVERSAL_SOURCE = "reversal"


def pay(
    stands: Standing,
    now: datetime,
    *,
    amount: Decimal,
    currency: str | None = None,
    method: str = "",
    at: datetime | None = None,
) -> Report:
    """Money came. `currency` is the invoice's own if None, `at` (aware) is now if None; `method` is a code."""
    check_money(stands, amount, currency)
    event = e.PaymentReceived(amount=amount, currency=stands.facts.currency, method=method)
    return Report(event, happened(at, now))


def reverse(
    stands: Standing,
    now: datetime,
    *,
    amount: Decimal,
    currency: str | None = None,
    at: datetime | None = None,
) -> Report:
    """A payment was taken back: at most what was paid."""
    check_money(stands, amount, currency)
    known, paid = stands.facts.currency, stands.facts.paid
    if amount > paid:
        raise Refusal(
            f"{amount} is more than was paid: {stands.number} has {money(paid, known)} paid",
            code="more_than_paid",
            field="amount",
        )
    return Report(e.PaymentReversed(amount=amount, currency=known), happened(at, now))
