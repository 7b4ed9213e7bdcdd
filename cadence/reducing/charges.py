"""What late charges do to an invoice: claimed they are owed with it, waived they are owed no more."""

from datetime import datetime

from cadence import events as e
from cadence.changes import changed
from cadence.facts import InvoiceFacts
from cadence.reducing.dispatch import reduce_event
from cadence.reducing.money import settle_balance


@reduce_event.register
def _(event: e.LateChargesClaimed, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    known = facts.charges
    claimed = {
        "interest": known.interest + event.interest,
        "costs": known.costs + event.costs,
        "until": max(filter(None, (known.until, event.up_to)), default=None),
        "once": known.once or event.once,
        "order": event.order,
    }
    return settle_balance(changed(facts, charges=known.model_copy(update=claimed)), at)


@reduce_event.register
def _(event: e.LateChargesWaived, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    known = facts.charges
    # Nobody gives up what is paid already.
    left = {
        "interest": known.interest - min(event.interest, known.open["interest"]),
        "costs": known.costs - min(event.costs, known.open["costs"]),
    }
    return settle_balance(changed(facts, charges=known.model_copy(update=left)), at)
