"""What can be done to an invoice or a customer, said once: from where it stands to the event that is recorded.

The command line and the HTTP service both call these, so their sentences name the invoice and the argument, never
an option. Arguments are typed; what is judged here is what only the ledger knows.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Literal
from zoneinfo import ZoneInfo

from cadence import events as e
from cadence.words import MINOR_UNITS
from ledger.keys import hold_key
from ledger.recording import MOST_PAID
from starter.printing import money
from starter.session import Refusal
from starter.standing import CustomerStanding, Report, Standing

UNSPECIFIED = "unspecified"
# Payments and their reversals are told apart by ids of their own.
REVERSAL_SOURCE = "reversal"
# Nobody promises or pauses further ahead; a year with a slip in it would silence an invoice for good.
HORIZON = timedelta(days=730)
# Years before this one do not survive a change of zone, and are no payment's.
PAST = datetime(1990, 1, 1, tzinfo=UTC)

Outcome = Literal["upheld", "rejected", "withdrawn"]


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
    _check_money(stands, amount, currency)
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
    _check_money(stands, amount, currency)
    known, paid = stands.facts.currency, stands.facts.paid
    if amount > paid:
        raise Refusal(
            f"{amount} is more than was paid: {stands.number} has {money(paid, known)} paid",
            code="more_than_paid",
            field="amount",
        )
    return Report(e.PaymentReversed(amount=amount, currency=known), happened(at, now))


def dispute(stands: Standing, now: datetime, *, reason: str = UNSPECIFIED) -> Report:
    """The customer disputes the invoice, or a dispute read from a reply is confirmed; `reason` is a code."""
    _refuse_closed(stands, "dispute")
    if stands.facts.disputed and not stands.facts.dispute_unconfirmed:
        raise Refusal(f"{stands.number} is disputed already; resolve that dispute first", code="disputed")
    return Report(e.DisputeOpened(reason=reason), now)


def resolve(stands: Standing, now: datetime, *, outcome: Outcome) -> Report:
    """The dispute ended; upheld credits what is open."""
    if not stands.facts.disputed:
        raise Refusal(f"{stands.number} is not disputed; it is {stands.situation.state}", code="not_disputed")
    return Report(e.DisputeResolved(outcome=outcome), now)


def promise(stands: Standing, now: datetime, *, by: date, amount: Decimal | None = None) -> Report:
    """The customer promised to pay `amount` (all that is open if None) by the end of the day `by`."""
    _refuse_closed(stands, "promise")
    check_coming("by", by, stands.situation.zone, now)
    balance, currency = stands.facts.balance, stands.facts.currency
    if amount is not None:
        _check_money(stands, amount, None)
    if amount is not None and amount > balance:
        raise Refusal(
            f"{amount} is more than is open: {stands.number} has {money(balance, currency)} open",
            code="more_than_open",
            field="amount",
        )
    return Report(e.PromiseMade(amount=balance if amount is None else amount, by=by), now)


def escalate(stands: Standing, now: datetime, *, stage: str | None = None) -> Report:
    """Move to a later stage of the cadence, the next one if None."""
    _refuse_closed(stands, "escalate")
    return Report(e.Escalated(stage=_later_stage(stands, stage)), now)


def cancel(stands: Standing, now: datetime, *, reason: str = UNSPECIFIED) -> Report:
    """Close an invoice that is not to be collected."""
    _refuse_closed(stands, "cancel")
    return Report(e.Cancelled(reason=reason), now)


def pause(
    stands: Standing,
    now: datetime,
    *,
    until: date | None = None,
    reason: str = UNSPECIFIED,
    hold: str | None = None,
) -> Report:
    """Send no reminders to the end of the day `until` where the customer is; without it, until somebody resumes.

    `hold` names the hold, where its name has to be the same when this is told again.
    """
    _refuse_closed(stands, "pause")
    ends = _end(until, stands.situation.zone, now)
    name = hold or hold_key(stands.number, now.isoformat())
    return Report(e.HoldPlaced(hold=name, reason=reason, until=ends), now)


def resume(stands: Standing, now: datetime) -> Report:
    """End every hold of an invoice: the ruler goes on."""
    if not stands.facts.holds:
        raise Refusal(f"{stands.number} is not paused; it is {stands.situation.state}", code="not_paused")
    return Report(e.HoldEnded(), now)


def pause_customer(
    stands: CustomerStanding, now: datetime, *, until: date | None = None, reason: str = UNSPECIFIED
) -> Sequence[e.CustomerEvent]:
    """Send no reminders to a customer, for any invoice, those that come meanwhile too."""
    ends = _end(until, ZoneInfo(stands.facts.zone), now)
    return [e.CustomerHoldPlaced(hold=hold_key(stands.key, now.isoformat()), reason=reason, until=ends)]


def resume_customer(stands: CustomerStanding, now: datetime) -> Sequence[e.CustomerEvent]:
    """End the customer's holds, here and on each of its invoices."""
    if not stands.facts.holds:
        raise Refusal(
            f"customer {stands.key} is not paused; an invoice that is paused by itself is resumed by its number",
            code="not_paused",
        )
    return [e.CustomerHoldEnded(hold=hold.hold) for hold in stands.facts.holds]


def _check_money(stands: Standing, amount: Decimal, currency: str | None) -> None:
    known = stands.facts.currency
    if currency not in (None, known):
        raise Refusal(
            f"{stands.number} is in {known}, not in {currency}; say the amount in {known}",
            code="other_currency",
            field="currency",
        )
    if amount <= 0:
        raise Refusal(
            f"the amount is {amount}; it must be above zero", code="amount_not_positive", field="amount"
        )
    if amount >= MOST_PAID:
        raise Refusal(
            f"{amount} is more than an invoice can come to", code="amount_too_large", field="amount"
        )
    digits = MINOR_UNITS[known]
    if amount != round(amount, digits):
        raise Refusal(
            f"{amount} has more decimals than {known}, which has {digits or 'none'}; write what was meant",
            code="too_many_decimals",
            field="amount",
        )


def happened(at: datetime | None, now: datetime) -> datetime:
    """When something happened: `at`, which is not in the future nor long ago, or now; raise Refusal."""
    if at is None:
        return now
    if at > now:
        raise Refusal(f"{at.isoformat()} lies in the future; leave it out for now", code="future", field="at")
    if at < PAST:
        raise Refusal(f"{at.isoformat()} lies before 1990; check the year", code="too_early", field="at")
    return at


def check_coming(field: str, day: date, zone: ZoneInfo, now: datetime) -> None:
    """Raise Refusal where a day lies before today in `zone`, or beyond the horizon; `field` is what names it."""
    today = now.astimezone(zone).date()
    if not today <= day <= today + HORIZON:
        where = "in the past" if day < today else "more than two years ahead"
        raise Refusal(
            f"{day} lies {where}; today is {today} where the customer is",
            code="day_out_of_range",
            field=field,
        )


def _end(until: date | None, zone: ZoneInfo, now: datetime) -> datetime | None:
    """The end of a day where the customer is."""
    if until is None:
        return None
    check_coming("until", until, zone, now)
    return datetime.combine(until + timedelta(days=1), time(0), zone).astimezone(UTC)


def _refuse_closed(stands: Standing, act: str) -> None:
    if stands.facts.closed:
        raise Refusal(
            f"{stands.number} is closed as {stands.facts.closed}; there is nothing left to {act}",
            code="closed",
        )


def _later_stage(stands: Standing, wanted: str | None) -> str:
    stages, following = stands.situation.stages, stands.situation.next_stage
    named = ", ".join(stages)
    if following is None:
        raise Refusal(
            f"{stands.number} stands in its last stage already; the stages are {named}", code="last_stage"
        )
    if wanted is None:
        return following
    if wanted not in stages:
        raise Refusal(
            f"there is no stage {wanted!r}; the stages of its cadence are {named}",
            code="unknown_stage",
            field="stage",
        )
    if stages.index(wanted) < stages.index(following):
        raise Refusal(
            f"{stands.number} is past {wanted}; the next stage is {following}",
            code="stage_past",
            field="stage",
        )
    return wanted
