"""Offsets and lengths of time, as people write them."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from cadence.calendars import BusinessDays
from cadence.offsets import PATTERN, Anchor, Offset, parse_span

written = st.from_regex(PATTERN.replace(r"\s", " "), fullmatch=True)
days = st.dates(date(2020, 1, 1), date(2040, 12, 31))


def read(text: str) -> Offset:
    return Offset.model_validate(text)


@given(written, days)
def test_what_is_written_reads_the_same_when_written_again(text: str, day: date) -> None:
    try:
        offset = read(text)
    except ValidationError:
        assert text.startswith("previous")
        return
    again, add = read(str(offset)), BusinessDays("BR").add
    assert (again.anchor, again.from_day(day, add)) == (offset.anchor, offset.from_day(day, add))


@pytest.mark.parametrize(
    ("text", "anchor", "count", "business"),
    [
        ("due", Anchor.DUE, 0, False),
        ("due - 3d", Anchor.DUE, -3, False),
        ("due+2bd", Anchor.DUE, 2, True),
        ("issued + 1w", Anchor.ISSUED, 7, False),
        ("previous + 5d", Anchor.PREVIOUS, 5, False),
        ("end_of_month", Anchor.END_OF_MONTH, 0, False),
    ],
)
def test_each_form_means_what_it_says(text: str, anchor: Anchor, count: int, business: bool) -> None:
    assert read(text) == Offset(anchor=anchor, count=count, business=business)


@pytest.mark.parametrize(
    "text", ["due 3", "3d", "due - 3", "due - 3h", "due - d", "DUE", "", "due - 3d and more"]
)
def test_what_is_no_offset_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValidationError, match="write for example 'due - 3d'"):
        read(text)


@pytest.mark.parametrize("text", ["previous", "previous - 2d", "previous + 0d"])
def test_a_step_must_come_after_the_one_it_counts_from(text: str) -> None:
    with pytest.raises(ValidationError, match="does not come after the step before it"):
        read(text)


def test_business_days_pass_over_weekends_and_holidays() -> None:
    brazil = BusinessDays("BR")
    maundy_thursday = date(2026, 4, 2)
    assert read("due + 1bd").from_day(maundy_thursday, brazil.add) == date(2026, 4, 6)


@given(days)
def test_end_of_month_is_the_last_day_of_the_due_date_s_month(day: date) -> None:
    last = read("end_of_month").from_day(day, BusinessDays("BR").add)
    assert (last.year, last.month) == (day.year, day.month)
    assert (last + timedelta(days=1)).day == 1


@given(days, st.integers(-60, 60))
def test_plain_days_are_counted_by_the_calendar_alone(day: date, count: int) -> None:
    offset = Offset(anchor=Anchor.DUE, count=count)
    assert offset.from_day(day, BusinessDays("BR").add) == day + timedelta(days=count)


@pytest.mark.parametrize(
    ("text", "length"), [("4h", timedelta(hours=4)), ("2d", timedelta(days=2)), ("1w", timedelta(weeks=1))]
)
def test_a_length_of_time_is_read(text: str, length: timedelta) -> None:
    assert parse_span(text) == length


@pytest.mark.parametrize("text", ["0h", "4", "4m", "-4h", "four hours"])
def test_what_is_no_length_of_time_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="write for example '4h' or '2d'"):
        parse_span(text)
