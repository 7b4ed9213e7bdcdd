"""Whether a happening makes sense when its turn comes: nobody takes back what nobody paid."""

from cadence.disputes import most_credited
from cadence.facts import InvoiceFacts
from starter.happenings import Happening, Kind
from starter.standing import Standing

# Payments, reversals and replies reach a closed invoice as well.
_ENDED_BY_CLOSING = (
    Kind.DISPUTE, Kind.PAUSE, Kind.PROMISE, Kind.PLAN, Kind.EXTENSION, Kind.ESCALATE, Kind.CANCEL,
)  # fmt: skip


def objection(happening: Happening, stands: Standing) -> str | None:
    """Why a happening makes no sense where its invoice stands then, in a sentence; None where it does."""
    facts, event = stands.facts, happening.event
    if facts.closed and event in _ENDED_BY_CLOSING:
        return f"the invoice is closed as {facts.closed} by then; give the {event} an earlier `at`, or leave it out"
    if event is Kind.DISPUTE and facts.disputed:
        return "the invoice is disputed already by then; put a resolution before the second dispute"
    if event is Kind.DISPUTE and happening.amount and happening.amount > facts.balance:
        return f"amount: more is disputed than is open by then ({facts.balance}); write the part, or leave it out"
    if event is Kind.RESOLUTION and facts.disputed and (happening.amount or 0) > most_credited(facts):
        return f"amount: more is credited than is disputed then ({most_credited(facts)}); write less"
    if event is Kind.RESUME and not facts.holds:
        return "the invoice is not on hold then; put a pause before the resume"
    if event is Kind.REFUND and happening.amount and happening.amount > facts.credit:
        return f"amount: the customer has {facts.credit} of credit there by then; put the payment before the refund"
    if event is Kind.REVERSAL and happening.amount and happening.amount > facts.paid:
        return f"amount: more is taken back than was paid by then ({facts.paid}); put the payment before the reversal"
    return _out_of_plan(event, facts)


def _out_of_plan(event: Kind, facts: InvoiceFacts) -> str | None:
    if event is Kind.PROMISE and facts.plan:
        return "the invoice is on a payment plan then; put an end_plan before the promise"
    if event is Kind.END_PLAN and facts.plan is None:
        return "the invoice has no payment plan then; put a plan before the end_plan"
    return None
