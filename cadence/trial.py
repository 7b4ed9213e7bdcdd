"""Tries a step's condition on every kind of invoice the step can meet, to find the ones that never hold."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise, product
from typing import Any

from jinja2 import nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from cadence.conditions import ConditionFailed, holds, named_facts
from cadence.words import MINOR_UNITS, Language

# Enough for four facts with a dozen values each, and less than a second's work.
MOST_TRIALS = 20_000
# Above what any amount can be (14 digits); infinity, which Jinja can write, is above it as well.
LARGEST = 10**14
MONEY = ("amount", "balance", "paid")
COUNTS = ("kept_promises", "partly_kept_promises", "broken_promises", "disputes")
# What can be below zero, beside days overdue: whoever pays early is late by so much less.
SIGNED = "payer.average_days_late"
# What no ledger can hold: the former above the latter.
_AT_MOST = (
    ("payer.paid", "payer.invoices"),
    ("payer.open", "payer.invoices"),
    ("payer.paid_on_time", "payer.paid"),
    ("payer.paid_late", "payer.paid"),
    ("payer.promises_kept", "payer.promises"),
    ("payer.promises_broken", "payer.promises"),
)
# Comparisons of facts with constants, joined by and, or, not: what trying samples can settle for certain.
_SETTLED = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Compare, nodes.Operand, nodes.And, nodes.Or,
    nodes.Not, nodes.Neg, nodes.Name, nodes.Const, nodes.Getattr, nodes.List, nodes.Tuple,
)  # fmt: skip
_EVALUABLE = (
    "compare numbers with numbers and text with text, and reckon with money in whole numbers only: it is exact, "
    "so write 'balance * 10 > amount * 9' and not 'balance > amount * 0.9'"
)
_GRAMMAR = ImmutableSandboxedEnvironment()


@dataclass(frozen=True)
class Situation:
    """What is certain about an invoice when a step comes; `overdue` is its least and most days, None for no end."""

    segments: tuple[str, ...]
    stage: str
    overdue: tuple[int | None, int | None]


def objection(expression: str, situation: Situation) -> str | None:
    """Say why the condition can never hold in the situation; None where it can, or where that is not certain."""
    tree = _GRAMMAR.parse("{{ (" + expression + ") }}")
    used = sorted(set(named_facts(tree)))
    values = [_values(name, tree, situation) for name in used]
    if math.prod(len(each) for each in values) > MOST_TRIALS:
        return None
    outcomes = {_outcome(expression, facts) for facts in _invoices(used, values)}
    if True in outcomes:
        return None
    if outcomes == {None}:
        return f"{expression!r} cannot be evaluated; {_EVALUABLE}"
    certain = not used or all(isinstance(node, _SETTLED) for node in tree.find_all(nodes.Node))
    return _never(expression, used, situation) if certain else None


def _never(expression: str, used: list[str], situation: Situation) -> str:
    least, most = situation.overdue
    reasons = {
        "days_overdue": f"days_overdue is {_between(least, most)} then",
        "balance": "balance is above 0 while the invoice is open",
        "segment": f"segment is {' or '.join(situation.segments)} in this cadence",
        "stage": f"stage is {situation.stage} in this step",
    }
    known = [reasons[name] for name in used if name in reasons]
    return f"{expression!r} is never true when this step comes" + (f": {'; '.join(known)}" if known else "")


def _between(least: int | None, most: int | None) -> str:
    bounds = [f"at least {least}" if least is not None else "", f"at most {most}" if most is not None else ""]
    return " and ".join(bound for bound in bounds if bound) or "any number"


def _outcome(expression: str, facts: dict[str, Any]) -> bool | None:
    try:
        return holds(expression, facts)
    except ConditionFailed:
        return None


def _invoices(used: list[str], values: list[list[Any]]) -> Iterator[dict[str, Any]]:
    for chosen in product(*values):
        sample = dict(zip(used, chosen, strict=True))
        if _possible(sample):
            yield _nested(sample)


def _nested(sample: dict[str, Any]) -> dict[str, Any]:
    """The facts as expressions meet them: `payer.owed.EUR` is a value within values."""
    facts: dict[str, Any] = {}
    for name, value in sample.items():
        *around, last = name.split(".")
        inner = facts
        for part in around:
            inner = inner.setdefault(part, {})
        inner[last] = value
    return facts


def _possible(sample: dict[str, Any]) -> bool:
    """Leave out what no ledger can hold: more paid late than paid, more paid than there are."""
    return all(
        sample[small] <= sample[large] for small, large in _AT_MOST if small in sample and large in sample
    )


def _values(name: str, tree: nodes.Template, situation: Situation) -> list[Any]:
    constants = [node.value for node in tree.find_all(nodes.Const)]
    texts = sorted({value for value in constants if isinstance(value, str)})
    numbers = _telling(
        [Decimal(str(abs(v))) for v in constants if isinstance(v, int | float) and abs(v) < LARGEST]
    )
    if name in MONEY:
        return [n for n in numbers if n > 0] + ([Decimal(0)] if name == "paid" else [])
    if name == SIGNED:
        return numbers
    if name.startswith(("payer.owed.", "payer.credit.")) or name == "payer.dispersion":
        return [n for n in numbers if n >= 0]
    if name.startswith("payer.") or name in COUNTS:
        return sorted({int(n) for n in numbers if n >= 0})
    if name == "days_overdue":
        return _days(numbers, *situation.overdue)
    fixed: dict[str, list[Any]] = {
        "segment": [*situation.segments],
        "stage": [situation.stage],
        "currency": sorted(MINOR_UNITS),
        "language": [*Language],
        "country": ["ZZ", *(text for text in texts if re.fullmatch("[A-Z]{2}", text))],
    }
    return fixed.get(name, ["", "other", *texts])


def _telling(constants: list[Decimal]) -> list[Decimal]:
    """The numbers on which comparisons with these constants can differ: each one, between, and on both sides."""
    points = sorted({Decimal(0), Decimal(1000), *constants})
    between = [(low + high) / 2 for low, high in pairwise(points)]
    beside = [point + step for point in points for step in (-1, 1)]
    return sorted({*points, *between, *beside})


def _days(numbers: list[Decimal], least: int | None, most: int | None) -> list[int]:
    wanted = {int(sign * n) for n in numbers for sign in (1, -1)} | {
        d for d in (least, most) if d is not None
    }
    return sorted(d for d in wanted if (least is None or d >= least) and (most is None or d <= most))
