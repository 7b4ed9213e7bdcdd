"""Candidates rank by agreement: one that agrees in more never ranks lower."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from ledger.candidates import WEIGHTS, Agreement, Candidate, folded, score_of

DEGREES = st.fixed_dictionaries({name: st.integers(0, 100) for name in WEIGHTS})


def candidate(degrees: dict[str, int], *, still_open: bool, same_currency: bool) -> Candidate:
    why = tuple(
        Agreement.model_validate({"by": by, "degree": degree, "what": by}) for by, degree in degrees.items()
    )
    return Candidate(
        invoice="INV-1", customer="C-1", customer_name="Padaria Inventada", state="active", open=still_open,
        currency="EUR", amount=Decimal(1), balance=Decimal(1), same_currency=same_currency,
        score=score_of(why), why=why,
    )  # fmt: skip


@given(
    DEGREES,
    st.fixed_dictionaries({name: st.integers(0, 100) for name in WEIGHTS}),
    st.booleans(),
    st.booleans(),
)
def test_a_candidate_that_agrees_in_more_never_ranks_lower(
    degrees: dict[str, int], more: dict[str, int], still_open: bool, same_currency: bool
) -> None:
    better = {name: min(100, degrees[name] + more[name]) for name in degrees}
    lesser = candidate(degrees, still_open=still_open, same_currency=same_currency)
    for opened, same in (
        (still_open, same_currency),
        (True, same_currency),
        (still_open, True),
        (True, True),
    ):
        assert candidate(better, still_open=opened, same_currency=same).rank <= lesser.rank


def test_agreement_in_everything_is_a_hundred_and_in_nothing_is_none() -> None:
    assert candidate(dict.fromkeys(WEIGHTS, 100), still_open=True, same_currency=True).score == 100
    assert score_of(()) == 0


def test_names_are_compared_without_accents_case_and_marks() -> None:
    assert folded("São João & Filhos, Lda.") == "sao joao filhos lda"
    assert folded("株式会社") != ""
