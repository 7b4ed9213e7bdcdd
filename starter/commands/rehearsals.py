"""Commands that play: a rehearsal of any portfolio, and the demo, which rehearses the shipped sample."""

import asyncio
import os
import sys
import tempfile
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from ledger.checks import Check, check_invariants, personal_needles
from starter.accepted import accepted_by
from starter.commands.documents import (
    DEFAULT_CREDITOR,
    DEFAULT_FOLDER,
    DEFAULT_POLICIES,
    CreditorFile,
    Folder,
    PolicyFolder,
)
from starter.commands.options import Json
from starter.documents import read_documents
from starter.histories import check_histories
from starter.printing import as_json, say
from starter.rehearsal.playing import Script, play
from starter.rehearsal.progress import shown
from starter.rehearsal.report import Report, read_report, write_report
from starter.rehearsal.script import Source, read_script
from starter.rehearsal.stage import TASK_QUEUE, Stage
from starter.rehearsal.story import print_channels, print_invariants, print_stories

SAMPLES = Path("samples")
DEMO_BEGINS = date(2026, 1, 5)
DEMO_DAYS = 120
WRONG = 1
# What calendars and dates in files can bear.
EARLIEST, LATEST = date(1990, 1, 1), date(2099, 12, 31)

Portfolio = Annotated[Path, typer.Argument(help="The invoices, CSV or XLSX.", metavar="FILE")]
Mapping = Annotated[
    Path | None, typer.Option("--mapping", help="Other people's headings, dates and numbers.")
]
From = Annotated[
    datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="The first day, past or future.")
]
Days = Annotated[int, typer.Option("--days", min=1, max=3650, help="How many days to play.")]
Events = Annotated[
    Path | None, typer.Option("--events", help="What happens meanwhile, as for `events import`.")
]
Habits = Annotated[Path | None, typer.Option("--habits", help="How recipients behave in the sandbox, YAML.")]
People = Annotated[
    Path | None, typer.Option("--contacts", help="The people at customers, as for `contacts import`.")
]
ReportTo = Annotated[Path | None, typer.Option("--report", help="The folder for the tables and messages.")]


@dataclass(frozen=True, slots=True)
class Played:
    """What a rehearsal came to."""

    report: Report
    checks: list[Check]


def rehearse(
    file: Portfolio,
    begins: From,
    days: Days,
    report: ReportTo = None,
    mapping: Mapping = None,
    events: Events = None,
    habits: Habits = None,
    contacts: People = None,
    creditor: CreditorFile = DEFAULT_CREDITOR,
    cadences: Folder = DEFAULT_FOLDER,
    policies: PolicyFolder = DEFAULT_POLICIES,
    as_json_: Json = False,
) -> None:
    """Play a portfolio through the real workflows, ledger and channels, in minutes; nobody is contacted.

    The files in --report tell who would be sent what, when, and why not; two rehearsals of one input agree.
    """
    _refuse_dates(begins.date(), days)
    _refuse_folder(report)
    documents = read_documents(creditor, policies)
    script = read_script(
        Source(file, documents, cadences, begins.date(), days, mapping, events, habits, contacts)
    )
    played = _played(script)
    if report is not None:
        write_report(played.report, report, script.begins, script.ends)
    if as_json_:
        as_json(played.report.summary(script.begins, script.ends) | {"invariants": played.checks})
    else:
        print_channels(played.report)
        if report is not None:
            say(f"The report is in {report}.")
    judge(played, quiet=as_json_)


def demo(report: ReportTo = None) -> None:
    """Play 120 days of the sample portfolio, and show what every customer was sent and how it ended."""
    source = Source(
        SAMPLES / "portfolio.csv",
        read_documents(DEFAULT_CREDITOR, DEFAULT_POLICIES),
        DEFAULT_FOLDER,
        DEMO_BEGINS,
        DEMO_DAYS,
        events=SAMPLES / "happenings.csv",
        habits=SAMPLES / "habits.yaml",
        contacts=SAMPLES / "contacts.csv",
    )
    _refuse_folder(report)
    script = read_script(source)
    played = _played(script)
    print_stories(played.report)
    print_channels(played.report)
    if report is not None:
        write_report(played.report, report, script.begins, script.ends)
        say(f"The report is in {report}.")
    judge(played, quiet=False)


def _refuse_dates(begins: date, days: int) -> None:
    if not EARLIEST <= begins <= LATEST - timedelta(days=days):
        raise typer.BadParameter(
            f"the days that are played must lie between {EARLIEST} and {LATEST}", param_hint="--from"
        )


def _refuse_folder(report: Path | None) -> None:
    """A report is written at the end; what would stand in its way is said before anything is played."""
    if report is None:
        return
    if report.exists() and (not report.is_dir() or any(report.iterdir())):
        raise typer.BadParameter(
            f"{report} is there already and not empty; name another folder", param_hint="--report"
        )
    there = next(folder for folder in (report.absolute(), *report.absolute().parents) if folder.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise typer.BadParameter(
            f"{there} is no folder that you may write to; name another", param_hint="--report"
        )


def judge(played: Played, *, quiet: bool) -> None:
    """Say whether the invariants hold, unless `quiet`; raise typer.Exit with status 1 where one does not."""
    holds = all(check.ok for check in played.checks) if quiet else print_invariants(played.checks)
    if not holds:
        raise typer.Exit(WRONG)


def _played(script: Script) -> Played:
    count = len(script.rows)
    title = f"Playing {script.days} days of {count} invoice{'s' * (count != 1)}"
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_play(script, title))
    except KeyboardInterrupt:
        sys.stderr.write("regua: interrupted; what was started is stopped, and nothing was written.\n")
        raise


async def _play(script: Script, title: str) -> Played:
    with tempfile.TemporaryDirectory(prefix="regua-") as home, shown(title) as progress:
        async with play(script, Path(home), progress) as stage:
            return Played(await read_report(stage.ledger), await _checks(stage, script))


async def _checks(stage: Stage, script: Script) -> list[Check]:
    engine = stage.ledger.engine
    accepted = await accepted_by(stage.sandbox)
    checks = await check_invariants(engine, stage.ledger.book, script.ends, accepted)
    return [*checks, await check_histories(stage.client, TASK_QUEUE, await personal_needles(engine))]
