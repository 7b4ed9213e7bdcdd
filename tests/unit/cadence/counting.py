"""Counting contacts by hand, from the words of a rule and a calendar alone: what caps are checked against."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from cadence.caps import Contact
from cadence.packs import Cap, ContactRule
from cadence.spans import WEEKDAYS


def is_over(rule: ContactRule, others: Sequence[Contact], one: Contact, zone: str) -> bool:
    """Whether `one` is a contact too many beside the `others`, by the calendar of `zone`."""
    there = ZoneInfo(zone)
    if not rule.holds_on(one.at.astimezone(there).date()):
        return False
    if rule.one_channel_per:
        week = _period("week", one.at, there)
        return any(each.channel != one.channel and _period("week", each.at, there) == week for each in others)
    if rule.apart and one.channel in rule.apart.channels:
        near = (each for each in others if each.channel in rule.apart.channels)
        return any(abs(each.at - one.at) < rule.apart.least for each in near)
    if rule.cap and one.channel in rule.cap.channels:
        return _too_many(rule.cap, [*others, one], one.at, there)
    return False


def _too_many(cap: Cap, contacts: Sequence[Contact], at: datetime, zone: ZoneInfo) -> bool:
    times = [each.at for each in contacts if each.channel in cap.channels]
    if cap.per:
        period = _period(cap.per, at, zone)
        return sum(_period(cap.per, each, zone) == period for each in times) > cap.most
    assert cap.within
    spans = [(start, start + cap.within) for start in times]
    return any(
        start <= at < end and sum(start <= each < end for each in times) > cap.most for start, end in spans
    )


def _period(kind: str, at: datetime, zone: ZoneInfo) -> tuple[int, ...]:
    day = at.astimezone(zone).date()
    return {"day": (day.toordinal(),), "week": day.isocalendar()[:2], "month": (day.year, day.month)}[kind]


def is_shut(rule: ContactRule, at: datetime, zone: str) -> bool:
    """Whether the rule's own hours forbid a contact at an instant."""
    local = at.astimezone(ZoneInfo(zone))
    if rule.hours is None or not rule.holds_on(local.date()):
        return False
    hours = rule.hours.get(WEEKDAYS[local.weekday()])
    return hours is None or not hours.opens <= local.time() < hours.closes
