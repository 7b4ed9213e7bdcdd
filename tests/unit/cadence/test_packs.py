"""Packs of contact rules: what is shipped says what its sources say, and together the strictest wins."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any, get_args

import pytest

from cadence.calendars import BusinessDays, SendWindow, send_window
from cadence.packs import Concerned, Pack, Packs
from cadence.problems import DocumentError
from cadence.reading import read_document
from cadence.rules import rules_for
from cadence.words import Channel, Party
from starter.documents import read_packs
from tests.unit.cadence.pieces import cadence, creditor, customer, send

PACKS = read_packs(Path("policies"))
ALL_WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
# A week of 2026 without a public holiday anywhere below.
MONDAY = date(2026, 8, 24)


def window(country: str, subdivision: str | None = None, **more: Any) -> SendWindow:
    """What the packs leave of every minute of the week, in UTC so that hours read as they are written."""
    concerned = Concerned(country, subdivision, more.get("debtor", "consumer"), more.get("party", "first"))
    hours = PACKS.law(concerned).hours
    return send_window("UTC", ALL_WEEK, time(0), time(23, 59), BusinessDays("ZZ"), hours)


def hours_of(shown: SendWindow) -> Iterator[str]:
    for day in range(7):
        opened = shown.on(MONDAY.replace(day=MONDAY.day + day))
        yield f"{opened[0]:%H:%M}-{opened[1]:%H:%M}" if opened else "shut"


@pytest.mark.parametrize(
    ("country", "subdivision", "weekday", "saturday", "sunday"),
    [
        ("US", None, "08:00-21:00", "08:00-21:00", "08:00-21:00"),
        ("PT", None, "09:00-20:00", "09:00-13:00", "shut"),
        ("ES", None, "09:00-20:00", "09:00-13:00", "shut"),
        ("BR", "MG", "08:00-20:00", "08:00-14:00", "shut"),
        ("BR", "SP", "08:00-20:00", "08:00-14:00", "shut"),
        ("BR", "AL", "08:00-20:00", "08:00-14:00", "shut"),
        ("BR", "RJ", "09:00-19:00", "shut", "shut"),
        ("BR", "ES", "08:00-19:00", "shut", "shut"),
        ("BR", "AM", "08:00-19:00", "shut", "shut"),
        ("CO", None, "07:00-19:00", "08:00-15:00", "shut"),
        ("CL", None, "08:00-20:00", "08:00-20:00", "shut"),
        ("MX", None, "07:00-22:00", "07:00-22:00", "07:00-22:00"),
        ("EC", None, "07:00-20:00", "shut", "shut"),
        ("GB", None, "00:00-23:59", "00:00-23:59", "00:00-23:59"),
        ("JP", None, "00:00-23:59", "00:00-23:59", "00:00-23:59"),
    ],
)
def test_the_hours_that_are_shipped_are_those_of_their_sources(
    country: str, subdivision: str | None, weekday: str, saturday: str, sunday: str
) -> None:
    assert list(hours_of(window(country, subdivision))) == [weekday] * 5 + [saturday, sunday]


def test_where_the_state_is_not_known_every_state_counts() -> None:
    assert list(hours_of(window("BR"))) == ["09:00-19:00"] * 5 + ["shut"] * 2


def test_companies_are_not_protected_as_consumers_are_and_who_is_not_known_is() -> None:
    assert next(hours_of(window("BR", "RJ", debtor="business"))) == "00:00-23:59"
    assert next(hours_of(window("BR", "RJ", debtor=None))) == "09:00-19:00"


def test_a_public_holiday_is_shut_by_the_rule_that_says_so() -> None:
    shown = window("CO")
    assert shown.shut_by(datetime(2026, 7, 20, 12, tzinfo=UTC)) == "co-holidays"  # Independence Day
    assert shown.shut_by(datetime(2026, 7, 21, 6, tzinfo=UTC)) == "co-hours"
    assert shown.shut_by(datetime(2026, 7, 21, 12, tzinfo=UTC)) is None


def test_caps_are_shipped_where_the_reference_has_them() -> None:
    by_country = {
        country: [limit.rule for limit in PACKS.law(Concerned(country, None, "consumer", "first")).limits]
        for country in ("CO", "CL", "EC", "BR", "US", "PT")
    }
    assert by_country == {
        "CO": ["co-once-a-day", "co-one-channel-a-week"],
        "CL": ["cl-twice-a-week", "cl-two-days-apart"],
        "EC": ["ec-once-a-day"],
        "BR": [],
        "US": [],
        "PT": [],
    }


def test_what_binds_those_who_collect_for_others_is_asked_of_nobody_else() -> None:
    by_party = {
        party: {rule.id for rule in PACKS.law(Concerned("FR", None, "business", party)).rules}
        for party in get_args(Party)
    }
    assert by_party["third"] - by_party["first"] == {"fr-letter-content"}
    assert by_party["first"] == {"fr-no-collection-costs"}


def test_what_is_asked_of_people_who_call_is_shipped_where_the_reference_has_it() -> None:
    duties = {rule.id for pack in PACKS.packs for rule in pack.rules if rule.duty}
    assert {"us-calls", "cl-one-call", "br-calls-0303", "us-written-cease", "co-no-questions"} <= duties


def test_every_rule_has_a_source_and_words_of_its_own() -> None:
    rules = [rule for pack in PACKS.packs for rule in pack.rules]
    assert len({rule.id for rule in rules}) == len(rules)
    assert all(rule.source and rule.text.endswith(".") for rule in rules)


def own(**changes: Any) -> Packs:
    rule = {
        "id": "own",
        "text": "Ours.",
        "source": "the creditor",
        "effective_from": "2026-01-01",
        "hours": {"mon": "05:00-06:00"},
    }
    return Packs((Pack.model_validate({"name": "own", "title": "Ours", "rules": [rule | changes]}),))


def test_a_creditors_own_rules_hold_everywhere_and_narrow_the_cadences_window() -> None:
    ruler = cadence(send("first", "due", "email"))
    narrowed = rules_for(ruler, customer("UTC", "ZZ"), creditor(), own(hours={"tue": "10:00-11:00"}))
    assert narrowed.contact_at(MONDAY) == datetime(2026, 8, 25, 10, tzinfo=UTC)


def test_rules_that_leave_no_hour_leave_no_channel_and_a_person_takes_over() -> None:
    ruler = cadence(send("first", "due", "email"))
    found = rules_for(ruler, customer("UTC", "ZZ"), creditor(), own())
    assert found.unusable == dict.fromkeys(Channel, "no_hour_is_left")


def test_a_rule_that_asks_for_consent_shuts_a_channel_while_it_is_in_force_and_nobody_agreed() -> None:
    ruler = cadence(send("first", "due", "email"))
    dated = {"effective_from": "2026-03-01", "effective_until": "2026-03-31", "hours": None}
    packs = own(consent_for=["sms", "whatsapp"], **dated)
    given = {"channel": "sms", "address": "s1", "wording": "v1", "proof_at": datetime(2026, 1, 1, tzinfo=UTC)}
    agreed = customer("UTC", "ZZ", consents=[given])
    for day, who, shut in [
        (datetime(2026, 2, 28, 23, tzinfo=UTC), customer("UTC", "ZZ"), set()),
        (datetime(2026, 3, 1, tzinfo=UTC), customer("UTC", "ZZ"), {Channel.SMS, Channel.WHATSAPP}),
        (datetime(2026, 3, 31, 23, tzinfo=UTC), agreed, {Channel.WHATSAPP}),
        (datetime(2026, 4, 1, tzinfo=UTC), customer("UTC", "ZZ"), set()),
    ]:
        assert rules_for(ruler, who, creditor(), packs, day).unusable == dict.fromkeys(shut, "own")


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ("hours: {mon: 20:00-08:00}", "leaves no time"),
        ("hours: {mon: morning}", "are no hours"),
        ("cap: {most: 2}", "one period"),
        ("cap: {most: 2, per: day, within: 2d}", "one period"),
        ("cap: {most: 2, per: day}\n    closed_on: public_holidays", "exactly one thing"),
        ("duty: fair\n    effective_until: 2020-01-01", "before effective_from"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_with_its_line(wrong: str, expected: str) -> None:
    text = f"""
name: wrong
title: Wrong
rules:
  - id: wrong
    text: Wrong.
    source: nowhere
    effective_from: 2026-01-01
    {wrong}
"""
    with pytest.raises(DocumentError, match=expected) as refused:
        read_document(Pack, text, "wrong.yaml")
    assert "wrong.yaml:" in str(refused.value)


def test_one_id_is_one_rules(tmp_path: Path) -> None:
    text = (Path("policies") / "gb.yaml").read_text()
    for name in ("one", "two"):
        (tmp_path / f"{name}.yaml").write_text(text)
    with pytest.raises(DocumentError, match="used more than once"):
        read_packs(tmp_path)


def test_no_pack_at_all_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="POLICIES_DIR"):
        read_packs(tmp_path)


def test_the_packs_that_the_docs_show_are_packs() -> None:
    shown = re.findall(r"```yaml\n(name: .*?)```", Path("docs/contact-rules.md").read_text(), re.DOTALL)
    found = [read_document(Pack, text, "contact-rules.md") for text in shown]
    assert [pack.name for pack in found] == ["co", "our-own"]
