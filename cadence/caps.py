"""Caps: how often a person may be contacted, over all their invoices and all channels."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from cadence.calendars import SendWindow
from cadence.words import Channel

# Each move lands in a later window; a year of them is more than any cap can ask for.
MOST_MOVES = 400


@dataclass(frozen=True, slots=True)
class Contact:
    """A person was contacted, or an attempt to do so is reserved, at an aware instant."""

    at: datetime
    channel: Channel


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `most` contacts by `channels`, `per` period of the customer's calendar or `within` any span.

    With `other_channels_only`, contacts by the very channel in question do not count: one channel a period.
    """

    rule: str
    since: date
    until: date | None
    channels: frozenset[Channel]
    most: int
    per: Literal["day", "week", "month"] | None
    within: timedelta | None
    other_channels_only: bool = False

    def lifted(
        self, contacts: Iterable[Contact], channel: Channel, at: datetime, window: SendWindow
    ) -> datetime:
        """The first instant, `at` or later, at which this limit alone lets one more contact by `channel` go."""
        today = window.local_day(at)
        if channel not in self.channels or today < self.since or (self.until and today > self.until):
            return at
        counted = [c.at for c in contacts if c.channel in self.channels and c.at <= at]
        if self.other_channels_only:
            counted = [c.at for c in contacts if c.channel != channel and c.at <= at]
        if self.within is not None:
            return self._after_span(sorted(counted), at, self.within)
        begins, ends = _period(self.per or "day", at, window)
        return ends if sum(begins <= each for each in counted) >= self.most else at

    def _after_span(self, counted: Sequence[datetime], at: datetime, span: timedelta) -> datetime:
        if len(counted) < self.most:
            return at
        # Once the most recent but `most` - 1 others is a whole span old, there is room for one more.
        return max(at, counted[-self.most] + span)


@dataclass(frozen=True, slots=True)
class Room:
    """From when on there is room for one more contact, and the rule that made it wait (None if none did)."""

    at: datetime
    rule: str | None = None


def room(
    limits: Sequence[Limit], contacts: Sequence[Contact], channel: Channel, at: datetime, window: SendWindow
) -> Room:
    """The first instant in the window, `at` or later, that no limit forbids, by the strictest of them."""
    found = Room(at)
    for _ in range(MOST_MOVES if limits and contacts else 0):
        moves = [(limit.lifted(contacts, channel, found.at, window), limit.rule) for limit in limits]
        latest, rule = max(moves)
        if latest <= found.at:
            break
        found = Room(window.next_open(latest), rule)
    return found


def _period(
    per: Literal["day", "week", "month"], at: datetime, window: SendWindow
) -> tuple[datetime, datetime]:
    """The local day, ISO week or month of an instant: its beginning, and that of the next."""
    day = window.local_day(at)
    if per == "day":
        first, following = day, day + timedelta(days=1)
    elif per == "week":
        first = day - timedelta(days=day.weekday())
        following = first + timedelta(days=7)
    else:
        first = day.replace(day=1)
        following = (first + timedelta(days=32)).replace(day=1)
    return _midnight(first, window), _midnight(following, window)


def _midnight(day: date, window: SendWindow) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=window.zone).astimezone(UTC)
