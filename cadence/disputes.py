"""Disputes: whether one forbids reminders, what is asked for meanwhile, and what upholding one gives back."""

from decimal import Decimal

from cadence.document import Cadence
from cadence.facts import InvoiceFacts


def in_part(facts: InvoiceFacts, cadence: Cadence) -> bool:
    """Whether only a part is disputed, and the cadence goes on asking for the rest."""
    dispute = facts.dispute
    return (
        dispute is not None
        and dispute.amount is not None
        and cadence.branches.dispute.undisputed == "collect"
    )


def asked(facts: InvoiceFacts, cadence: Cadence) -> Decimal:
    """What messages and conditions call the balance: what is owed, less a disputed part that nobody asks for."""
    return facts.balance - facts.disputed_amount if in_part(facts, cadence) else facts.balance


def forbids(facts: InvoiceFacts, cadence: Cadence) -> bool:
    """Whether a dispute forbids reminders: all of the invoice is disputed, or nothing else is left to ask for."""
    if facts.dispute is None:
        return False
    return not in_part(facts, cadence) or asked(facts, cadence) <= facts.close_below


def most_credited(facts: InvoiceFacts) -> Decimal:
    """What upholding the dispute credits at most: the part that was named, whether it was paid since or not.

    Where nobody named a part, it is what is open: no more was asked for. Nothing is credited twice.
    """
    dispute = facts.dispute
    if dispute is None or dispute.amount is None:
        return facts.disputed_amount
    return max(Decimal(0), min(dispute.amount, facts.amount + facts.charges.claimed - facts.credited))
