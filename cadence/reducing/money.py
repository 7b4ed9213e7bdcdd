"""What money does to an invoice, and when the balance closes or opens it."""

from datetime import datetime
from decimal import Decimal
from typing import Literal

from cadence import events as e
from cadence.agreements import Hold
from cadence.appropriation import shared_out, spilled, withdrawn
from cadence.changes import changed, count_cases, owe_case, owe_notice, rebased
from cadence.facts import InvoiceFacts
from cadence.plans import ended_if_over
from cadence.promises import appropriated, heard_again, taken_back
from cadence.reducing.dispatch import reduce_event


@reduce_event.register
def _(event: e.PaymentReceived, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    settled = settle_balance(
        _came(changed(facts, paid=facts.paid + event.amount), event.amount), at, by="paid"
    )
    if settled.closed:
        return settled
    return owe_notice(heard_again(facts, settled, at), "payment", at, amount=event.amount)


@reduce_event.register
def _(event: e.PaymentReversed, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    return settle_balance(_went(changed(facts, paid=facts.paid - event.amount), event.amount), at)


@reduce_event.register
def _(event: e.CreditNoteIssued, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    return settle_balance(changed(facts, credited=facts.credited + event.amount), at, by="credited")


@reduce_event.register
def _(event: e.CreditMoved, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    return settle_balance(_went(_moved(facts, event.to, -event.amount), event.amount), at)


@reduce_event.register
def _(event: e.CreditApplied, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    settled = settle_balance(_came(_moved(facts, event.of, event.amount), event.amount), at, by="paid")
    return settled if settled.closed else heard_again(facts, settled, at)


@reduce_event.register
def _(event: e.CreditRefunded, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    return settle_balance(_went(changed(facts, refunded=facts.refunded + event.amount), event.amount), at)


def _moved(facts: InvoiceFacts, other: int, amount: Decimal) -> InvoiceFacts:
    total = facts.moved.get(other, Decimal(0)) + amount
    kept = {each: moved for each, moved in facts.moved.items() if each != other}
    return changed(facts, moved=kept | ({other: total} if total else {}))


def _came(facts: InvoiceFacts, amount: Decimal) -> InvoiceFacts:
    """Money that is counted already, for the promises that were made of it and the parts of the debt."""
    return shared_out(appropriated(facts, amount), amount)


def _went(facts: InvoiceFacts, amount: Decimal) -> InvoiceFacts:
    return withdrawn(taken_back(facts, amount), amount)


@reduce_event.register
def _(_event: e.PaymentUnidentified, facts: InvoiceFacts, _at: datetime) -> InvoiceFacts:
    number = count_cases(facts, "payment_unidentified") + 1
    hold = Hold(hold=f"unidentified-payment-{number}", reason="payment_unidentified")
    held = changed(facts, holds=(*facts.holds, hold))
    return owe_case(held, f"payment_unidentified/{number}", "payment_unidentified")


def note_credit(before: InvoiceFacts, after: InvoiceFacts) -> InvoiceFacts:
    """The facts, with a case owed where more came to lie on an invoice than was owed; small change is left alone."""
    if after.credit > after.close_below >= before.credit:
        return owe_case(after, "overpaid", "overpaid")
    return after


def settle_balance(
    facts: InvoiceFacts, at: datetime, *, by: Literal["paid", "credited"] | None = None
) -> InvoiceFacts:
    """Close what is cleared within the tolerance; reopen what was closed as paid or credited and is owed again.

    `by` is what cleared it, where that is known; else it was a credit if there was any.
    """
    facts = spilled(facts)
    cleared = facts.balance <= facts.close_below
    if cleared and not facts.closed:
        ended = by or ("credited" if facts.credited else "paid")
        # Whoever pays all that is owed has kept every promise that was open, though a cent was waived.
        kept = len(facts.promises_open) if ended == "paid" else 0
        return changed(
            facts,
            closed=ended,
            cleared_at=at,
            promises_open=(),
            kept_promises=facts.kept_promises + kept,
            dispute=None,
        )
    if not cleared and facts.closed in ("paid", "credited"):
        # A plan that has nothing to ask for what is owed again must not silence the ruler.
        return ended_if_over(rebased(changed(facts, closed=None, cleared_at=None), "resumed", at), at)
    return facts if facts.closed else ended_if_over(facts, at)
