"""Late interest: the worked figures of the sources, and what is refused."""

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cadence.interest import Debt, FigureUnknown, Interest, Movement, NotForThisDebtor, OtherCurrency, accrued
from cadence.interest_regimes import Regime
from cadence.problems import DocumentError
from cadence.reading import read_document
from cadence.words import rounded
from starter.interest import read_regime

POLICIES = Path("policies")
NAMES = sorted(file.stem for file in (POLICIES / "interest").glob("*.yaml"))
ISSUED = date(2020, 1, 1)
DAY = timedelta(days=1)
ONE_RATE = {"effective_from": "2020-01-01", "percent": "10.15", "source": "an invented law"}


def regime(**changes: Any) -> Regime:
    """An invented regime of one rate without an end."""
    document = {"name": "own", "title": "Our own", "debtors": ["business"], "rates": [ONE_RATE]}
    return Regime.model_validate(document | changes)


def debt(amount: str, due_on: date, *later: tuple[date, str], currency: str = "EUR") -> Debt:
    movements = [(ISSUED, amount), *later]
    return Debt(currency, due_on, tuple(Movement(on, Decimal(change)) for on, change in movements))


def shipped(name: str, owed: Debt, until: date) -> Interest:
    found = read_regime(POLICIES, name)
    return accrued(found, owed, until, found.debtors[0])


def written(found: Interest) -> list[tuple[str, str, int, str]]:
    return [(str(each.first_day), str(each.last_day), each.days, str(each.rounded)) for each in found.lines]


def test_forty_five_days_at_10_15_are_125_14_by_the_year_of_365_days() -> None:
    found = accrued(regime(), debt("10000", date(2026, 1, 10)), date(2026, 2, 24), "business")
    assert written(found) == [("2026-01-11", "2026-02-24", 45, "125.14")]
    assert found.total == Decimal("125.14")
    # What a year of 360 days would give is another figure, which the test can tell apart.
    assert rounded(Decimal(10000) * Decimal("10.15") * 45 / (100 * 360), "EUR") == Decimal("126.88")


def test_a_line_is_rounded_once_and_not_day_by_day() -> None:
    law = regime(rates=[ONE_RATE | {"percent": "12.25"}])
    found = accrued(law, debt("5000", date(2025, 1, 1), currency="GBP"), date(2025, 4, 12), "business")
    (line,) = found.lines
    assert (line.days, line.rounded) == (101, Decimal("169.49"))
    assert line.amount == Decimal(5000) * Decimal("12.25") * 101 / 36500
    # Published examples round the day's figure first.
    assert rounded(line.amount / 101, "GBP") * 101 == Decimal("169.68")


def test_portugal_is_split_where_the_semester_ends() -> None:
    found = shipped("pt-commercial", debt("10000", date(2025, 12, 1)), date(2026, 1, 31))
    assert written(found) == [
        ("2025-12-02", "2025-12-31", 30, "91.64"),
        ("2026-01-01", "2026-01-31", 31, "86.21"),
    ]
    assert found.interest == Decimal("177.85")
    assert [(each.kind, each.amount) for each in found.once] == [("fixed_sum", Decimal(40))]
    assert found.total == Decimal("217.85")


@pytest.mark.parametrize(
    ("name", "percent"),
    [("eu-directive", "10.15"), ("fr", "12.15"), ("es", "10.15"), ("pt-commercial", "10.15")],
)
def test_the_first_semester_of_2026_has_its_rate_and_forty_euros(name: str, percent: str) -> None:
    found = shipped(name, debt("100", date(2026, 3, 10)), date(2026, 3, 11))
    assert [(line.days, line.percent) for line in found.lines] == [(1, Decimal(percent))]
    assert [each.amount for each in found.once] == [Decimal(40)]
    assert found.lines[0].derived == (name != "pt-commercial")


def test_other_commercial_credits_in_portugal_have_their_own_rate_and_no_fixed_sum() -> None:
    found = shipped("pt-other", debt("36500", date(2026, 3, 10)), date(2026, 3, 20))
    assert (found.interest, found.once) == (Decimal("91.50"), ())


@pytest.mark.parametrize(
    ("amount", "fixed"),
    [("999.99", 40), ("1000.00", 70), ("9999.99", 70), ("10000.00", 100)],
)
def test_the_british_fixed_sum_goes_by_the_size_of_the_debt(amount: str, fixed: int) -> None:
    found = shipped("uk", debt(amount, date(2026, 7, 1), currency="GBP"), date(2026, 7, 2))
    assert [each.amount for each in found.once] == [Decimal(fixed)]


def test_the_british_rate_stays_that_of_the_half_year_in_which_the_debt_became_late() -> None:
    found = shipped("uk", debt("5000", date(2026, 12, 1), currency="GBP"), date(2027, 3, 1))
    assert written(found) == [("2026-12-02", "2027-03-01", 90, "144.86")]
    assert found.lines[0].percent == Decimal("11.75")


def test_a_debt_that_becomes_late_on_the_first_of_january_has_the_new_half_years_rate() -> None:
    late_in_2027 = debt("5000", date(2026, 12, 31), currency="GBP")
    with pytest.raises(FigureUnknown, match="no rate is known for uk from 2027-01-01"):
        shipped("uk", late_in_2027, date(2027, 1, 1))


def test_a_brazilian_consumer_owes_the_fine_once_and_a_thirtieth_of_a_month_each_day() -> None:
    found = shipped("br-consumer", debt("300", date(2026, 1, 10), currency="BRL"), date(2026, 2, 24))
    assert written(found) == [("2026-01-11", "2026-02-24", 45, "4.50")]
    assert [(each.kind, each.amount) for each in found.once] == [("fine", Decimal("6.00"))]
    assert found.total == Decimal("10.50")


def test_a_payment_in_part_bears_interest_to_its_own_day_and_a_reversal_from_the_day_after() -> None:
    owed = debt("1000", date(2026, 3, 10), (date(2026, 3, 20), "-400"), (date(2026, 3, 25), "400"))
    found = shipped("pt-commercial", owed, date(2026, 3, 31))
    assert [(str(each.last_day), each.days, each.base) for each in found.lines] == [
        ("2026-03-20", 10, Decimal(1000)),
        ("2026-03-25", 5, Decimal(600)),
        ("2026-03-31", 6, Decimal(1000)),
    ]


def test_what_was_paid_by_the_due_date_is_never_late() -> None:
    found = shipped(
        "pt-commercial", debt("1000", date(2026, 3, 10), (date(2026, 3, 10), "-1000")), date(2026, 3, 31)
    )
    assert not found.once
    assert found.total == 0


def test_what_was_paid_whole_bears_nothing_more_and_an_overpayment_nothing_back() -> None:
    owed = debt("1000", date(2026, 3, 10), (date(2026, 3, 11), "-1200"))
    found = shipped("pt-commercial", owed, date(2026, 6, 30))
    assert written(found) == [("2026-03-11", "2026-03-11", 1, "0.28")]


@pytest.mark.parametrize("name", [name for name in NAMES if name != "br-consumer"])
def test_what_businesses_owe_each_other_is_never_a_consumers(name: str) -> None:
    with pytest.raises(NotForThisDebtor, match="never for a consumer"):
        accrued(read_regime(POLICIES, name), debt("100", date(2026, 3, 10)), date(2026, 3, 31), "consumer")


def test_a_consumers_fine_is_not_a_businesss() -> None:
    with pytest.raises(NotForThisDebtor):
        accrued(
            read_regime(POLICIES, "br-consumer"), debt("1", date(2026, 3, 10)), date(2026, 3, 31), "business"
        )


@pytest.mark.parametrize(
    ("name", "until", "first_unknown"),
    [
        ("pt-commercial", date(2026, 7, 1), "2026-07-01"),
        ("fr", date(2026, 12, 31), "2026-07-01"),
        ("eu-directive", date(2030, 1, 1), "2026-07-01"),
    ],
)
def test_a_day_without_a_known_rate_is_refused_with_what_to_add(
    name: str, until: date, first_unknown: str
) -> None:
    with pytest.raises(FigureUnknown) as refused:
        shipped(name, debt("100", date(2026, 6, 1)), until)
    assert str(refused.value) == (
        f"no rate is known for {name} from {first_unknown}; add it to policies/interest/{name}.yaml"
    )


def test_a_semester_that_is_said_to_be_unknown_is_not_passed_over() -> None:
    with pytest.raises(FigureUnknown, match="pt-commercial from 2025-01-01"):
        shipped("pt-commercial", debt("100", date(2024, 12, 1)), date(2025, 8, 1))


def test_a_fixed_sum_in_another_currency_is_not_converted() -> None:
    with pytest.raises(OtherCurrency, match="EUR and this is owed in USD"):
        shipped("pt-commercial", debt("100", date(2026, 3, 1), currency="USD"), date(2026, 3, 2))


@pytest.mark.parametrize("name", NAMES)
def test_every_shipped_figure_has_a_source(name: str) -> None:
    found = read_regime(POLICIES, name)
    assert all(figure.source for figure in (*found.rates, *found.fixed_sums, *found.fines))


@pytest.mark.parametrize("name", [name for name in NAMES if name != "br-consumer"])
def test_a_semesters_rate_begins_and_ends_with_a_semester(name: str) -> None:
    for rate in read_regime(POLICIES, name).rates:
        assert (rate.effective_from.month, rate.effective_from.day) in ((1, 1), (7, 1))
        assert rate.effective_until is not None
        assert (rate.effective_until.month, rate.effective_until.day) in ((6, 30), (12, 31))


def rates(*spans: tuple[str, str | None]) -> str:
    return "".join(
        f"\n  - effective_from: {begins}\n    percent: 8\n    source: nowhere"
        + (f"\n    effective_until: {ends}" if ends else "")
        for begins, ends in spans
    )


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        (rates(("2026-01-01", "2026-06-30"), ("2026-07-02", None)), r"wrong.yaml:9: .*leaves a gap after 2026-06-30"),
        (rates(("2026-01-01", "2026-06-30"), ("2026-06-30", None)), r"wrong.yaml:9: .*begins before the one above"),
        (rates(("2026-01-01", None), ("2026-07-01", None)), r"wrong.yaml:8: .*begins before the one above"),
        (rates(("2026-01-01", "2025-12-31")), "lies before effective_from"),
        ("\n  - effective_from: 2026-01-01\n    source: nowhere", "percent"),
        (rates(("2026-01-01", None)).replace("8", "101"), "percent"),
        (
            rates(("2026-01-01", None))
            + "\nfixed_sums:\n  - {effective_from: 2026-01-01, currency: GBP, source: x, "
            "bands: [{below: 10, amount: 1}, {below: 5, amount: 2}, {amount: 3}]}",
            "bands rise",
        ),
    ],
)  # fmt: skip
def test_dates_that_overlap_or_leave_a_gap_are_refused_with_their_line(wrong: str, expected: str) -> None:
    text = f"name: wrong\ntitle: Wrong\ndebtors: [business]\nrates:{wrong}\n"
    with pytest.raises(DocumentError, match=expected):
        read_document(Regime, text, "wrong.yaml")


def test_no_regime_can_ask_a_consumer_for_a_fixed_sum() -> None:
    text = (POLICIES / "interest" / "eu-directive.yaml").read_text("utf-8")
    bold = text.replace("debtors: [business]", "debtors: [business, consumer]")
    with pytest.raises(DocumentError, match=r"bold.yaml:\d+: fixed_sums: .*between businesses"):
        read_document(Regime, bold, "bold.yaml")


def test_a_regime_has_the_name_of_its_file(tmp_path: Path) -> None:
    (tmp_path / "interest").mkdir()
    (tmp_path / "interest" / "other.yaml").write_text((POLICIES / "interest" / "es.yaml").read_text("utf-8"))
    with pytest.raises(DocumentError, match="give it the name of its file, 'other'"):
        read_regime(tmp_path, "other")
