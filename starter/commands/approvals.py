"""Commands for those who say yes or no to a step."""

from datetime import datetime
from typing import Annotated

import typer

from ledger.approvals import ApprovalLine, list_approvals
from starter import acts
from starter.commands import options as o
from starter.commands.facts import tell
from starter.printing import as_json, counted, money, table, words
from starter.session import with_engine
from starter.standing import Report, Standing

Step = Annotated[
    str | None, typer.Option("--step", help="Which step, where more than one waits for approval.")
]


def approvals(json: o.Json = False) -> None:
    """List the steps that wait for approval, the first asked first."""
    found, _ = with_engine(list_approvals)
    if json:
        as_json(found)
        return
    headings = (
        "invoice", "which is", "customer", "balance", "step", "stage", "asked (UTC)", "reminded", "until (UTC)",
        "then", "case",
    )  # fmt: skip
    table(f"{counted(len(found), 'step')} waiting for approval", headings, map(_row, found))


def approve(invoice: o.Invoice, step: Step = None, note: o.Note = None, actor: o.Actor = o.ACTOR) -> None:
    """Let a step go that waits for approval: it does in the next send window."""

    def judge(stands: Standing, now: datetime) -> Report:
        return acts.approve(stands, now, step=step)

    tell(invoice, o.read_origin(actor, note), judge, "approved")


def refuse(
    invoice: o.Invoice, step: Step = None, reason: o.Reason = o.UNSPECIFIED, note: o.Note = None,
    actor: o.Actor = o.ACTOR,
) -> None:  # fmt: skip
    """Do not let a step go that waits for approval: the later ones do."""
    code = o.read_code("--reason", reason)

    def judge(stands: Standing, now: datetime) -> Report:
        return acts.refuse(stands, now, step=step, reason=code)

    tell(invoice, o.read_origin(actor, note), judge, "refused")


def _row(line: ApprovalLine) -> tuple[object, ...]:
    return (
        line.invoice, words(line.state), line.customer, money(line.balance, line.currency), line.step, line.stage,
        line.asked_at.strftime("%Y-%m-%d %H:%M"), line.reminded, line.ends_at.strftime("%Y-%m-%d %H:%M"),
        line.otherwise, str(line.case),
    )  # fmt: skip
