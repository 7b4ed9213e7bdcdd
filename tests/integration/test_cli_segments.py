"""How a customer pays and which cadence follows from it, at the command line."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from cadence import events as e
from ledger.access import Ledger
from ledger.database import connect
from ledger.publishing import publish
from ledger.recording import Fact, record
from ledger.unit import Origin
from tests.integration.ledger.playing import ARRIVAL, CREDITOR, row, ruler, take_in
from tests.integration.terminal import Terminal

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    """Two invoices of one customer, one of them paid."""
    ledger = Ledger(connect(database_url, pool_size=2), CREDITOR)
    await publish(ledger.engine, ruler(), ARRIVAL)
    now = datetime.now(UTC)
    due_on = now.date().replace(month=6, day=15, year=now.year + 1)
    _, paid = await take_in(ledger, row("INV-1", due_on=due_on), row("INV-2", due_on=due_on), now=now)
    payment = e.PaymentReceived(amount=Decimal("120.50"), currency="EUR")
    await record(ledger, paid, [Fact(payment, now, Origin("clerk", "cli"))], now)
    yield ledger
    await ledger.engine.dispose()


@pytest.fixture
def terminal(
    ledger: Ledger,
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Terminal:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("CREDITOR_FILE", str(ROOT / "creditor.yaml"))
    monkeypatch.setenv("POLICIES_DIR", str(ROOT / "policies"))
    monkeypatch.setenv("REGUA_ACTOR", "ana")
    return Terminal(capsys)


async def test_a_customer_is_shown_with_how_they_pay(terminal: Terminal) -> None:
    shown = (await terminal.done("customer", "C-1")).out
    assert "1 of 2, 1 of them on time" in shown
    assert "EUR 120.50" in shown
    assert (await terminal.done("customer", "C-1", "--json")).json["payer"]["paid_on_time"] == 1
    assert "C-9" in await terminal.refused("customer", "C-9")
