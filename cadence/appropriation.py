"""Appropriation: which part of an invoice (costs, interest, principal) a sum of money settles, in the regime's order.

Money lies on the principal until a charge takes its share, so the parts always add up to the balance. What is left
over when everything is settled stays on the principal, as the customer's credit.
"""

from decimal import Decimal

from pydantic import BaseModel, ConfigDict

from cadence.changes import changed
from cadence.facts import InvoiceFacts
from cadence.late_charges import LateCharges
from cadence.words import Part, rounded

ZERO = Decimal(0)


class PartStands(BaseModel):
    """How one part of a debt stands, in the invoice's currency.

    `asked` is what was invoiced (less credits) or claimed, and not waived; `settled` and `open` add up to it, but where
    more came than was asked: that is credit.
    """

    model_config = ConfigDict(frozen=True)

    part: Part
    asked: Decimal
    settled: Decimal
    open: Decimal


def parts_of(facts: InvoiceFacts) -> tuple[PartStands, ...]:
    """How an invoice's money was shared out over its parts, in the order in which it settles them.

    Nothing where late charges were never claimed: then all is principal.
    """
    charges = facts.charges
    if charges == LateCharges():
        return ()
    asked: dict[Part, Decimal] = {
        "costs": charges.costs,
        "interest": charges.interest,
        "principal": facts.amount - facts.credited,
    }
    unpaid: dict[Part, Decimal] = {"principal": max(ZERO, facts.principal), **charges.open}
    return tuple(
        PartStands(
            part=part,
            asked=rounded(asked[part], facts.currency),
            settled=rounded(asked[part] - unpaid[part], facts.currency),
            open=rounded(unpaid[part], facts.currency),
        )
        for part in charges.order
    )


def shared_out(facts: InvoiceFacts, amount: Decimal) -> InvoiceFacts:
    """The facts, once `amount` that came, and is counted in them already, is shared out in the regime's order."""
    charges, left = facts.charges, amount
    owed: dict[Part, Decimal] = {"principal": max(ZERO, facts.principal + amount), **charges.open}
    for part in charges.order:
        share = min(left, owed[part])
        left -= share
        if part != "principal":
            charges = charges.settle(part, share)
    return changed(facts, charges=charges)


def withdrawn(facts: InvoiceFacts, amount: Decimal) -> InvoiceFacts:
    """The facts, once `amount` that went back, and is missing in them already, is missing in its parts.

    What remains settles as if that money had never come: the last in the order gives back first.
    """
    charges, before = facts.charges, facts.principal - amount
    left = amount - min(amount, max(ZERO, -before))
    settled: dict[Part, Decimal] = {
        "principal": max(ZERO, facts.amount - facts.credited - max(ZERO, before)),
        "costs": charges.costs_settled,
        "interest": charges.interest_settled,
    }
    for part in reversed(charges.order):
        share = min(left, settled[part])
        left -= share
        if part != "principal":
            charges = charges.settle(part, -share)
    return changed(facts, charges=charges)


def spilled(facts: InvoiceFacts) -> InvoiceFacts:
    """The facts, once what is too much on the principal has settled the charges that are open."""
    return shared_out(facts, -facts.principal) if facts.principal < 0 else facts
