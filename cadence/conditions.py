"""Conditions: when a step applies, as expressions of Jinja's sandbox over documented facts."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import lru_cache
from typing import Annotated, Any

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import AfterValidator

from cadence.payers import PAYER_FACTS, PAYER_NAMES

_SANDBOX = ImmutableSandboxedEnvironment(undefined=StrictUndefined)
_SANDBOX.globals.clear()
LONGEST = 300
# What a condition is made of. Anything else can take the machine's memory and hours in a few letters, already
# while Jinja works constants out: `'a'.ljust(10000000000)`.
_PARTS = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Getattr, nodes.Const, nodes.List,
    nodes.Tuple, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Neg, nodes.Pos, nodes.Add,
    nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod,
)  # fmt: skip
_TITLES: Mapping[type[nodes.Node], str] = {
    nodes.Call: "a call",
    nodes.Filter: "a filter",
    nodes.Pow: "powers (**)",
}
_TEXTS = frozenset({"currency", "payment_method", "segment", "country", "language", "stage"})

CONDITION_FACTS: Mapping[str, str] = {
    "amount": "what was invoiced (Decimal, in the invoice's currency)",
    "balance": "what is still owed, less a disputed part that is not asked for (Decimal)",
    "paid": "what was paid so far (Decimal)",
    "currency": "ISO 4217 code",
    "days_overdue": "days after the due date, in the creditor's zone; negative before it",
    "payment_method": "as imported: boleto, pix, transfer, direct_debit, card, ... or empty",
    "segment": "the customer's segment",
    "country": "where the customer is, ISO 3166",
    "language": "the customer's language",
    "stage": "the stage of this step",
    "kept_promises": "promises kept on this invoice",
    "partly_kept_promises": "promises on this invoice of which only a part came",
    "broken_promises": "promises on this invoice of which nothing came",
    "disputes": "disputes opened on this invoice",
    **PAYER_FACTS,
}


class ConditionFailed(Exception):
    """A condition could not be evaluated; the text names the expression, never a customer's data."""


@lru_cache(maxsize=1024)
def _compiled(expression: str) -> Any:
    return _SANDBOX.compile_expression(expression, undefined_to_none=False)


def check_condition(expression: str, facts: Mapping[str, str] = CONDITION_FACTS) -> str:
    """Accept an expression that parses and uses documented `facts` only; raise ValueError otherwise."""
    if len(expression) > LONGEST:
        message = f"a condition has at most {LONGEST} characters, and this one has {len(expression)}; write two steps"
        raise ValueError(message)
    try:
        tree = _SANDBOX.parse("{{ (" + expression + ") }}")
        if (foreign := _foreign(tree)) is not None:
            title = _TITLES.get(type(foreign), type(foreign).__name__.lower())
            message = (
                f"{expression!r} uses {title}, which no condition needs; compare facts with numbers and texts"
            )
            raise ValueError(message)
        if any(isinstance(constant.value, float) for constant in tree.find_all(nodes.Const)):
            message = (
                f"{expression!r} compares exact money with a fraction; write it in whole numbers, "
                "for example 'balance * 10 > amount * 9' or 'balance * 100 < 4050'"
            )
            raise ValueError(message)
        if any(_repeats_text(product) for product in tree.find_all((nodes.Mul, nodes.Mod))):
            message = (
                f"{expression!r} multiplies a text or a list, or fills one in (%), which no condition needs"
            )
            raise ValueError(message)
        _compiled(expression)
    except TemplateSyntaxError as error:
        message = f"{expression!r} is not an expression: {error.message}"
        raise ValueError(message) from None
    except RecursionError:
        message = f"{expression!r} is nested too deeply; write it with fewer parentheses"
        raise ValueError(message) from None
    known = set(facts) | PAYER_NAMES
    if unknown := sorted(set(named_facts(tree)) - known):
        close = get_close_matches(unknown[0], known, n=1) if "." in unknown[0] else []
        hint = f"did you mean {close[0]}?" if close else f"a condition may use {', '.join(facts)}"
        message = f"{', '.join(unknown)} is no fact; {hint}"
        raise ValueError(message)
    return expression


def named_facts(tree: nodes.Template) -> Iterator[str]:
    """The facts that an expression names, each whole: `payer.owed.EUR`."""
    within = {id(each.node) for each in tree.find_all(nodes.Getattr)}
    for node in tree.find_all((nodes.Getattr, nodes.Name)):
        if id(node) not in within:
            yield _dotted(node)


def _dotted(node: nodes.Node) -> str:
    if isinstance(node, nodes.Getattr):
        return f"{_dotted(node.node)}.{node.attr}"
    return node.name if isinstance(node, nodes.Name) else "a value"


def facts_in(expression: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts that an expression names, with their values."""
    tree = _SANDBOX.parse("{{ (" + expression + ") }}")
    return {name: _compiled(name)(**facts) for name in dict.fromkeys(named_facts(tree))}


def _foreign(tree: nodes.Template) -> nodes.Node | None:
    return next((node for node in tree.find_all(nodes.Node) if not isinstance(node, _PARTS)), None)


def _repeats_text(product: nodes.BinExpr) -> bool:
    text = any(isinstance(constant.value, str) for constant in product.find_all(nodes.Const))
    named = any(fact.name in _TEXTS for fact in product.find_all(nodes.Name))
    return text or named or any(product.find_all((nodes.List, nodes.Tuple)))


def holds(expression: str, facts: Mapping[str, Any]) -> bool:
    """Whether the condition is true of `facts`; raise ConditionFailed where it cannot be told."""
    try:
        return bool(_compiled(expression)(**facts))
    except (TemplateError, ArithmeticError, TypeError, ValueError) as error:
        message = f"the condition {expression!r} cannot be evaluated ({type(error).__name__})"
        raise ConditionFailed(message) from None


Condition = Annotated[str, AfterValidator(check_condition)]
