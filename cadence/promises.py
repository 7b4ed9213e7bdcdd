"""Promises: which money goes to which, until when they are believed, and what is found on their day."""

from datetime import datetime
from decimal import Decimal

from cadence import events as e
from cadence.agreements import Promise
from cadence.changes import changed, rebased
from cadence.document import Cadence
from cadence.facts import InvoiceFacts
from cadence.grace import grace_by
from cadence.rules import Rules


def checked_at(promise: Promise, facts: InvoiceFacts, cadence: Cadence, rules: Rules) -> datetime:
    """When a promise is judged: the end of its day where the customer is, after the grace of its way to pay."""
    grace = grace_by(cadence.branches.promise.grace, promise.method or facts.payment_method)
    return rules.end_of(promise.by, grace)


def found_on_its_day(facts: InvoiceFacts, number: int) -> list[e.PromiseBroken]:
    """What judging an open promise finds: what was kept is open no more, so part of its money came, or none."""
    return [
        e.PromiseBroken(number=number, outcome="partly_kept" if promise.paid > 0 else "broken")
        for promise in facts.promises_open
        if promise.number == number
    ]


def in_order(promises: tuple[Promise, ...]) -> tuple[Promise, ...]:
    """Promises in the order in which money goes to them: by their days, then as they were made."""
    return tuple(sorted(promises, key=lambda promise: (promise.by, promise.number)))


def appropriated(facts: InvoiceFacts, amount: Decimal) -> InvoiceFacts:
    """The facts once `amount` came for the open promises, first to that of the first day; what is full is kept,

    or lacks so little as would not keep the invoice open.
    """
    credited, left = [], amount
    for promise in facts.promises_open:
        share = min(left, promise.missing)
        left -= share
        credited.append(promise.model_copy(update={"paid": promise.paid + share}))
    unkept = tuple(promise for promise in credited if promise.missing > facts.close_below)
    kept = facts.kept_promises + len(credited) - len(unkept)
    return changed(facts, promises_open=unkept, kept_promises=kept)


def taken_back(facts: InvoiceFacts, amount: Decimal) -> InvoiceFacts:
    """The facts once `amount` was reversed: the money that went last to an open promise leaves first."""
    debited, left = [], amount
    for promise in reversed(facts.promises_open):
        share = min(left, promise.paid)
        left -= share
        debited.append(promise.model_copy(update={"paid": promise.paid - share}))
    return changed(facts, promises_open=tuple(reversed(debited)))


def heard_again(before: InvoiceFacts, after: InvoiceFacts, at: datetime) -> InvoiceFacts:
    """Let the ruler go on where no promise silences it any more."""
    return rebased(after, "resumed", at) if before.trusts and not after.trusts else after


def disappointed(facts: InvoiceFacts, promise: Promise, at: datetime) -> InvoiceFacts:
    """The facts without a promise that was not kept: the others are judged on their days, but no more believed."""
    others = tuple(
        each.model_copy(update={"trusted": False})
        for each in facts.promises_open
        if each.number != promise.number
    )
    return heard_again(facts, changed(facts, promises_open=others), at)
