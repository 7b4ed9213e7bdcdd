"""Allocation: how one payment is shared out over several invoices of a customer, the oldest due first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

ZERO = Decimal(0)


class AllocationRefused(Exception):
    """A payment cannot be shared out as it was asked for. `code` is stable; the text says what to do."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True)
class Owing:
    """An open invoice by the creditor's number, when it is due, and what is owed on it: above zero."""

    number: str
    due_on: date
    balance: Decimal


@dataclass(frozen=True, slots=True)
class Share:
    """What of a payment is for one invoice; never zero."""

    number: str
    amount: Decimal


def allocate(
    amount: Decimal, owing: Sequence[Owing], named: Mapping[str, Decimal] | None = None
) -> tuple[Share, ...]:
    """Share out `amount` over invoices of one currency: first what is `named` for one, then the oldest due first.

    Ties go by number. What is left when nothing is owed any more stays on the last invoice, as the customer's credit.
    The shares come in the order in which invoices fall due, and add up to `amount`. Raises AllocationRefused where
    nothing is open, a name is not among the open ones, or more is named than was paid.
    """
    shares = dict(named or {})
    oldest_first = sorted(owing, key=lambda each: (each.due_on, each.number))
    _check(amount, oldest_first, shares)
    left = amount - sum(shares.values(), ZERO)
    for each in oldest_first:
        share = min(left, max(ZERO, each.balance - shares.get(each.number, ZERO)))
        shares[each.number] = shares.get(each.number, ZERO) + share
        left -= share
    shares[oldest_first[-1].number] += left
    return tuple(Share(each.number, shares[each.number]) for each in oldest_first if shares[each.number])


def _check(amount: Decimal, owing: Sequence[Owing], named: Mapping[str, Decimal]) -> None:
    if not owing:
        raise AllocationRefused(
            "nothing_owed",
            "no invoice of this customer is open in that currency; record the payment on one by its number",
        )
    known = {each.number for each in owing}
    if unknown := [number for number in named if number not in known]:
        raise AllocationRefused(
            "not_among_the_open",
            f"{', '.join(unknown)} is not open in that currency; name {', '.join(sorted(known))}",
        )
    total = sum(named.values(), ZERO)
    if total > amount or any(share <= 0 for share in named.values()):
        raise AllocationRefused(
            "shares_do_not_fit",
            f"the shares come to {total} and the payment to {amount}; each is above zero, and all within it",
        )
