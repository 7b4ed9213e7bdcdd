"""What money does to an invoice, and when the balance closes or opens it."""

from datetime import datetime

from cadence import events as e
from cadence.changes import changed, count_cases, owe_case, owe_notice, rebased
from cadence.facts import Hold, InvoiceFacts
from cadence.promises import appropriated, heard_again, taken_back
from cadence.reducing.dispatch import reduce_event


@reduce_event.register
def _(event: e.PaymentReceived, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    paid = changed(appropriated(facts, event.amount), paid=facts.paid + event.amount)
    settled = settle_balance(paid, at)
    if settled.closed:
        return settled
    return owe_notice(heard_again(facts, settled, at), "payment", at, amount=event.amount)


@reduce_event.register
def _(event: e.PaymentReversed, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    return settle_balance(changed(taken_back(facts, event.amount), paid=facts.paid - event.amount), at)


@reduce_event.register
def _(_event: e.PaymentUnidentified, facts: InvoiceFacts, _at: datetime) -> InvoiceFacts:
    number = count_cases(facts, "payment_unidentified") + 1
    hold = Hold(hold=f"unidentified-payment-{number}", reason="payment_unidentified")
    held = changed(facts, holds=(*facts.holds, hold))
    return owe_case(held, f"payment_unidentified/{number}", "payment_unidentified")


def settle_balance(facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    """Close what is paid within the tolerance; reopen what was closed as paid or credited and is owed again."""
    cleared = facts.balance <= facts.close_below
    if cleared and not facts.closed:
        # Whoever pays all that is owed has kept every promise that was open, though a cent was waived.
        kept = 0 if facts.credited else len(facts.promises_open)
        return changed(
            facts,
            closed="credited" if facts.credited else "paid",
            cleared_at=at,
            promises_open=(),
            kept_promises=facts.kept_promises + kept,
            disputed=False,
            dispute_unconfirmed=False,
        )
    if not cleared and facts.closed in ("paid", "credited"):
        return rebased(changed(facts, closed=None, cleared_at=None), "resumed", at)
    return facts
