"""Late interest as it is asked for: over HTTP and on the command line."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from ledger.access import Ledger
from ledger.publishing import publish
from starter.api.roles import Role
from tests.integration.api.conftest import Api
from tests.integration.ledger.playing import ARRIVAL, DAY, row, ruler, take_in
from tests.integration.terminal import Terminal

ROOT = Path(__file__).parents[3]
# Twenty-one days after the due date.
NOW = ARRIVAL + 29 * DAY


@pytest.fixture
def clock() -> Callable[[], datetime]:
    return lambda: NOW


@pytest.fixture
async def invoice(ledger: Ledger) -> str:
    """A consumer's invoice, of the sample creditor in Brazil."""
    await publish(ledger.engine, ruler(debtors="consumer"), ARRIVAL)
    await take_in(ledger, row("2026/1", currency="BRL", amount=Decimal(300)))
    return "2026/1"


async def test_interest_is_answered_to_readers_up_to_today(api: Api, invoice: str) -> None:
    address = f"/v1/invoices/{invoice.replace('/', '%2F')}/interest"
    answer = await api.client(Role.VIEWER).get(address)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    (line,) = found["lines"]
    assert (found["until"], line["days"], line["rounded"]) == ("2026-03-31", 21, "2.10")
    assert (found["interest"], found["total"], found["currency"]) == ("2.10", "8.10", "BRL")
    until = await api.client(Role.VIEWER).get(address, params={"until": "2026-03-10"})
    assert (until.json()["lines"], until.json()["total"]) == ([], "0.00")
    assert (await api.client(Role.PAYMENTS).get(address)).status_code == 403


async def test_what_cannot_be_worked_out_is_a_conflict_with_a_code(api: Api, ledger: Ledger) -> None:
    await take_in(ledger, row("A-1"))  # of a cadence that does not say whom it is for
    answer = await api.client(Role.VIEWER).get("/v1/invoices/A-1/interest")
    assert (answer.status_code, answer.json()["code"]) == (409, "debtor_not_said")


async def test_the_command_shows_lines_and_sources_and_says_that_it_only_informs(
    invoice: str, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("DATABASE_URL", database_url)
    terminal = Terminal(capsys)
    said = (await terminal.done("interest", invoice, "--until", "2026-03-31")).out
    for words in (
        "1 % a month",
        "2026-03-11",
        "BRL 2.10",
        "fine, once: BRL 6.00",
        "total: BRL 8.10",
        "This informs",
    ):
        assert words in said
    found = (await terminal.done("interest", invoice, "--until", "2026-03-31", "--json")).json
    assert (found["regime"], found["total"]) == ("br-consumer", "8.10")
    assert "no date" in await terminal.refused("interest", invoice, "--until", "soon")
    assert "no invoice" in await terminal.refused("interest", "nothing")
