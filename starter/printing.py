"""How commands print: tables for people, JSON for programs, and nothing that a terminal would obey."""

import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from unicodedata import category
from zoneinfo import ZoneInfo

from pydantic_core import to_json
from rich.cells import cell_len
from rich.console import Console, ConsoleDimensions
from rich.table import Table
from rich.text import Text

# A pipe has no width; cutting what another program reads would lose it.
PIPE_WIDTH = 240
# Between two columns.
GAP = 2


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
    texts = [[plain(cell) for cell in row] for row in [headings, *kept]]
    sheet = console(pipe_width)
    widths = _widths(texts, sheet.width, pipe_width)
    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for index, (heading, width) in enumerate(zip(headings, widths, strict=True)):
        numbers = any(isinstance(row[index], Decimal | int) for row in kept)
        drawn.add_column(heading, justify="right" if numbers else "left", width=width)
    for row in texts[1:]:
        drawn.add_row(*map(Text, row))
    sheet.size = ConsoleDimensions(max(sheet.width, sum(widths) + GAP * (len(widths) - 1)), sheet.height)
    sheet.print(drawn)


def _widths(texts: Sequence[Sequence[str]], room: int, pipe_width: int) -> list[int]:
    """How wide each column is drawn: its longest word at least, since half a number can be neither read nor copied, and
    an even share of what room is left, as far as it needs one. Where the words alone are too wide for the terminal, it
    gets what a pipe gets, and wraps the lines itself.
    """
    columns = list(zip(*texts, strict=True))
    widths = [max(_longest(text.split()) for text in column) for column in columns]
    lacks = [
        max(_longest(text.splitlines()) for text in column) - width
        for column, width in zip(columns, widths, strict=True)
    ]
    taken = sum(widths) + GAP * (len(widths) - 1)
    spare = max((room if taken <= room else pipe_width) - taken, 0)
    for served, index in enumerate(sorted(range(len(widths)), key=lacks.__getitem__)):
        given = min(lacks[index], spare // (len(widths) - served))
        widths[index] += given
        spare -= given
    return widths


def _longest(parts: Iterable[str]) -> int:
    return max(map(cell_len, parts), default=0)


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
