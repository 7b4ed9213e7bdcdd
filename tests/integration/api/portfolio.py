"""Invoices that the service's resources are asked about: four of three customers, and what was told of them."""

from datetime import date
from decimal import Decimal

from ledger.access import Ledger
from tests.integration.ledger.playing import DUE_ON, row, take_in

# One number needs escaping in an address, and one holds what SQL's LIKE takes for a wildcard.
SLASHED, PERCENT = "2026/0001", "50%_OFF"


async def take_in_portfolio(ledger: Ledger) -> None:
    """A-1 and A-2 of one customer, and one each of two others."""
    await take_in(
        ledger,
        row("A-1"),
        row("A-2", due_on=date(2026, 2, 1), amount=Decimal("80.00")),
        row(SLASHED, "C-2", customer_name="Oficina Exemplar"),
        row(PERCENT, "C-3", due_on=DUE_ON.replace(day=20), amount=Decimal("900.00")),
    )
