"""Reads a file of contacts (CSV or XLSX), and imports it: the people at customers, by their roles."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from cadence.words import one_line
from ledger.access import Ledger
from ledger.customer_intake import ContactIntake
from ledger.intake import receive
from ledger.unit import Origin
from starter import cells as read
from starter.mapping import columns_of, require_columns
from starter.rejects import Rejected, read_rows, write_rejects
from starter.tables import Cell, Row

COLUMNS = ("customer", "contact", "role", "name", "language", "email", "phone", "whatsapp")
REQUIRED = ("customer", "contact", "role", "name")
# One transaction: large enough to be quick, small enough that nobody waits for its customers' locks.
BATCH = 100


@dataclass(frozen=True, slots=True)
class Entry:
    """A good row: its line, the contact, and its cells as they stood in the file."""

    line: int
    contact: ContactIntake
    cells: Mapping[str, Cell]


@dataclass(frozen=True, slots=True)
class Contacts:
    """What a file holds: good rows and rejected ones, and its headings."""

    entries: tuple[Entry, ...]
    rejected: tuple[Rejected, ...]
    headings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ContactsImported:
    """What an import of contacts did: counts, the rejected rows, and the file that they went to."""

    new: int
    changed: int
    same: int
    rejected: list[Rejected]
    rejects_file: Path | None

    @property
    def exit_status(self) -> int:
        """2 where a row was rejected, else 0."""
        return 2 if self.rejected else 0


def read_contacts(path: Path) -> Contacts:
    """Read every row of a file of contacts; raise DocumentError where the file as a whole cannot be read.

    Phone numbers are written in full, with +. A row is rejected with all its mistakes, as is one that repeats a
    contact of the file.
    """
    table = read_rows(path)
    columns = columns_of(table, path, None, COLUMNS)
    require_columns(path, columns, None, REQUIRED)
    entries: dict[tuple[str, str], Entry] = {}
    rejected: list[Rejected] = []
    for row in table.rows:
        result = _judge(row, columns)
        if isinstance(result, ContactIntake):
            entry = Entry(row.line, result, row.cells)
            earlier = entries.setdefault((result.customer, result.contact), entry)
            if earlier is entry:
                continue
            result = f"contact: {result.contact!r} stands in line {earlier.line} already; keep one of them"
        rejected.append(Rejected(row.line, result, row.cells))
    return Contacts(tuple(entries.values()), tuple(rejected), table.headings)


def _judge(row: Row, columns: Mapping[str, str]) -> ContactIntake | str:
    if row.fault:
        return row.fault
    reading = read.RowReader({
        ours: row.cells[theirs] for ours, theirs in columns.items() if theirs in row.cells
    })  # fmt: skip
    values = {
        **{name: reading.text(name, one_line) for name in ("customer", "contact", "name")},
        "role": reading.text("role", read.code),
        "language": reading.text("language", read.language),
        "email": reading.text("email", read.email),
        **{name: reading.text(name, lambda text: read.phone(text, None)) for name in ("phone", "whatsapp")},
    }
    for column in (name for name in REQUIRED if name not in reading.cells):
        reading.faults[column] = "is missing; every contact needs it"
    if reading.faults:
        return reading.objections(COLUMNS)
    try:
        return ContactIntake.model_validate(values)
    except ValidationError as error:
        return "; ".join(f"{each['loc'][0]}: {each['msg'].lower()}" for each in error.errors())


async def import_contacts(path: Path, ledger: Ledger, now: datetime, actor: str) -> ContactsImported:
    """Import the good rows of a file at the aware instant `now`; the bad ones go to its rejects file.

    A contact whose customer is not known is rejected: invoices, or customers, come first.
    """
    known = read_contacts(path)
    rejected = list(known.rejected)
    counted = dict.fromkeys(("new", "changed", "same"), 0)
    for start in range(0, len(known.entries), BATCH):
        batch = known.entries[start : start + BATCH]
        for entry, outcome, reason in await _take_in(batch, ledger, now, Origin(actor, "import")):
            if outcome == "rejected":
                rejected.append(Rejected(entry.line, reason, entry.cells))
            else:
                counted[outcome] += 1
    return ContactsImported(
        **counted, rejected=rejected, rejects_file=write_rejects(path, known.headings, rejected)
    )


async def _take_in(
    batch: Sequence[Entry], ledger: Ledger, now: datetime, origin: Origin
) -> list[tuple[Entry, str, str]]:
    received = await receive(ledger, [entry.contact for entry in batch], now, origin)
    return [(entry, each.outcome, each.reason) for entry, each in zip(batch, received, strict=True)]
