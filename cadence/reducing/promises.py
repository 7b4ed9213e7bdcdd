"""What promises do to an invoice, and what breaks them."""

from datetime import datetime

from cadence import events as e
from cadence.agreements import Promise
from cadence.changes import changed, owe_case, owe_notice
from cadence.facts import InvoiceFacts
from cadence.promises import disappointed, in_order
from cadence.reducing.dispatch import reduce_event


@reduce_event.register
def _(event: e.PromiseMade, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    number = facts.promises + 1
    promise = Promise(number=number, amount=event.amount, by=event.by, at=at, method=event.method)
    standing = () if event.replaces else facts.promises_open
    promised = changed(facts, promises_open=in_order((*standing, promise)), promises=number)
    return owe_notice(promised, "promise", at, amount=event.amount, by=event.by)


@reduce_event.register
def _(event: e.PromiseBroken, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    promise = next((each for each in facts.promises_open if each.number == event.number), None)
    if promise is None:
        return facts
    unkept = disappointed(facts, promise, at)
    if event.outcome == "broken":
        counted = changed(unkept, broken_promises=facts.broken_promises + 1)
    else:
        counted = changed(unkept, partly_kept_promises=facts.partly_kept_promises + 1)
    reminded = owe_notice(counted, "broken_promise", at, amount=promise.missing, by=promise.by)
    return owe_case(reminded, f"broken_promise/{promise.number}", "broken_promise")
