"""Reads a table that people keep (CSV or XLSX) as rows with line numbers, whatever program wrote it.

A cell is text, except in XLSX, where a number cell is a Decimal and a date cell a date: those are exact, and no
convention on how to write them applies.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path

from cadence.problems import DocumentError, Problem

Cell = str | Decimal | date

MAX_BYTES = 50 * 1024 * 1024
MAX_ROWS = 200_000
MAX_COLUMNS = 200
MAX_CELL_CHARACTERS = 2_000
_ZIP, _OLD_EXCEL = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its line in the file (from 1), its cells that are not empty by heading, and what is wrong with it.

    The cells of a row with a fault are those that could be read: to show it, not to use it.
    """

    line: int
    cells: Mapping[str, Cell] = field(default_factory=dict)
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A table as read from `file`: the headings in their order, and every row that is not empty."""

    file: str
    headings: tuple[str, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Faulty:
    """A cell that cannot be read, and why."""

    reason: str


RawRow = tuple[int, Sequence[Cell | Faulty | None]]


def read_table(path: Path) -> Table:
    """Read a CSV or XLSX file, told apart by its content; raise DocumentError with a sentence where it cannot be read.

    CSV: UTF-8 with or without a byte order mark, else Windows-1252; separated by comma, semicolon or tab.
    XLSX: the first sheet that is not hidden. A formula makes its row faulty: what it gave is not in the file for sure.
    """
    content = _content(path)
    if content.startswith(_OLD_EXCEL):
        raise problem(path, 1, "this is an old Excel file (.xls); save it as .xlsx or CSV")
    if content.startswith(_ZIP):
        # Read where it is needed: openpyxl takes a good part of a second to import.
        from starter.workbooks import sheet_rows  # noqa: PLC0415

        return _table(path, sheet_rows(content, path))
    return _table(path, _csv_rows(content, path))


def problem(path: Path, line: int, message: str) -> DocumentError:
    """What is wrong with a whole file, at a line."""
    return DocumentError([Problem(str(path), line, "", message)])


def as_text(cell: Cell) -> str:
    """What a cell says, as text: numbers without exponent or needless zeros, dates in ISO form."""
    if isinstance(cell, Decimal):
        return f"{cell:f}".rstrip("0").rstrip(".") if "." in f"{cell:f}" else f"{cell:f}"
    return cell.isoformat() if isinstance(cell, date) else cell


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            # Never more than is taken: a device has no size, and no end.
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise problem(path, 1, "there is no such file; check the path") from None
    except IsADirectoryError:
        raise problem(path, 1, "this is a folder; name a file in it") from None
    except OSError as error:
        raise problem(path, 1, f"the file cannot be read ({error.strerror}); check its permissions") from None
    if len(content) > MAX_BYTES:
        raise problem(path, 1, f"the file is larger than {MAX_BYTES // 2**20} MiB; split it into several")
    return content


def _csv_rows(content: bytes, path: Path) -> Iterator[RawRow]:
    text = _decoded(content, path)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    line = 1
    try:
        for cells in reader:
            yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        message = f"this is not CSV ({error}); look for a quotation mark that is never closed"
        raise problem(path, line, message) from None


def _decoded(content: bytes, path: Path) -> str:
    if b"\0" in content:
        raise problem(path, 1, "this is no text file; save the table as CSV in UTF-8, or as .xlsx")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    try:
        # What spreadsheets on Windows write; Latin-1 but for control characters, which nobody means.
        return content.decode("cp1252")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise problem(path, line, "this text is neither UTF-8 nor Windows-1252; save it as UTF-8") from None


def _delimiter(text: str) -> str:
    """The separator that parts the first line into most cells."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    return max(",;\t", key=lambda mark: len(next(csv.reader([first], delimiter=mark), [])))


def _table(path: Path, rows: Iterable[RawRow]) -> Table:
    filled = ((line, cells) for line, cells in (_stripped(row) for row in rows) if cells)
    line, cells = next(filled, (1, []))
    if not cells:
        raise problem(path, 1, "the file is empty; its first row holds the headings")
    headings = _headings(path, line, cells)
    found: list[Row] = []
    for line, cells in filled:
        if len(found) == MAX_ROWS:
            raise problem(path, line, f"the file has more than {MAX_ROWS} rows; split it into several")
        found.append(_row(line, cells, headings))
    if not found:
        raise problem(path, line, "there are headings and no row below them")
    return Table(path.name, headings, tuple(found))


def _stripped(row: RawRow) -> tuple[int, list[Cell | Faulty | None]]:
    line, cells = row
    bare = [(cell.strip() or None) if isinstance(cell, str) else cell for cell in cells]
    while bare and bare[-1] is None:
        bare.pop()
    return line, bare


def _headings(path: Path, line: int, cells: Sequence[Cell | Faulty | None]) -> tuple[str, ...]:
    if len(cells) > MAX_COLUMNS:
        raise problem(path, line, f"there are more than {MAX_COLUMNS} columns; keep those that are needed")
    headings = tuple(as_text(cell) if not isinstance(cell, Faulty | None) else "" for cell in cells)
    for place, heading in enumerate(headings, start=1):
        if not heading:
            raise problem(path, line, f"column {place} has no heading; write one, or delete the column")
        if heading.casefold() in {other.casefold() for other in headings[: place - 1]}:
            raise problem(
                path, line, f"the heading {heading[:60]!r} stands twice; rename or delete one column"
            )
    return headings


def _row(line: int, cells: Sequence[Cell | Faulty | None], headings: tuple[str, ...]) -> Row:
    if len(cells) > len(headings):
        many = f"the row has {len(cells)} cells and there are {len(headings)} headings; quote cells that hold a separator"
        return Row(line, _read(zip(headings, cells, strict=False)), many)
    named = dict(zip(headings, cells, strict=False))
    faults = (f"{heading}: {why}" for heading, cell in named.items() if (why := _fault(cell)))
    return Row(line, _read(named.items()), next(faults, None))


def _fault(cell: Cell | Faulty | None) -> str | None:
    if isinstance(cell, Faulty):
        return cell.reason
    if isinstance(cell, str) and len(cell) > MAX_CELL_CHARACTERS:
        return f"the cell has more than {MAX_CELL_CHARACTERS} characters; shorten it"
    return None


def _read(named: Iterable[tuple[str, Cell | Faulty | None]]) -> dict[str, Cell]:
    return {heading: cell for heading, cell in named if not isinstance(cell, Faulty | None)}
