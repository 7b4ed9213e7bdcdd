"""How commands print: tables for people, JSON for programs, and nothing that a terminal would obey."""

import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from unicodedata import category
from zoneinfo import ZoneInfo

from pydantic_core import to_json
from rich.console import Console
from rich.table import Table
from rich.text import Text

# A pipe has no width; cutting what another program reads would lose it.
PIPE_WIDTH = 240


def console(pipe_width: int = PIPE_WIDTH) -> Console:
    """Where people read: as wide as the terminal."""
    return Console(
        width=None if sys.stdout.isatty() else pipe_width, highlight=False, markup=False, emoji=False
    )


def plain(value: object) -> str:
    """A value as people read it, without the characters by which a text could move a terminal's cursor."""
    if value is None:
        return ""
    text = str(value)
    # Controls, unassigned and private characters; the spaces of all languages stay.
    return "".join(letter if letter == "\n" or category(letter)[0] != "C" else "?" for letter in text)


def say(text: str) -> None:
    """Print a sentence."""
    console().print(Text(plain(text)), soft_wrap=True)


def table(
    title: str, headings: Sequence[str], rows: Iterable[Sequence[object]], *, pipe_width: int = PIPE_WIDTH
) -> None:
    """Print rows under headings, or the title alone where there are none; amounts stand to the right."""
    kept = [list(row) for row in rows]
    say(title)
    if not kept:
        return
    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for index, heading in enumerate(headings):
        numbers = any(isinstance(row[index], Decimal | int) for row in kept)
        drawn.add_column(heading, justify="right" if numbers else "left", overflow="fold")
    for row in kept:
        drawn.add_row(*(Text(plain(cell)) for cell in row))
    console(pipe_width).print(drawn)


def as_json(value: object) -> None:
    """Print a value as JSON: amounts as text, instants in ISO 8601."""
    sys.stdout.write(to_json(value, indent=2).decode() + "\n")


def money(amount: Decimal, currency: str) -> str:
    """An amount with its currency, as the command line writes it in every language."""
    return f"{currency} {amount:,.2f}" if amount == round(amount, 2) else f"{currency} {amount:,}"


def counted(number: int, thing: str) -> str:
    """A number of things, such as `1 invoice` and `2 invoices`."""
    return f"{number} {thing}{'' if number == 1 else 's'}"


def words(code: str) -> str:
    """A code as people read it."""
    return code.replace("_", " ")


def local(at: datetime | None, zone: ZoneInfo) -> str:
    """An instant on a zone's clock, to the minute."""
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M") if at else ""
