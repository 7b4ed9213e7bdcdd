"""The command that shows which contact rules protect whom."""

from typing import Annotated

import typer

from cadence.packs import KINDS, Concerned, ContactRule
from cadence.words import Debtor, Party
from starter import cells
from starter.commands import options as o
from starter.commands.documents import DEFAULT_POLICIES, PolicyFolder
from starter.documents import read_packs
from starter.printing import as_json, table, words
from starter.session import Refusal

WIDTH = 120
Country = Annotated[
    str, typer.Argument(help="Where the customer is: an ISO 3166 code, such as BR.", show_default=False)
]
Subdivision = Annotated[
    str | None,
    typer.Option("--subdivision", help="A state or region, such as SP; without it, all it could be."),
]
Whom = Annotated[Debtor | None, typer.Option("--debtor", help="consumer or business; without it, both.")]
Collects = Annotated[Party, typer.Option("--party", help="first: what is owed to itself; third: to another.")]


def rules(
    country: Country, subdivision: Subdivision = None, debtor: Whom = None, party: Collects = "first",
    policies: PolicyFolder = DEFAULT_POLICIES, json: o.Json = False,
) -> None:  # fmt: skip
    """Show the contact rules of a place: what they ask, in their words, since when, and where they come from."""
    try:
        place = cells.country(country)
        state = cells.subdivision(subdivision, place) if subdivision else None
    except ValueError as error:
        raise Refusal(str(error)) from None
    law = read_packs(policies).law(Concerned(place, state, debtor, party))
    if json:
        as_json(law.rules)
        return
    rows = [(rule.id, _asks(rule), rule.text, rule.effective_from, rule.source) for rule in law.rules]
    title = f"Contact rules for {debtor or 'anybody'} in {place}{f'-{state}' if state else ''}"
    table(title, ("rule", "about", "in words", "since", "source"), rows, pipe_width=WIDTH)


def _asks(rule: ContactRule) -> str:
    return words(next(kind for kind in KINDS if getattr(rule, kind) is not None))
