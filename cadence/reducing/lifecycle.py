"""How an invoice changes, moves on and ends without being paid."""

from datetime import datetime

from cadence import events as e
from cadence.changes import changed, count_cases, owe_case, rebased
from cadence.facts import InvoiceFacts
from cadence.reducing.dispatch import reduce_event
from cadence.reducing.money import settle_balance


@reduce_event.register
def _(event: e.InvoiceChanged, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    moved_on = event.due_on != facts.due_on and event.due_on > event.on
    told = changed(facts, amount=event.amount, due_on=event.due_on, payment_method=event.payment_method)
    if moved_on:
        told = changed(told, rearmed=facts.rearmed + 1, rebases=())
    return settle_balance(told, at)


@reduce_event.register
def _(event: e.Escalated, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    number = count_cases(facts, "escalated") + 1
    return owe_case(rebased(facts, "escalated", at, stage=event.stage), f"escalated/{number}", "escalated")


@reduce_event.register
def _(_event: e.Cancelled, facts: InvoiceFacts, _at: datetime) -> InvoiceFacts:
    return facts if facts.closed else changed(facts, closed="cancelled")
