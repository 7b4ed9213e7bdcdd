"""Accounts: the open items of one customer, as a message or a statement lists them, with their totals."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

# The short text that stands for a step's own where an SMS or a WhatsApp message speaks of several invoices.
SEVERAL = "account_reminder"


@dataclass(frozen=True, slots=True)
class OpenItem:
    """An invoice that is open: its number, due date (in the creditor's zone) and balance in `currency`.

    `reference` is what to quote with its payment; empty where the creditor's instructions ask for none.
    """

    number: str
    due_on: date
    balance: Decimal
    currency: str
    reference: str = ""

    def days_overdue(self, today: date) -> int:
        """How many days after the due date `today` is; zero up to the due date itself."""
        return max((today - self.due_on).days, 0)


def totals(items: Iterable[OpenItem]) -> dict[str, Decimal]:
    """What is owed in each currency, by its code."""
    owed: dict[str, Decimal] = {}
    for item in items:
        owed[item.currency] = owed.get(item.currency, Decimal(0)) + item.balance
    return dict(sorted(owed.items()))
