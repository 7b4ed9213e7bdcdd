"""Lint: each thing that cannot work is an error at its file and line."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cadence.calendars import BusinessDays
from cadence.creditor import Creditor
from cadence.document import Cadence, Roll
from cadence.lint import lint, lint_set
from cadence.offsets import Anchor, Offset
from cadence.problems import Level, Problem
from cadence.reading import read_document, read_located
from cadence.spread import CLOSED_AT_ONCE, Spread, closed_at_once
from cadence.trial import Situation, objection

EVERYWHERE = ("email", "sms", "whatsapp")
GOOD = """\
name: smb
title: Small companies
segments: [smb]
stages: [courtesy, overdue, exit]
calendar:
  country: BR
window:
  days: [mon, tue]
steps:
  - id: upcoming
    at: due - 3d
    stage: courtesy
    when: balance > 0
    send:
      template: upcoming
      channels: [email, sms]
  - id: first
    at: due + 10d
    stage: overdue
    when: days_overdue > 5
    send:
      template: overdue_first
      channels: [whatsapp, email]
  - id: small
    at: previous + 15d
    stage: exit
    when: balance < 50
    write_off:
      reason: small_balance
  - id: out
    at: previous + 1d
    stage: exit
    hand_over:
      to: agency
branches:
  dispute:
    notice:
      template: dispute_received
      channels: [email]
"""


@dataclass(frozen=True)
class Shelf:
    """Templates in two languages, kept in memory."""

    texts: Mapping[str, Mapping[str, tuple[str, ...]]]
    used: frozenset[str] = frozenset({"balance"})
    provided: frozenset[str] = frozenset({"balance", "due_on"})
    notices: frozenset[str] = frozenset({"dispute_received"})
    languages: tuple[str, ...] = field(default=("en", "fr"))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.texts)

    def kind(self, template: str) -> str:
        return "notice" if template in self.notices else "reminder"

    def channels_of(self, template: str, language: str) -> tuple[str, ...]:
        return self.texts[template].get(language, ())

    def variables_of(self, template: str, channel: str, language: str) -> frozenset[str]:
        assert channel in self.channels_of(template, language)
        return self.used


FULL = {
    name: {"en": EVERYWHERE, "fr": EVERYWHERE} for name in ("upcoming", "overdue_first", "dispute_received")
}
SHELF = Shelf(FULL)


def found(text: str, shelf: Shelf = SHELF, creditor: Creditor | None = None) -> list[Problem]:
    cadence, source = read_located(Cadence, text, "cadences/smb.yaml")
    return lint(cadence, shelf, creditor, source)


def shown(text: str, shelf: Shelf = SHELF) -> list[str]:
    return [str(problem) for problem in found(text, shelf)]


def edited(old: str, new: str) -> str:
    assert GOOD.count(old) == 1, f"{old!r} must stand in the sample once"
    return GOOD.replace(old, new)


def sample_creditor() -> Creditor:
    return read_document(Creditor, Path("creditor.yaml").read_text(encoding="utf-8"), "creditor.yaml")


def test_a_sound_cadence_has_nothing_to_be_said_about_it() -> None:
    assert shown(GOOD) == []


@pytest.mark.parametrize(
    ("old", "new", "place", "words"),
    [
        ("template: upcoming", "template: upcomming", "15: steps[0].send.template",
         "there is no template 'upcomming'; did you mean 'upcoming'?"),
        ("template: upcoming", "template: dispute_received", "15: steps[0].send.template",
         "'dispute_received' is a notice, and this is the place of a reminder"),
        ("      template: dispute_received", "      template: upcoming", "38: branches.dispute.notice.template",
         "'upcoming' is a reminder, and this is the place of a notice"),
        ("when: balance > 0", "when: days_overdue > 5", "13: steps[0].when",
         "'days_overdue > 5' is never true when this step comes: days_overdue is at least -3 and at most 1 then"),
        ("when: days_overdue > 5", "when: days_overdue < 5", "20: steps[1].when",
         "'days_overdue < 5' is never true when this step comes: days_overdue is at least 10 then"),
        ("when: balance > 0", "when: balance <= 0", "13: steps[0].when",
         "balance is above 0 while the invoice is open"),
        ("when: balance > 0", "when: segment == 'consumer'", "13: steps[0].when", "segment is smb in this cadence"),
        ("when: balance > 0", "when: stage == 'exit'", "13: steps[0].when", "stage is courtesy in this step"),
        ("when: balance > 0", "when: 1 > 2", "13: steps[0].when", "'1 > 2' is never true"),
        ("when: balance > 0", "when: currency == 'XYZ'", "13: steps[0].when", "is never true"),
        ("when: balance > 0", "when: balance > 'much'", "13: steps[0].when", "cannot be evaluated"),
        ("    when: balance < 50\n", "", "29: steps[3]", "'out' never comes: 'small' closes every invoice before it"),
        ("days: [mon, tue]", "days: [sat, sun]", "8: window.days", "the window opens on weekends only"),
        ("due + 10d", "due - 5d", "18: steps[1].at", "'due - 5d' lies before 'due - 3d' of 'upcoming'"),
        ("country: BR", "country: ZZ", "6: calendar.country", "no holidays are known for 'ZZ'"),
        ("country: BR", "country: BR\n  subdivision: XX", "7: calendar.subdivision",
         "no holidays are known for 'XX' in BR; it has AC, AL"),
        ("country: BR", "country: customer\n  subdivision: SP", "7: calendar.subdivision",
         "a subdivision needs its country"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_an_error_at_its_line(old: str, new: str, place: str, words: str) -> None:
    problems = [text for text in shown(edited(old, new)) if text.startswith(f"cadences/smb.yaml:{place}: ")]
    assert len(problems) == 1
    assert words in problems[0]


def test_a_template_that_a_language_lacks_is_an_error() -> None:
    shelf = Shelf({**FULL, "upcoming": {"en": EVERYWHERE}})
    assert shown(GOOD, shelf) == [
        "cadences/smb.yaml:15: steps[0].send.template: 'upcoming' does not exist in fr; write it there as well"
    ]


def test_a_channel_without_a_text_is_an_error() -> None:
    shelf = Shelf({**FULL, "upcoming": {"en": EVERYWHERE, "fr": ("email",)}})
    assert shown(GOOD, shelf) == [
        "cadences/smb.yaml:16: steps[0].send.channels[1]: 'upcoming' has no text for sms in fr"
    ]


def test_a_variable_that_nobody_provides_is_an_error() -> None:
    shelf = Shelf(
        {**FULL, "dispute_received": {"en": ("email",), "fr": ("email",)}}, frozenset({"balance", "colour"})
    )
    problems = [text for text in shown(GOOD, shelf) if "dispute_received" in text]
    assert problems == [
        "cadences/smb.yaml:39: branches.dispute.notice.channels[0]: "
        f"{language}/dispute_received.email uses colour, which nobody provides"
        for language in ("en", "fr")
    ]


def test_whatsapp_without_the_creditor_s_word_is_a_warning() -> None:
    creditor = sample_creditor()
    silent = creditor.model_copy(update={"whatsapp": None})
    (problem,) = found(GOOD, creditor=silent)
    assert (problem.level, problem.line) == (Level.WARNING, 23)
    assert "until the creditor attests first-party use" in problem.message


def test_whatsapp_without_an_approved_text_is_a_warning() -> None:
    creditor = sample_creditor()
    assert creditor.whatsapp is not None
    bare = creditor.model_copy(update={"whatsapp": creditor.whatsapp.model_copy(update={"content": {}})})
    (problem,) = found(GOOD, creditor=bare)
    assert str(problem).startswith("cadences/smb.yaml:23: warning: steps[1].send.channels[0]: ")
    assert "no approved content for 'overdue_first' in en, fr" in problem.message


def test_a_creditor_with_all_it_takes_gives_no_warning() -> None:
    assert found(GOOD, creditor=sample_creditor()) == []


def test_a_segment_has_one_cadence() -> None:
    first = read_located(Cadence, GOOD, "cadences/smb.yaml")
    second = read_located(Cadence, GOOD.replace("name: smb", "name: other"), "cadences/other.yaml")
    (problem,) = lint_set([first, second])
    assert str(problem).startswith(
        "cadences/other.yaml:3: segments[0]: segment smb is claimed by cadences/smb.yaml already"
    )


def test_a_name_has_one_cadence() -> None:
    first = read_located(Cadence, GOOD, "cadences/smb.yaml")
    second = read_located(Cadence, GOOD.replace("segments: [smb]", "segments: [b]"), "cadences/copy.yaml")
    assert [problem.field for problem in lint_set([first, second])] == ["name"]


def test_lint_without_a_source_names_the_cadence() -> None:
    cadence = read_document(Cadence, edited("days: [mon, tue]", "days: [sun]"), "smb.yaml")
    (problem,) = lint(cadence, SHELF, None)
    assert str(problem).startswith("cadence smb:1: window.days: ")


ANYTIME = Situation(("smb",), "overdue", (None, None))


@pytest.mark.parametrize(
    "expression",
    [
        "balance < 50",
        "balance > 4.9 and balance < 5",
        "balance < amount",
        "amount > 10000000 and currency in ['BRL', 'USD']",
        "paid > 0 and paid < 1",
        "payment_method == 'boleto'",
        "payment_method not in ['direct_debit', 'card']",
        "country in ['BR', 'MX'] and language == 'pt-BR'",
        "payer.paid_late == 7 and payer.paid > 10",
        "payer.open > 3 or broken_promises >= 2",
        "payer.average_days_late < 0 and payer.dispersion <= 3",
        "payer.owed.EUR > 100000 or payer.quiet.sms > 60",
        "payer.promises_broken >= 2 and payer.promises >= 2",
        "balance * 100 > amount * 99",
        "days_overdue == -12",
        "true",
    ],
)
def test_a_condition_that_can_hold_is_never_objected_to(expression: str) -> None:
    assert objection(expression, ANYTIME) is None


@pytest.mark.parametrize(
    "expression",
    [
        "balance > 5 and balance < 5",
        "payer.paid_late > payer.paid",
        "payer.promises_broken > payer.promises",
        "payer.dispersion < 0",
        "country == 'br'",
        "false",
    ],
)
def test_a_contradiction_is_objected_to(expression: str) -> None:
    reason = objection(expression, ANYTIME)
    assert reason is not None
    assert "is never true" in reason


numbers = st.one_of(st.integers(1, 10**9), st.decimals(1, 10**6, places=2))


@given(low=numbers, width=numbers)
def test_a_range_with_room_in_it_can_hold(low: object, width: object) -> None:
    high = float(str(low)) + float(str(width))
    assert objection(f"balance > {low} and balance <= {high:.2f}", ANYTIME) is None


@given(st.integers(-60, 60), st.integers(-60, 60))
def test_days_overdue_is_judged_by_its_bounds(least: int, asked: int) -> None:
    situation = Situation(("smb",), "overdue", (least, None))
    assert (objection(f"days_overdue < {asked}", situation) is not None) == (least >= asked)


# Those that close most beside those that are shipped.
CALENDARS = st.sampled_from(["BR", "PT", "US", "JP", "AZ", "IR", "MM", "NP", "RU"])


@given(
    st.dates(date(2020, 1, 1), date(2040, 12, 31)),
    st.integers(-60, 60),
    CALENDARS,
)
@example(date(2022, 5, 6), -49, "JP")
@example(date(2025, 9, 18), 15, "NP")
@example(date(2025, 3, 19), 1, "AZ")
def test_business_days_fall_within_the_days_that_lint_reckons_with(
    day: date, count: int, country: str
) -> None:
    offset = Offset(anchor=Anchor.DUE, count=count, business=True)
    spread = Spread(Anchor.DUE, 0, 0).moved(offset)
    reached = (offset.from_day(day, BusinessDays(country).add) - day).days
    assert spread.earliest <= reached <= spread.latest


@given(st.dates(date(2020, 1, 1), date(2040, 12, 31)), st.sampled_from(sorted(Roll)), CALENDARS)
@example(date(2025, 3, 20), Roll.FORWARD, "AZ")
def test_no_day_is_rolled_further_than_lint_reckons_with(day: date, roll: Roll, country: str) -> None:
    moved = abs((BusinessDays(country).roll(day, roll) - day).days)
    assert moved <= closed_at_once(country, None) <= CLOSED_AT_ONCE == closed_at_once("customer", None)


@pytest.mark.parametrize(
    ("second", "third", "faulty"),
    [
        ("due + 10d", "due + 5d", True),
        ("due + 40bd", "due + 30d", True),
        ("due + 2bd", "due + 3d", False),
        ("due + 10d", "end_of_month + 1d", False),
        ("due + 10d", "issued + 1d", False),
        ("due + 10d", "end_of_month - 30d", True),
    ],
)
def test_steps_stand_in_the_order_of_their_days(second: str, third: str, faulty: bool) -> None:
    text = GOOD.replace("due + 10d", second).replace("previous + 15d", third)
    assert [problem.field for problem in found(text) if problem.field.endswith(".at")] == [
        "steps[2].at"
    ] * faulty
