"""Business days and send windows: when a person may be contacted, in that person's own time."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property, lru_cache
from zoneinfo import ZoneInfo

import holidays

from cadence.document import Roll
from cadence.spans import WEEKDAYS

DAY = timedelta(days=1)
# Read once, as `cadence.offsets` says why.
_NO_ROLL = Roll.NONE
# A year and a day: no calendar of the world closes longer, so a search always ends with an answer.
FARTHEST = 366
ALL_DAY = (time.min, time.max)


@lru_cache(maxsize=256)
def public_holidays(country: str, subdivision: str | None) -> Callable[[date], bool]:
    """A test for public holidays; raise NotImplementedError where `holidays` does not know the place."""
    known = holidays.country_holidays(country, subdiv=subdivision)
    return lru_cache(maxsize=4096)(known.__contains__)


@dataclass(frozen=True, slots=True)
class BusinessDays:
    """Monday to Friday without the public holidays of a place (library `holidays`)."""

    country: str
    subdivision: str | None = None

    def is_holiday(self, day: date) -> bool:
        """Whether `day` is a public holiday; places that `holidays` does not know have none."""
        try:
            return public_holidays(self.country, self.subdivision)(day)
        except NotImplementedError:
            if self.subdivision is None:
                return False
            return BusinessDays(self.country).is_holiday(day)

    def is_business_day(self, day: date) -> bool:
        """Whether `day` is neither a weekend nor a holiday."""
        return day.weekday() < 5 and not self.is_holiday(day)

    def add(self, day: date, count: int) -> date:
        """Go `count` business days forward or back; 0 leaves the day as it is."""
        return _added(self.country, self.subdivision, day, count)

    def roll(self, day: date, roll: Roll) -> date:
        """Move a day that is no business day to the next or the last one that is."""
        return day if roll is _NO_ROLL else _rolled(self.country, self.subdivision, day, roll)


@lru_cache(maxsize=16384)
def _rolled(country: str, subdivision: str | None, day: date, roll: Roll) -> date:
    calendar, direction = BusinessDays(country, subdivision), DAY if roll is Roll.FORWARD else -DAY
    for _ in range(FARTHEST):
        if calendar.is_business_day(day):
            break
        day += direction
    return day


@lru_cache(maxsize=16384)
def _added(country: str, subdivision: str | None, day: date, count: int) -> date:
    direction, roll = (DAY, Roll.FORWARD) if count > 0 else (-DAY, Roll.BACKWARD)
    for _ in range(abs(count)):
        day = _rolled(country, subdivision, day + direction, roll)
    return day


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """What one rule leaves of the days while it is in force: hours by weekday (None: shut), or no `holidays`."""

    rule: str
    since: date
    until: date | None
    days: tuple[tuple[time, time] | None, ...] | None = None
    holidays: BusinessDays | None = None

    def on(self, day: date) -> tuple[time, time] | None:
        """From when until when the rule lets a person be contacted on a local `day`; None where it does not."""
        if day < self.since or (self.until is not None and day > self.until):
            return ALL_DAY
        if self.holidays is not None:
            return None if self.holidays.is_holiday(day) else ALL_DAY
        return self.days[day.weekday()] if self.days else ALL_DAY


# Planning asks these dozens of times for one invoice, mostly of days and openings that many invoices share.
_kept = lru_cache(maxsize=16384)


# Two are the same only if they are one: its days are kept by identity, which costs nothing to look up.
@dataclass(frozen=True, eq=False)
class SendWindow:
    """The daily window of a cadence in one customer's zone, less what contact rules take away.

    It is closed on days not named and on holidays of the cadence's calendar. `others` are the clocks that the
    customer's may be as well, where it is not known for sure: what one of them forbids is shut.
    """

    zone: ZoneInfo
    days: frozenset[int]
    opens: time
    closes: time
    calendar: BusinessDays
    rules: tuple[OpeningHours, ...] = ()
    others: tuple[ZoneInfo, ...] = ()

    @property
    def clocks(self) -> tuple[ZoneInfo, ...]:
        """Every clock that may be the customer's."""
        return self.zone, *self.others

    @cached_property
    def ever_opens(self) -> bool:
        """Whether some weekday has an hour left when all rules are in force, holidays aside."""
        return any(self._hours_on(weekday) for weekday in self.days)

    def _hours_on(self, weekday: int) -> bool:
        left = [rule.days[weekday] for rule in self.rules if rule.days]
        spans = [(self.opens, self.closes), *(span for span in left if span)]
        opens, closes = max(span[0] for span in spans), min(span[1] for span in spans)
        return None not in left and _minutes(opens) + _apart(self.clocks) < _minutes(closes)

    def on(self, day: date) -> tuple[datetime, datetime] | None:
        """When the window opens and closes on a local `day`, as UTC instants; None where it stays shut."""
        return _window_on(self, day)

    def shut_by(self, instant: datetime) -> str | None:
        """The rule that keeps the window shut at `instant`; `send_window` for the cadence's own, None where open."""
        return next(filter(None, (self._shut_at(instant.astimezone(zone)) for zone in self.clocks)), None)

    def _shut_at(self, local: datetime) -> str | None:
        day, clock = local.date(), local.time()
        own = self.opens <= clock < self.closes and day.weekday() in self.days
        if not own or self.calendar.is_holiday(day):
            return "send_window"
        for rule in self.rules:
            hours = rule.on(day)
            if hours is None or not hours[0] <= clock < hours[1]:
                return rule.rule
        return None

    def local_day(self, instant: datetime) -> date:
        """The customer's own date at `instant`."""
        return _local_day(self.zone, instant)

    @_kept
    def first_from(self, day: date) -> tuple[datetime, datetime]:
        """The first window on or after a local `day`."""
        for count in range(FARTHEST):
            if window := self.on(day + timedelta(days=count)):
                return window
        message = f"the send window on {sorted(self.days)} never opens in the year after {day}"
        raise ValueError(message)

    @_kept
    def around(self, instant: datetime) -> tuple[datetime, datetime]:
        """The window that is open at `instant`, or the next one that opens."""
        day = self.local_day(instant)
        found = self.first_from(day)
        return found if instant < found[1] else self.first_from(day + DAY)

    def is_open(self, instant: datetime) -> bool:
        """Whether a person may be contacted at `instant`."""
        start, end = self.around(instant)
        return start <= instant < end

    def next_open(self, instant: datetime) -> datetime:
        """`instant` itself while the window is open, else its next opening."""
        return max(instant, self.around(instant)[0])


@lru_cache(maxsize=4096)
def _local_day(zone: ZoneInfo, instant: datetime) -> date:
    return instant.astimezone(zone).date()


@lru_cache(maxsize=65536)
def _window_on(window: SendWindow, day: date) -> tuple[datetime, datetime] | None:
    if day.weekday() not in window.days or window.calendar.is_holiday(day):
        return None
    opens, closes = window.opens, window.closes
    for rule in window.rules:
        hours = rule.on(day)
        if hours is None:
            return None
        opens, closes = max(opens, hours[0]), min(closes, hours[1])
    # Where the clocks change, an hour is missing or comes twice: the later opening and the earlier closing are sure.
    start = max(instant for zone in window.clocks for instant in _instants(day, opens, zone))
    end = min(instant for zone in window.clocks for instant in _instants(day, closes, zone))
    return (start, end) if start < end else None


def _instants(day: date, clock: time, zone: ZoneInfo) -> list[datetime]:
    return [datetime.combine(day, clock.replace(fold=fold), zone).astimezone(UTC) for fold in (0, 1)]


def _minutes(clock: time) -> int:
    return clock.hour * 60 + clock.minute + bool(clock.second)


@lru_cache(maxsize=256)
def _apart(clocks: tuple[ZoneInfo, ...]) -> int:
    """How many minutes clocks are apart at most, in winter or in summer."""
    if len(clocks) == 1:
        return 0
    seen = [[_offset(zone, month) for zone in clocks] for month in (1, 7)]
    return max(max(offsets) - min(offsets) for offsets in seen)


def _offset(zone: ZoneInfo, month: int) -> int:
    offset = datetime(2026, month, 15, 12, tzinfo=zone).utcoffset()
    assert offset is not None, "a zone has an offset at every instant"
    return int(offset.total_seconds()) // 60


@lru_cache(maxsize=4096)
def send_window(
    zone: str,
    days: tuple[str, ...],
    opens: time,
    closes: time,
    calendar: BusinessDays,
    rules: tuple[OpeningHours, ...] = (),
    others: tuple[str, ...] = (),
) -> SendWindow:
    """One shared window for all customers of the same zone, place and cadence, so that its days are cached."""
    numbers = frozenset(WEEKDAYS.index(day) for day in days)
    return SendWindow(ZoneInfo(zone), numbers, opens, closes, calendar, rules, tuple(map(ZoneInfo, others)))
