"""What a change of cadence does to an invoice that is under way."""

from datetime import datetime

from cadence import events as e
from cadence.changes import changed, rebased
from cadence.facts import InvoiceFacts
from cadence.reducing.approvals import withdrawn
from cadence.reducing.dispatch import reduce_event


@reduce_event.register
def _(event: e.CadenceChanged, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    if facts.closed:
        return facts
    # What shifted the old ruler says nothing of the new one, which may need no leave for its steps, or has others.
    migrated = rebased(
        changed(withdrawn(facts), rebases=(), moved_on=True), "migrated", at, stage=event.stage
    )
    return rebased(migrated, "escalated", at, stage=event.stage) if event.escalated else migrated
