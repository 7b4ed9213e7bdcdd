"""One key space for payments: an id counts once, and one told of something else goes to a person."""

from decimal import Decimal

import pytest

from cadence import events as e
from ledger.access import Ledger
from ledger.queries import show_invoice
from ledger.recording import Fact, record
from ledger.unit import Origin
from tests.integration.ledger.playing import ARRIVAL, row, take_in


def paid(amount: str) -> Fact:
    """A payment that a bank tells under one id."""
    event = e.PaymentReceived(amount=Decimal(amount), currency="EUR")
    return Fact(event, ARRIVAL, Origin("bank", "payment", "bank-1"))


async def test_a_payment_told_twice_counts_once(ledger: Ledger) -> None:
    (invoice,) = await take_in(ledger, row("A-1"))
    assert (await record(ledger, invoice, [paid("10")], ARRIVAL)).new == 1
    assert (await record(ledger, invoice, [paid("10")], ARRIVAL)).new == 0
    assert (await show_invoice(ledger.engine, "A-1")).invoice.state == "scheduled"


@pytest.mark.parametrize(("number", "amount"), [("A-1", "20"), ("A-2", "10")])
async def test_a_payment_id_told_of_something_else_holds_the_invoice(
    ledger: Ledger, number: str, amount: str
) -> None:
    ids = dict(zip(("A-1", "A-2"), await take_in(ledger, row("A-1"), row("A-2")), strict=True))
    await record(ledger, ids["A-1"], [paid("10")], ARRIVAL)
    for _ in range(2):
        await record(ledger, ids[number], [paid(amount)], ARRIVAL)
    story = await show_invoice(ledger.engine, number)
    assert story.invoice.state == "on_hold"
    assert [case.reason for case in story.cases] == ["payment_unidentified"]
