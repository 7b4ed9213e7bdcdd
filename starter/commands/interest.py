"""Commands about late interest and costs: shown, claimed, given up."""

from decimal import Decimal
from typing import Annotated

import typer

from ledger.access import Ledger
from ledger.charging import Claim
from starter import acts, charging
from starter.commands import options as o
from starter.commands.facts import tell
from starter.interest import InterestSeen, interest_on
from starter.printing import as_json, money, say, table, words
from starter.session import wall_clock, with_ledger
from starter.settings import load_settings
from starter.storytelling import print_parts

WIDTH = 160
Until = Annotated[
    str | None,
    typer.Option("--until", help="Up to this day, which counts; today, at the creditor's, if left out."),
]

WithInterest = Annotated[bool, typer.Option("--interest/--no-interest", help="Claim interest.")]
WithCosts = Annotated[
    bool, typer.Option("--costs/--no-costs", help="Claim what comes once: fixed sum, fine.")
]
Preview = Annotated[bool, typer.Option("--preview", help="Show what would be claimed, and record nothing.")]


def interest(invoice: o.Invoice, until: Until = None, json: o.Json = False) -> None:
    """Show what late interest and fees an invoice bears that are not claimed yet, by which rates. It charges nothing."""
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


def _print(invoice: str, found: InterestSeen) -> None:
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
    print_parts(found.parts, found.currency)
    for note in found.notes:
        say(f"note: {note}")
    say("This informs: nothing was added to the balance, and nobody is told. `regua charge` claims it.")


def _source(source: str, *, derived: bool) -> str:
    return f"{source} [derived]" if derived else source


def charge(
    invoice: o.Invoice,
    until: Until = None,
    with_interest: WithInterest = True,
    with_costs: WithCosts = True,
    preview: Preview = False,
    note: o.Note = None,
    actor: o.Actor = o.ACTOR,
) -> None:
    """Claim late interest and costs as the regime allows: they are owed with the invoice, and no day is claimed twice."""
    day, policies = o.read_date("--until", until) if until else None, load_settings().policies_dir
    origin, now = o.read_origin(actor, note), wall_clock()

    def claim(ledger: Ledger) -> Claim:
        today = now.astimezone(ledger.creditor.timezone).date()
        return Claim(day or today, with_interest, with_costs)

    if preview:
        event = with_ledger(lambda ledger: charging.preview(ledger, policies, invoice, claim(ledger)))
        say(
            f"{invoice}: {_sums(event.interest, event.costs, event.currency)} would be claimed, by {event.regime}."
        )
        return
    with o.named_options():
        told = with_ledger(
            lambda ledger: charging.charge(ledger, policies, invoice, claim(ledger), origin, now)
        )
    facts = told.stands.facts
    left = facts.charges.open
    say(
        f"{invoice}: claimed; {_sums(left['interest'], left['costs'], facts.currency)} are open with it, "
        f"in all {money(facts.balance, facts.currency)}."
    )


def waive(invoice: o.Invoice, note: o.Note = None, actor: o.Actor = o.ACTOR) -> None:
    """Give up late interest and costs that are claimed and not paid."""
    tell(invoice, o.read_origin(actor, note), acts.waive, "late charges waived")


def _sums(interest: Decimal, costs: Decimal, currency: str) -> str:
    return f"interest of {money(interest, currency)} and costs of {money(costs, currency)}"
