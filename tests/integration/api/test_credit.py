"""Credit as it is told: over HTTP by those who may, and on the command line."""

from pathlib import Path

import pytest

from ledger.access import Ledger
from starter.api.roles import Role
from tests.integration.api.conftest import Api
from tests.integration.ledger.playing import row, take_in
from tests.integration.terminal import Terminal

ROOT = Path(__file__).parents[3]
SUM = {"amount": "150.50", "currency": "EUR"}


@pytest.fixture
async def numbers(ledger: Ledger) -> list[str]:
    """Two invoices of a customer over EUR 120.50 each."""
    await take_in(ledger, row("A-1"), row("A-2"))
    return ["A-1", "A-2"]


async def test_credit_is_told_listed_used_and_refunded(api: Api, numbers: list[str]) -> None:
    agent, manager = api.client(Role.AGENT), api.client(Role.MANAGER)
    await agent.post("/v1/invoices/A-1/payments", json=SUM | {"id": "p-1"})
    note = SUM | {"amount": "10.00", "id": "n-1"}
    assert (await agent.post("/v1/invoices/A-1/credit-notes", json=note)).status_code == 403
    credited = await manager.post("/v1/invoices/A-1/credit-notes", json=note)
    assert (credited.json()["state"], credited.json()["balance"]) == ("paid", "-40.00")
    lies = (await agent.get("/v1/customers/C-1/credit")).json()
    assert lies["credit"] == {"EUR": "40.00"}
    assert lies["invoices"] == [{"invoice": "A-1", "currency": "EUR", "credit": "40.00"}]
    used = [await agent.post("/v1/invoices/A-2/credit", json={"id": "u-1", "amount": "30"}) for _ in range(2)]
    assert [(each.json()["recorded"], each.json()["balance"]) for each in used] == [
        (True, "90.50"),
        (False, "90.50"),
    ]
    more = await agent.post("/v1/invoices/A-2/credit", json={"id": "u-2", "amount": "30"})
    assert (more.status_code, more.json()["code"]) == (422, "not_enough_credit")
    refund = await agent.post("/v1/invoices/A-1/refunds", json=SUM | {"amount": "10.00", "id": "r-1"})
    assert refund.json()["balance"] == "0.00"
    assert (await agent.get("/v1/customers/C-1/credit")).json()["credit"] == {}
    assert (await agent.get("/v1/customers/nobody/credit")).status_code == 404


async def test_the_commands_do_the_same_and_say_so(
    numbers: list[str], database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("DATABASE_URL", database_url)
    terminal = Terminal(capsys)
    await terminal.done("pay", "A-1", "150.50")
    assert "C-1: EUR 30.00 of credit" in (await terminal.done("credit", "C-1")).out
    said = (await terminal.done("use-credit", "A-2", "20", "--id", "u-1")).out
    assert said == "A-2: EUR 20.00 of credit from A-1. It is scheduled, with EUR 100.50 open.\n"
    assert "nothing changed" in (await terminal.done("use-credit", "A-2", "20", "--id", "u-1")).out
    assert "refund of 10 noted" in (await terminal.done("refund", "A-1", "10", "--id", "r-1")).out
    assert "C-1: no credit" in (await terminal.done("credit", "C-1")).out
    assert "It is credited." in (await terminal.done("credit-note", "A-2", "100.50")).out
    assert "not credited yet" in await terminal.refused("credit-note", "A-2", "100")
    assert "of credit" in await terminal.refused("refund", "A-1", "0.01")
    assert "nothing is owed" in await terminal.refused("use-credit", "A-2")
