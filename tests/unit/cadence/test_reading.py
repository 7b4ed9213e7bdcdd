"""Reading documents: exact values, every mistake with its place, and no text that breaks the reader."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from cadence.creditor import Creditor, Document
from cadence.document import Cadence
from cadence.problems import DocumentError, MisplacedError, Problem
from cadence.reading import MAX_CHARACTERS, PATTERN_WORDS, read_document, read_located
from cadence.words import Currency, Money

GOOD = """\
name: smb
title: Small companies
segments: [smb]
stages: [courtesy, overdue]
steps:
  - id: upcoming
    at: due - 3d
    stage: courtesy
    send:
      template: upcoming
      channels: [email, sms]
  - id: first
    at: due + 2bd
    stage: overdue
    send:
      template: overdue_first
      channels: [whatsapp, email]
      fallback:
        whatsapp: silence 4h
"""


class Purse(Document):
    """A small document with money in it."""

    currency: Currency
    tolerance: Money
    labels: dict[str, str] = Field(default_factory=dict)


def problems(text: str, model: type[BaseModel] = Cadence) -> list[Problem]:
    with pytest.raises(DocumentError) as failure:
        read_document(model, text, "cadences/smb.yaml")
    return failure.value.problems


def edited(old: str, new: str) -> str:
    assert GOOD.count(old) == 1, f"{old!r} must stand in the sample once"
    return GOOD.replace(old, new)


def test_a_good_document_is_read() -> None:
    cadence = read_document(Cadence, GOOD, "smb.yaml")
    assert [str(step.at) for step in cadence.steps] == ["due - 3d", "due + 2bd"]


def test_amounts_are_read_exactly_as_written() -> None:
    purse = read_document(Purse, "currency: BRL\ntolerance: 0.10\n", "purse.yaml")
    assert purse.tolerance == Decimal("0.10")
    assert str(purse.tolerance) == "0.10"


@pytest.mark.parametrize(
    "text", ["NO", "no", "off", "on", "yes", "0x10", "1:30", "2026-01-01", "1e3", ".5", "=", "<<x"]
)
def test_a_plain_word_stays_the_text_that_was_written(text: str) -> None:
    purse = read_document(Purse, f"currency: BRL\ntolerance: 1\nlabels:\n  {text}: {text}\n", "purse.yaml")
    assert purse.labels == {text: text}


def test_norway_is_a_country() -> None:
    cadence = read_document(Cadence, GOOD + "calendar:\n  country: NO\n", "smb.yaml")
    assert cadence.calendar.country == "NO"


@pytest.mark.parametrize(
    ("old", "new", "place", "expected"),
    [
        ("due - 3d", "due 3", "7: steps[0].at",
         "'due 3' is not an offset; write for example 'due - 3d', 'due + 2bd' or 'previous + 5d'"),
        ("channels: [email, sms]", "chanels: [email, sms]", "11: steps[0].send.chanels",
         "'chanels' is no key here; did you mean 'channels'?"),
        ("title: Small companies", "colour: blue", "2: colour",
         "'colour' is no key here; known keys are name, title, segments, debtors, group_by, calendar, window, stages, queue, steps, branches"),
        ("[email, sms]", "[email, fax]", "11: steps[0].send.channels[1]",
         "'fax' is not one of 'email', 'sms' or 'whatsapp'"),
        ("[email, sms]", "email", "11: steps[0].send.channels", "expected a list, found 'email'"),
        ("id: upcoming", "id: Up Coming", "6: steps[0].id",
         "'Up Coming' is not a name of small letters, digits, - and _, such as 'first-reminder'"),
        ("silence 4h", "soon", "19: steps[1].send.fallback.whatsapp",
         "'soon' is no fallback rule; write failure or 'silence 4h'"),
        ("title: Small companies", "title: x\nwindow: {opens: 09:00Z}", "3: window.opens",
         "a window is in each customer's own time; write it without a zone, for example '09:00'"),
        ("silence 4h", "silence 4", "19: steps[1].send.fallback.whatsapp.silence",
         "'4' is not a length of time; write for example '4h' or '2d'"),
        ("    stage: courtesy\n", "", "6: steps[0].stage", "this key is missing"),
        ("title: Small companies", "title:", "2: title", "expected text, found nothing"),
        ("segments: [smb]", "segments: []", "3: segments", "expected at least 1 here, found 0"),
        ("title: Small companies", "name: again", "2: name", "this key is written again, first in line 1; keep one of them"),
    ],
)  # fmt: skip
def test_a_mistake_names_file_line_field_and_what_was_expected(
    old: str, new: str, place: str, expected: str
) -> None:
    shown = [str(problem) for problem in problems(edited(old, new))]
    assert f"cadences/smb.yaml:{place}: {expected}" in shown


def test_a_step_id_used_twice_is_shown_at_the_second_step() -> None:
    (problem,) = problems(edited("id: first", "id: upcoming"))
    assert (problem.line, problem.field) == (12, "steps[1].id")
    assert "upcoming" in problem.message


def test_a_stage_that_is_not_declared_is_shown_at_its_step() -> None:
    (problem,) = problems(edited("stage: overdue", "stage: formal"))
    assert (problem.line, problem.field) == (14, "steps[1].stage")
    assert "formal" in problem.message


def test_a_rule_across_fields_can_name_the_part_that_breaks_it() -> None:
    class Pair(Document):
        items: tuple[str, ...]

        def model_post_init(self, _context: Any) -> None:
            raise MisplacedError("the second is too much", ("items", 1))

    (problem,) = problems("items:\n  - one\n  - two\n", Pair)
    assert str(problem) == "cadences/smb.yaml:3: items[1]: the second is too much"


def test_all_mistakes_of_a_file_come_at_once_in_the_order_of_lines() -> None:
    text = GOOD.replace("due - 3d", "due 3").replace("silence 4h", "soon").replace("title:", "titel:")
    assert [problem.line for problem in problems(text)] == [1, 2, 7, 19]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 1, "the file is empty"),
        ("# only a comment\n", 1, "the file is empty"),
        ("name: smb\n\ttitle: x\n", 2, "a tab stands where YAML takes spaces"),
        ("name: 'smb\n", 2, "this is not YAML"),
        ("a: &x [1]\nb: *x\n", 1, "anchors (&) and aliases (*) are not read"),
        ("name: smb\nb: *x\n", 2, "anchors (&) and aliases (*) are not read"),
        ("name: !!python/object/apply:os.system [ls]\n", 1, "tags (!) are not read"),
        ("name: a\n---\nname: b\n", 2, "this is not YAML"),
        ("a: " + "[" * 5000, 1, "more than 20 deep"),
        ("name: smb\ntitle: a\x07b\n", 2, "an invisible control character"),
        ('name: "\\UFFFFFFFF"\n', 1, "names an impossible number"),
        ("x" * (MAX_CHARACTERS + 1), 1, "at most 262144 are read"),
        ("- one\n", 1, "expected a block of keys, found a list"),
        ("? [a, b]\n: c\n", 1, "a list or block is used as a key"),
    ],
)
def test_what_is_not_plain_yaml_is_refused_with_its_line(text: str, line: int, words: str) -> None:
    first = problems(text)[0]
    assert words in first.message
    assert first.line == line


def test_a_bomb_of_aliases_is_refused_before_it_grows() -> None:
    bomb = "a: &a [x, x]\n" + "".join(
        f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    assert "aliases" in problems(bomb)[0].message


def test_the_lines_of_a_good_document_can_be_asked_for() -> None:
    _, source = read_located(Cadence, GOOD, "smb.yaml")
    assert source.line(("steps", 1, "send", "fallback")) == 18
    assert source.line(("steps", 1, "when")) == 12  # not written: the step itself


yaml_text = st.text(alphabet=st.sampled_from("ab:-[]{}#&*!|>'\"%@`,? \n\t\\Ux0~<=."), max_size=60)


@settings(max_examples=300, deadline=None)
@given(yaml_text)
@example('"\\uD800": x')
@example("%YAML 9.9\n---\na: b")
@example("%TAG ! x\n---\na: b")
@example("<<: {a: b}")
@example("a: !<x> b")
def test_no_text_makes_the_reader_fail_in_any_other_way(text: str) -> None:
    assert all(str(problem).startswith("cadences/smb.yaml:") for problem in problems(text))


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(GOOD)), st.integers(0, 12), yaml_text)
def test_a_damaged_document_is_read_or_refused_with_a_place(start: int, length: int, inserted: str) -> None:
    text = GOOD[:start] + inserted + GOOD[start + length :]
    found: list[Problem] = []
    try:
        read_document(Cadence, text, "cadences/smb.yaml")
    except DocumentError as error:
        found = error.problems
    assert all(1 <= problem.line <= text.count("\n") + 1 for problem in found)


@pytest.mark.parametrize("model", [Cadence, Creditor])
def test_every_pattern_of_the_documents_is_explained_in_words(model: type[BaseModel]) -> None:
    own = set(_patterns(model.model_json_schema()))
    written_as_text = {
        p for p in own if "bd|d|w" in p or "[hdw]" in p or p == r"^\d\d:\d\d$"
    }  # say it themselves
    amounts = {p for p in own if p.startswith("^(?!^[-+.]*$)")}
    assert own - written_as_text - amounts <= set(PATTERN_WORDS)


def _patterns(schema: Any) -> list[str]:
    if isinstance(schema, list):
        return [pattern for part in schema for pattern in _patterns(part)]
    if not isinstance(schema, dict):
        return []
    here = [schema["pattern"]] if isinstance(schema.get("pattern"), str) else []
    return here + [pattern for part in schema.values() for pattern in _patterns(part)]


def test_the_sample_creditor_reads_with_exact_amounts() -> None:
    creditor = read_document(Creditor, Path("creditor.yaml").read_text(encoding="utf-8"), "creditor.yaml")
    assert creditor.uses_whatsapp
    assert creditor.close_below["BRL"] == Decimal("1.00")
    assert creditor.pay_url("Q7XK2M9P") == "https://pay.example.com/Q7XK2M9P"


def test_a_creditor_that_leaves_an_opt_out_line_out_is_refused() -> None:
    text = Path("creditor.yaml").read_text(encoding="utf-8").replace("    sms: STOP to end\n", "")
    (problem,) = problems(text, Creditor)
    assert "opt_out lacks a line for en/sms" in problem.message


@pytest.mark.parametrize("typed", ["{invoice}", "{", "}", "{{reference}}", "{reference!r}"])
def test_how_to_pay_holds_no_other_place_than_the_reference(typed: str) -> None:
    text = Path("creditor.yaml").read_text(encoding="utf-8")
    line = text.splitlines().index('        - "Please quote the reference {reference}."') + 1
    (problem,) = problems(text.replace("quote the reference {reference}", f"quote {typed}"), Creditor)
    assert problem.line == line
    assert "may hold {reference}, the invoice's creditor reference, and no other" in problem.message


def test_a_short_text_on_how_to_pay_has_room_for_the_longest_reference() -> None:
    text = Path("creditor.yaml").read_text(encoding="utf-8")
    short = 'short: "Routing 000000000 acct 0000000000"'
    read = read_document(
        Creditor, text.replace(short, 'short: "Pix a@b.co ref {reference}"'), "creditor.yaml"
    )
    assert read.payment["USD"].short_line("RF46RG00000001") == "Pix a@b.co ref RF46RG00000001"
    (problem,) = problems(text.replace(short, 'short: "Pix 00000000, ref {reference}"'), Creditor)
    assert "the text has 43 characters with a reference of 25; 40 fit" in problem.message


def test_a_statement_beside_another_channel_than_email_is_refused_with_a_sentence() -> None:
    for channels in ("[sms]", "[email, sms]"):
        send = f"{{template: statement, channels: {channels}, attach: statement}}"
        text = f"{GOOD}  - {{id: extra, at: due + 30d, stage: overdue, send: {send}}}\n"
        assert any("write channels: [email] beside attach" in str(each) for each in problems(text))
