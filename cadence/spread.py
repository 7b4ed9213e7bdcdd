"""Which days a step may fall on, counted from the due date, whatever the weekday and the calendar."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from cadence.calendars import DAY, BusinessDays
from cadence.offsets import Anchor, Offset
from cadence.steps import Step

LONGEST_MONTH = 30
# Counted over every country and state that `holidays` knows. Days in a row without business: the most are Azerbaijan's
# in March 2025. Days that business days take beside weekends and a holiday a week: Nepal's in autumn 2025.
COUNTED_FROM, COUNTED_TO = date(2019, 1, 1), date(2041, 12, 31)
CLOSED_AT_ONCE = 12
CLOSED_MORE_OFTEN = 16


@dataclass(frozen=True)
class Spread:
    """The earliest and latest day of a step, in days after `base` (the due date, or the date of issue)."""

    base: Anchor
    earliest: int
    latest: int

    def surely_before(self, other: "Spread") -> bool:
        """Whether every day of this one lies before every day of the other; False where they do not compare."""
        return self.base is other.base and self.latest < other.earliest

    def moved(self, offset: Offset) -> "Spread":
        """Count on from here by an offset."""
        first, last = _calendar_days(offset)
        return Spread(self.base, self.earliest + first, self.latest + last)


@lru_cache(maxsize=64)
def closed_at_once(country: str, subdivision: str | None) -> int:
    """The most days in a row without business in a place; where it is each customer's own, in any place."""
    if country == "customer":
        return CLOSED_AT_ONCE
    calendar, longest, run = BusinessDays(country, subdivision), 0, 0
    for count in range((COUNTED_TO - COUNTED_FROM).days):
        run = 0 if calendar.is_business_day(COUNTED_FROM + count * DAY) else run + 1
        longest = max(longest, run)
    return longest


def spreads(steps: Iterable[Step]) -> list[Spread]:
    """Give the spread of each step; a step anchored to `previous` counts on from the one before it."""
    found: list[Spread] = []
    for step in steps:
        start = found[-1] if step.at.anchor is Anchor.PREVIOUS else _ANCHORS[step.at.anchor]
        found.append(start.moved(step.at))
    return found


_ANCHORS = {
    Anchor.DUE: Spread(Anchor.DUE, 0, 0),
    Anchor.ISSUED: Spread(Anchor.ISSUED, 0, 0),
    Anchor.END_OF_MONTH: Spread(Anchor.DUE, 0, LONGEST_MONTH),
}


def _calendar_days(offset: Offset) -> tuple[int, int]:
    """Calendar days of an offset: the fewest and the most that its business days can take."""
    if not offset.business or not offset.count:
        return offset.count, offset.count
    count = abs(offset.count)
    fewest = count + 2 * ((count - 1) // 5)
    weekend_and_holiday = 3
    most = count + weekend_and_holiday * -(-count // 5) + CLOSED_MORE_OFTEN
    return (fewest, most) if offset.count > 0 else (-most, -fewest)
