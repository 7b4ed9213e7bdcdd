"""One payment over several invoices: exact, never negative, the oldest due first."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadence.allocation import AllocationRefused, Owing, Share, allocate

sums = st.decimals("0.01", "500", places=2)
DUE = date(2026, 3, 1)


@st.composite
def debts(draw: st.DrawFn) -> list[Owing]:
    count = draw(st.integers(1, 6))
    return [Owing(f"A-{n}", DUE + timedelta(days=draw(st.integers(0, 3))), draw(sums)) for n in range(count)]


@st.composite
def payments(draw: st.DrawFn) -> tuple[Decimal, list[Owing], dict[str, Decimal]]:
    """A payment, what is owed, and what of the payment is named for some of it."""
    owing = draw(debts())
    named = {each.number: draw(sums) for each in owing if draw(st.booleans())}
    return sum(named.values(), Decimal(0)) + draw(sums), owing, named


@given(payments())
def test_shares_add_up_and_none_is_negative_and_what_is_named_is_kept(
    payment: tuple[Decimal, list[Owing], dict[str, Decimal]],
) -> None:
    amount, owing, named = payment
    shares = {share.number: share.amount for share in allocate(amount, owing, named)}
    assert sum(shares.values()) == amount
    assert all(share > 0 for share in shares.values())
    assert all(shares[number] >= share for number, share in named.items())


@given(sums, debts())
def test_no_younger_debt_gets_anything_before_the_older_is_paid(amount: Decimal, owing: list[Owing]) -> None:
    shares = {share.number: share.amount for share in allocate(amount, owing)}
    ordered = sorted(owing, key=lambda each: (each.due_on, each.number))
    for position, each in enumerate(ordered):
        if any(later.number in shares for later in ordered[position + 1 :]):
            assert shares[each.number] == each.balance
    assert all(shares.get(each.number, 0) <= each.balance for each in ordered[:-1])


@given(payments(), st.randoms())
def test_the_order_in_which_invoices_come_changes_nothing(
    payment: tuple[Decimal, list[Owing], dict[str, Decimal]], random: object
) -> None:
    amount, owing, named = payment
    shuffled = list(owing)
    random.shuffle(shuffled)  # type: ignore[attr-defined] # hypothesis gives a random.Random
    assert allocate(amount, shuffled, named) == allocate(amount, owing, named)


def test_ties_go_by_number_and_the_rest_stays_on_the_last() -> None:
    owing = [Owing("B", DUE, Decimal(10)), Owing("A", DUE, Decimal(10))]
    assert allocate(Decimal(15), owing) == (Share("A", Decimal(10)), Share("B", Decimal(5)))
    assert allocate(Decimal(25), owing) == (Share("A", Decimal(10)), Share("B", Decimal(15)))


@pytest.mark.parametrize(
    ("named", "code"),
    [
        ({"C": "1"}, "not_among_the_open"),
        ({"A": "20.01"}, "shares_do_not_fit"),
        ({"A": "0"}, "shares_do_not_fit"),
        ({"A": "-1"}, "shares_do_not_fit"),
    ],
)
def test_shares_that_make_no_sense_are_refused(named: dict[str, str], code: str) -> None:
    with pytest.raises(AllocationRefused) as refused:
        allocate(
            Decimal(20), [Owing("A", DUE, Decimal(30))], {n: Decimal(share) for n, share in named.items()}
        )
    assert refused.value.code == code


def test_nothing_is_shared_out_where_nothing_is_owed() -> None:
    with pytest.raises(AllocationRefused, match="by its number"):
        allocate(Decimal(20), [])
