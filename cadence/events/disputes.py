"""What the customer disagrees with, and how it ended."""

from typing import Literal

from cadence.events.base import Fact
from cadence.words import Slug


class DisputeOpened(Fact):
    """The customer disagrees; where that was only read from a reply, a person has yet to confirm it."""

    type: Literal["dispute_opened"] = "dispute_opened"
    reason: Slug = "unspecified"
    confirmed: bool = True


class DisputeResolved(Fact):
    type: Literal["dispute_resolved"] = "dispute_resolved"
    outcome: Literal["upheld", "rejected", "withdrawn"]
