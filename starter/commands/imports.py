"""Commands that take files in: a portfolio of invoices, what happened to them, and the people at customers."""

import sys
from dataclasses import fields
from pathlib import Path
from typing import Annotated

import typer

from ledger.access import Ledger
from starter.commands import options as o
from starter.contacts import ContactsImported, import_contacts
from starter.importing import CONTACTS_A_DAY, Contacts, Imported, import_file, write_template
from starter.importing_happenings import HappeningsImported, import_happenings
from starter.next_message import next_message
from starter.printing import as_json, console, counted, say, table
from starter.rejects import Rejected
from starter.session import Refusal, wall_clock, with_ledger
from starter.settings import load_settings

MaybeFile = Annotated[Path | None, typer.Argument(help="A CSV or XLSX file of invoices.")]
SHOWN_REJECTS = 20


def import_invoices(
    file: MaybeFile = None,
    mapping: Annotated[
        Path | None, typer.Option("--mapping", help="YAML: their headings, dates and numbers.")
    ] = None,
    template: Annotated[
        Path | None, typer.Option("--template", help="Write an example file, and do no more.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would do.")] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not ask, however many contacts a day it makes.")
    ] = False,
    limit: Annotated[
        int, typer.Option("--limit", min=0, help="Ask above so many contacts a day.")
    ] = CONTACTS_A_DAY,
    actor: o.Actor = o.ACTOR,
    json: o.Json = False,
) -> None:
    """Import invoices: the good rows are taken in, the others go to a rejects file. Twice is the same as once."""
    if (file is None) == (template is None):
        raise Refusal("say which: a file to import, or --template with the name of an example to write")
    if template is not None:
        write_template(template)
        say(f"{template} written; columns marked * are required")
        return
    assert file is not None
    chosen, who = file, o.read_line("--actor", actor)
    agree = None if yes else _refuse if json else _agree

    async def work(ledger: Ledger) -> tuple[Imported, str]:
        done = await import_file(
            chosen, ledger, wall_clock(), who, console(),
            mapping=mapping, dry_run=dry_run, agree=agree, limit=limit,
        )  # fmt: skip
        return done, await next_message(ledger.engine, wall_clock())

    done, following = with_ledger(work)
    if json:
        _print_as_json(done)
    else:
        _print_imported(done, limit)
        if not (done.dry_run or done.declined):
            say(following)
    raise typer.Exit(done.exit_status)


def import_events(
    file: Annotated[
        Path, typer.Argument(help="A CSV or XLSX file of payments and other facts.", show_default=False)
    ],
    actor: o.Actor = o.ACTOR,
    json: o.Json = False,
) -> None:
    """Import what happened to invoices: yesterday's payments, disputes, promises. Twice is the same as once."""
    who = o.read_line("--actor", actor)
    policies = load_settings().policies_dir
    done = with_ledger(lambda ledger: import_happenings(file, ledger, wall_clock(), who, console(), policies))
    if json:
        _print_as_json(done)
    else:
        say(f"{done.new} new, {done.same} known before, {len(done.rejected)} rejected")
        _print_rejected(done.rejected, done.rejects_file)
    raise typer.Exit(done.exit_status)


def import_people(
    file: Annotated[Path, typer.Argument(help="A CSV or XLSX file of contacts.", show_default=False)],
    actor: o.Actor = o.ACTOR,
    json: o.Json = False,
) -> None:
    """Import contacts of customers: whom a step can write to by their role. Twice is the same as once."""
    who = o.read_line("--actor", actor)
    done = with_ledger(lambda ledger: import_contacts(file, ledger, wall_clock(), who))
    if json:
        _print_as_json(done)
    else:
        say(f"{done.new} new, {done.changed} changed, {done.same} the same, {len(done.rejected)} rejected")
        _print_rejected(done.rejected, done.rejects_file)
    raise typer.Exit(done.exit_status)


def _agree(contacts: Contacts) -> bool:
    """Ask the person at the terminal; where nobody is there, nobody agreed."""
    _print_contacts(contacts)
    return sys.stdin.isatty() and typer.confirm("Import them all the same?", default=False)


def _refuse(contacts: Contacts) -> bool:
    """A program is asked nothing."""
    return False


def _print_as_json(done: Imported | HappeningsImported | ContactsImported) -> None:
    """What was done, and each rejected row by its line: what stood in it is in the rejects file."""
    shown = {field.name: getattr(done, field.name) for field in fields(done)}
    shown["rejected"] = [{"line": row.line, "reason": row.reason} for row in done.rejected]
    if isinstance(done, Imported):
        shown["contacts"] = dict(sorted(done.contacts.items()))
    as_json(shown)


def _print_imported(done: Imported, limit: int) -> None:
    if done.declined:
        many = counted(done.busiest, "contact")
        say(f"Nothing was imported: {many} on one day is more than {limit}; --yes imports them all")
        return
    mood = "it would be " if done.dry_run else ""
    say(f"{mood}{done.new} new, {done.changed} changed, {done.same} the same, {len(done.rejected)} rejected")
    if done.ignored:
        say(f"columns not read, as the mapping says: {', '.join(done.ignored)}")
    if done.contacts:
        _print_contacts(done.contacts)
    _print_rejected(done.rejected, done.rejects_file)


def _print_contacts(contacts: Contacts) -> None:
    rows = [(f"{day:%a %Y-%m-%d}", count) for day, count in sorted(contacts.items())]
    table("Contacts that this makes:", ("day", "messages"), rows)


def _print_rejected(rejected: list[Rejected], file: Path | None) -> None:
    for row in sorted(rejected, key=lambda row: row.line)[:SHOWN_REJECTS]:
        say(f"line {row.line}: {row.reason}")
    if len(rejected) > SHOWN_REJECTS:
        say(f"... and {len(rejected) - SHOWN_REJECTS} more")
    if file is not None:
        say(f"rejected rows, with their reasons: {file}")
