"""Commands that say what a customer committed to: promises to pay."""

from datetime import datetime
from typing import Annotated

import typer

from starter import acts
from starter.commands import options as o
from starter.commands.facts import tell
from starter.standing import Report, Standing

Method = Annotated[
    str,
    typer.Option(
        "--method", help="How it will be paid, as a code such as boleto: some ways take days to show."
    ),
]


def promise(
    invoice: o.Invoice,
    on: Annotated[str, typer.Option("--on", help="The day by which it will be paid.", show_default=False)],
    amount: Annotated[
        str | None, typer.Option("--amount", help="How much; all that is open and not promised, if left out.")
    ] = None,
    method: Method = "",
    replace: Annotated[
        bool, typer.Option("--replace", help="It takes the place of the open promises.")
    ] = False,
    note: o.Note = None,
    actor: o.Actor = o.ACTOR,
) -> None:
    """Take note of a promise to pay: reminders wait for that day, and for the money to show."""
    by, promised = o.read_date("--on", on), o.read_amount(amount) if amount else None
    code = o.read_code("--method", method) if method else ""

    def judge(stands: Standing, now: datetime) -> Report:
        return acts.promise(stands, now, by=by, amount=promised, method=code, replaces=replace)

    tell(invoice, o.read_origin(actor, note), judge, f"promise until {on} noted")
