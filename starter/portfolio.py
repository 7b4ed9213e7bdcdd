"""Reads a portfolio (CSV or XLSX): each row checked and normalised into an invoice that the ledger takes in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ledger.intake import InvoiceIntake
from starter.mapping import columns_of, require_columns
from starter.portfolio_row import COLUMN_OF, COLUMNS, KNOWN, Doorkeeper, judge
from starter.rejects import Rejected, read_rows
from starter.tables import Cell


@dataclass(frozen=True, slots=True)
class Entry:
    """A good row: its line, the invoice, and its cells as they stood in the file."""

    line: int
    invoice: InvoiceIntake
    cells: Mapping[str, Cell]


@dataclass(frozen=True, slots=True)
class Portfolio:
    """What a file holds: good rows and rejected ones, its headings, and those that a mapping leaves aside."""

    entries: tuple[Entry, ...]
    rejected: tuple[Rejected, ...]
    headings: tuple[str, ...]
    ignored: tuple[str, ...]


def read_portfolio(path: Path, door: Doorkeeper) -> Portfolio:
    """Read every row of a portfolio; raise DocumentError where the file as a whole cannot be read.

    Required columns must be there or have a default in the mapping. A row is rejected with all its mistakes, as is
    one that repeats an invoice of the file, or says something else about its customer than an earlier row.
    """
    table = read_rows(path)
    columns = columns_of(table, path, door.mapping, KNOWN)
    require_columns(path, columns, door.mapping, tuple(name for name in KNOWN if COLUMNS[name][0]))
    entries: list[Entry] = []
    rejected: list[Rejected] = []
    earlier = _Earlier()
    for row in table.rows:
        result = judge(row, columns, door)
        if isinstance(result, InvoiceIntake):
            result = earlier.objection(row.line, result) or result
        if isinstance(result, InvoiceIntake):
            entries.append(Entry(row.line, result, row.cells))
        else:
            rejected.append(Rejected(row.line, result, row.cells))
    ignored = tuple(heading for heading in table.headings if heading not in columns.values())
    return Portfolio(tuple(entries), tuple(rejected), table.headings, ignored)


@dataclass(slots=True)
class _Earlier:
    """What the rows above have said."""

    invoices: dict[str, int] = field(default_factory=dict)
    customers: dict[str, tuple[int, dict[str, Any]]] = field(default_factory=dict)

    def objection(self, line: int, row: InvoiceIntake) -> str | None:
        if row.number in self.invoices:
            return f"invoice: {row.number!r} stands in line {self.invoices[row.number]} already; keep one of them"
        said = row.model_dump(include=_CUSTOMER_FIELDS)
        first, known = self.customers.get(row.customer, (line, said))
        different = [COLUMN_OF.get(name, name) for name in said if said[name] != known[name]]
        if different:
            fields = ", ".join(different)
            return f"{fields}: line {first} says something else of customer {row.customer!r}; make them agree"
        self.invoices[row.number] = line
        self.customers[row.customer] = first, known
        return None


_CUSTOMER_FIELDS = {
    "customer_name", "segment", "language", "country", "subdivision", "zone", "email", "phone", "whatsapp",
}  # fmt: skip
