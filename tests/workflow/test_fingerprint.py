"""The workflows' commands, in source order, are those of workflows/fingerprint.txt: a change is made on purpose.

A changed order can break invoices that are running. If it is meant, see that the recorded histories replay, then
write the fingerprint anew: `python -m tests.workflow.test_fingerprint > workflows/fingerprint.txt`.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

SOURCES = tuple(Path("workflows", name) for name in ("invoice.py", "listening.py", "webhooks.py"))
FINGERPRINT = Path("workflows/fingerprint.txt")
# What leaves a trace in history, or decides whether and when something does.
COMMANDS = frozenset(
    {
        "continue_as_new", "execute_activity", "is_continue_as_new_suggested", "now", "start_activity",
        "upsert_search_attributes", "uuid4", "wait_condition",
    }
)  # fmt: skip
HANDLERS = frozenset({"init", "run", "signal", "query", "update"})


def fingerprint(source: str) -> str:
    """One line for each handler and each command of the workflow's class, in the order of the source."""
    methods = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef)
    ]
    return "".join(f"{line}\n" for method in methods for line in _lines(method))


def fingerprints() -> str:
    """Those of all workflows."""
    return "".join(fingerprint(source.read_text("utf-8")) for source in SOURCES)


def _lines(method: ast.AsyncFunctionDef | ast.FunctionDef) -> Iterator[str]:
    for decorator in method.decorator_list:
        attribute = decorator.func if isinstance(decorator, ast.Call) else decorator
        if isinstance(attribute, ast.Attribute) and attribute.attr in HANDLERS:
            yield f"{method.name}: @{ast.unparse(decorator)}"
    calls = [node for node in ast.walk(method) if isinstance(node, ast.Call) and _command(node)]
    for call in sorted(calls, key=lambda call: (call.lineno, call.col_offset)):
        yield f"{method.name}: {_command(call)}"


def _command(call: ast.Call) -> str | None:
    """The command with what names it: an activity's name, but no time-out, which a replay does not notice."""
    if not isinstance(call.func, ast.Attribute):
        return None
    if call.func.attr == "cancel":
        return "cancel"
    if call.func.attr not in COMMANDS:
        return None
    named = call.func.attr.endswith("_activity") and call.args
    return f"{call.func.attr}({ast.unparse(call.args[0])})" if named else call.func.attr


def test_the_order_of_commands_changes_on_purpose_only() -> None:
    assert fingerprints() == FINGERPRINT.read_text("utf-8"), __doc__


def test_another_order_gives_another_fingerprint() -> None:
    source = SOURCES[0].read_text("utf-8")
    assert fingerprint(source.replace("start_activity", "execute_activity")) != fingerprint(source)


if __name__ == "__main__":
    sys.stdout.write(fingerprints())
