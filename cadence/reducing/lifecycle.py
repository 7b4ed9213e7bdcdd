"""How an invoice changes, moves on and ends without being paid."""

from datetime import date, datetime

from cadence import events as e
from cadence.changes import changed, count_cases, owe_case, rebased
from cadence.facts import InvoiceFacts
from cadence.reducing.dispatch import reduce_event
from cadence.reducing.money import settle_balance


@reduce_event.register
def _(event: e.InvoiceChanged, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    moved = (
        facts
        if event.due_on == facts.due_on
        else changed(_due(facts, event.due_on, event.on), extended_from=None)
    )
    return settle_balance(changed(moved, amount=event.amount, payment_method=event.payment_method), at)


@reduce_event.register
def _(event: e.DueDateExtended, facts: InvoiceFacts, _at: datetime) -> InvoiceFacts:
    if facts.closed or event.due_on <= facts.due_on:
        return facts
    booked = facts.extended_from or facts.due_on
    return changed(_due(facts, event.due_on, event.on), extended_from=booked)


def _due(facts: InvoiceFacts, due_on: date, told_on: date) -> InvoiceFacts:
    """The facts with another due date; one past the day on which it was told arms the steps after it again."""
    moved = changed(facts, due_on=due_on)
    return changed(moved, rearmed=facts.rearmed + 1, rebases=()) if due_on > told_on else moved


@reduce_event.register
def _(event: e.Escalated, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    number = count_cases(facts, "escalated") + 1
    return owe_case(rebased(facts, "escalated", at, stage=event.stage), f"escalated/{number}", "escalated")


@reduce_event.register
def _(_event: e.Cancelled, facts: InvoiceFacts, _at: datetime) -> InvoiceFacts:
    return facts if facts.closed else changed(facts, closed="cancelled")
