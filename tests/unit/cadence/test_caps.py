"""Caps: room for one more contact, and never one too many."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadence.calendars import BusinessDays, OpeningHours, send_window
from cadence.caps import Contact, Limit, room
from cadence.words import Channel

ALL_WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LONG_AGO = date(2000, 1, 1)
MONDAY = datetime(2026, 3, 2, 12, tzinfo=UTC)
EVERY = frozenset(Channel)
WINDOW = send_window("America/Santiago", ALL_WEEK, time(8), time(20), BusinessDays("ZZ"))


def limit(
    rule: str, most: int, per: str | None = None, within: timedelta | None = None, **more: object
) -> Limit:
    return Limit(rule, LONG_AGO, None, EVERY, most, per, within, **more)  # type: ignore[arg-type]


def sms(*instants: datetime) -> list[Contact]:
    return [Contact(at, Channel.SMS) for at in instants]


def test_a_day_belongs_to_the_customers_own_calendar() -> None:
    late = datetime(2026, 3, 2, 22, 30, tzinfo=UTC)  # 19:30 in Santiago
    after = room([limit("daily", 1, "day")], sms(late), Channel.EMAIL, late + timedelta(minutes=5), WINDOW)
    assert (after.at, after.rule) == (datetime(2026, 3, 3, 11, tzinfo=UTC), "daily")


def test_a_week_begins_on_monday() -> None:
    weekly = [limit("weekly", 2, "week")]
    used = sms(MONDAY, MONDAY + timedelta(days=1))
    assert room(weekly, used, Channel.SMS, MONDAY + timedelta(days=5), WINDOW).at.date() == date(2026, 3, 9)
    assert room(weekly, used[:1], Channel.SMS, MONDAY + timedelta(days=5), WINDOW).rule is None


def test_a_rolling_span_counts_from_each_contact() -> None:
    rolling = [limit("rolling", 2, within=timedelta(days=7))]
    used = sms(MONDAY, MONDAY + timedelta(days=3))
    assert room(rolling, used, Channel.SMS, MONDAY + timedelta(days=4), WINDOW).at == MONDAY + timedelta(
        days=7
    )


@pytest.mark.parametrize(
    "rule",
    [limit("daily", 1, "day"), limit("apart", 1, within=timedelta(days=2))],
    ids=lambda each: each.rule,
)
def test_a_contact_counts_though_the_clock_of_the_worker_that_made_it_is_ahead(rule: Limit) -> None:
    ahead = sms(MONDAY + timedelta(milliseconds=5))
    found = room([rule], ahead, Channel.EMAIL, MONDAY, WINDOW)
    assert found.rule == rule.rule
    assert found.at >= MONDAY + timedelta(hours=12)


def test_one_channel_a_week_counts_what_a_clock_that_is_ahead_says() -> None:
    one = [limit("one", 1, "week", other_channels_only=True)]
    ahead = sms(MONDAY + timedelta(milliseconds=5))
    assert room(one, ahead, Channel.EMAIL, MONDAY, WINDOW).rule == "one"


def test_one_channel_a_week_lets_the_same_channel_go_on() -> None:
    one = [limit("one", 1, "week", other_channels_only=True)]
    later = MONDAY + timedelta(days=2)
    assert room(one, sms(MONDAY), Channel.SMS, later, WINDOW).rule is None
    assert room(one, sms(MONDAY), Channel.EMAIL, later, WINDOW).at.date() == date(2026, 3, 9)


def test_a_limit_that_is_not_in_force_yet_asks_nothing() -> None:
    future = Limit("future", date(2027, 1, 1), None, EVERY, 1, "day", None)
    assert room([future], sms(MONDAY), Channel.SMS, MONDAY + timedelta(hours=1), WINDOW).rule is None


def test_opening_hours_narrow_the_window_only_while_they_are_in_force() -> None:
    short = OpeningHours("short", date(2026, 3, 4), None, days=((time(9), time(10)),) * 7)
    window = send_window("UTC", ALL_WEEK, time(8), time(20), BusinessDays("ZZ"), (short,))
    noon = datetime(2026, 3, 3, 12, tzinfo=UTC)
    assert window.is_open(noon)
    assert not window.is_open(noon + timedelta(days=1))
    assert window.shut_by(noon + timedelta(days=1)) == "short"
    assert window.shut_by(noon) is None
    assert window.shut_by(noon + timedelta(hours=9)) == "send_window"


limits = st.lists(
    st.one_of(
        st.builds(limit, st.just("per"), st.integers(1, 3), st.sampled_from(["day", "week", "month"])),
        st.builds(
            limit,
            st.just("span"),
            st.integers(1, 3),
            st.none(),
            st.timedeltas(timedelta(hours=1), timedelta(days=9)),
        ),
        st.just(limit("one", 1, "week", other_channels_only=True)),
    ),
    min_size=1,
    max_size=4,
)
# A worker whose clock is behind asks for an instant before that of the last contact.
wishes = st.lists(
    st.tuples(st.timedeltas(timedelta(hours=-3), timedelta(days=4)), st.sampled_from(list(Channel))),
    max_size=15,
)


def breaks(rule: Limit, contacts: Sequence[Contact]) -> bool:
    """By counting, and by nothing that the code under test does."""
    if rule.other_channels_only:
        weeks: dict[tuple[int, int], set[Channel]] = {}
        for contact in contacts:
            weeks.setdefault(WINDOW.local_day(contact.at).isocalendar()[:2], set()).add(contact.channel)
        return any(len(channels) > 1 for channels in weeks.values())
    if rule.within is not None:
        times = sorted(contact.at for contact in contacts)
        return any(b - a < rule.within for a, b in zip(times, times[rule.most :], strict=False))
    counts: dict[tuple[int, ...], int] = {}
    for contact in contacts:
        day = WINDOW.local_day(contact.at)
        period = {"day": (day.toordinal(),), "week": day.isocalendar()[:2], "month": (day.year, day.month)}[
            rule.per or "day"
        ]
        counts[period] = counts.get(period, 0) + 1
    return any(count > rule.most for count in counts.values())


@given(limits, wishes)
def test_whoever_waits_for_room_never_breaks_a_cap_and_stays_in_the_window(
    rules: list[Limit], wanted: list[tuple[timedelta, Channel]]
) -> None:
    contacts: list[Contact] = []
    at = MONDAY
    for pause, channel in wanted:
        at = room(rules, contacts, channel, WINDOW.next_open(at + pause), WINDOW).at
        assert WINDOW.is_open(at)
        contacts.append(Contact(at, channel))
        assert not any(breaks(rule, contacts) for rule in rules)


@given(limits, wishes, st.sampled_from(list(Channel)))
def test_nobody_waits_longer_than_a_cap_asks(
    rules: list[Limit], past: list[tuple[timedelta, Channel]], channel: Channel
) -> None:
    contacts: list[Contact] = []
    at = MONDAY
    for pause, by in past:
        at = room(rules, contacts, by, WINDOW.next_open(at + pause), WINDOW).at
        contacts.append(Contact(at, by))
    asked = WINDOW.next_open(at)
    found = room(rules, contacts, channel, asked, WINDOW)
    earlier = found.at - timedelta(minutes=1)
    if found.rule is not None and WINDOW.is_open(earlier) and earlier >= asked:
        assert any(breaks(rule, [*contacts, Contact(earlier, channel)]) for rule in rules)
