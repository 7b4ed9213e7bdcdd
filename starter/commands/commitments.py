"""Commands that say what a customer committed to: promises to pay, and payment plans."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated

import typer

from cadence.events import PlanAgreed
from cadence.plans import Every, divided
from starter import acts
from starter.commands import options as o
from starter.commands.facts import tell
from starter.printing import money, say, table
from starter.session import Refusal, wall_clock, with_ledger
from starter.standing import Report, Standing, standing

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


Dated = tuple[date, Decimal]


def plan(
    invoice: o.Invoice,
    instalment: Annotated[
        list[str] | None,
        typer.Option(
            "--instalment", help="A day and an amount, such as 2026-12-01=100.00; repeat it for each."
        ),
    ] = None,
    parts: Annotated[
        int | None, typer.Option("--in", min=1, max=60, help="Divide what is open into so many equal parts.")
    ] = None,
    every: Annotated[Every, typer.Option("--every", help="How far the parts lie apart.")] = "month",
    begin: Annotated[
        str | None, typer.Option("--from", help="The day of the first of the equal parts.")
    ] = None,
    method: Method = "",
    preview: Annotated[
        bool, typer.Option("--preview", help="Print the instalments, and agree nothing.")
    ] = False,
    note: o.Note = None,
    actor: o.Actor = o.ACTOR,
) -> None:
    """Agree that an invoice is paid in instalments: its reminders rest while the plan stands."""
    given = [_read_part(text) for text in instalment or []]
    first = o.read_date("--from", begin) if begin else None
    if bool(given) == (parts is not None) or (first is None) != (parts is None):
        raise Refusal("say which: --instalment DAY=AMOUNT for each of them, or --in NUMBER with --from DAY")
    code = o.read_code("--method", method) if method else ""

    def judge(stands: Standing, now: datetime) -> Report:
        agreed = given or _equal_parts(stands, parts or 0, every, first or now.date())
        return acts.agree_plan(stands, now, instalments=agreed, method=code)

    origin = o.read_origin(actor, note)
    with o.named_options():
        now = wall_clock()
        stands = with_ledger(lambda ledger: standing(ledger, invoice, now))
        _print_parts(stands, judge(stands, now))
    if not preview:
        tell(invoice, origin, judge, "payment plan agreed")


def end_plan(
    invoice: o.Invoice, reason: o.Reason = o.UNSPECIFIED, note: o.Note = None, actor: o.Actor = o.ACTOR
) -> None:
    """End the payment plan of an invoice: the ruler goes on from its next step."""
    code = o.read_code("--reason", reason)
    origin = o.read_origin(actor, note)
    tell(invoice, origin, lambda stands, now: acts.end_plan(stands, now, reason=code), "payment plan ended")


def _read_part(text: str) -> Dated:
    day, found, amount = text.partition("=")
    if not found:
        raise Refusal(
            f"--instalment: {text!r} is no instalment; write a day and an amount, such as 2026-12-01=100.00"
        )
    return o.read_date("--instalment", day), o.read_amount(amount)


def _equal_parts(stands: Standing, count: int, every: Every, first: date) -> Sequence[Dated]:
    """What is open, divided; raise Refusal where there is too little for so many."""
    facts = stands.facts
    if facts.closed:
        acts.refuse_closed(stands, "pay in instalments")
    try:
        return [
            (part.due_on, part.amount) for part in divided(facts.balance, facts.currency, count, every, first)
        ]
    except (ValueError, OverflowError) as error:
        raise Refusal(f"--in: {error}") from None


def _print_parts(stands: Standing, judged: Report) -> None:
    """The instalments, and what the plan leaves open."""
    agreed, currency = judged.event, stands.facts.currency
    assert isinstance(agreed, PlanAgreed)
    rows = [
        (str(turn), f"{part.due_on}", money(part.amount, currency))
        for turn, part in enumerate(agreed.instalments, 1)
    ]
    table("Instalments", ("instalment", "due on", "amount"), rows)
    left = stands.facts.balance - sum(part.amount for part in agreed.instalments)
    if left > 0:
        say(f"{money(left, currency)} stays open beside the plan.")
