"""Segments as rules: which group of customers somebody belongs to, by an ordered list that the creditor writes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, model_validator

from cadence.conditions import ConditionFailed, check_condition, facts_in, holds
from cadence.creditor import Document
from cadence.customer_facts import Assignment, CustomerFacts
from cadence.payers import PAYER_FACTS, PayerFacts, payer_terms
from cadence.problems import MisplacedError, Problem, Source
from cadence.words import Line, Slug

# As a rule's segment: the one that the creditor's own file gives.
IMPORTED = "imported"
SEGMENT_FACTS: Mapping[str, str] = {
    "imported": "the segment that the creditor's file gives",
    "country": "where the customer is, ISO 3166",
    "subdivision": "the state or region, ISO 3166-2 without the country; empty where it is not known",
    "language": "the customer's language",
    **PAYER_FACTS,
}


def _check(expression: str) -> str:
    return check_condition(expression, SEGMENT_FACTS)


class SegmentRule(Document):
    """One rule: who comes into which segment. Without `when` it is for everybody whom no rule before it took."""

    segment: Slug
    title: Line
    when: Annotated[str, AfterValidator(_check)] | None = None


class Segments(Document):
    """The creditor's rules, in their order: the first that is true decides, and the last one has no condition."""

    rules: Annotated[tuple[SegmentRule, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _only_the_last_is_for_everybody(self) -> Self:
        seen: set[str] = set()
        for index, rule in enumerate(self.rules):
            last = index == len(self.rules) - 1
            if last and rule.when is not None:
                message = (
                    "the last rule is for everybody whom no other one took; leave its 'when' out, or add one"
                )
                raise MisplacedError(message, ("rules", index, "when"))
            if not last and rule.when is None:
                message = "this rule takes everybody, so those after it never come; give it a 'when', or write it last"
                raise MisplacedError(message, ("rules", index))
            if rule.when is not None and rule.when in seen:
                message = f"{rule.when!r} stands in an earlier rule already, which takes them all; drop one of the two"
                raise MisplacedError(message, ("rules", index, "when"))
            seen.add(rule.when or "")
        return self

    @property
    def ask_the_payer(self) -> bool:
        """Whether a rule looks at how the customer pays."""
        return any(rule.when and "payer." in rule.when for rule in self.rules)


@dataclass(frozen=True, slots=True)
class Judged:
    """One rule and one customer: whether it holds (None where it cannot be worked out), and by which values."""

    number: int
    segment: str
    title: str
    when: str | None
    holds: bool | None
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Decision:
    """The segment of a customer, and what decided: an override, a rule by its number from 1, or the file."""

    segment: str
    assignment: Assignment | None
    judged: tuple[Judged, ...] = ()


def decide(
    rules: Segments | None,
    customer: CustomerFacts,
    payer: PayerFacts,
    now: datetime,
    *,
    overridden: bool = True,
) -> Decision:
    """The segment of a customer at the aware instant `now`; total. Without rules it is the one of the file.

    A rule that cannot be worked out is passed over. `overridden` lets what a person assigned count first.
    """
    judged = tuple(_judge(rules, customer, payer, now)) if rules else ()
    if overridden and customer.assigned and customer.assigned.by == "manual":
        return Decision(customer.segment, customer.assigned, judged)
    for each in judged:
        if each.holds:
            segment = customer.of_file if each.segment == IMPORTED else each.segment
            return Decision(segment, Assignment(by="rule", rule=each.number), judged)
    return Decision(customer.of_file, None)


def _judge(rules: Segments, customer: CustomerFacts, payer: PayerFacts, now: datetime) -> Iterator[Judged]:
    facts = segment_facts(customer, payer, now)
    for number, rule in enumerate(rules.rules, 1):
        values = facts_in(rule.when, facts) if rule.when else {}
        yield Judged(number, rule.segment, rule.title, rule.when, _holds(rule, facts), values)


def _holds(rule: SegmentRule, facts: Mapping[str, Any]) -> bool | None:
    try:
        return rule.when is None or holds(rule.when, facts)
    except ConditionFailed:
        return None


def segment_facts(customer: CustomerFacts, payer: PayerFacts, now: datetime) -> Mapping[str, Any]:
    """The facts that SEGMENT_FACTS documents."""
    return {
        "imported": customer.of_file,
        "country": customer.country,
        "subdivision": customer.subdivision or "",
        "language": str(customer.language),
        "payer": payer_terms(payer, now),
    }


def lint_segments(rules: Segments, served: Mapping[str, str], source: Source) -> list[Problem]:
    """Rules whose segment no cadence serves; `served` gives each segment's cadence."""
    return [
        source.problem(
            ("rules", index, "segment"),
            f"no cadence serves the segment {rule.segment!r}; there are {', '.join(sorted(served)) or 'none'}",
        )
        for index, rule in enumerate(rules.rules)
        if rule.segment != IMPORTED and rule.segment not in served
    ]


def segments_schema() -> dict[str, Any]:
    """Describe the document as JSON Schema, for editors that complete and check."""
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Régua segments"}
    return {**Segments.model_json_schema(), **head}
