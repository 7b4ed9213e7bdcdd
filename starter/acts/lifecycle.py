"""Moving an invoice on, and closing what is not to be collected."""

from datetime import datetime

from cadence import events as e
from starter.acts.checks import UNSPECIFIED, refuse_closed
from starter.session import Refusal
from starter.standing import Report, Standing


def escalate(stands: Standing, now: datetime, *, stage: str | None = None) -> Report:
    """Move to a later stage of the cadence, the next one if None."""
    refuse_closed(stands, "escalate")
    return Report(e.Escalated(stage=_later_stage(stands, stage)), now)


def cancel(stands: Standing, now: datetime, *, reason: str = UNSPECIFIED) -> Report:
    """Close an invoice that is not to be collected."""
    refuse_closed(stands, "cancel")
    return Report(e.Cancelled(reason=reason), now)


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
