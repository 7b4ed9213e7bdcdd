"""What promises do to an invoice, and what breaks them."""

from datetime import datetime

from cadence import events as e
from cadence.changes import changed, owe_case, owe_notice, rebased
from cadence.facts import InvoiceFacts, Promise
from cadence.reducing.dispatch import reduce_event


@reduce_event.register
def _(event: e.PromiseMade, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    number = facts.promises + 1
    promise = Promise(number=number, amount=event.amount, by=event.by, at=at, paid_before=facts.paid)
    promised = changed(facts, promise=promise, promises=number)
    return owe_notice(promised, "promise", at, amount=event.amount, by=event.by)


@reduce_event.register
def _(_event: e.PromiseBroken, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    promise = facts.promise
    if promise is None:
        return facts
    number = facts.broken_promises + 1
    broken = rebased(changed(facts, promise=None, broken_promises=number), "resumed", at)
    reminded = owe_notice(broken, "broken_promise", at, amount=promise.amount, by=promise.by)
    return owe_case(reminded, f"broken_promise/{number}", "broken_promise")
