"""Segments as rules: the first that is true decides, a person's word before all of them, and the file last."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cadence import events as e
from cadence.conditions import CONDITION_FACTS
from cadence.customer_facts import CustomerFacts
from cadence.customers import reduce_customer
from cadence.payers import NO_PAYER, PayerFacts
from cadence.problems import DocumentError, Source
from cadence.reading import read_document
from cadence.segments import SEGMENT_FACTS, Segments, decide, lint_segments, segment_facts, segments_schema
from tests.unit.cadence.pieces import customer

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
SHIPPED = Path("segments.yaml").read_text("utf-8")


def rules(*written: tuple[str, str | None]) -> Segments:
    return Segments.model_validate(
        {"rules": [{"segment": segment, "title": segment, "when": when} for segment, when in written]}
    )


def of_file(segment: str, **more: Any) -> CustomerFacts:
    return customer(segment=segment, **more)


def decided(
    document: Segments | None, who: CustomerFacts, payer: PayerFacts = NO_PAYER
) -> tuple[str, int | None]:
    decision = decide(document, who, payer, NOW)
    return decision.segment, decision.assignment.rule if decision.assignment else None


def test_the_first_rule_that_is_true_decides() -> None:
    document = rules(
        ("late", "payer.paid_late > payer.paid_on_time"), ("big", "payer.owed.EUR > 1000 or country == 'FR'"),
        ("imported", None),
    )  # fmt: skip
    late = PayerFacts(invoices=3, paid=3, paid_on_time=1)
    assert decided(document, of_file("smb"), late) == ("late", 1)
    assert decided(document, of_file("smb", country="FR", zone="Europe/Paris")) == ("big", 2)
    assert decided(document, of_file("smb")) == ("smb", 3)


def test_without_rules_the_file_decides() -> None:
    assert decided(None, of_file("smb")) == ("smb", None)


def test_a_rule_that_cannot_be_worked_out_is_passed_over_and_shown() -> None:
    document = rules(("x", "payer.average_days_late / payer.paid > 3"), ("imported", None))
    decision = decide(document, of_file("smb"), NO_PAYER, NOW)
    assert decision.segment == "smb"
    assert [(each.holds, dict(each.values)) for each in decision.judged] == [
        (None, {"payer.average_days_late": 0, "payer.paid": 0}), (True, {}),
    ]  # fmt: skip


def test_a_person_s_word_stands_until_it_is_cleared_and_the_file_s_is_kept_meanwhile() -> None:
    document = rules(("big", "imported == 'big'"), ("imported", None))
    by_hand = e.SegmentAssigned(segment="vip", by="manual", reason="key-account")
    who = reduce_customer(of_file("smb"), by_hand)
    assert (who.segment, who.of_file) == ("vip", "smb")
    told = e.CustomerReceived(segment="big", language=who.language, country="BR", zone=who.zone)
    who = reduce_customer(who, told)
    assert (who.segment, who.of_file) == ("vip", "big")
    assert decided(document, who)[0] == "vip"
    assert decide(document, who, NO_PAYER, NOW, overridden=False).segment == "big"
    back = reduce_customer(who, e.SegmentAssigned(segment="big", by="file"))
    assert (back.segment, back.of_file, back.assigned) == ("big", "big", None)


@pytest.mark.parametrize(
    ("written", "words"),
    [
        (
            [("a", "country == 'BR'"), ("b", "country == 'FR'")],
            "rules[1].when: the last rule is for everybody",
        ),
        ([("a", None), ("b", None)], "rules[0]: this rule takes everybody"),
        (
            [("a", "country == 'BR'"), ("b", "country == 'BR'"), ("c", None)],
            "stands in an earlier rule already",
        ),
        ([("a", "balance > 3"), ("b", None)], "balance is no fact; a condition may use imported, country"),
        ([("a", "payer.owed.EURO > 3"), ("b", None)], "did you mean payer.owed.EUR?"),
    ],
)
def test_what_cannot_work_is_refused_with_a_sentence(
    written: list[tuple[str, str | None]], words: str
) -> None:
    lines = [
        line
        for segment, when in written
        for line in (f"  - segment: {segment}", "    title: x", *([f'    when: "{when}"'] if when else []))
    ]
    with pytest.raises(DocumentError, match=r"segments\.yaml:") as refused:
        read_document(Segments, "\n".join(["rules:", *lines]), "segments.yaml")
    assert words in str(refused.value)


def test_a_segment_that_no_cadence_serves_is_named() -> None:
    document = rules(("vip", "country == 'BR'"), ("imported", None))
    (problem,) = lint_segments(document, {"smb": "small"}, Source("segments.yaml"))
    assert "no cadence serves the segment 'vip'; there are smb" in str(problem)
    assert lint_segments(document, {"vip": "x"}, Source("segments.yaml")) == []


def test_the_shipped_rules_leave_the_file_s_segments_and_know_whom_to_watch() -> None:
    document = read_document(Segments, SHIPPED, "segments.yaml")
    for segment in ("strategic", "standard", "smb", "consumer", "a-new-one"):
        assert decided(document, of_file(segment))[0] == segment
    assert decided(document, of_file("smb"), PayerFacts(promises=2, promises_broken=2))[0] == "standard"


def test_the_shipped_schema_is_the_code_s() -> None:
    assert json.loads(Path("segments.schema.json").read_text("utf-8")) == segments_schema()
    assert SHIPPED.startswith("# yaml-language-server: $schema=segments.schema.json\n")


def test_every_documented_fact_is_told_and_is_no_other_than_a_cadence_s() -> None:
    told = segment_facts(of_file("smb"), NO_PAYER, NOW)
    assert set(told) == {name.partition(".")[0] for name in SEGMENT_FACTS}
    manual = Path("docs/segments.md").read_text("utf-8")
    own = {name: text for name, text in SEGMENT_FACTS.items() if not name.startswith("payer.")}
    assert all(f"| `{name}` | {text} |" in manual for name, text in own.items())
    assert set(SEGMENT_FACTS) - set(own) <= set(CONDITION_FACTS)
