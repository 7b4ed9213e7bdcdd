"""Imports a portfolio: what it would do, how many contacts a day that means, and then does it, batch by batch."""

import csv
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ledger.access import Ledger
from ledger.coming import contacts_a_day
from ledger.intake import InvoiceIntake, Received, receive
from ledger.publishing import published
from ledger.unit import Origin
from starter.mapping import read_mapping
from starter.portfolio import Entry, Portfolio, read_portfolio
from starter.portfolio_row import COLUMNS, KNOWN, Doorkeeper
from starter.rejects import Rejected, write_rejects
from starter.tables import problem

# One transaction: large enough to be quick, small enough that nobody waits for its customers' locks.
BATCH = 100
# More contacts in a day than this are asked about first: a first import of old invoices can be a flood.
CONTACTS_A_DAY = 200

Contacts = Mapping[date, int]
"""How many messages are planned for each day, by the clocks of those who get them."""


@dataclass(slots=True)
class Imported:
    """What an import did, or would do: counts, rejected rows by line, and the contacts that it makes per day.

    `declined` means that nothing was done, because there were too many contacts and nobody agreed.
    """

    new: int = 0
    changed: int = 0
    same: int = 0
    rejected: list[Rejected] = field(default_factory=list)
    rejects_file: Path | None = None
    contacts: Counter[date] = field(default_factory=Counter)
    ignored: tuple[str, ...] = ()
    dry_run: bool = False
    declined: bool = False

    @property
    def exit_status(self) -> int:
        """2 where a row was rejected, or nothing was done because nobody agreed; else 0."""
        return 2 if self.rejected or self.declined else 0

    @property
    def busiest(self) -> int:
        """The most contacts on one day."""
        return max(self.contacts.values(), default=0)


async def import_file(
    path: Path,
    ledger: Ledger,
    now: datetime,
    actor: str,
    console: Console,
    *,
    mapping: Path | None = None,
    dry_run: bool = False,
    agree: Callable[[Contacts], bool] | None = None,
    limit: int = CONTACTS_A_DAY,
) -> Imported:
    """Import the good rows of a CSV or XLSX file at the aware instant `now`; the bad ones go to its rejects file.

    `agree` is asked before anything is done where a day gets more contacts than `limit`; without it nobody is asked.
    A dry run does the import in transactions that are given back, so that it says exactly what would come, and
    writes no file. Raises DocumentError where the file or its mapping cannot be used as a whole.
    """
    portfolio = await _read(path, ledger, now, mapping)
    origin = Origin(actor, "import")
    if dry_run or agree:
        trial = await _take_in(portfolio, ledger, now, origin, console, trial=True)
        trial.dry_run = dry_run
        trial.declined = (
            not dry_run and trial.busiest > limit and agree is not None and not agree(trial.contacts)
        )
        if dry_run or trial.declined:
            return trial
    done = await _take_in(portfolio, ledger, now, origin, console, trial=False)
    done.rejects_file = write_rejects(path, portfolio.headings, done.rejected)
    return done


def write_template(path: Path) -> None:
    """Write an example portfolio, its required columns marked by `*`, which an import reads as they are.

    Raises DocumentError where the file exists already or cannot be written.
    """
    try:
        with path.open("x", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([name + "*" * COLUMNS[name][0] for name in KNOWN])
            writer.writerow([COLUMNS[name][2] for name in KNOWN])
    except FileExistsError:
        raise problem(path, 1, "the file exists already; name another one for the template") from None
    except OSError as error:
        raise problem(
            path, 1, f"the template cannot be written ({error.strerror}); name another place"
        ) from None


async def _read(path: Path, ledger: Ledger, now: datetime, mapping: Path | None) -> Portfolio:
    versions = await published(ledger.engine)
    cadences = [version.cadence for version in versions if version.latest]
    if not cadences:
        raise problem(path, 1, "no cadence is published yet; publish some with `regua cadence publish`")
    today = now.astimezone(ledger.creditor.timezone).date()
    columns = read_mapping(mapping, KNOWN) if mapping else None
    return read_portfolio(path, Doorkeeper(ledger.creditor, cadences, today, columns))


async def _take_in(
    portfolio: Portfolio, ledger: Ledger, now: datetime, origin: Origin, console: Console, *, trial: bool
) -> Imported:
    result = Imported(rejected=list(portfolio.rejected), ignored=portfolio.ignored)
    entries = portfolio.entries
    # Where nobody watches, a bar is a blank line.
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("Checking" if trial else "Importing", total=len(entries))
        for start in range(0, len(entries), BATCH):
            batch = entries[start : start + BATCH]
            await _batch(batch, ledger, now, origin, result, trial=trial)
            progress.advance(task, len(batch))
    return result


async def _batch(
    batch: Sequence[Entry], ledger: Ledger, now: datetime, origin: Origin, result: Imported, *, trial: bool
) -> None:
    rows = [entry.invoice for entry in batch]
    if trial:
        engine = _TrialEngine(ledger, rows)
        received = await receive(replace(ledger, engine=engine), rows, now, origin)
        planned = engine.planned
    else:
        received = await receive(ledger, rows, now, origin)
        async with ledger.engine.connect() as connection:
            planned = await contacts_a_day(connection, [row.number for row in rows])
    _count(result, batch, received)
    moved = {row.number for row in received if row.outcome in ("new", "changed")}
    for number, day, contacts in planned:
        if number in moved:
            result.contacts[day] += contacts


def _count(result: Imported, batch: Sequence[Entry], received: Sequence[Received]) -> None:
    for entry, answer in zip(batch, received, strict=True):
        match answer.outcome:
            case "new":
                result.new += 1
            case "changed":
                result.changed += 1
            case "same":
                result.same += 1
            case "rejected":
                result.rejected.append(Rejected(entry.line, answer.reason, entry.cells))


class _TrialEngine(AsyncEngine):
    """The ledger's engine, whose transactions are given back; what they planned is read just before that."""

    def __init__(self, ledger: Ledger, rows: Sequence[InvoiceIntake]) -> None:
        super().__init__(ledger.engine.sync_engine)
        self.rows = rows
        self.planned: list[tuple[str, date, int]] = []

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that leaves nothing behind."""
        async with self.connect() as connection:
            yield connection
            self.planned = await contacts_a_day(connection, [row.number for row in self.rows])
            await connection.rollback()
