"""Disputes: whether one forbids reminders, and what is asked for while only a part of an invoice is disputed."""

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
