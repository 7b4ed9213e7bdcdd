"""The mapping: a small YAML file that says how somebody else's table names its columns and writes its values."""

import re
from collections.abc import Mapping as Named
from datetime import date, datetime
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from cadence.creditor import Document
from cadence.problems import DocumentError, Problem
from cadence.reading import read_located
from cadence.words import Line
from starter.cells import shown
from starter.documents import read_text
from starter.tables import Cell, Table, problem

# Nobody chases older debts, and a year such as 0026 is a slip.
_YEARS = range(1990, 2101)
_DATE_PARTS = {"yyyy": "%Y", "yy": "%y", "mm": "%m", "dd": "%d"}
# Digits in groups of three, or in none: "1.23" with a decimal comma is a mistake, not a hundred and twenty-three.
_AMOUNT = {
    ".": re.compile(r"[+-]?(\d+|\d{1,3}([, \u00a0\u202f']\d{3})+)(\.\d+)?", re.ASCII),
    ",": re.compile(r"[+-]?(\d+|\d{1,3}([. \u00a0\u202f']\d{3})+)(,\d+)?", re.ASCII),
}


def _date_format(written: str) -> str:
    parts = re.fullmatch(r"(yyyy|yy|mm|dd)([-/. ]?)(yyyy|yy|mm|dd)\2(yyyy|yy|mm|dd)", written.lower())
    if parts is None or {part[0] for part in parts.group(1, 3, 4)} != set("ymd"):
        message = f"{written!r} is no form of a date; write for example 'dd/mm/yyyy' or 'yyyy-mm-dd'"
        raise ValueError(message)
    return written.lower()


class Mapping(Document):
    """How a foreign table is read: `columns` gives its heading for each of ours, `defaults` what it leaves out."""

    columns: dict[str, Line] = Field(default_factory=dict)
    date_format: Annotated[str, AfterValidator(_date_format)] = "yyyy-mm-dd"
    decimal: Literal[".", ","] = "."
    defaults: dict[str, Line] = Field(default_factory=dict)

    def read_date(self, cell: Cell) -> date:
        """A cell as a date of this age; raise ValueError with a sentence where it is none."""
        day = self._date(cell)
        if day.year not in _YEARS:
            raise ValueError(f"{day} lies outside the years {_YEARS[0]} to {_YEARS[-1]}; check the year")
        return day

    def _date(self, cell: Cell) -> date:
        if isinstance(cell, datetime):
            return cell.date()
        if isinstance(cell, date):
            return cell
        form = re.sub("yyyy|yy|mm|dd", lambda part: _DATE_PARTS[part.group()], self.date_format)
        try:
            return datetime.strptime(str(cell), form).date()  # noqa: DTZ007  # a date has no zone
        except ValueError:
            raise ValueError(f"{shown(str(cell))} is no date of the form {self.date_format}") from None

    def read_amount(self, cell: Cell) -> Decimal:
        """A cell as an exact number, thousands grouped or not; raise ValueError with a sentence where it is none."""
        if isinstance(cell, Decimal):
            return cell
        text = str(cell)
        if not _AMOUNT[self.decimal].fullmatch(text):
            example = "1234.50" if self.decimal == "." else "1234,50"
            raise ValueError(
                f"{shown(str(cell))} is no amount; write digits with a decimal {self.decimal!r}, as {example}"
            )
        digits = re.sub(r"[^\d+\-" + re.escape(self.decimal) + "]", "", text).replace(",", ".")
        return Decimal(digits)


PLAIN = Mapping()
"""Our own headings, ISO dates, a decimal point."""


def read_mapping(path: Path, known: tuple[str, ...]) -> Mapping:
    """Read a mapping whose keys are among the `known` columns; raise DocumentError with line and field."""
    mapping, source = read_located(Mapping, read_text(path), str(path))
    strays = [
        (part, key) for part in ("columns", "defaults") for key in getattr(mapping, part) if key not in known
    ]
    problems = [source.problem((part, key), unknown_name(key, known)) for part, key in strays]
    for key, heading in mapping.columns.items():
        if list(mapping.columns.values()).count(heading) > 1:
            message = f"the heading {heading!r} is given for two columns; each heading fills one"
            problems.append(source.problem(("columns", key), message))
    if problems:
        raise DocumentError(problems)
    return mapping


def unknown_name(name: str, known: tuple[str, ...]) -> str:
    """Say that a column is not known, and which one may have been meant."""
    close = get_close_matches(name.lower(), known, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}?" if close else f"the columns are {', '.join(known)}"
    return f"{name[:60]!r} is no column here; {hint}"


def columns_of(table: Table, path: Path, mapping: Mapping | None, known: tuple[str, ...]) -> dict[str, str]:
    """The heading under which `table` holds each of the `known` columns it has; raise DocumentError on a stray.

    Without a mapping every heading must be known. A mapping speaks for a table that was made for other ends:
    what it does not name is left aside.
    """
    if mapping is None:
        strays = [heading for heading in table.headings if _plain(heading) not in known]
        if strays:
            raise DocumentError(
                [Problem(str(path), 1, "", unknown_name(heading, known)) for heading in strays]
            )
    else:
        _refuse_absent(table, path, mapping.columns)
    named = {_plain(heading): heading for heading in table.headings if _plain(heading) in known}
    return named | (dict(mapping.columns) if mapping else {})


def _plain(heading: str) -> str:
    """A heading without the mark of a required column, which the template file has."""
    return heading.lower().removesuffix("*")


def _refuse_absent(table: Table, path: Path, columns: Named[str, str]) -> None:
    for ours, theirs in columns.items():
        if theirs not in table.headings:
            close = get_close_matches(theirs, table.headings, n=1, cutoff=0.5)
            hint = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(table.headings)[:300]}"
            raise problem(
                path, 1, f"the mapping takes {ours} from {theirs!r}, a heading the table lacks; {hint}"
            )


def require_columns(
    path: Path, columns: Named[str, str], mapping: Mapping | None, required: tuple[str, ...]
) -> None:
    """Raise DocumentError where a required column is neither in the table nor given by the mapping's defaults."""
    given = {*columns, *(mapping.defaults if mapping else ())}
    absent = [name for name in required if name not in given]
    if absent:
        message = f"required columns are missing: {', '.join(absent)}; add them, or name them in a mapping"
        raise problem(path, 1, message)
