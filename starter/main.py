"""The `regua` command line: every command by its name, and the outermost frame that turns errors into sentences."""

import ast
import gc
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import typer
from typer.exceptions import Abort, TyperException

from starter.complaints import REFUSED, complaint
from starter.leaving import leave
from starter.running_stack import adopt_running_stack

INTERRUPTED = 130
# Objects made before the collector looks for cycles. With Python's 700 it looks through all that is being loaded, again
# and again, for a fifth of the time that a command takes to begin.
GARBAGE = 20_000

# Where each command is. Only the module of the one that was typed is loaded: all the rooms together take seconds.
COMMANDS: Mapping[str, str] = {
    "up": "up.up",
    "import": "imports.import_invoices",
    "list": "reading.list_invoices",
    "show": "reading.show",
    "customer": "customers.customer",
    "statement": "statements.statement",
    "why": "explaining.why",
    "interest": "interest.interest",
    "charge": "interest.charge",
    "waive": "interest.waive",
    "agenda": "reading.agenda",
    "messages": "reading.messages",
    "pay": "facts.pay",
    "reverse": "facts.reverse",
    "pay-customer": "allocating.pay_for_customer",
    "reverse-customer": "allocating.reverse_for_customer",
    "credit-note": "credit.credit_note",
    "credit": "credit.credit",
    "use-credit": "credit.use_credit",
    "refund": "credit.refund",
    "dispute": "disputes.dispute",
    "assign-dispute": "disputes.assign",
    "resolve": "disputes.resolve",
    "extend": "facts.extend",
    "approvals": "approvals.approvals",
    "approve": "approvals.approve",
    "refuse": "approvals.refuse",
    "promise": "commitments.promise",
    "plan": "commitments.plan",
    "end-plan": "commitments.end_plan",
    "pause": "holds.pause",
    "resume": "holds.resume",
    "escalate": "facts.escalate",
    "cancel": "facts.cancel",
    "cases": "cases.cases",
    "conversations": "conversations.conversations",
    "answer": "conversations.answer",
    "jobs": "jobs.jobs",
    "suppress": "wishes.suppress",
    "unsuppress": "wishes.unsuppress",
    "consent": "wishes.consent",
    "prefer": "wishes.prefer",
    "merge-customer": "merging.merge_customer",
    "halt": "holds.halt",
    "unhalt": "holds.unhalt",
    "rules": "rules.rules",
    "rehearse": "rehearsals.rehearse",
    "demo": "rehearsals.demo",
    "doctor": "health.doctor",
    "worker": "working.worker",
    "relay": "relaying.relay",
    "api": "serving.api",
    "migrate": "deploying.migrate",
}
# A group's command without a name is what the group does when nothing more is typed.
GROUPS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "events": ("What happened to invoices.", {"import": "imports.import_events"}),
    "contacts": ("The people at customers, by their roles.", {"import": "imports.import_people"}),
    "token": (
        "Tokens: who may call the HTTP service.",
        {"create": "tokens.create", "list": "tokens.list_tokens", "revoke": "tokens.revoke"},
    ),
    "segments": (
        "Which customers belong to which segment, and why.",
        {
            "explain": "segments.explain",
            "set": "segments.assign",
            "clear": "segments.clear",
            "apply": "segments.apply",
            "lint": "segments.lint",
            "schema": "segments.schema",
        },
    ),
    "case": (
        "Work on one case.",
        {"claim": "cases.claim", "release": "cases.release", "note": "cases.note", "close": "cases.close"},
    ),
    "unmatched": (
        "Money that no invoice was found for: without a command, the list of it.",
        {
            "": "unmatched.unmatched",
            "show": "unmatched.show",
            "claim": "unmatched.claim",
            "release": "unmatched.release",
            "settle": "unmatched.settle",
            "dismiss": "unmatched.dismiss",
        },
    ),
    "cadence": (
        "Cadence documents.",
        {
            "lint": "cadences.lint",
            "schema": "cadences.schema",
            "show": "cadences.show",
            "publish": "cadences.publish",
            "migrate": "migrations.migrate",
        },
    ),
}


def command_line(typed: str | None = None) -> typer.Typer:
    """The whole command line, or as much of it as `typed` needs, the first word after `regua`.

    Of a command or a group that is all of it; any other word leads to a list at most, which needs no more of each
    command than what it is for.
    """
    line = typer.Typer(
        name="regua", add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None
    )
    # A callback keeps a line of one command from becoming that command.
    line.callback()(_regua)
    known = typed in COMMANDS or typed in GROUPS
    found = _command if known or typed is None else _heading
    _register(line, {name: place for name, place in COMMANDS.items() if not known or name == typed}, found)
    for name, (text, commands) in GROUPS.items():
        if not known or name == typed:
            group = typer.Typer(help=text)
            own = commands.get("")
            group.callback(invoke_without_command=own is not None)(found(own) if own else _group)
            _register(group, {command: place for command, place in commands.items() if command}, found)
            line.add_typer(group, name=name, help=text)
    return line


def __getattr__(name: str) -> typer.Typer:
    """`app`, the whole command line, for those who look at it as a Typer application."""
    if name == "app":
        return command_line()
    raise AttributeError(name)


def _register(
    line: typer.Typer, commands: Mapping[str, str], found: Callable[[str], Callable[..., Any]]
) -> None:
    for name, place in commands.items():
        line.command(name)(found(place))


def _command(place: str) -> Callable[..., Any]:
    module, _, function = place.partition(".")
    command: Callable[..., Any] = getattr(import_module(f"starter.commands.{module}"), function)
    return command


def _heading(place: str) -> Callable[..., Any]:
    """What stands for a command in a list: nothing but its docstring, read without loading the module."""
    module, _, function = place.partition(".")

    def heading() -> None: ...

    heading.__doc__ = _docstrings(module)[function]
    return heading


@cache
def _docstrings(module: str) -> Mapping[str, str | None]:
    source = (Path(__file__).parent / "commands" / f"{module}.py").read_text("utf-8")
    functions = (node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef))
    return {function.name: ast.get_docstring(function) for function in functions}


def _regua() -> None:
    """Régua: every invoice's reminders, kept in time until the money is there."""


def _group() -> None:
    """Nothing of its own."""


def main() -> NoReturn:
    """Run a command and leave with the status of `run`."""
    gc.set_threshold(GARBAGE)
    leave(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command; its exit status: 2 for what was refused, with a sentence on the standard error stream."""
    typed = list(arguments) or ["--help"]
    try:
        adopt_running_stack()
        status = command_line(typed[0])(typed, prog_name="regua", standalone_mode=False)
    except TyperException as error:
        return _usage(error)
    except (Abort, KeyboardInterrupt):
        return INTERRUPTED
    except SystemExit as leaving:  # how Typer and Rich leave when nobody reads their output any more
        return leaving.code if isinstance(leaving.code, int) else REFUSED
    except Exception as error:  # noqa: BLE001 - the outermost frame: nobody is shown a traceback
        text, status = complaint(error)
        _complain(text)
    return status if isinstance(status, int) else 0


def _usage(error: TyperException) -> int:
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "regua"
    text = error.format_message().replace("Value error, ", "")
    _complain(f"{text}\n`{path} --help` shows how it is used.")
    return REFUSED


def _complain(text: str) -> None:
    sys.stderr.write(f"regua: {text}\n")


if __name__ == "__main__":
    main()
