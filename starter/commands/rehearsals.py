"""Commands that play: a rehearsal of any portfolio, and the demo, which rehearses the shipped sample."""

import asyncio
import tempfile
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from ledger.checks import Check, check_invariants, personal_needles
from starter.accepted import accepted_by
from starter.commands.cadences import DEFAULT_CREDITOR, DEFAULT_FOLDER, CreditorFile, Folder
from starter.commands.options import Json
from starter.histories import check_histories
from starter.printing import as_json, console, say
from starter.rehearsal.playing import Script, play
from starter.rehearsal.report import Report, read_report, write_report
from starter.rehearsal.script import Source, read_script
from starter.rehearsal.stage import TASK_QUEUE, Stage
from starter.rehearsal.story import print_channels, print_invariants, print_stories

SAMPLES = Path("samples")
DEMO_BEGINS = date(2026, 1, 5)
DEMO_DAYS = 120
WRONG = 1

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
    creditor: CreditorFile = DEFAULT_CREDITOR,
    cadences: Folder = DEFAULT_FOLDER,
    as_json_: Json = False,
) -> None:
    """Play a portfolio through the real workflows, ledger and channels, in minutes; nobody is contacted.

    The files in --report tell who would be sent what, when, and why not; two rehearsals of one input agree.
    """
    if report is not None and report.exists() and (not report.is_dir() or any(report.iterdir())):
        raise typer.BadParameter(f"{report} is there already and not empty; name another folder")
    source = Source(file, creditor, cadences, begins.date(), days, mapping, events, habits)
    script = read_script(source)
    played = asyncio.run(_play(script, "Rehearsing"))
    if report is not None:
        write_report(played.report, report, script.begins, script.ends)
    if as_json_:
        as_json(played.report.summary(script.begins, script.ends) | {"invariants": played.checks})
    else:
        print_channels(played.report)
        if report is not None:
            say(f"The report is in {report}.")
    _judge(played, quiet=as_json_)


def demo(report: ReportTo = None) -> None:
    """Play 120 days of the sample portfolio, and show what every customer was sent and how it ended."""
    source = Source(
        SAMPLES / "portfolio.csv",
        DEFAULT_CREDITOR,
        DEFAULT_FOLDER,
        DEMO_BEGINS,
        DEMO_DAYS,
        events=SAMPLES / "happenings.csv",
        habits=SAMPLES / "habits.yaml",
    )
    script = read_script(source)
    played = asyncio.run(_play(script, f"Playing {DEMO_DAYS} days of {len(script.rows)} invoices"))
    print_stories(played.report, script.creditor.timezone)
    print_channels(played.report)
    if report is not None:
        write_report(played.report, report, script.begins, script.ends)
        say(f"The report is in {report}.")
    _judge(played, quiet=False)


def _judge(played: Played, *, quiet: bool) -> None:
    """Say whether the invariants hold; leave with status 1 where one does not."""
    holds = all(check.ok for check in played.checks) if quiet else print_invariants(played.checks)
    if not holds:
        raise typer.Exit(WRONG)


async def _play(script: Script, title: str) -> Played:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with (
        tempfile.TemporaryDirectory(prefix="regua-") as home,
        Progress(*columns, console=console()) as bar,
    ):
        task = bar.add_task(title, total=1.0)
        async with play(script, Path(home), lambda share: bar.update(task, completed=share)) as stage:
            return Played(await read_report(stage.ledger), await _checks(stage, script))


async def _checks(stage: Stage, script: Script) -> list[Check]:
    engine = stage.ledger.engine
    accepted = await accepted_by(stage.sandbox)
    checks = await check_invariants(engine, script.creditor, script.ends, accepted)
    return [*checks, await check_histories(stage.client, TASK_QUEUE, await personal_needles(engine))]
