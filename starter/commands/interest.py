"""The command that shows what late interest an invoice would bear."""

from typing import Annotated

import typer

from cadence.interest import Interest
from starter.commands import options as o
from starter.interest import interest_on
from starter.printing import as_json, money, say, table, words
from starter.session import wall_clock, with_ledger
from starter.settings import load_settings

WIDTH = 160
Until = Annotated[
    str | None,
    typer.Option("--until", help="Up to this day, which counts; today, at the creditor's, if left out."),
]


def interest(invoice: o.Invoice, until: Until = None, json: o.Json = False) -> None:
    """Show what late interest and fees an invoice would bear, by which rates of which source. It charges nothing."""
    day = o.read_date("--until", until) if until else None
    policies = load_settings().policies_dir
    found = with_ledger(
        lambda ledger: interest_on(
            ledger, policies, invoice, day or wall_clock().astimezone(ledger.creditor.timezone).date()
        )
    )
    if json:
        as_json(found)
        return
    _print(invoice, found)


def _print(invoice: str, found: Interest) -> None:
    say(f"{found.title} ({found.regime})")
    rows = [
        (line.first_day, line.last_day, line.days, f"{line.percent} % a {found.rate_per}",
         money(line.base, found.currency), money(line.rounded, found.currency), _source(line.source, derived=line.derived))
        for line in found.lines
    ]  # fmt: skip
    title = f"{invoice}, due on {found.due_on}, up to {found.until}"
    table(
        title if rows else f"{title}: no late day",
        ("from", "to", "days", "rate", "open", "interest", "source"),
        rows,
        pipe_width=WIDTH,
    )
    for each in found.once:
        source = _source(each.source, derived=each.derived)
        say(f"{words(each.kind)}, once: {money(each.amount, found.currency)} ({source})")
    say(f"total: {money(found.total, found.currency)}")
    for note in found.notes:
        say(f"note: {note}")
    say("This informs: nothing was added to the balance, and nobody is told.")


def _source(source: str, *, derived: bool) -> str:
    return f"{source} [derived]" if derived else source
