"""The `regua` command line: every command by its name, and the outermost frame that turns errors into sentences."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NoReturn

import typer
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError
from temporalio.service import RPCError
from typer.exceptions import Abort, TyperException

from cadence.problems import DocumentError
from channels.settings import SettingsError
from ledger.database import LedgerError
from starter.commands import cadences, cases, facts, health, holds, imports, reading, rehearsals, running
from starter.processes import StartError
from starter.rehearsal.player import Refused
from starter.rehearsal.watching import Stuck
from starter.session import Refusal
from starter.settings import adopt_running_stack
from templates.errors import TemplateError

WRONG, REFUSED, INTERRUPTED = 1, 2, 130

app = typer.Typer(
    name="regua",
    help="Régua: every invoice's reminders, kept in time until the money is there.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
events = typer.Typer(help="What happened to invoices.")
case = typer.Typer(help="Work on one case.")
cadence = typer.Typer(help="Cadence documents.")

_COMMANDS: dict[str, Callable[..., Any]] = {
    "up": running.up,
    "import": imports.import_invoices,
    "list": reading.list_invoices,
    "show": reading.show,
    "agenda": reading.agenda,
    "messages": reading.messages,
    "pay": facts.pay,
    "reverse": facts.reverse,
    "dispute": facts.dispute,
    "resolve": facts.resolve,
    "promise": facts.promise,
    "pause": holds.pause,
    "resume": holds.resume,
    "escalate": facts.escalate,
    "cancel": facts.cancel,
    "cases": cases.cases,
    "halt": holds.halt,
    "unhalt": holds.unhalt,
    "rehearse": rehearsals.rehearse,
    "demo": rehearsals.demo,
    "doctor": health.doctor,
    "worker": running.worker,
    "relay": running.relay,
    "receiver": running.receiver,
    "migrate": running.migrate,
}


def _register(group: typer.Typer, commands: Mapping[str, Callable[..., Any]]) -> None:
    for name, command in commands.items():
        group.command(name)(command)


_register(app, _COMMANDS)
_register(events, {"import": imports.import_events})
_register(case, {"claim": cases.claim, "note": cases.note, "close": cases.close})
_register(
    cadence,
    {"lint": cadences.lint, "schema": cadences.schema, "show": cadences.show, "publish": cadences.publish},
)
app.add_typer(events, name="events")
app.add_typer(case, name="case")
app.add_typer(cadence, name="cadence")


def main() -> NoReturn:
    """Run a command and leave: with the status of `run`, and at once.

    A Temporal client can abort the process while the interpreter tidies up, so nothing is left to tidy.
    """
    status = run(sys.argv[1:])
    for stream in (sys.stdout, sys.stderr):
        with suppress(BrokenPipeError):  # the reader, such as `head`, has seen enough
            stream.flush()
    os._exit(status)


def run(arguments: Sequence[str]) -> int:
    """Run one command; its exit status: 2 for what was refused, with a sentence on the standard error stream."""
    try:
        adopt_running_stack()
        status = app(list(arguments) or ["--help"], prog_name="regua", standalone_mode=False)
    except TyperException as error:
        return _usage(error)
    except (Abort, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError:
        return 0
    except Exception as error:  # noqa: BLE001 - the outermost frame: nobody is shown a traceback
        return _refused(error)
    return status if isinstance(status, int) else 0


def _usage(error: TyperException) -> int:
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "regua"
    text = error.format_message().replace("Value error, ", "")
    _complain(f"{text}\n`{path} --help` shows how it is used.")
    return REFUSED


def _refused(error: Exception) -> int:
    """What went wrong, in a sentence; a driver's own words can quote what it was given, so they stay unsaid."""
    match error:
        case (
            Refusal()
            | Refused()
            | Stuck()
            | LedgerError()
            | SettingsError()
            | DocumentError()
            | StartError()
            | TemplateError()
        ):
            _complain(str(error))
        case ProgrammingError():
            _complain("The ledger's tables are missing or older than this version; run `regua migrate`.")
        case OperationalError():
            _complain("PostgreSQL does not answer; start it or `regua up`, and check DATABASE_URL.")
        case RPCError():
            _complain(f"Temporal refused or does not answer ({error.status.name}); check TEMPORAL_ADDRESS.")
        case DBAPIError():
            _complain("PostgreSQL cannot keep this value; check the texts and numbers that were given.")
        case OSError():
            _complain(
                f"{error.filename or 'A file or connection'}: {error.strerror or type(error).__name__}; check it."
            )
        case _:
            _complain(
                f"This was not foreseen ({type(error).__name__}); nothing more was done. Please report it."
            )
            return WRONG
    return REFUSED


def _complain(text: str) -> None:
    sys.stderr.write(f"regua: {text}\n")


if __name__ == "__main__":
    main()
