"""The command that makes two customers of the books one."""

from typing import Annotated

import typer

from ledger.merging import Merged, merge, preview_merge
from starter.commands import options as o
from starter.printing import as_json, counted, say, words
from starter.session import wall_clock, with_ledger

Gone = Annotated[
    str,
    typer.Argument(metavar="FROM", help="The creditor's key of the customer who goes.", show_default=False),
]
Into = Annotated[
    str,
    typer.Argument(metavar="INTO", help="The creditor's key of the customer who stays.", show_default=False),
]
Why = Annotated[str, typer.Option("--reason", help="Why, as a code such as duplicate.", show_default=False)]
Preview = Annotated[bool, typer.Option("--preview", help="Show what would move, and change nothing.")]


def merge_customer(
    gone: Gone, into: Into, reason: Why, preview: Preview = False, note: o.Note = None, actor: o.Actor = o.ACTOR,
    json: o.Json = False,
) -> None:  # fmt: skip
    """Merge customer FROM into INTO: all that was FROM's is INTO's from now on. It cannot be undone; see --preview."""
    code, origin = o.read_code("--reason", reason), o.read_origin(actor, note)
    if preview:
        plan = with_ledger(lambda ledger: preview_merge(ledger, gone, into, wall_clock()))
        as_json(plan) if json else _show(plan)
        return
    done = with_ledger(lambda ledger: merge(ledger, gone, into, code, origin, wall_clock()))
    if json:
        as_json(done)
    elif done.recorded:
        say(f"{gone} is merged into {into}: {_amounts(done)} moved. {gone} names {into} from now on.")
    else:
        say(f"{gone} was merged into {into} before; nothing changes.")


def _show(plan: Merged) -> None:
    """What moves, what holds, and that it is for good."""
    say(f"{plan.customer} into {plan.into} would move {_amounts(plan)}; nothing was changed.")
    for title, numbers in (("open", plan.open_invoices), ("closed", plan.closed_invoices)):
        if numbers:
            say(f"{title}: {', '.join(numbers)}")
    if plan.told:
        say(f"{plan.into} would be told as well: {', '.join(map(words, plan.told))}")
    if plan.segment_ended:
        say(
            f"{plan.customer} was given the segment {plan.segment_ended} by hand, and {plan.into} stays in "
            f"{plan.segment}: assign it to {plan.into}, if it is meant for both"
        )
    say(f"{plan.into} keeps its name, addresses, segment and preference. A merge cannot be undone.")


def _amounts(merged: Merged) -> str:
    return (
        f"{counted(len(merged.open_invoices), 'open invoice')}, "
        f"{counted(len(merged.closed_invoices), 'closed invoice')}, {counted(merged.contacts, 'contact')} and "
        f"{counted(merged.replies, 'message')} of theirs"
    )
