"""Money that came, was taken back, credited or refunded, and late charges that are given up."""

from datetime import datetime
from decimal import Decimal

from cadence import events as e
from ledger.recording import sums_of
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


def credit_note(
    stands: Standing,
    now: datetime,
    *,
    amount: Decimal,
    currency: str | None = None,
    at: datetime | None = None,
) -> Report:
    """The creditor credits a part of what was invoiced; on an invoice that is paid, it is the customer's credit."""
    check_money(stands, amount, currency)
    known, left = stands.facts.currency, sums_of(stands.facts).creditable
    if amount > left:
        raise Refusal(
            f"{amount} is more than can be credited: of {stands.number}, {money(left, known)} are not credited yet",
            code="more_than_invoiced",
            field="amount",
        )
    return Report(e.CreditNoteIssued(amount=amount, currency=known), happened(at, now))


def refund(
    stands: Standing,
    now: datetime,
    *,
    amount: Decimal,
    currency: str | None = None,
    at: datetime | None = None,
) -> Report:
    """Money was given back to the customer: at most what lies on the invoice to the customer's good."""
    check_money(stands, amount, currency)
    known, credit = stands.facts.currency, stands.facts.credit
    if amount > credit:
        raise Refusal(
            f"{amount} is more than there is to refund: {stands.number} has {money(credit, known)} of credit",
            code="more_than_credit",
            field="amount",
        )
    return Report(e.CreditRefunded(amount=amount, currency=known), happened(at, now))


def waive(stands: Standing, now: datetime) -> Report:
    """The creditor gives up the late interest and costs that are claimed and not paid."""
    sums = sums_of(stands.facts)
    if not sums.interest + sums.costs:
        raise Refusal(
            f"{stands.number} has no late charges open; there is nothing to waive", code="nothing_claimed"
        )
    event = e.LateChargesWaived(interest=sums.interest, costs=sums.costs, currency=stands.facts.currency)
    return Report(event, now)
