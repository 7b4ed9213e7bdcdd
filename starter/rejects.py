"""The rejects file: every row that was not taken, with its line and why; mended, it is imported like any other."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from starter.tables import Cell, Row, Table, as_text, problem, read_table

# What makes a spreadsheet take a cell for a formula (OWASP, CSV injection), when our user opens the file.
_FORMULA_MARKS = ("=", "+", "-", "@", "\t", "\r")
# The rejects file's own columns, before those of the file it came from, none of which is called so.
_OWN = ("rejected_line", "rejected_reason")


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that is not taken: its line in the file, why (in sentences), and its cells by heading."""

    line: int
    reason: str
    cells: Mapping[str, Cell]


def read_rows(path: Path) -> Table:
    """Read a table as `read_table` does; of a rejects file, the rows as they stood in the file it came from.

    Its own columns are left out, and the apostrophes that it put before formulas. Lines are its own.
    """
    table = read_table(path)
    if table.headings[: len(_OWN)] != _OWN:
        return table
    rows = (replace(row, cells=_as_it_stood(row)) for row in table.rows)
    return Table(table.file, tuple(map(_bare, table.headings[len(_OWN) :])), tuple(rows))


def write_rejects(path: Path, headings: Sequence[str], rejected: Sequence[Rejected]) -> Path | None:
    """Write the rejected rows of `path` to its rejects file, or delete an old one where every row was taken.

    The rows stand in the order of their lines, in UTF-8; a cell that a spreadsheet would run as a formula gets an
    apostrophe before it. Raises DocumentError where the file cannot be written.
    """
    target = path.with_name(f"{path.stem}.rejects.csv")
    try:
        if not rejected:
            target.unlink(missing_ok=True)
            return None
        _write(target, headings, sorted(rejected, key=lambda row: row.line))
    except OSError as error:
        message = f"the good rows were taken, and the rejects cannot be written ({error.strerror}); make room, import again"
        raise problem(target, 1, message) from None
    return target


def _write(target: Path, headings: Sequence[str], rejected: Sequence[Rejected]) -> None:
    with target.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*_OWN, *map(harmless, headings)])
        for row in rejected:
            cells = [as_text(row.cells[heading]) if heading in row.cells else "" for heading in headings]
            writer.writerow([row.line, harmless(row.reason), *map(harmless, cells)])


def harmless(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA_MARKS) else text


def _as_it_stood(row: Row) -> Mapping[str, Cell]:
    return {
        _bare(heading): _bare(cell) if isinstance(cell, str) else cell
        for heading, cell in row.cells.items()
        if heading not in _OWN
    }


def _bare(text: str) -> str:
    """What `harmless` was given."""
    return text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA_MARKS) else text
