"""Pauses: of one invoice, or of a whole customer."""

from datetime import datetime
from typing import Literal

from cadence.events.base import Fact
from cadence.words import Slug


class HoldPlaced(Fact):
    """Reminders pause until `until`, or until somebody resumes; `hold` names it."""

    type: Literal["hold_placed"] = "hold_placed"
    hold: str
    reason: Slug = "unspecified"
    until: datetime | None = None


class HoldEnded(Fact):
    """The hold named ended, or all of them where none is named."""

    type: Literal["hold_ended"] = "hold_ended"
    hold: str | None = None


class CustomerHoldPlaced(Fact):
    type: Literal["customer_hold_placed"] = "customer_hold_placed"
    hold: str
    reason: Slug = "unspecified"
    until: datetime | None = None


class CustomerHoldEnded(Fact):
    type: Literal["customer_hold_ended"] = "customer_hold_ended"
    hold: str | None = None
