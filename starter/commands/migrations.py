"""The command that moves running invoices to the newest version of their cadence."""

import sys
from collections.abc import Sequence
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from ledger.access import Ledger
from ledger.migrating import Foreseen
from starter.commands import options as o
from starter.migrating import Migrated, migrate_invoices
from starter.printing import as_json, console, counted, local, say, table
from starter.session import Refusal, wall_clock, with_ledger

MaybeCadence = Annotated[str | None, typer.Argument(help="The name of a cadence; all of them if left out.")]
Invoices = Annotated[
    list[str] | None, typer.Option("--invoice", help="Only this invoice; may be given more than once.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
# A screen or two; the sums below count them all, and --json lists them.
SHOWN = 40
UTC_ZONE = ZoneInfo("UTC")


def migrate(
    cadence: MaybeCadence = None, invoice: Invoices = None, dry_run: DryRun = False, yes: Yes = False,
    note: o.Note = None, actor: o.Actor = o.ACTOR, json: o.Json = False,
) -> None:  # fmt: skip
    """Move running invoices to the newest version of their cadence, once you have seen what changes for each."""
    if json and not (yes or dry_run):
        raise Refusal("--json asks no questions: add --dry-run to see what would change, or --yes to do it")
    origin = o.read_origin(actor, note)

    def agree(found: Sequence[Foreseen]) -> bool:
        if not json:
            _print(found)
        return not dry_run and (yes or _confirmed(len(found)))

    async def work(ledger: Ledger) -> Migrated:
        return await migrate_invoices(ledger, cadence, invoice or [], origin, wall_clock, console(), agree)

    done = with_ledger(work)
    if json:
        as_json({"invoices": done.foreseen, "moved": done.moved})
    elif not done.foreseen:
        say("Every open invoice follows the newest version of its cadence.")
    elif done.declined:
        say("Nothing was moved.")
    else:
        say(f"{counted(done.moved, 'invoice')} moved.")


def _confirmed(number: int) -> bool:
    if not sys.stdin.isatty():
        raise Refusal("nobody is here to ask; add --yes to move them, or --dry-run to look only")
    return typer.confirm(f"Move {counted(number, 'invoice')}?")


def _print(found: Sequence[Foreseen]) -> None:
    rows = [
        (each.invoice, each.before, each.after, one.step, one.kind, local(one.was, UTC_ZONE), local(one.becomes, UTC_ZONE))
        for each in found
        for one in each.differences
    ]  # fmt: skip
    headings = ("invoice", "follows", "will follow", "step", "what", "was (UTC)", "becomes (UTC)")
    table(f"{counted(len(found), 'invoice')} to move", headings, rows[:SHOWN])
    if len(rows) > SHOWN:
        say(f"and {len(rows) - SHOWN} more changes; --dry-run --json shows all")
    kinds = [row[4] for row in rows]
    same = sum(not each.differences for each in found)
    say(
        f"{kinds.count('goes')} steps go, {kinds.count('comes')} come, {kinds.count('moves')} move; "
        f"{counted(same, 'invoice')} keep{'s' if same == 1 else ''} every step"
    )
