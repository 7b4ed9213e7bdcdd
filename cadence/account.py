"""Accounts: the open items of one customer, as a message or a statement lists them, with their totals."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

# The short text that stands for a step's own where an SMS or a WhatsApp message speaks of several invoices.
SEVERAL = "account_reminder"


@dataclass(frozen=True, slots=True)
class OpenItem:
    """An invoice that is open: its number, due date (in the creditor's zone) and balance in `currency` (ISO 4217).

    `reference` is what to quote with its payment; empty where the creditor's instructions ask for none.
    """

    number: str
    due_on: date
    balance: Decimal
    currency: str
    reference: str = ""
    disputed: bool = False

    def days_overdue(self, today: date) -> int:
        """How many days after the due date `today` is; zero up to the due date itself."""
        return max((today - self.due_on).days, 0)


def totals(items: Iterable[OpenItem]) -> dict[str, Decimal]:
    """What is owed in each currency, by its code."""
    owed: dict[str, Decimal] = {}
    for item in items:
        owed[item.currency] = owed.get(item.currency, Decimal(0)) + item.balance
    return dict(sorted(owed.items()))


@dataclass(frozen=True, slots=True)
class Account:
    """All that a customer owes on the day `as_of` where they are, the oldest due item first.

    `customer` is the creditor's own key, `language` the reader's, `country` (ISO 3166) where they are.
    """

    customer: str
    customer_name: str
    language: str
    as_of: date
    items: tuple[OpenItem, ...]
    country: str = ""


# The last day of each age but the first (not yet overdue) and the last (older than all).
AGES = (30, 60, 90)


def ageing(items: Iterable[OpenItem], today: date) -> dict[str, tuple[Decimal, ...]]:
    """What is owed in each currency by age: not yet overdue, 1 to 30 days, 31 to 60, 61 to 90, and longer."""
    owed: dict[str, list[Decimal]] = {}
    for item in items:
        ages = owed.setdefault(item.currency, [Decimal(0)] * (len(AGES) + 2))
        late = item.days_overdue(today)
        ages[0 if late == 0 else 1 + sum(late > last for last in AGES)] += item.balance
    return {currency: tuple(ages) for currency, ages in sorted(owed.items())}
