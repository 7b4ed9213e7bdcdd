"""How a customer pays and which cadence follows from it, at the command line."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from cadence import events as e
from ledger.access import Ledger
from ledger.publishing import publish
from ledger.recording import Fact, record
from ledger.unit import Origin
from tests.integration.engines import engine_on
from tests.integration.ledger.playing import ARRIVAL, CREDITOR, row, ruler, step, take_in
from tests.integration.terminal import Terminal

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    """Two invoices of one customer, one of them paid."""
    ledger = Ledger(engine_on(database_url, 2), CREDITOR)
    await publish(ledger.engine, ruler(), ARRIVAL)
    now = datetime.now(UTC)
    due_on = now.date().replace(month=6, day=15, year=now.year + 1)
    _, paid = await take_in(ledger, row("INV-1", due_on=due_on), row("INV-2", due_on=due_on), now=now)
    payment = e.PaymentReceived(amount=Decimal("120.50"), currency="EUR")
    await record(ledger, paid, [Fact(payment, now, Origin("clerk", "cli"))], now)
    yield ledger
    await ledger.engine.dispose()


async def test_a_customer_is_shown_with_how_they_pay(terminal: Terminal) -> None:
    shown = (await terminal.done("customer", "C-1")).out
    assert "1 of 2, 1 of them on time" in shown
    assert "EUR 120.50" in shown
    assert (await terminal.done("customer", "C-1", "--json")).json["payer"]["paid_on_time"] == 1
    assert "C-9" in await terminal.refused("customer", "C-9")


async def test_running_invoices_move_once_their_difference_was_seen(
    ledger: Ledger, terminal: Terminal
) -> None:
    assert "follows the newest" in (await terminal.done("cadence", "migrate")).out
    steps = [
        step("courtesy", "due - 4d", "courtesy", ["email"]),
        step("demand", "due + 15d", "overdue", ["email"]),
    ]
    await publish(ledger.engine, ruler(steps=steps), ARRIVAL)

    looked = await terminal.done("cadence", "migrate", "short", "--dry-run", "--json")
    (seen,) = looked.json["invoices"]
    assert (seen["invoice"], seen["before"], seen["after"], looked.json["moved"]) == (
        "INV-1",
        "short/1",
        "short/2",
        0,
    )
    assert [each["step"] for each in seen["differences"]] == ["reminder", "demand"]
    shown = (await terminal.done("cadence", "migrate", "--invoice", "INV-1", "--dry-run")).out
    assert "1 steps go, 0 come, 1 move" in shown
    assert shown.endswith("Nothing was moved.\n")

    assert "--yes" in await terminal.refused("cadence", "migrate")
    assert "--dry-run" in await terminal.refused("cadence", "migrate", "--json")
    assert "INV-9" in await terminal.refused("cadence", "migrate", "--invoice", "INV-9", "--yes")
    assert (await terminal.done("cadence", "migrate", "--yes")).out.endswith("1 invoice moved.\n")
    story = (await terminal.done("show", "INV-1")).out
    assert "cadence short, version 2" in story
    assert "short, version 2, instead of short" in story
    assert "follows the newest" in (await terminal.done("cadence", "migrate", "--yes")).out


async def test_a_segment_is_explained_assigned_applied_and_cleared(
    ledger: Ledger, terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await publish(ledger.engine, ruler(name="firm", segments=["firm"]), ARRIVAL)
    home = tmp_path / "creditor.yaml"
    home.write_text((ROOT / "creditor.yaml").read_text("utf-8"), "utf-8")
    monkeypatch.setenv("CREDITOR_FILE", str(home))
    none = (await terminal.done("segments", "explain", "C-1")).out
    assert "C-1 is in standard; no rules are written" in none
    rules = "rules:\n- {segment: firm, title: Paid once, when: payer.paid >= 1}\n- {segment: imported, title: All others}\n"
    (tmp_path / "segments.yaml").write_text(rules, "utf-8")

    explained = (await terminal.done("segments", "explain", "C-1")).out
    assert "payer.paid is 1" in explained
    looked = (await terminal.done("segments", "apply", "--effect", "now", "--dry-run", "--json")).json
    assert [(each["customer"], each["was"], each["becomes"]) for each in looked["customers"]] == [
        ("C-1", "standard", "firm")
    ]
    assert (looked["customers"][0]["invoices"][0]["invoice"], looked["changed"]) == ("INV-1", 0)
    assert (
        "1 customer changed from now on" in (await terminal.done("segments", "apply", "--effect", "now")).out
    )
    assert "cadence firm, version 1" in (await terminal.done("show", "INV-1")).out
    assert (await terminal.done("segments", "apply")).out == "0 customers to come into another segment\n"

    by_hand = ("segments", "set", "C-1", "standard", "--reason", "key-account")
    assert (await terminal.done(*by_hand)).out == "C-1: in standard from the next invoice on.\n"
    assert (await terminal.done(*by_hand)).out == "C-1: in standard by hand already.\n"
    assert "assigned by hand (key-account)" in (await terminal.done("segments", "explain", "C-1")).out
    assert (await terminal.done("segments", "apply")).out == "0 customers to come into another segment\n"
    assert "in firm from the next invoice on" in (await terminal.done("segments", "clear", "C-1")).out
    assert "not assigned by hand" in await terminal.refused("segments", "clear", "C-1")
    assert "no published cadence serves" in await terminal.refused(
        "segments", "set", "C-1", "vip", "--reason", "x"
    )
    assert "is no segment" in await terminal.refused("segments", "set", "C-1", "V I P", "--reason", "x")
    assert "C-9" in await terminal.refused("segments", "explain", "C-9")

    (tmp_path / "segments.yaml").write_text("rules:\n- {segment: firm, title: A, when: paid > 1}\n", "utf-8")
    assert "segments.yaml:2: rules[0].when: paid is no fact" in await terminal.refused(
        "segments", "explain", "C-1"
    )
