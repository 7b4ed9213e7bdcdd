"""Commands that say how far work on many invoices has come."""

from collections.abc import Sequence
from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncEngine

from ledger import jobs as ledger_jobs
from ledger.jobs import JobLine
from starter.commands import options as o
from starter.printing import as_json, counted, say, table, words
from starter.session import with_engine

MaybeJob = Annotated[
    int | None, typer.Argument(min=1, max=2**62, help="The job's number; the latest ones if left out.")
]


def jobs(job: MaybeJob = None, json: o.Json = False) -> None:
    """List the latest jobs, or say how far one has come."""

    async def read(engine: AsyncEngine) -> Sequence[JobLine]:
        return await ledger_jobs.list_jobs(engine) if job is None else [await ledger_jobs.job(engine, job)]

    found = with_engine(read)
    if json:
        as_json(found if job is None else found[0])
        return
    headings = ("job", "what", "status", "asked (UTC)", "by", "in all", "done", "failed", "%")
    table(counted(len(found), "job"), headings, map(_row, found))
    if job is not None:
        for outcome, count in found[0].outcomes.items():
            say(f"{words(outcome)}: {count}")


def _row(line: JobLine) -> tuple[object, ...]:
    return (
        str(line.id), line.kind, line.status, line.created_at.strftime("%Y-%m-%d %H:%M"), line.created_by,
        line.total, line.done, line.failed, line.percent,
    )  # fmt: skip
