"""Disputes: opened, confirmed, resolved."""

from datetime import datetime
from typing import Literal

from cadence import events as e
from starter.acts.checks import UNSPECIFIED, refuse_closed
from starter.session import Refusal
from starter.standing import Report, Standing

Outcome = Literal["upheld", "rejected", "withdrawn"]


def dispute(stands: Standing, now: datetime, *, reason: str = UNSPECIFIED) -> Report:
    """The customer disputes the invoice, or a dispute read from a reply is confirmed; `reason` is a code."""
    refuse_closed(stands, "dispute")
    if stands.facts.disputed and not stands.facts.dispute_unconfirmed:
        raise Refusal(f"{stands.number} is disputed already; resolve that dispute first", code="disputed")
    return Report(e.DisputeOpened(reason=reason), now)


def resolve(stands: Standing, now: datetime, *, outcome: Outcome) -> Report:
    """The dispute ended; upheld credits what is open."""
    if not stands.facts.disputed:
        raise Refusal(f"{stands.number} is not disputed; it is {stands.situation.state}", code="not_disputed")
    return Report(e.DisputeResolved(outcome=outcome), now)
