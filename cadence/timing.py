"""Timing: the instants at which one invoice's customer may hear from us, given what was said already."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from cadence.disputes import forbids
from cadence.document import Cadence
from cadence.facts import InvoiceFacts
from cadence.promises import checked_at
from cadence.rules import Rules

FOREVER = datetime.max.replace(tzinfo=UTC)
NEXT_DAY = timedelta(days=1)


def silenced_until(facts: InvoiceFacts, cadence: Cadence, rules: Rules) -> datetime | None:
    """Until when every reminder is forbidden: None if it is not, FOREVER while nobody knows."""
    ends = [hold.until or FOREVER for hold in facts.holds]
    if forbids(facts, cadence):
        ends.append(FOREVER)
    ends += [checked_at(each, facts, cadence, rules) for each in facts.promises_open if each.trusted]
    return max(ends, default=None)


def blocked_until(facts: InvoiceFacts, cadence: Cadence, rules: Rules) -> datetime | None:
    """Until when the ruler's reminders are forbidden: a plan that stands has reminders of its own."""
    return FOREVER if facts.plan else silenced_until(facts, cadence, rules)


@dataclass(slots=True)
class Timing:
    """The time of one planning. `floor` is the first instant at which a reminder of the ruler may go; `silenced`
    until when every reminder is forbidden, `blocked` until when the ruler's are; `earliest_day` the customer's
    first local day that nothing planned so far has taken; `spoken` the days taken, by step.
    """

    facts: InvoiceFacts
    cadence: Cadence
    rules: Rules
    now: datetime
    silenced: datetime | None = field(init=False)
    blocked: datetime | None = field(init=False)
    floor: datetime = field(init=False)
    earliest_day: date | None = None
    spoken: list[tuple[str, date]] = field(init=False)

    def __post_init__(self) -> None:
        local_day = self.rules.window.local_day
        self.spoken = [
            (name, local_day(message.permitted_at))
            for name, step in self.facts.steps.items()
            for message in step.messages.values()
            if message.permitted_at
        ]
        # What another invoice's message said as well was heard as any other.
        self.spoken += [
            (name, local_day(step.outcome_at))
            for name, step in self.facts.steps.items()
            if step.outcome == "merged" and step.outcome_at
        ]
        self.silenced = silenced_until(self.facts, self.cadence, self.rules)
        self.blocked = FOREVER if self.facts.plan else self.silenced
        self.floor = max(self.now, self.blocked or self.now)

    @property
    def landing(self) -> datetime:
        """The opening of the window in which a late item goes: it is judged by that, so waiting changes nothing."""
        return self.rules.window.around(self.floor)[0]

    def is_over(self, at: datetime) -> bool:
        """Whether the window of `at` has closed before a reminder may go."""
        return self.rules.window.around(at)[1] <= self.floor

    def in_window(self, at: datetime, floor: datetime) -> datetime:
        """`at` while its window is not over at `floor`, else the window that is open then or opens next."""
        opens, closes = self.rules.window.around(at)
        return max(at, opens) if closes > floor else self.rules.window.around(floor)[0]

    def after_block(self, at: datetime) -> datetime:
        """`at`, or the first open instant after what forbids reminders."""
        return max(at, self.rules.window.next_open(self.blocked)) if self.blocked else at

    def on_a_day_of_its_own(self, key: str, at: datetime) -> datetime:
        """At most one reminder a day, and none on the day of a notice: a customer hears us as one voice."""
        earliest = self.earliest_day
        if self.spoken and (spoken := self._spoken_days(key)):
            after = max(spoken) + NEXT_DAY
            earliest = max(after, earliest or after)
        if earliest and self.rules.window.local_day(at) < earliest:
            at = self.rules.contact_at(earliest)
        self.keep_away_from(at)
        return at

    def keep_away_from(self, at: datetime) -> None:
        """Let later reminders leave the local day of `at` alone."""
        day = self.rules.window.local_day(at) + NEXT_DAY
        self.earliest_day = max(day, self.earliest_day or day)

    def off_spoken_days(self, key: str, at: datetime) -> datetime:
        """`at`, or the next day on which nothing else left: a day that was taken is no missed day."""
        if not self.spoken:
            return at
        spoken = self._spoken_days(key)
        while spoken and self.rules.window.local_day(at) in spoken:
            at = self.rules.contact_at(self.rules.window.local_day(at) + NEXT_DAY)
        return at

    def _spoken_days(self, key: str) -> AbstractSet[date]:
        return {day for name, day in self.spoken if name != key}
