"""Unmatched money at the command line."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from ledger import unmatched
from ledger.access import Ledger
from ledger.movements import Movement
from ledger.publishing import publish
from ledger.queries import show_invoice
from ledger.references import Reference, creditor_reference
from tests.integration.engines import engine_on
from tests.integration.ledger.playing import ARRIVAL, CREDITOR, row, ruler, take_in
from tests.integration.terminal import Terminal

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    """An invoice, and two payments that nobody could match."""
    ledger = Ledger(engine_on(database_url, 2), CREDITOR)
    await publish(ledger.engine, ruler(), ARRIVAL)
    await take_in(ledger, row("INV-1001", customer_name="Padaria Inventada"), now=datetime.now(UTC))
    async with ledger.engine.begin() as connection:
        for told in ("E1", "E2"):
            references = (Reference("text", "fatura 1001"),)
            money = Movement(
                "pix",
                "payment",
                told,
                Decimal("120.50"),
                "EUR",
                ARRIVAL,
                "pix",
                references,
                "PADARIA INVENTADA",
                None,
                shares=(("INV-1001", Decimal("20.50")),) if told == "E2" else (),
            )
            await unmatched.keep(connection, money, "unknown_reference", ARRIVAL)
    yield ledger
    await ledger.engine.dispose()


async def test_money_is_listed_looked_at_and_settled(terminal: Terminal, ledger: Ledger) -> None:
    first, second = (line["id"] for line in (await terminal.done("unmatched", "--json")).json)
    listed = (await terminal.done("unmatched")).out
    assert "unmatched money: 2" in listed
    assert listed.count("fatura 1001; EUR 20.50 for INV-1001") == 1

    seen = (await terminal.done("unmatched", "show", str(first))).out
    assert "INV-1001" in seen
    assert "equals balance, payer 100 %" in seen
    asked = await terminal.done("unmatched", "show", str(first), "--json")
    assert asked.json["candidates"][0]["invoice"] == "INV-1001"

    await terminal.done("unmatched", "claim", str(first), "--actor", "ana")
    said = await terminal.refused("unmatched", "settle", str(first), "INV-1001", "--actor", "rui")
    assert "is claimed by 'ana'" in said
    await terminal.done("unmatched", "release", str(first), "--actor", "rui")
    settled = await terminal.done("unmatched", "settle", str(first), "INV-1001", "--actor", "rui")
    assert settled.out == "INV-1001: payment of EUR 120.50 noted\n"
    assert (await show_invoice(ledger.engine, "INV-1001")).invoice.state == "paid"

    await terminal.done("unmatched", "dismiss", str(second), "rent, paid to the wrong account")
    assert (await terminal.done("unmatched")).out == "unmatched money: 0\n"
    (gone,) = (await terminal.done("unmatched", "--status", "dismissed", "--json")).json
    assert gone["dismissal"] == "rent, paid to the wrong account"


async def test_money_is_settled_over_a_customer(terminal: Terminal, ledger: Ledger) -> None:
    first, second = (str(line["id"]) for line in (await terminal.done("unmatched", "--json")).json)
    (line,) = (await terminal.done("list", "--json")).json
    key = line["customer"]
    settled = await terminal.done("unmatched", "settle", first, "--customer", key)
    assert settled.out == f"{key}: payment of EUR 120.50 noted: EUR 120.50 on INV-1001\n"
    assert key in (await terminal.done("unmatched", "show", first)).out
    assert "say either the invoice" in await terminal.refused("unmatched", "settle", second)
    both = ("unmatched", "settle", second, "INV-1001", "--customer", key)
    assert "say either the invoice" in await terminal.refused(*both)
    nobody = ("unmatched", "settle", second, "--customer", "NOBODY")
    assert "no customer 'NOBODY' is known" in await terminal.refused(*nobody)
    closed = ("unmatched", "settle", second, "--customer", key)
    assert "no invoice of this customer is open" in await terminal.refused(*closed)


async def test_the_story_of_an_invoice_names_its_references(terminal: Terminal, ledger: Ledger) -> None:
    made = creditor_reference(await ledger.invoice_id("INV-1001"))
    assert f"creditor reference {made}" in (await terminal.done("show", "INV-1001")).out
    told = await terminal.done("show", "INV-1001", "--json")
    assert told.json["references"] == [{"kind": "creditor_reference", "value": made}]


async def test_what_makes_no_sense_is_refused_with_a_sentence(terminal: Terminal) -> None:
    assert "no unmatched money 999 is known" in await terminal.refused("unmatched", "show", "999")
    assert "is no status of unmatched money" in await terminal.refused("unmatched", "--status", "done")
    assert "the reason is empty" in await terminal.refused("unmatched", "dismiss", "1", " ")
