"""The script of a rehearsal: a portfolio file, the happenings beside it, and the documents that rule them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import yaml

from cadence.creditor import Creditor
from cadence.document import Cadence
from cadence.problems import DocumentError, Problem
from channels.sandbox import habits as sandbox
from ledger.customer_intake import ContactIntake
from ledger.intake import InvoiceIntake
from starter.contacts import read_contacts
from starter.documents import Documents, read_text
from starter.happenings import Happening, read_happenings
from starter.mapping import read_mapping
from starter.portfolio import read_portfolio
from starter.portfolio_row import KNOWN, Doorkeeper
from starter.rehearsal.playing import Script
from starter.rejects import Rejected
from starter.rulers import cadence_files, lint_files


@dataclass(frozen=True, slots=True)
class Source:
    """The files a rehearsal is read from. `habits` is how the sandbox's recipients behave, by address."""

    portfolio: Path
    documents: Documents
    cadences: Path
    begins_on: date
    days: int
    mapping: Path | None = None
    events: Path | None = None
    habits: Path | None = None
    contacts: Path | None = None


def read_script(source: Source) -> Script:
    """Read everything a rehearsal plays; raise DocumentError with all that is wrong, so that nothing plays half."""
    creditor = source.documents.creditor
    cadences = _cadences(source.cadences, creditor)
    problems: list[Problem] = []
    rows = _rows(source, creditor, cadences, problems)
    told = read_happenings(source.events, creditor.timezone) if source.events else None
    happenings = told.happenings if told else ()
    habits = _habits(source.habits, problems) if source.habits else {}
    people = _people(source.contacts, {row.customer for row in rows}, problems) if source.contacts else ()
    script = Script(
        source.documents, cadences, rows, happenings, habits, source.begins_on, source.days, people
    )
    if source.events and told:
        problems += _rejected(source.events, told.rejected)
        problems += _misplaced(source.events, happenings, {row.number: row for row in rows}, script.enters)
    if problems:
        raise DocumentError(problems)
    return script


def _cadences(folder: Path, creditor: Creditor) -> Sequence[Cadence]:
    linted = lint_files(cadence_files(folder), creditor)
    if linted.errors:
        raise DocumentError(linted.errors)
    return [cadence for cadence, _ in linted.cadences]


def _rows(
    source: Source, creditor: Creditor, cadences: Sequence[Cadence], problems: list[Problem]
) -> Sequence[InvoiceIntake]:
    mapping = read_mapping(source.mapping, KNOWN) if source.mapping else None
    portfolio = read_portfolio(
        source.portfolio, Doorkeeper(creditor, list(cadences), source.begins_on, mapping)
    )
    problems += _rejected(source.portfolio, portfolio.rejected)
    return [entry.invoice for entry in portfolio.entries]


def _people(path: Path, customers: AbstractSet[str], problems: list[Problem]) -> Sequence[ContactIntake]:
    contacts = read_contacts(path)
    problems += _rejected(path, contacts.rejected)
    for each in contacts.entries:
        if each.contact.customer not in customers:
            message = f"{each.contact.customer!r} is in no line of the portfolio; correct the key, or leave the line out"
            problems.append(Problem(str(path), each.line, "customer", message))
    return [each.contact for each in contacts.entries]


def _rejected(path: Path, rejected: Iterable[Rejected]) -> list[Problem]:
    return [Problem(str(path), each.line, "", each.reason) for each in rejected]


def _misplaced(
    path: Path,
    happenings: Iterable[Happening],
    known: Mapping[str, InvoiceIntake],
    enters: Callable[[InvoiceIntake], datetime],
) -> Iterator[Problem]:
    """Happenings of invoices that the portfolio does not hold, or does not hold yet."""
    named = (
        (each, column, number)
        for each in happenings
        for column, number in (("invoice", each.invoice), ("text", each.into))
        if number is not None
    )
    for each, column, number in named:
        row = known.get(number)
        if row is None:
            message = f"{number!r} is not in the portfolio; correct the number, or leave the line out"
            yield Problem(str(path), each.line, column, message)
        elif each.at < enters(row):
            message = (
                f"{each.at.isoformat()} is before {row.number} enters, at {enters(row).isoformat()} (its issue date,"
                " or --from where that is later); write a later instant, or leave the line out"
            )
            yield Problem(str(path), each.line, "at", message)


def _habits(path: Path, problems: list[Problem]) -> dict[str, Any]:
    """Habits by address, each judged by the sandbox itself."""
    text = read_text(path)
    try:
        tree, habits = yaml.compose(text, yaml.SafeLoader), yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise _no_habits(path, mark.line + 1 if mark else 1, "this is not YAML") from None
    if not isinstance(tree, yaml.MappingNode) or not isinstance(habits, dict):
        raise _no_habits(path, 1, "expected addresses with habits")
    lines = [node.start_mark.line + 1 for node, _ in tree.value]
    if len(lines) != len(habits):
        raise _no_habits(path, lines[-1], "an address stands here twice")
    for line, (address, habit) in zip(lines, habits.items(), strict=True):
        if (why := _wrong_habit(address, habit)) is not None:
            problems.append(Problem(str(path), line, "", why))
    return habits


def _no_habits(path: Path, line: int, why: str) -> DocumentError:
    return DocumentError(
        [Problem(str(path), line, "", f"{why}; write `address:` and below it `email: bounce` and the like")]
    )


def _wrong_habit(address: object, habit: object) -> str | None:
    if not isinstance(address, str) or not ("@" in address or address.startswith("+")):
        return f'{address}: is no e-mail address nor phone number; write a number as "+447700900000", in quotation marks'
    try:
        sandbox.check({address: habit})
    except ValueError as error:
        return str(error)
    return None
