"""The script of a rehearsal: a portfolio file, the happenings beside it, and the documents that rule them."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from cadence.document import Cadence
from cadence.problems import DocumentError, Problem
from starter.happenings import read_happenings
from starter.mapping import read_mapping
from starter.portfolio import read_portfolio
from starter.portfolio_row import KNOWN, Doorkeeper
from starter.rehearsal.playing import Script
from starter.rejects import Rejected
from starter.rulers import cadence_files, lint_files
from starter.settings import read_creditor, read_text


@dataclass(frozen=True, slots=True)
class Source:
    """The files a rehearsal is read from. `habits` is how the sandbox's recipients behave, by address."""

    portfolio: Path
    creditor: Path
    cadences: Path
    begins_on: date
    days: int
    mapping: Path | None = None
    events: Path | None = None
    habits: Path | None = None


def read_script(source: Source) -> Script:
    """Read everything a rehearsal plays; raise DocumentError with all that is wrong, so that nothing plays half."""
    creditor = read_creditor(source.creditor)
    linted = lint_files(cadence_files(source.cadences), creditor)
    if linted.errors:
        raise DocumentError(linted.errors)
    cadences: list[Cadence] = [cadence for cadence, _ in linted.cadences]
    mapping = read_mapping(source.mapping, KNOWN) if source.mapping else None
    door = Doorkeeper(creditor, cadences, source.begins_on, mapping)
    portfolio = read_portfolio(source.portfolio, door)
    problems = _problems(source.portfolio, portfolio.rejected)
    rows = [entry.invoice for entry in portfolio.entries]
    happenings = read_happenings(source.events, creditor.timezone) if source.events else None
    if source.events and happenings:
        problems += _problems(source.events, happenings.rejected)
        known = {row.number for row in rows}
        problems += [
            Problem(str(source.events), each.line, "invoice", f"{each.invoice!r} is not in the portfolio")
            for each in happenings.happenings
            if each.invoice not in known
        ]
    if problems:
        raise DocumentError(problems)
    told = happenings.happenings if happenings else ()
    habits = _habits(source.habits) if source.habits else {}
    return Script(source.creditor, creditor, cadences, rows, told, habits, source.begins_on, source.days)


def _problems(path: Path, rejected: tuple[Rejected, ...]) -> list[Problem]:
    return [Problem(str(path), each.line, "", each.reason) for each in rejected]


def _habits(path: Path) -> dict[str, Any]:
    try:
        habits = yaml.safe_load(read_text(path))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        sentence = "this is not YAML; write `address:` and below it `email: bounce` and the like"
        raise DocumentError([Problem(str(path), mark.line + 1 if mark else 1, "", sentence)]) from None
    if not isinstance(habits, dict):
        sentence = (
            "expected addresses with habits; write `address:` and below it `email: bounce` and the like"
        )
        raise DocumentError([Problem(str(path), 1, "", sentence)])
    return {str(address): habit for address, habit in habits.items()}
