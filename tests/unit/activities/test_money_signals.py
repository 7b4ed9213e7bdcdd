"""Signals about money: each becomes the fact that it reports, or goes to a person, or is left aside."""

from dataclasses import replace
from decimal import Decimal

import pytest

from activities.signals import fact_of
from cadence import events as e
from cadence.directive import SignalNote
from ledger.recording import Fact, Sums
from tests.unit.activities.test_signals import AT, STANDS

SUMS = Sums(Decimal(60), Decimal(80), Decimal(20), Decimal(5), Decimal(40))


def told(name: str, **fields: str) -> Fact:
    """What becomes of a signal to invoice 7, of which some was paid and some is credit."""
    return fact_of(7, SignalNote(name=name, id="x-1", at=AT, fields=fields), replace(STANDS, sums=SUMS))


@pytest.mark.parametrize(
    ("name", "most", "kind", "source"),
    [
        ("payment_reversed", 60, e.PaymentReversed, "reversal"),
        ("credit_note_issued", 80, e.CreditNoteIssued, "credit_note"),
        ("credit_refunded", 20, e.CreditRefunded, "refund"),
    ],
)
def test_a_sum_that_can_be_is_recorded_in_its_own_key_space(
    name: str, most: int, kind: type[e.PaymentReversed], source: str
) -> None:
    fact = told(name, amount=str(most), currency="EUR")
    assert fact.event == kind(amount=Decimal(most), currency="EUR")
    assert (fact.origin.source, fact.origin.external_id) == (source, "x-1")


@pytest.mark.parametrize(
    "fields", [{"amount": "60.01"}, {"amount": "1", "currency": "USD"}, {"amount": "x"}, {}]
)
def test_a_reversal_that_cannot_be_goes_to_a_person(fields: dict[str, str]) -> None:
    assert told("payment_reversed", **{"currency": "EUR"} | fields).event == e.PaymentUnidentified()


def test_a_reversal_without_an_id_goes_to_a_person() -> None:
    event = told("payment_reversed", amount="1", currency="EUR", unidentified="1").event
    assert event == e.PaymentUnidentified()


@pytest.mark.parametrize("name", ["credit_note_issued", "credit_refunded"])
@pytest.mark.parametrize("amount", ["80.01", "0", "-1", "0.001", "x", "", "NaN", "1e9999"])
def test_a_credit_that_cannot_be_is_left_aside(name: str, amount: str) -> None:
    assert told(name, amount=amount).event == e.SignalIgnored(signal=name)


def test_a_waiver_gives_up_what_is_open() -> None:
    waived = e.LateChargesWaived(interest=Decimal(5), costs=Decimal(40), currency="EUR")
    assert told("late_charges_waived").event == waived
    nothing = SignalNote(name="late_charges_waived", id="x", at=AT)
    assert fact_of(7, nothing, STANDS).event == e.SignalIgnored(signal="late_charges_waived")
