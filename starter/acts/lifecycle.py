"""Moving an invoice on, giving it longer, and closing what is not to be collected."""

from datetime import date, datetime

from cadence import events as e
from starter.acts.checks import UNSPECIFIED, check_coming, refuse_closed
from starter.session import Refusal
from starter.standing import Report, Standing


def escalate(stands: Standing, now: datetime, *, stage: str | None = None) -> Report:
    """Move to a later stage of the cadence, the next one if None."""
    refuse_closed(stands, "escalate")
    return Report(e.Escalated(stage=_later_stage(stands, stage)), now)


def extend(stands: Standing, now: datetime, *, to: date, reason: str = UNSPECIFIED) -> Report:
    """The customer may pay until `to`, a day of the creditor's that is later than the due date so far."""
    refuse_closed(stands, "extend")
    zone, due_on = stands.situation.creditor_zone, stands.facts.due_on
    if to <= due_on:
        raise Refusal(
            f"{stands.number} is due on {due_on}; an extension ends later than that",
            code="not_later",
            field="to",
        )
    check_coming("to", to, zone, now, "the creditor")
    return Report(e.DueDateExtended(due_on=to, reason=reason, on=now.astimezone(zone).date()), now)


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
