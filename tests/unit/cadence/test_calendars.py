"""Business days and send windows: every day of the year, in every zone, across every change of the clocks."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadence.calendars import BusinessDays, SendWindow, send_window
from cadence.document import Roll, Window
from cadence.rules import rules_for
from cadence.spans import WEEKDAYS
from starter.places import usual_zone
from tests.unit.cadence.pieces import PACKS, cadence, creditor, customer, send
from tests.unit.cadence.strategies import PLACES, due_dates, instants, office_hours, windows

SAO_PAULO = BusinessDays("BR", "SP")


def window_in(zone: str, country: str, written: dict[str, object]) -> SendWindow:
    window = Window.model_validate(written)
    return send_window(zone, window.days, window.opens, window.closes, BusinessDays(country))


def at_local(text: str, zone: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


places = st.sampled_from(PLACES)
some_windows = office_hours() | windows()


# Business days.


def test_holidays_of_the_place_and_weekends_are_no_business_days() -> None:
    assert not SAO_PAULO.is_business_day(date(2026, 7, 9))  # the state's own holiday
    assert BusinessDays("BR", "RJ").is_business_day(date(2026, 7, 9))
    assert not SAO_PAULO.is_business_day(date(2026, 9, 7))
    assert not SAO_PAULO.is_business_day(date(2026, 9, 12))


@pytest.mark.parametrize(("country", "subdivision"), [("ZZ", None), ("ZZ", "SP")])
def test_a_place_nobody_knows_has_weekends_only(country: str, subdivision: str | None) -> None:
    unknown = BusinessDays(country, subdivision)
    assert unknown.is_business_day(date(2026, 12, 25))
    assert not unknown.is_business_day(date(2026, 12, 26))


def test_an_unknown_part_of_a_known_country_has_the_countrys_holidays() -> None:
    assert BusinessDays("BR", "Atlantis").is_holiday(date(2026, 9, 7))


@given(place=places, day=due_dates, count=st.integers(-30, 30))
def test_adding_business_days_lands_on_one_and_passes_as_many(
    place: tuple[str, str], day: date, count: int
) -> None:
    days = BusinessDays(place[1])
    there = days.add(day, count)
    first, last = sorted((day, there))
    between = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    passed = [each for each in between if each != day and days.is_business_day(each)]
    assert len(passed) == abs(count)
    assert there == day or days.is_business_day(there)


@given(place=places, day=due_dates)
def test_rolling_goes_to_the_nearest_business_day_on_its_side(place: tuple[str, str], day: date) -> None:
    days = BusinessDays(place[1])
    forward, backward = days.roll(day, Roll.FORWARD), days.roll(day, Roll.BACKWARD)
    assert days.roll(day, Roll.NONE) == day
    assert backward <= day <= forward
    assert days.is_business_day(forward)
    assert days.is_business_day(backward)
    assert (forward == day == backward) is days.is_business_day(day)


# Windows.


@given(place=places, written=some_windows, now=instants)
def test_a_window_is_open_exactly_in_its_local_hours(
    place: tuple[str, str], written: dict[str, object], now: datetime
) -> None:
    window = window_in(*place, written)
    local = now.astimezone(window.zone)
    on_its_days = local.weekday() in window.days and not BusinessDays(place[1]).is_holiday(local.date())
    if window.is_open(now):
        assert on_its_days
        assert window.opens <= local.time() < window.closes
    elif on_its_days and _clocks_stand_still(local):
        assert not window.opens <= local.time() < window.closes


def _clocks_stand_still(local: datetime) -> bool:
    """Whether the day has no change of the clocks, on which an hour may be missing or come twice."""
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    return midnight.utcoffset() == (midnight + timedelta(days=1)).utcoffset() == local.utcoffset()


@given(place=places, written=some_windows, now=instants)
def test_the_next_opening_is_open_and_not_before_now(
    place: tuple[str, str], written: dict[str, object], now: datetime
) -> None:
    window = window_in(*place, written)
    opening = window.next_open(now)
    assert opening >= now
    assert window.is_open(opening)
    assert (opening == now) is window.is_open(now)


@given(place=places, written=some_windows, now=instants, hours=st.integers(0, 400))
def test_later_never_means_an_earlier_window(
    place: tuple[str, str], written: dict[str, object], now: datetime, hours: int
) -> None:
    window = window_in(*place, written)
    start, end = window.around(now)
    later = window.around(now + timedelta(hours=hours))
    assert now < end
    assert start < end
    assert later == (start, end) or later[0] >= end


@given(place=places, opens=st.integers(0, 23), now=instants)
def test_no_window_is_open_outside_its_local_hours_while_the_clocks_change(
    place: tuple[str, str], opens: int, now: datetime
) -> None:
    """Quarters of an hour around each change: a window in an hour that is missing stays shut."""
    zone = ZoneInfo(place[0])
    window = SendWindow(zone, frozenset(range(7)), time(opens), time(opens, 45), BusinessDays("ZZ"))
    change = _change_after(now, zone)
    for quarter in range(-8, 12):
        instant = change + timedelta(minutes=15 * quarter)
        local = instant.astimezone(zone).time()
        assert not window.is_open(instant) or window.opens <= local < window.closes, f"{instant} is {local}"


def _change_after(now: datetime, zone: ZoneInfo) -> datetime:
    """The half hour in which the zone's offset changes next; `now` where it never does."""
    offset = now.astimezone(zone).utcoffset()
    days = [now + timedelta(days=n) for n in range(366)]
    changed = next((day for day in days if day.astimezone(zone).utcoffset() != offset), now)
    start = changed.replace(minute=0, second=0, microsecond=0) - timedelta(days=1)
    half_hours = [start + timedelta(minutes=30 * n) for n in range(51)]
    return next((t for t in half_hours if t.astimezone(zone).utcoffset() != offset), now)


def test_summer_time_moves_the_instant_and_not_the_hour() -> None:
    window = window_in("Europe/Lisbon", "PT", {"opens": "09:00", "closes": "18:00"})
    winter, summer = window.first_from(date(2026, 3, 27)), window.first_from(date(2026, 3, 30))
    assert winter[0] == datetime(2026, 3, 27, 9, tzinfo=UTC)
    assert summer[0] == datetime(2026, 3, 30, 8, tzinfo=UTC)


def test_the_window_counts_the_customers_own_day_on_the_other_side_of_the_world() -> None:
    window = window_in("Pacific/Kiritimati", "ZZ", {"opens": "09:00", "closes": "18:00"})
    sunday_in_utc = datetime(2026, 3, 1, 20, tzinfo=UTC)
    assert window.local_day(sunday_in_utc) == date(2026, 3, 2)
    assert window.is_open(sunday_in_utc)


def test_a_holiday_keeps_the_window_shut() -> None:
    window = window_in("America/Sao_Paulo", "BR", {"days": list(WEEKDAYS)})
    assert window.on(date(2026, 9, 7)) is None
    assert window.around(at_local("2026-09-07 12:00", "America/Sao_Paulo"))[0] == at_local(
        "2026-09-08 09:00", "America/Sao_Paulo"
    )


def test_the_end_of_the_window_is_shut() -> None:
    window = window_in("UTC", "ZZ", {"opens": "09:00", "closes": "18:00"})
    assert not window.is_open(datetime(2026, 3, 2, 18, tzinfo=UTC))
    assert window.next_open(datetime(2026, 3, 2, 18, tzinfo=UTC)) == datetime(2026, 3, 3, 9, tzinfo=UTC)


def test_a_window_that_never_opens_says_so() -> None:
    never = SendWindow(ZoneInfo("UTC"), frozenset(), time(9), time(18), BusinessDays("ZZ"))
    with pytest.raises(ValueError, match="never opens in the year after 2026-03-02"):
        never.first_from(date(2026, 3, 2))


def test_where_the_clock_is_not_known_the_window_suits_each_that_it_could_be() -> None:
    ruler = cadence(send("first", "due", "email"), debtors="consumer")
    everywhere = customer("Europe/Madrid", "ES", zone_assumed=True)
    rules = rules_for(ruler, everywhere, creditor(), PACKS)
    # Nine on the Canary Islands is ten in Madrid, where the window closes first.
    monday = rules.window.on(date(2026, 1, 12))
    assert monday == (datetime(2026, 1, 12, 9, tzinfo=UTC), datetime(2026, 1, 12, 17, tzinfo=UTC))
    assert rules.window.shut_by(datetime(2026, 1, 12, 8, 30, tzinfo=UTC)) is not None
    known = rules_for(ruler, customer("Europe/Madrid", "ES"), creditor(), PACKS)
    assert known.window.on(date(2026, 1, 12)) == tuple(
        datetime(2026, 1, 12, at, tzinfo=UTC) for at in (8, 17)
    )
    # The day is over where it is over last.
    assert rules.end_of(date(2026, 1, 12)) == datetime(2026, 1, 13, tzinfo=UTC)


@given(st.sampled_from(["ES", "PT", "CL", "EC", "NZ"]), st.integers(0, 24 * 365 * 2))
def test_every_clock_that_it_could_be_is_inside_its_hours_while_a_window_is_open(
    country: str, hour: int
) -> None:
    ruler = cadence(send("first", "due", "email"))
    zone = usual_zone(country)
    assert zone
    window = rules_for(ruler, customer(zone, country, zone_assumed=True), creditor()).window
    instant = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hour)
    local = [instant.astimezone(clock) for clock in window.clocks]
    inside = all(window.opens <= each.time() < window.closes for each in local)
    assert not window.is_open(instant) or inside
    assert (window.shut_by(instant) is None) is window.is_open(instant)


def test_clocks_too_far_apart_for_any_hour_leave_none_and_a_person_takes_over() -> None:
    short = {"days": ["mon"], "opens": "09:00", "closes": "10:00"}
    ruler = cadence(send("first", "due", "email"), window=short)
    rules = rules_for(ruler, customer("Europe/Madrid", "ES", zone_assumed=True), creditor())
    assert set(rules.unusable.values()) == {"no_hour_is_left"}
