"""The command that writes a customer's statement of account."""

from pathlib import Path
from typing import Annotated

import typer

from ledger.access import Ledger
from ledger.account import account_of
from starter.printing import say
from starter.session import Refusal, wall_clock, with_ledger
from templates.statement import RenderedStatement, render_statement

Customer = Annotated[str, typer.Argument(help="The creditor's own key of the customer.", show_default=False)]
Out = Annotated[Path, typer.Option("--out", help="The PDF file to write.", show_default=False)]


def statement(customer: Customer, out: Out) -> None:
    """Write a customer's statement of account as a PDF in their language: open items, totals and ageing."""

    async def rendered(ledger: Ledger) -> RenderedStatement:
        return render_statement(await account_of(ledger, customer, wall_clock()), ledger.creditor)

    _spare(out)
    made = with_ledger(rendered)
    try:
        out.write_bytes(made.pdf)
    except OSError as error:
        message = f"--out: {out} cannot be written ({error.strerror}); name a file in a folder that is there"
        raise Refusal(message) from None
    say(f"{out} written")


def _spare(out: Path) -> None:
    """Write over an earlier statement, and over nothing else: a slip must cost nobody a portfolio."""
    if out.is_file() and out.stat().st_size:
        with out.open("rb") as file:
            if file.read(5) != b"%PDF-":
                raise Refusal(f"--out: {out} is there already and no PDF; name another file")
