"""Conditions: expressions over documented facts, and nothing else."""

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadence.conditions import CONDITION_FACTS, ConditionFailed, check_condition, holds

FACTS: dict[str, Any] = {
    "amount": Decimal(100),
    "balance": Decimal("40.10"),
    "paid": Decimal("59.90"),
    "currency": "BRL",
    "days_overdue": 12,
    "payment_method": "boleto",
    "segment": "smb",
    "country": "BR",
    "language": "pt-BR",
    "stage": "overdue",
    "broken_promises": 0,
    "disputes": 1,
    "payer": {"invoices": 4, "paid": 3, "paid_late": 2, "open": 1, "owed": {"EUR": Decimal("40.10")}},
}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("balance < 50", True),
        ("payment_method == 'boleto' and country in ['BR', 'MX']", True),
        ("not (payer.paid_late > 1)", False),
        ("days_overdue >= 12 or broken_promises", True),
        ("currency != 'BRL'", False),
        ("payer.owed.EUR * 100 == 4010", True),
    ],
)
def test_a_condition_is_judged_by_the_facts(expression: str, expected: bool) -> None:
    assert holds(check_condition(expression), FACTS) is expected


def test_a_fact_that_does_not_exist_is_named_with_those_that_do() -> None:
    with pytest.raises(ValueError, match=r"blance is no fact; a condition may use amount, balance"):
        check_condition("blance < 50")


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("payer.payed > 1", "payer.payed is no fact; did you mean payer.paid?"),
        ("payer.owed.EURO > 1", "payer.owed.EURO is no fact; did you mean payer.owed.EUR?"),
        ("payer.owed > 1", "payer.owed is no fact"),
        ("payer > 1", "payer is no fact"),
        ("segment.upper == 'SMB'", "segment.upper is no fact"),
        ("'a'.upper == 'A'", "a value.upper is no fact"),
    ],
)
def test_a_part_of_a_fact_that_does_not_exist_is_named(expression: str, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        check_condition(expression)


@pytest.mark.parametrize(
    "expression", ["balance <", "balance < 50 }} {{ amount", "{{ balance }}", "", "if balance"]
)
def test_what_does_not_parse_is_refused_as_an_expression(expression: str) -> None:
    with pytest.raises(ValueError, match="is not an expression"):
        check_condition(expression)


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("(" * 140 + "1" + ")" * 140, "nested too deeply"),
        ("balance > 1" + " or balance > 1" * 40, "at most 300 characters"),
        ("9 ** 9 ** 9 ** 9 > 1", "uses powers"),
        ("'a' * 999999999 > currency", "multiplies a text"),
        ("currency * 999999999 > ''", "multiplies a text"),
        ("[0] * 999999999 == 1", "multiplies a text"),
        ("(0, 1) * 999999999 == 1", "multiplies a text"),
        ("'%0999999999d' % 1 > ''", "multiplies a text"),
        ("(balance|string|list) * 999999999 == 1", "uses a filter"),
        ("'a'|center(999999999) > ''", "uses a filter"),
        ("'a'.ljust(999999999) > ''", "uses a call"),
        ("'{:>999999999}'.format(1) > ''", "uses a call"),
        ("currency[0:2] == 'BR'", "compare facts"),
    ],
)
def test_a_condition_that_would_exhaust_the_machine_is_refused(expression: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        check_condition(expression)


def test_a_fraction_is_refused_because_money_is_exact() -> None:
    with pytest.raises(ValueError, match="in whole numbers"):
        check_condition("balance > amount * 0.9")


@pytest.mark.parametrize(
    "expression", ["balance > 'much'", "payer.unknown > 1", "segment.__class__.__mro__", "balance / 0 > 1"]
)
def test_what_cannot_be_told_fails_without_a_customer_s_data(expression: str) -> None:
    with pytest.raises(ConditionFailed) as failure:
        holds(expression, FACTS)
    assert expression in str(failure.value)
    assert "40.10" not in str(failure.value)


@given(st.sampled_from(["__class__", "__init__", "__globals__", "__subclasses__", "__mro__"]))
def test_the_sandbox_shows_nothing_of_python(attribute: str) -> None:
    with pytest.raises(ConditionFailed):
        holds(f"segment.{attribute} != 1", FACTS)


def test_the_manual_lists_every_fact_as_the_code_does() -> None:
    manual = Path("docs/cadences.md").read_text(encoding="utf-8")
    rows = [f"| `{name}` | {meaning} |" for name, meaning in CONDITION_FACTS.items()]
    assert "\n".join(rows) in manual
