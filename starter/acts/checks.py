"""What every act checks before it is recorded: amounts, days, and that the invoice is open."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from cadence.words import MINOR_UNITS
from ledger.recording import MOST_PAID
from starter.session import Refusal
from starter.standing import Standing

UNSPECIFIED = "unspecified"
# Nobody promises or pauses further ahead; a year with a slip in it would silence an invoice for good.
HORIZON = timedelta(days=730)
# Years before this one do not survive a change of zone, and are no payment's.
PAST = datetime(1990, 1, 1, tzinfo=UTC)


def check_money(stands: Standing, amount: Decimal, currency: str | None, field: str = "amount") -> None:
    """Raise Refusal where an amount cannot be of this invoice: its currency, its sign, its size, its decimals.

    `field` is what names the amount.
    """
    known = stands.facts.currency
    if currency not in (None, known):
        raise Refusal(
            f"{stands.number} is in {known}, not in {currency}; say the amount in {known}",
            code="other_currency",
            field="currency",
        )
    if amount <= 0:
        raise Refusal(
            f"the amount is {amount}; it must be above zero", code="amount_not_positive", field=field
        )
    if amount >= MOST_PAID:
        raise Refusal(f"{amount} is more than an invoice can come to", code="amount_too_large", field=field)
    digits = MINOR_UNITS[known]
    if amount != round(amount, digits):
        raise Refusal(
            f"{amount} has more decimals than {known}, which has {digits or 'none'}; write what was meant",
            code="too_many_decimals",
            field=field,
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


def check_coming(field: str, day: date, zone: ZoneInfo, now: datetime, whose: str = "the customer") -> None:
    """Raise Refusal where a day lies before today in `zone`, or beyond the horizon; `field` is what names it."""
    today = now.astimezone(zone).date()
    if not today <= day <= today + HORIZON:
        where = "in the past" if day < today else "more than two years ahead"
        raise Refusal(
            f"{day} lies {where}; today is {today} where {whose} is",
            code="day_out_of_range",
            field=field,
        )


def end_of_day(until: date | None, zone: ZoneInfo, now: datetime) -> datetime | None:
    """The end of a day where the customer is."""
    if until is None:
        return None
    check_coming("until", until, zone, now)
    return datetime.combine(until + timedelta(days=1), time(0), zone).astimezone(UTC)


def refuse_closed(stands: Standing, act: str) -> None:
    """Raise Refusal where the invoice is closed; `act` is what was to be done."""
    if stands.facts.closed:
        raise Refusal(
            f"{stands.number} is closed as {stands.facts.closed}; there is nothing left to {act}",
            code="closed",
        )
