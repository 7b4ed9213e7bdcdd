"""Pauses of an invoice, or of a whole customer."""

from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from cadence import events as e
from ledger.keys import hold_key
from starter.acts.checks import UNSPECIFIED, end_of_day, refuse_closed
from starter.session import Refusal
from starter.standing import CustomerStanding, Report, Standing


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
    refuse_closed(stands, "pause")
    ends = end_of_day(until, stands.situation.zone, now)
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
    ends = end_of_day(until, ZoneInfo(stands.facts.zone), now)
    return [e.CustomerHoldPlaced(hold=hold_key(stands.key, now.isoformat()), reason=reason, until=ends)]


def resume_customer(stands: CustomerStanding, now: datetime) -> Sequence[e.CustomerEvent]:
    """End the customer's holds, here and on each of its invoices."""
    if not stands.facts.holds:
        raise Refusal(
            f"customer {stands.key} is not paused; an invoice that is paused by itself is resumed by its number",
            code="not_paused",
        )
    return [e.CustomerHoldEnded(hold=hold.hold) for hold in stands.facts.holds]
