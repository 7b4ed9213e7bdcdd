"""Caps: how often a person may be contacted, over all their invoices and all channels."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from cadence.calendars import SendWindow
from cadence.words import Channel

# Each move lands in a later window; a year of them is more than any cap can ask for.
MOST_MOVES = 400
# The longest period of a calendar, and a day for the hour by which clocks change.
LONGEST_PERIOD = timedelta(days=32)


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

    @property
    def looks_back(self) -> timedelta:
        """How old a contact is, at most, that still counts."""
        return self.within or LONGEST_PERIOD

    def lifted(
        self, contacts: Iterable[Contact], channel: Channel, at: datetime, window: SendWindow
    ) -> datetime:
        """The first instant, `at` or later, at which this limit alone lets one more contact by `channel` go.

        Contacts may lie after `at`: another worker made them, whose clock is ahead, and the ledger has them first.
        """
        today = window.local_day(at)
        if channel not in self.channels or today < self.since or (self.until and today > self.until):
            return at
        counted = [c.at for c in contacts if c.channel in self.channels]
        if self.other_channels_only:
            counted = [c.at for c in contacts if c.channel != channel]
        if self.within is not None:
            return self._after_span(sorted(counted), at, self.within)
        begins, ends = _period(self.per or "day", at, window)
        return ends if sum(begins <= each for each in counted) >= self.most else at

    def _after_span(self, counted: Sequence[datetime], at: datetime, span: timedelta) -> datetime:
        # Of any `most` contacts in a row, the first must be a whole span away from one more on their other side.
        for first, last in zip(counted, counted[self.most - 1 :], strict=False):
            if max(last, at) - min(first, at) < span:
                at = first + span
        return at


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
