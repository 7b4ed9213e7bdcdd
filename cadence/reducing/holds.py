"""What a hold does to an invoice, and what ends it."""

from datetime import datetime

from cadence import events as e
from cadence.agreements import Hold
from cadence.changes import changed, owe_case
from cadence.facts import InvoiceFacts
from cadence.reducing.dispatch import reduce_event


@reduce_event.register
def _(event: e.HoldPlaced, facts: InvoiceFacts, _at: datetime) -> InvoiceFacts:
    hold = Hold(hold=event.hold, reason=event.reason, until=event.until)
    held = changed(facts, holds=(*(h for h in facts.holds if h.hold != event.hold), hold))
    return held if event.until else owe_case(held, f"hold/{event.hold}", "hold_without_end")


@reduce_event.register
def _(event: e.HoldEnded, facts: InvoiceFacts, _at: datetime) -> InvoiceFacts:
    return changed(facts, holds=tuple(h for h in facts.holds if event.hold not in (None, h.hold)))
