"""Tills: what was truly paid and taken back by payments of several invoices, and whether the ledger's money agrees."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncConnection

from cadence import events as e
from ledger.allocating import Allocated
from ledger.logs import InvoiceLog
from ledger.shares import shares_of

NOTHING = Decimal(0)


@dataclass
class Receipts:
    """One payment: of which customer by the creditor's key, how much came, and how much of it went back."""

    customer: str
    came: Decimal
    back: Decimal = NOTHING


@dataclass
class Till:
    """Every payment of several invoices that was taken in, by its own id."""

    payments: dict[str, Receipts] = field(default_factory=dict)

    def take_in(self, customer: str, answer: Allocated) -> None:
        """Note what was recorded of a payment."""
        assert answer.payment not in self.payments, f"{answer.payment} was recorded twice"
        self.payments[answer.payment] = Receipts(customer, _sum(answer))

    def give_back(self, answer: Allocated) -> None:
        """Note what was recorded of a reversal."""
        self.payments[answer.payment].back += _sum(answer)

    async def assert_kept(self, connection: AsyncConnection) -> None:
        """Each payment's shares are what came, and what is left of them is what did not go back."""
        for payment, known in self.payments.items():
            shares = await shares_of(connection, payment)
            left = [share.left for share in shares]
            assert sum(share.amount for share in shares) == known.came, payment
            assert (sum(left), min(left) >= 0) == (known.came - known.back, True), payment


def _sum(answer: Allocated) -> Decimal:
    return sum((line.amount for line in answer.shares), NOTHING)


def assert_money_adds_up(logs: Iterable[InvoiceLog]) -> None:
    """What a customer paid, less what went back, is what their invoices ask for less what they owe, in each currency."""
    came: dict[tuple[int, str], Decimal] = defaultdict(Decimal)
    used: dict[tuple[int, str], Decimal] = defaultdict(Decimal)
    for log in logs:
        facts, whose = log.stored, (log.row["customer_id"], log.stored.currency)
        asked = facts.amount + facts.charges.claimed - facts.credited
        came[whose] += sum((_brought(each.event) for each in log.events), NOTHING)
        used[whose] += asked - facts.balance
        # But where credit was refunded whose payment then went back, nobody owes more than was asked.
        assert facts.balance <= max(asked, NOTHING) + facts.refunded, log.name
    assert came == used


def _brought(event: e.InvoiceEvent) -> Decimal:
    match event:
        case e.PaymentReceived():
            return event.amount
        case e.PaymentReversed() | e.CreditRefunded():
            return -event.amount
        case _:
            return NOTHING
