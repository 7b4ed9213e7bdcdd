"""Packs of contact rules: what the law of a place, or a creditor's own word, allows. Dated, each with its source.

A pack is data (`policies/*.yaml`); nothing here knows a country. All packs that could apply do, together: an
unknown subdivision means every one it could be, and the strictest wins, because rules only ever take away.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, time
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, StringConstraints, WithJsonSchema, model_validator

from cadence.calendars import BusinessDays, OpeningHours
from cadence.caps import Limit
from cadence.creditor import Document
from cadence.dated import Dated
from cadence.spans import WEEKDAYS, Clock, Span, Weekday
from cadence.words import Channel, Debtor, Line, Party, Slug

KINDS = (
    "hours", "closed_on", "cap", "apart", "one_channel_per", "consent_for", "required_notices", "forbidden_fees",
    "keep_log_years", "duty",
)  # fmt: skip


def _split_hours(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    opens, separator, closes = value.partition("-")
    if not separator:
        message = f"{value!r} are no hours; write them like '08:00-20:00'"
        raise ValueError(message)
    return {"opens": opens.strip(), "closes": closes.strip()}


class Hours(Document):
    """From when until when a person may be contacted on a day, by their own clock."""

    opens: Clock
    closes: Clock

    @model_validator(mode="after")
    def _opens_before_it_closes(self) -> Self:
        if self.opens >= self.closes:
            message = f"{self.opens:%H:%M}-{self.closes:%H:%M} leaves no time; write the opening first"
            raise ValueError(message)
        return self


WrittenHours = Annotated[
    Hours,
    BeforeValidator(_split_hours),
    WithJsonSchema({"type": "string", "pattern": r"^\d\d:\d\d-\d\d:\d\d$", "examples": ["08:00-20:00"]}),
]
Channels = Annotated[tuple[Channel, ...], Field(min_length=1)]
EVERY_CHANNEL = tuple(Channel)


class Cap(Document):
    """At most so many contacts: `per` a day, week or month of the customer's calendar, or `within` any such span."""

    most: Annotated[int, Field(ge=1, le=1000)]
    per: Literal["day", "week", "month"] | None = None
    within: Span | None = None
    channels: Channels = EVERY_CHANNEL

    @model_validator(mode="after")
    def _has_one_period(self) -> Self:
        if (self.per is None) == (self.within is None):
            message = "a cap has one period: per (day, week, month), or within (such as 7d)"
            raise ValueError(message)
        return self


class Apart(Document):
    """Two contacts are at least so far apart."""

    least: Span
    channels: Channels = EVERY_CHANNEL


class ContactRule(Dated):
    """One rule: its words, where they come from, since when they hold, and exactly one thing that they ask.

    `consent_for` names channels by which nothing is sent to an address whose owner did not agree to it.
    `required_notices`, `forbidden_fees`, `keep_log_years` and `duty` ask something of texts, fees, archives and
    people; they move no message, and are listed where a rule is explained.
    """

    id: Slug
    text: Annotated[Line, Field(max_length=300)]
    source: Annotated[Line, Field(max_length=300)]
    hours: Annotated[dict[Weekday, WrittenHours], Field(min_length=1)] | None = None
    closed_on: Literal["public_holidays"] | None = None
    cap: Cap | None = None
    apart: Apart | None = None
    one_channel_per: Literal["week"] | None = None
    consent_for: Channels | None = None
    required_notices: tuple[Slug, ...] | None = None
    forbidden_fees: tuple[Slug, ...] | None = None
    keep_log_years: Annotated[int, Field(ge=1, le=30)] | None = None
    duty: Slug | None = None

    @model_validator(mode="after")
    def _asks_one_thing(self) -> Self:
        if len([kind for kind in KINDS if getattr(self, kind) is not None]) != 1:
            message = f"a rule asks exactly one thing: one of {', '.join(KINDS)}"
            raise ValueError(message)
        return self


class Pack(Document):
    """Rules of one place, for some debtors and some creditors: `third` collects what is owed to another.

    Without countries the rules hold everywhere: so a creditor writes its own.
    """

    name: Slug
    title: Line
    countries: tuple[Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")], ...] = ()
    subdivisions: tuple[str, ...] = ()
    debtors: Annotated[tuple[Debtor, ...], Field(min_length=1)] = ("consumer", "business")
    parties: Annotated[tuple[Party, ...], Field(min_length=1)] = ("first", "third")
    rules: Annotated[tuple[ContactRule, ...], Field(min_length=1)]

    def concerns(self, who: "Concerned") -> bool:
        """Whether the pack could apply; what is not known counts as if it did."""
        return (
            (not self.countries or who.country in self.countries)
            and (not self.subdivisions or who.subdivision is None or who.subdivision in self.subdivisions)
            and (who.debtor is None or who.debtor in self.debtors)
            and who.party in self.parties
        )


@dataclass(frozen=True, slots=True)
class Concerned:
    """Whom rules are looked up for. `debtor` and `subdivision` are None where nobody knows."""

    country: str
    subdivision: str | None
    debtor: Debtor | None
    party: Party


@dataclass(frozen=True, slots=True)
class Law:
    """The rules that apply to one customer: as text, as opening hours, as limits on how often, as consents to have."""

    rules: tuple[ContactRule, ...] = ()
    hours: tuple[OpeningHours, ...] = ()
    limits: tuple[Limit, ...] = ()
    consents: tuple[ContactRule, ...] = ()

    def rule(self, rule_id: str) -> ContactRule | None:
        """The rule of that id, if it applies."""
        return next((rule for rule in self.rules if rule.id == rule_id), None)

    def asks_consent(self, channel: Channel, on: date | None) -> str | None:
        """The rule by which `channel` needs the customer's consent on a local day (None: on any)."""
        asking = (rule for rule in self.consents if channel in (rule.consent_for or ()))
        return next((rule.id for rule in asking if on is None or rule.holds_on(on)), None)


@dataclass(frozen=True, eq=False)
class Packs:
    """All packs that are known; none by default."""

    packs: tuple[Pack, ...] = ()
    _known: dict[Concerned, Law] = field(default_factory=dict, repr=False)

    def law(self, who: Concerned) -> Law:
        """What applies to somebody; worked out once for all customers of the same place and kind."""
        if who not in self._known:
            found = [(pack, rule) for pack in self.packs if pack.concerns(who) for rule in pack.rules]
            self._known[who] = Law(
                rules=tuple(rule for _, rule in found),
                hours=tuple(hours for each in found for hours in _opening_hours(*each, who)),
                limits=tuple(_limit(rule) for _, rule in found if _limits(rule)),
                consents=tuple(rule for _, rule in found if rule.consent_for is not None),
            )
        return self._known[who]


def _opening_hours(pack: Pack, rule: ContactRule, who: Concerned) -> Iterable[OpeningHours]:
    dates = (rule.effective_from, rule.effective_until)
    if rule.closed_on is not None:
        for subdivision in _subdivisions(pack, who):
            yield OpeningHours(rule.id, *dates, holidays=BusinessDays(who.country, subdivision))
    elif rule.hours is not None:
        yield OpeningHours(rule.id, *dates, days=tuple(_span(rule.hours.get(day)) for day in WEEKDAYS))


def _subdivisions(pack: Pack, who: Concerned) -> tuple[str | None, ...]:
    """Whose holidays are meant: the customer's, or all that it could be where that is not known."""
    return pack.subdivisions if who.subdivision is None and pack.subdivisions else (who.subdivision,)


def _span(hours: Hours | None) -> tuple[time, time] | None:
    return (hours.opens, hours.closes) if hours else None


def _limits(rule: ContactRule) -> bool:
    return any(asked is not None for asked in (rule.cap, rule.apart, rule.one_channel_per))


def _limit(rule: ContactRule) -> Limit:
    dates = (rule.effective_from, rule.effective_until)
    if rule.cap is not None:
        cap = rule.cap
        return Limit(rule.id, *dates, frozenset(cap.channels), cap.most, cap.per, cap.within)
    if rule.apart is not None:
        # Two are at least so far apart: at most one within any such span.
        return Limit(rule.id, *dates, frozenset(rule.apart.channels), 1, None, rule.apart.least)
    return Limit(rule.id, *dates, frozenset(Channel), 1, "week", None, other_channels_only=True)
