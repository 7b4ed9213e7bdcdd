"""The creditor references that we make are ISO 11649, and what a file gives is told apart by what it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import iso11649

from ledger.references import (
    CREDITOR,
    PIX,
    PROVIDER,
    Reference,
    as_creditor_reference,
    creditor_reference,
    given_references,
)

IDS = st.integers(min_value=1, max_value=2**63 - 1)


@given(IDS)
def test_a_reference_that_we_make_is_one_by_the_rules_of_the_standard(invoice_id: int) -> None:
    made = creditor_reference(invoice_id)
    assert iso11649.validate(made) == made
    assert len(made) <= 25


@given(IDS, IDS)
def test_two_invoices_never_have_one_reference(one: int, other: int) -> None:
    assert (creditor_reference(one) == creditor_reference(other)) == (one == other)


@given(IDS, st.data())
def test_a_digit_mistyped_is_noticed(invoice_id: int, data: st.DataObject) -> None:
    made = creditor_reference(invoice_id)
    place = data.draw(st.integers(min_value=6, max_value=len(made) - 1))
    digit = data.draw(st.sampled_from([each for each in "0123456789" if each != made[place]]))
    assert as_creditor_reference(made[:place] + digit + made[place + 1 :]) is None


@given(IDS, st.data())
def test_spaces_and_case_do_not_change_a_reference(invoice_id: int, data: st.DataObject) -> None:
    made = creditor_reference(invoice_id)
    typed = "".join(
        (each.lower() if data.draw(st.booleans()) else each) + " " * data.draw(st.integers(0, 2))
        for each in made
    )
    assert as_creditor_reference(typed) == made


@given(st.text(max_size=40))
def test_any_text_is_a_reference_or_none(text: str) -> None:
    found = as_creditor_reference(text)
    assert found is None or (
        iso11649.is_valid(found) and found.isascii() and as_creditor_reference(found) == found
    )


@pytest.mark.parametrize(
    ("pix_txid", "payment_reference", "known"),
    [
        (None, None, []),
        ("abc123", None, [Reference(PIX, "abc123")]),
        (None, "rf18 5390 0754 7034", [Reference(CREDITOR, "RF18539007547034")]),
        (None, "RF19 5390 0754 7034", [Reference(PROVIDER, "RF19 5390 0754 7034")]),
        ("abc123", "pay_1", [Reference(PIX, "abc123"), Reference(PROVIDER, "pay_1")]),
    ],
)
def test_what_a_file_gives_is_kept_by_its_kind(
    pix_txid: str | None, payment_reference: str | None, known: list[Reference]
) -> None:
    assert given_references(pix_txid, payment_reference) == known
