"""Late interest: what holds for every debt, however it moves."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from cadence.interest import Debt, Movement, accrued
from cadence.interest_regimes import Regime

ISSUED = date(2020, 1, 1)
DAY = timedelta(days=1)
# Semesters of rates without a hole, for debts of every size that move as they may.
SEMESTERS = Regime.model_validate(
    {
        "name": "own",
        "title": "Our own",
        "debtors": ["business"],
        "rates": [
            {
                "effective_from": begins,
                "effective_until": ends,
                "percent": percent,
                "source": "an invented law",
            }
            for begins, ends, percent in (
                ("2025-01-01", "2025-06-30", "11.15"),
                ("2025-07-01", "2025-12-31", "10.15"),
                ("2026-01-01", "2026-06-30", "0"),
                ("2026-07-01", None, "12.25"),
            )
        ],
    }
)
days = st.dates(date(2025, 1, 1), date(2027, 12, 31))
amounts = st.decimals(Decimal("0.01"), Decimal(1_000_000), places=2)
movements = st.lists(st.tuples(days, st.decimals(-500_000, 500_000, places=2)), max_size=4)


def exact(owed: Debt, until: date) -> Decimal:
    return sum((line.amount for line in accrued(SEMESTERS, owed, until, "business").lines), Decimal(0))


def owing(amount: Decimal, due_on: date, later: Sequence[tuple[date, Decimal]]) -> Debt:
    return Debt("EUR", due_on, tuple(Movement(on, change) for on, change in [(ISSUED, amount), *later]))


@given(amounts, movements, days, days, days)
def test_a_time_in_two_parts_bears_what_the_whole_does(
    amount: Decimal, later: list[tuple[date, Decimal]], one: date, two: date, three: date
) -> None:
    begins, middle, ends = sorted((one, two, three))
    first = exact(owing(amount, begins, later), middle)
    second = exact(owing(amount, middle, later), ends)
    whole = exact(owing(amount, begins, later), ends)
    assert abs(first + second - whole) < Decimal("1e-15")


@given(amounts, movements, days, days, st.integers(0, 400))
def test_a_later_day_never_bears_less(
    amount: Decimal, later: list[tuple[date, Decimal]], due_on: date, until: date, more: int
) -> None:
    owed = owing(amount, due_on, later)
    sooner, after = (accrued(SEMESTERS, owed, day, "business") for day in (until, until + more * DAY))
    assert sooner.interest <= after.interest
    assert exact(owed, until) <= exact(owed, until + more * DAY)


@given(amounts, amounts, movements, days, days)
def test_a_larger_debt_never_bears_less(
    amount: Decimal, more: Decimal, later: list[tuple[date, Decimal]], due_on: date, until: date
) -> None:
    smaller, larger = (owing(each, due_on, later) for each in (amount, amount + more))
    assert exact(smaller, until) <= exact(larger, until)


@given(amounts, movements, days, st.integers(0, 1000))
def test_nothing_is_borne_up_to_the_due_date(
    amount: Decimal, later: list[tuple[date, Decimal]], due_on: date, before: int
) -> None:
    found = accrued(SEMESTERS, owing(amount, due_on, later), due_on - before * DAY, "business")
    assert not found.lines
    assert found.total == 0


@given(amounts, movements, days, days)
def test_lines_cover_each_late_day_once_and_add_up_to_the_total(
    amount: Decimal, later: list[tuple[date, Decimal]], due_on: date, until: date
) -> None:
    owed = owing(amount, due_on, later)
    found = accrued(SEMESTERS, owed, until, "business")
    covered = [line.first_day + number * DAY for line in found.lines for number in range(line.days)]
    late = [due_on + number * DAY for number in range(1, (until - due_on).days + 1)]
    assert covered == [day for day in late if owed.base(day - DAY) > 0]
    assert all(line.last_day == line.first_day + (line.days - 1) * DAY for line in found.lines)
    assert found.total == sum((line.rounded for line in found.lines), Decimal(0))
