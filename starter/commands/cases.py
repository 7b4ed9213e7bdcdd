"""Commands for the people who work on cases."""

from typing import Annotated

import typer

from ledger import cases as ledger_cases
from ledger.views import CaseLine
from starter.commands import options as o
from starter.printing import as_json, counted, money, say, table, words
from starter.session import wall_clock, with_engine

Case = Annotated[int, typer.Argument(min=1, max=2**62, help="The case's number.", show_default=False)]


def cases(
    queue: Annotated[str | None, typer.Option("--queue", help="Only this queue.")] = None,
    status: Annotated[str | None, typer.Option("--status", help="open, claimed or closed.")] = None,
    json: o.Json = False,
) -> None:
    """List cases that are not closed, the oldest first."""
    found = with_engine(lambda engine: ledger_cases.list_cases(engine, queue=queue, status=status))
    if json:
        as_json(found)
        return
    headings = (
        "case", "queue", "invoice", "which is", "customer", "reason", "status", "by", "opened (UTC)",
        "balance", "notes",
    )  # fmt: skip
    table(counted(len(found), "case"), headings, map(_row, found))


def claim(case: Case, actor: o.Actor = o.ACTOR) -> None:
    """Take a case: nobody else can take it then."""
    who = o.read_line("--actor", actor)
    with_engine(lambda engine: ledger_cases.claim(engine, case, who, wall_clock()))
    say(f"case {case} is claimed by {who}")


def release(case: Case, actor: o.Actor = o.ACTOR) -> None:
    """Give a case that you claimed back to its queue."""
    who = o.read_line("--actor", actor)
    with_engine(lambda engine: ledger_cases.release(engine, case, who, wall_clock()))
    say(f"case {case} is open again")


def note(
    case: Case,
    text: Annotated[str, typer.Argument(help="What was agreed or found.", show_default=False)],
    actor: o.Actor = o.ACTOR,
) -> None:
    """Write on a case, also on a closed one: what comes to light later belongs there."""
    who, written = o.read_line("--actor", actor), o.read_line("the note", text)
    noted = with_engine(lambda engine: ledger_cases.note(engine, case, who, written, wall_clock()))
    say(f"case {case}: noted" + ("; the case stays closed" if noted.status == "closed" else ""))


def close(case: Case, actor: o.Actor = o.ACTOR) -> None:
    """Close a case; a pause that it came from goes on until somebody resumes the invoice."""
    who = o.read_line("--actor", actor)
    closed = with_engine(lambda engine: ledger_cases.close(engine, case, who, wall_clock()))
    say(f"case {case} of invoice {closed.invoice} is closed")


def _row(case: CaseLine) -> tuple[object, ...]:
    notes = "; ".join(f"{note.actor}: {note.text}" for note in case.notes)
    opened = case.opened_at.strftime("%Y-%m-%d %H:%M")
    ended = case.invoice_closed_at is not None
    return (
        str(case.id), case.queue, case.invoice, words(case.invoice_state) + (", closed" if ended else ""),
        case.customer, words(case.reason), case.status, case.claimed_by, opened,
        "" if ended else money(case.balance, case.currency), notes,
    )  # fmt: skip
