"""Whether a happening makes sense where its invoice stands: nobody resolves a dispute that nobody opened.

Told all the same it would change nothing, and whoever slipped in an invoice's number would not hear of it. The same
sense judges what a file tells and what a rehearsal plays.
"""

from ledger.recording import Situation
from starter.happening_row import Happening, Kind

# Money and words reach a closed invoice as well, and so do the ends of what it was under.
_ENDED_BY_CLOSING = (
    Kind.DISPUTE, Kind.PAUSE, Kind.PROMISE, Kind.PLAN, Kind.EXTENSION, Kind.ESCALATE, Kind.CANCEL,
)  # fmt: skip


class NothingToEnd(ValueError):
    """There is no hold, or no plan, that could be ended; whether one ended before, the log knows."""


def check_sense(happening: Happening, stands: Situation) -> None:
    """Raise ValueError, in a sentence, where a happening would change nothing; NothingToEnd where it is an end."""
    if (why := _ending_nothing(happening.event, stands)) is not None:
        raise NothingToEnd(f"event: {why}")
    if (why := _objection(happening.event, stands)) is not None:
        raise ValueError(f"event: {why}")


def _ending_nothing(event: Kind, stands: Situation) -> str | None:
    if event is Kind.RESUME and not stands.on_hold:
        return "the invoice is not on hold then; put a pause before the resume"
    if event is Kind.END_PLAN and not stands.on_plan:
        return "the invoice has no payment plan then; put a plan before the end_plan"
    return None


def _objection(event: Kind, stands: Situation) -> str | None:
    if stands.closed and event in _ENDED_BY_CLOSING:
        return f"the invoice is closed as {stands.state} then; put the {event} before what closed it, or leave it out"
    # One that was only read from a reply is confirmed by a second one.
    if event is Kind.DISPUTE and stands.dispute and stands.dispute.confirmed:
        return "the invoice is disputed already then; put a resolution before the second dispute"
    if event in (Kind.ASSIGNMENT, Kind.RESOLUTION) and stands.dispute is None:
        return f"the invoice is not disputed then; put a dispute before the {event}"
    if event is Kind.PROMISE and stands.on_plan:
        return "the invoice is on a payment plan then; put an end_plan before the promise"
    return None
