"""How a reference is read, before the ledger is asked: its own kind first, and of a text whole words alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.matching import creditor_references_in, exact, normalised_number, numbers_in, words
from ledger.references import CREDITOR, PIX, PROVIDER, Reference, creditor_reference


def test_a_reference_is_tried_as_what_it_was_told_as_and_then_in_the_fixed_order() -> None:
    assert exact(Reference("link", "k7q2m9xa")) == [
        ("link", "K7Q2M9XA"),
        (PIX, "k7q2m9xa"),
        ("invoice", "k7q2m9xa"),
        ("invoice", "k7q2m9xa"),
        (PROVIDER, "k7q2m9xa"),
        ("customer", "k7q2m9xa"),
    ]
    assert exact(Reference("reference", "rf18 5390 0754 7034"))[0] == (CREDITOR, "RF18539007547034")


def test_a_number_is_tried_as_it_stands_and_then_as_an_import_reads_it() -> None:
    found = [value for kind, value in exact(Reference("invoice", " INV  1 ")) if kind == "invoice"]
    assert found == [" INV  1 ", "INV 1"]
    assert normalised_number("INV\u200b1") == ""


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("RF18 5390 0754 7034", ["RF18539007547034"]),
        ("ref:rf18539007547034, obrigado", ["RF18539007547034"]),
        ("/RFB/RF18 5390 0754 7034/2026", ["RF18539007547034"]),
        ("RF19 5390 0754 7034", []),
        ("XRF18539007547034", []),
        ("RF18539007547034X", []),
        ("", []),
    ],
)
def test_creditor_references_are_found_in_a_text_as_whole_words(text: str, found: list[str]) -> None:
    assert creditor_references_in(text) == found


@given(st.integers(min_value=1, max_value=10**12), st.text("abc 123./", max_size=20), st.booleans())
def test_a_reference_of_ours_is_found_wherever_it_stands(invoice_id: int, around: str, grouped: bool) -> None:
    made = creditor_reference(invoice_id)
    written = " ".join(made[at : at + 4] for at in range(0, len(made), 4)) if grouped else made
    assert made in creditor_references_in(f"{around} {written} {around}")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("Pagamento fatura 2026/0117, obrigado", "2026/0117"),
        ("(INV-1)", "INV-1"),
        ("nota NF 2026 117 paga", "NF 2026 117"),
        ("10442", "10442"),
    ],
)
def test_numbers_are_found_in_a_text_as_whole_words(text: str, number: str) -> None:
    assert number in numbers_in(text)


@pytest.mark.parametrize("text", ["parcela 12", "de 2026", "obrigado pelo prazo", "INV-10"])
def test_what_stands_in_any_text_is_no_invoice_number(text: str) -> None:
    assert not {"12", "2026", "obrigado", "INV-1"} & set(numbers_in(text))


@given(st.text(max_size=600))
def test_any_text_is_read_in_bounded_time(text: str) -> None:
    assert len(words(Reference("text", text))) < 1_000
    assert all(value for _, value in words(Reference("text", text)))
