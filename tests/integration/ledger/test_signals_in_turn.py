"""Signals that reach the ledger together: each is judged by where the invoice stands after those before it."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest
from temporalio.testing import ActivityEnvironment

from activities.recording import Recording
from cadence import events as e
from cadence.directive import Directive, RecordOrder, SignalNote
from ledger.access import Ledger
from ledger.queries import show_invoice
from ledger.recording import Fact, record
from starter.interest import regimes_in
from tests.integration.ledger.playing import ARRIVAL, FILE, row, take_in

POLICIES = Path(__file__).parents[3] / "policies"


@pytest.fixture
async def invoice(ledger: Ledger) -> int:
    """An invoice over 100, of which 130 were paid."""
    (invoice,) = await take_in(ledger, row(amount=Decimal(100)))
    paid = e.PaymentReceived(amount=Decimal(130), currency="EUR")
    await record(ledger, invoice, [Fact(paid, ARRIVAL, FILE)], ARRIVAL)
    return invoice


async def signalled(ledger: Ledger, invoice: int, *notes: SignalNote, at: datetime = ARRIVAL) -> Directive:
    """What the invoice's workflow is answered that brings these signals to the ledger."""
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, started_time=at)
    order = RecordOrder(invoice_id=invoice, notes=notes)
    return await environment.run(Recording(ledger, regimes_in(POLICIES)).record_signals, order)


def note(name: str, told: str, amount: int) -> SignalNote:
    return SignalNote(name=name, id=told, at=ARRIVAL, fields={"amount": str(amount), "currency": "EUR"})


async def stand(ledger: Ledger) -> tuple[str, Decimal, list[str]]:
    shown = await show_invoice(ledger.engine, "INV-1")
    reasons = [case.reason for case in shown.cases if case.reason != "overpaid"]
    return shown.invoice.state, shown.invoice.balance, reasons


async def test_credit_is_refunded_once_though_two_signals_ask_at_once(ledger: Ledger, invoice: int) -> None:
    await signalled(ledger, invoice, note("credit_refunded", "f-1", 30), note("credit_refunded", "f-2", 30))
    assert await stand(ledger) == ("paid", Decimal(0), [])


async def test_no_more_is_credited_than_was_invoiced(ledger: Ledger, invoice: int) -> None:
    await signalled(
        ledger, invoice, note("credit_note_issued", "n-1", 80), note("credit_note_issued", "n-2", 80)
    )
    assert await stand(ledger) == ("paid", Decimal(-110), [])


async def test_a_reversal_that_is_recorded_again_changes_nothing(ledger: Ledger, invoice: int) -> None:
    for _ in range(2):
        await signalled(ledger, invoice, note("payment_reversed", "r-1", 130))
    assert await stand(ledger) == ("scheduled", Decimal(100), [])


async def test_money_that_comes_may_be_taken_back_by_the_next_signal(ledger: Ledger, invoice: int) -> None:
    await signalled(
        ledger, invoice, note("payment_received", "p-2", 50), note("payment_reversed", "r-1", 180)
    )
    assert await stand(ledger) == ("scheduled", Decimal(100), [])
