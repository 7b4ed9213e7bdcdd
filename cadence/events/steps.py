"""What became of a step of the ruler."""

from datetime import datetime
from typing import Literal

from cadence.events.base import Fact, OfStep
from cadence.words import Channel


class StepSkipped(OfStep):
    type: Literal["step_skipped"] = "step_skipped"
    reason: str
    planned_at: datetime


class StepDeferred(OfStep):
    type: Literal["step_deferred"] = "step_deferred"
    reason: str
    until: datetime


class DeferralLifted(Fact):
    """What a halt had deferred may go on."""

    type: Literal["deferral_lifted"] = "deferral_lifted"


class StepMerged(OfStep):
    """A message on another of the customer's invoices listed this one too; `into` is that message's reference."""

    type: Literal["step_merged"] = "step_merged"
    channel: Channel
    into: str


class StepReleased(OfStep):
    """The message that was to speak for this step reached nobody, and its own step goes no further: it is open again."""

    type: Literal["step_released"] = "step_released"
    into: str


class StepPerformed(OfStep):
    """A step that is no message was done; `closes_as` where it ended the invoice, `case` where it opened one."""

    type: Literal["step_performed"] = "step_performed"
    closes_as: Literal["written_off", "handed_over"] | None = None
    queue: str | None = None
    reason: str = "performed"


class StepFailed(OfStep):
    """No channel is left for this step; a person takes over."""

    type: Literal["step_failed"] = "step_failed"
    reason: str
    planned_at: datetime
