"""Commands for disputes: opened or confirmed, given to somebody, resolved."""

from datetime import datetime
from typing import Annotated

import typer

from starter import acts
from starter.commands import options as o
from starter.commands.facts import tell
from starter.standing import Report, Standing

AnswerBy = Annotated[
    str | None, typer.Option("--answer-by", help="The last day to answer; then a case says that it is late.")
]


def dispute(
    invoice: o.Invoice,
    reason: o.Reason = o.UNSPECIFIED,
    amount: Annotated[
        str | None, typer.Option("--amount", help="The part that is disputed; all of it if left out.")
    ] = None,
    owner: Annotated[str, typer.Option("--owner", help="Who deals with it, as a code.")] = "",
    answer_by: AnswerBy = None,
    note: o.Note = None,
    actor: o.Actor = o.ACTOR,
) -> None:
    """Take note that the customer disputes the invoice, or a part of it: reminders stop, a case opens.

    Where only a part is disputed and the cadence says `undisputed: collect`, reminders go on for the rest.
    """
    code = o.read_code("--reason", reason)
    part = o.read_amount(amount) if amount else None
    who = o.read_code("--owner", owner) if owner else ""
    day = o.read_date("--answer-by", answer_by) if answer_by else None

    def judge(stands: Standing, now: datetime) -> Report:
        return acts.dispute(stands, now, reason=code, amount=part, owner=who, answer_by=day)

    tell(invoice, o.read_origin(actor, note), judge, f"dispute {f'of {part} ' if part else ''}opened")


def assign(
    invoice: o.Invoice,
    owner: Annotated[str | None, typer.Option("--owner", help="Who deals with it, as a code.")] = None,
    answer_by: AnswerBy = None,
    note: o.Note = None,
    actor: o.Actor = o.ACTOR,
) -> None:
    """Say who deals with a dispute, or by when it is answered; what is left out stays as it is."""
    who = o.read_code("--owner", owner) if owner else None
    day = o.read_date("--answer-by", answer_by) if answer_by else None

    def judge(stands: Standing, now: datetime) -> Report:
        return acts.assign_dispute(stands, now, owner=who, answer_by=day)

    tell(invoice, o.read_origin(actor, note), judge, "dispute assigned")


def resolve(
    invoice: o.Invoice,
    outcome: Annotated[
        acts.Outcome, typer.Option("--outcome", help="Upheld credits what was disputed.", show_default=False)
    ],
    credit: Annotated[
        str | None, typer.Option("--credit", help="Where the customer is right in less than was disputed.")
    ] = None,
    note: o.Note = None,
    actor: o.Actor = o.ACTOR,
) -> None:
    """End a dispute: upheld (the customer is right), rejected or withdrawn."""
    less = o.read_amount(credit) if credit else None

    def judge(stands: Standing, now: datetime) -> Report:
        return acts.resolve(stands, now, outcome=outcome, credit=less)

    tell(invoice, o.read_origin(actor, note), judge, f"dispute {outcome}")
