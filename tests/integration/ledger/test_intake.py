"""Two imports at once of the same file."""

import asyncio

from ledger.access import Ledger
from ledger.intake import receive
from tests.integration.ledger.playing import ARRIVAL, FILE, row


async def test_two_imports_of_one_file_at_once_start_every_invoice_once(ledger: Ledger) -> None:
    rows = [row(f"INV-{number}", f"C-{number % 3}") for number in range(9)]
    both = await asyncio.gather(*(receive(ledger, rows, ARRIVAL, FILE) for _ in range(2)))

    outcomes = sorted(answer.outcome for answers in both for answer in answers)
    assert outcomes == ["new"] * 9 + ["same"] * 9


async def test_imports_that_share_customers_in_another_order_do_not_block_each_other(ledger: Ledger) -> None:
    rows = [row(f"INV-{number}", f"C-{number % 3}") for number in range(6)]
    more = [row(f"NEW-{number}", f"C-{2 - number % 3}") for number in range(6)]
    both = await asyncio.gather(*(receive(ledger, each, ARRIVAL, FILE) for each in (rows, more)))

    assert {answer.outcome for answers in both for answer in answers} == {"new"}
