"""A statement of account at the command line: a PDF where the caller wants it, or a sentence."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from cadence import events as e
from ledger.access import Ledger
from ledger.account import account_of
from ledger.database import UnknownCustomer
from ledger.recording import Fact, record
from tests.integration.ledger.conftest import ledger
from tests.integration.ledger.playing import ARRIVAL, FILE, row, take_in
from tests.integration.terminal import Terminal

__all__ = ["ledger"]
ROOT = Path(__file__).parents[2]


async def test_a_statement_is_written_and_a_place_that_is_not_there_is_named(
    ledger: Ledger, terminal: Terminal, tmp_path: Path
) -> None:
    await take_in(ledger, row("INV-1"), row("INV-2"))
    out = tmp_path / "c1.pdf"
    await terminal.done("statement", "C-1", "--out", str(out))
    assert out.read_bytes().startswith(b"%PDF-")
    assert "cannot be written" in await terminal.refused(
        "statement", "C-1", "--out", str(tmp_path / "no" / "c1.pdf")
    )
    assert "nobody" in await terminal.refused("statement", "nobody", "--out", str(out))
    (portfolio := tmp_path / "portfolio.csv").write_text("invoice\n")
    said = await terminal.refused("statement", "C-1", "--out", str(portfolio))
    assert "is there already and no PDF" in said
    assert portfolio.read_text() == "invoice\n"


async def test_an_account_holds_what_is_open_by_the_customers_own_day(ledger: Ledger) -> None:
    paid, part, disputed, _ = await take_in(
        ledger, *(row(f"INV-{number}") for number in (1, 2, 3)), row("INV-4", customer="C-2")
    )

    async def tell(invoice_id: int, event: e.InvoiceEvent) -> None:
        await record(ledger, invoice_id, [Fact(event, ARRIVAL, FILE)], ARRIVAL)

    await tell(paid, e.PaymentReceived(amount=Decimal("120.50"), currency="EUR"))
    await tell(part, e.PaymentReceived(amount=Decimal(20), currency="EUR"))
    await tell(disputed, e.DisputeOpened())
    account = await account_of(ledger, "C-1", ARRIVAL + timedelta(hours=15))
    assert [(item.number, item.balance, item.disputed) for item in account.items] == [
        ("INV-2", Decimal("100.50"), False),
        ("INV-3", Decimal("120.50"), True),
    ]
    assert (account.language, account.as_of) == ("pt-PT", (ARRIVAL + timedelta(days=1)).date())
    with pytest.raises(UnknownCustomer):
        await account_of(ledger, "nobody", ARRIVAL)
