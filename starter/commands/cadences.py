"""Commands on cadence documents: judge them, see what they will do, and publish them."""

import json as json_text
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from sqlalchemy.ext.asyncio import AsyncEngine

from cadence.reading import cadence_schema
from cadence.rules import Rulebook
from cadence.words import BILLING, Language
from starter.commands import options as o
from starter.commands.documents import (
    DEFAULT_CREDITOR,
    DEFAULT_FOLDER,
    DEFAULT_POLICIES,
    CreditorFile,
    Folder,
    PolicyFolder,
)
from starter.documents import read_creditor, read_packs
from starter.printing import as_json, local, say, table
from starter.publish import publish_files
from starter.rulers import (
    EXAMPLE_ISSUED,
    ExampleDay,
    Linted,
    cadence_files,
    example,
    example_place,
    lint_files,
    read_cadence,
)
from starter.session import Refusal, wall_clock, with_engine

Files = Annotated[list[Path] | None, typer.Argument(help="Cadence files; all of the folder if left out.")]


def lint(
    files: Files = None, folder: Folder = DEFAULT_FOLDER, creditor: CreditorFile = DEFAULT_CREDITOR,
    json: o.Json = False,
) -> None:  # fmt: skip
    """Say what is wrong with cadence files, and where; exit status 2 where something is."""
    linted = lint_files(files or cadence_files(folder), read_creditor(creditor))
    if json:
        as_json(linted.problems)
    else:
        _print_problems(linted)
    if linted.errors:
        raise typer.Exit(2)


def schema(folder: Folder = DEFAULT_FOLDER) -> None:
    """Write the JSON Schema by which an editor completes and checks cadence files."""
    if not folder.is_dir():
        raise Refusal(f"{folder} is no folder; make it, or name another one with --folder")
    target = folder / "schema.json"
    text = json_text.dumps(cadence_schema(), indent=2, ensure_ascii=False) + "\n"
    target.write_text(text, "utf-8")
    say(f"{target} written")


def show(
    cadence: Annotated[str, typer.Argument(help="A cadence file, or the name of one in the folder.", show_default=False)],
    due: Annotated[str | None, typer.Option("--due", help="The example's due date; in 30 days if left out.")] = None,
    language: Annotated[Language | None, typer.Option("--language", help="The example customer's language.")] = None,
    country: Annotated[str | None, typer.Option("--country", help="The example customer's country, such as BR.")] = None,
    folder: Folder = DEFAULT_FOLDER,
    creditor: CreditorFile = DEFAULT_CREDITOR,
    policies: PolicyFolder = DEFAULT_POLICIES,
    json: o.Json = False,
) -> None:  # fmt: skip
    """Show what a cadence will do, on the calendar of one example invoice that nobody pays."""
    owner = read_creditor(creditor)
    document, _ = read_cadence(_file(cadence, folder))
    due_on = o.read_date("--due", due) if due else wall_clock().date() + EXAMPLE_ISSUED
    with o.named_options():
        tongue, place, zone = example_place(owner, country, language)
        days = example(document, Rulebook(owner, read_packs(policies)), due_on, tongue, place, zone)
    if json:
        as_json(days)
        return
    rows = [
        (
            _when(day, ZoneInfo(zone)),
            day.offset,
            day.stage,
            day.step,
            day.what if day.to in ("", BILLING) else f"{day.what}, to {day.to}",
            day.when,
            day.missed,
            day.subject,
        )
        for day in days
    ]
    title = f"{document.title}: due on {due_on}, customer in {place}, {tongue}, never paid"
    table(title, ("when", "offset", "stage", "step", "what", "only if", "if missed", "subject"), rows)


def _when(day: ExampleDay, zone: ZoneInfo) -> str:
    """When a step comes, and to when which cap will defer it."""
    if day.at is None:
        return "never"
    when, cap = day.at.strftime("%a %Y-%m-%d %H:%M"), day.cap_foreseen
    return f"{when}, deferred to {local(cap.until, zone)} by {cap.rule}" if cap else when


def publish(
    files: Files = None, folder: Folder = DEFAULT_FOLDER, creditor: CreditorFile = DEFAULT_CREDITOR,
    actor: o.Actor = o.ACTOR,
) -> None:  # fmt: skip
    """Judge cadence files and publish them: new invoices follow them from now on, old ones keep their version."""
    chosen, owner = files or cadence_files(folder), read_creditor(creditor)
    who = o.read_line("--actor", actor)

    async def work(engine: AsyncEngine) -> list[tuple[str, int, bool]]:
        return await publish_files(engine, chosen, owner, who)

    for name, version, new in with_engine(work):
        say(f"{name}: version {version} published" if new else f"{name}: version {version} already says this")


def _print_problems(linted: Linted) -> None:
    for problem in linted.problems:
        say(str(problem))
    names = ", ".join(cadence.name for cadence, _ in linted.cadences)
    if not linted.errors:
        say(f"{names}: fine" + (f", with {len(linted.problems)} warnings" if linted.problems else ""))


def _file(named: str, folder: Path) -> Path:
    """The file that is meant: a path, or the name of a cadence in the folder."""
    if named.endswith((".yaml", ".yml")) or Path(named).is_file():
        return Path(named)
    path = folder / f"{named}.yaml"
    if path.parent != folder or not path.is_file():
        names = ", ".join(file.stem for file in cadence_files(folder))
        raise Refusal(f"there is no cadence {named!r} in {folder}; there are {names}")
    return path
