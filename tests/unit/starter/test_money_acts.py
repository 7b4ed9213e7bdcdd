"""Credit notes, refunds and waivers, judged by where an invoice stands."""

from decimal import Decimal
from typing import Any

import pytest

from cadence import events as e
from cadence.late_charges import LateCharges
from starter import acts
from tests.unit.starter.test_acts import NOW, refused, stands


def test_a_credit_note_is_at_most_what_was_invoiced_and_not_credited_yet() -> None:
    told = acts.credit_note(stands(credited=Decimal(30), paid=Decimal(100)), NOW, amount=Decimal(70))
    assert told.event == e.CreditNoteIssued(amount=Decimal(70), currency="EUR")
    refusal = refused(acts.credit_note, stands(credited=Decimal(30)), amount=Decimal("70.01"))
    assert (refusal.code, refusal.field) == ("more_than_invoiced", "amount")


def test_a_refund_is_at_most_the_credit_that_lies_there() -> None:
    told = acts.refund(stands(paid=Decimal(130)), NOW, amount=Decimal(30))
    assert told.event == e.CreditRefunded(amount=Decimal(30), currency="EUR")
    refusal = refused(acts.refund, stands(paid=Decimal(100)), amount=Decimal("0.01"))
    assert (refusal.code, refusal.field) == ("more_than_credit", "amount")


def test_what_is_waived_are_the_charges_that_are_open() -> None:
    charges = LateCharges(interest=Decimal(5), costs=Decimal(40), costs_settled=Decimal(30))
    told = acts.waive(stands(charges=charges), NOW)
    assert told.event == e.LateChargesWaived(interest=Decimal(5), costs=Decimal(10), currency="EUR")
    assert refused(acts.waive, stands()).code == "nothing_claimed"


@pytest.mark.parametrize(
    ("given", "code", "field"),
    [
        ({"amount": Decimal(0)}, "amount_not_positive", "amount"),
        ({"amount": Decimal("0.001")}, "too_many_decimals", "amount"),
        ({"amount": Decimal(1), "currency": "USD"}, "other_currency", "currency"),
    ],
)
def test_sums_that_make_no_sense_are_refused_by_their_field(
    given: dict[str, Any], code: str, field: str
) -> None:
    for act in (acts.credit_note, acts.refund):
        refusal = refused(act, stands(paid=Decimal(130)), **given)
        assert (refusal.code, refusal.field) == (code, field)
