"""Jobs: work on many invoices or customers, chosen once when it was asked for, taken in small batches until all is done."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

from pydantic import computed_field
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Select,
    any_,
    bindparam,
    exists,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ledger.database import LedgerError
from ledger.filters import InvoiceFilter, check_filter, conditions
from ledger.migrating import is_outdated
from ledger.service_tables import job_items, jobs
from ledger.tables import customers, invoices
from ledger.views import View

Kind = Literal["hold", "release", "migrate"]
# The rules of segments go over every customer.
SEGMENT = "segment"
DONE = "done"
# Notified when a job is made.
JOB_CHANNEL = "regua_job"
_WAITS = job_items.c.outcome.is_(None)
_NO_FAILURE = ("done", "same", "would_change", "waiting")


@dataclass(slots=True)
class Share:
    """What of one job is to be worked on now: invoices by our id and the creditor's number, or customers by their key.

    `order` is what the job does to each, `actor` who asked; `outcomes` collects a code for each that was done.
    """

    job_id: int
    kind: Kind
    order: dict[str, Any]
    actor: str
    named: dict[int, str]
    outcomes: dict[int, str] = field(default_factory=dict)


class JobLine(View):
    """Work on many invoices or customers and how far it has come; `outcomes` counts them by what became of each.

    `failed` counts those to which it could not be done, such as one that was closed meanwhile. Of `segment`, `same`
    counts the customers who are in their segment, and `would_change` in a dry run those who would leave it.
    """

    id: int
    kind: str
    filter: dict[str, Any]
    order: dict[str, Any]
    status: str
    created_at: datetime
    created_by: str
    finished_at: datetime | None
    outcomes: dict[str, int]

    @computed_field  # type: ignore[prop-decorator] # pydantic's own way to write one
    @property
    def total(self) -> int:
        """All its invoices, or customers."""
        return sum(self.outcomes.values())

    @computed_field  # type: ignore[prop-decorator] # pydantic's own way to write one
    @property
    def done(self) -> int:
        """Those to which it was done."""
        return self.outcomes.get("done", 0)

    @computed_field  # type: ignore[prop-decorator] # pydantic's own way to write one
    @property
    def failed(self) -> int:
        """Those to which it could not be done."""
        return sum(count for outcome, count in self.outcomes.items() if outcome not in _NO_FAILURE)

    @computed_field  # type: ignore[prop-decorator] # pydantic's own way to write one
    @property
    def percent(self) -> int:
        """How much of it is over, rounded down."""
        return 100 * (self.total - self.outcomes.get("waiting", 0)) // self.total if self.total else 100


async def create_job(
    engine: AsyncEngine,
    kind: Kind,
    wanted: InvoiceFilter,
    order: dict[str, Any],
    actor: str,
    *,
    today: date,
    now: datetime,
) -> JobLine:
    """Write down a job and the open invoices it is about, as the filter finds them at this instant.

    A release is about those that are paused, a migration about those that keep to an older version of their cadence.
    `order` is JSON: what is to be done to each; `today` is the creditor's. A job that finds nothing is finished.
    Raises LedgerError where the filter names what nobody knows.
    """
    async with engine.connect() as connection:
        await check_filter(connection, wanted)
    asked = {"kind": kind, "filter": wanted.model_dump(mode="json", exclude_none=True), "order": order}
    return await _create(engine, asked, _chosen(kind, wanted, today), actor, now)


async def create_segment_job(
    engine: AsyncEngine, order: dict[str, Any], actor: str, now: datetime
) -> JobLine:
    """Write down that the rules of segments are to go over every customer who is known at this instant.

    `order` is JSON: from when on a change of segment counts, and whether it is only to be counted.
    """
    known = select(customers.c.id).where(customers.c.merged_into.is_(None))
    return await _create(engine, {"kind": SEGMENT, "filter": {}, "order": order}, known, actor, now)


async def _create(
    engine: AsyncEngine, asked: dict[str, Any], chosen: Select[Any], actor: str, now: datetime
) -> JobLine:
    async with engine.begin() as connection:
        row = asked | {"created_at": now, "created_by": actor, "status": "running"}
        job_id: int = (await connection.execute(insert(jobs).values(row).returning(jobs.c.id))).scalar_one()
        named = chosen.add_columns(literal(job_id, BigInteger))
        await connection.execute(insert(job_items).from_select(["subject_id", "job_id"], named))
        await _finish(connection, now, jobs.c.id == job_id)
        await connection.execute(select(func.pg_notify(JOB_CHANNEL, "")))
        return await _job(connection, job_id)


async def would_choose(engine: AsyncEngine, kind: Kind, wanted: InvoiceFilter, today: date) -> int:
    """How many invoices such a job would be about now; raise LedgerError where the filter names what nobody knows."""
    counted = select(func.count()).select_from(_chosen(kind, wanted, today).subquery())
    async with engine.connect() as connection:
        await check_filter(connection, wanted)
        return int((await connection.execute(counted)).scalar_one())


async def job(engine: AsyncEngine, job_id: int) -> JobLine:
    """A job and how far it has come; raise LedgerError where it is unknown."""
    async with engine.connect() as connection:
        return await _job(connection, job_id)


async def list_jobs(engine: AsyncEngine, *, before: int | None = None, limit: int = 50) -> list[JobLine]:
    """Jobs, the latest first; those older than the one with the id `before`."""
    wanted = select(jobs).order_by(jobs.c.id.desc()).limit(limit)
    if before is not None:
        wanted = wanted.where(jobs.c.id < before)
    async with engine.connect() as connection:
        return await _read(connection, wanted)


async def cancel_job(engine: AsyncEngine, job_id: int, now: datetime) -> JobLine:
    """Leave the rest of a job undone; what was done stays. Raise LedgerError where it is over or unknown."""
    ending = update(jobs).where(jobs.c.id == job_id, jobs.c.status == "running")
    async with engine.begin() as connection:
        ended = await connection.execute(
            ending.values(status="cancelled", finished_at=now).returning(jobs.c.id)
        )
        found = await _job(connection, job_id)
        if ended.first() is None:
            raise LedgerError(
                "job_closed", f"job {job_id} is {found.status} already; nothing of it is left to cancel"
            )
    return found


@asynccontextmanager
async def share(engine: AsyncEngine, limit: int, now: datetime) -> AsyncIterator[Share | None]:
    """Take up to `limit` waiting invoices of the oldest running job, hidden from others who work; None if none wait.

    What the caller puts into `outcomes` is written down at the end; the rest stays waiting. A crash in between
    loses the outcomes, not the acts, which are known by their keys when they are told again.
    """
    async with engine.begin() as connection:
        taken = await _take(connection, limit)
        yield taken
        if taken and taken.outcomes:
            await _write(connection, taken)
        # Those that another worker has in hand still wait, so a job ends with the last of its shares.
        await _finish(connection, now, jobs.c.status == "running")


async def _take(connection: AsyncConnection, limit: int) -> Share | None:
    waiting = select(job_items.c.job_id, job_items.c.subject_id).join_from(job_items, jobs)
    waiting = waiting.where(_WAITS, jobs.c.status == "running").order_by(
        job_items.c.job_id, job_items.c.subject_id
    )
    rows = (
        await connection.execute(waiting.limit(limit).with_for_update(of=job_items, skip_locked=True))
    ).all()
    if not rows:
        return None
    job_id = rows[0].job_id
    ids = [row.subject_id for row in rows if row.job_id == job_id]
    asked = (await connection.execute(select(jobs).where(jobs.c.id == job_id))).one()
    table, name = (customers, "key") if asked.kind == SEGMENT else (invoices, "number")
    wanted = select(table.c.id, table.c[name]).where(table.c.id == any_(literal(ids, ARRAY(BigInteger))))
    names = {row.id: row[1] for row in await connection.execute(wanted)}
    return Share(job_id, asked.kind, asked.order, asked.created_by, {each: names[each] for each in ids})


async def _write(connection: AsyncConnection, taken: Share) -> None:
    done = update(job_items).where(
        job_items.c.job_id == taken.job_id, job_items.c.subject_id == bindparam("of_subject")
    )
    rows = [{"of_subject": each, "became": outcome} for each, outcome in taken.outcomes.items()]
    await connection.execute(done.values(outcome=bindparam("became")), rows)


async def _finish(connection: AsyncConnection, now: datetime, which: Any) -> None:
    waits = exists().where(job_items.c.job_id == jobs.c.id, _WAITS)
    await connection.execute(update(jobs).where(which, ~waits).values(status="finished", finished_at=now))


def _chosen(kind: Kind, wanted: InvoiceFilter, today: date) -> Select[Any]:
    found = select(invoices.c.id).join_from(invoices, customers)
    found = found.where(invoices.c.closed_at.is_(None), *conditions(wanted, today))
    if kind == "release":
        found = found.where(func.jsonb_array_length(invoices.c.facts["holds"]) > 0)
    if kind == "migrate":
        found = found.where(is_outdated())
    return found


async def _job(connection: AsyncConnection, job_id: int) -> JobLine:
    found = await _read(connection, select(jobs).where(jobs.c.id == job_id))
    if not found:
        raise LedgerError("unknown_job", f"no job {job_id} is known; the list of jobs shows those that are")
    return found[0]


async def _read(connection: AsyncConnection, wanted: Select[Any]) -> list[JobLine]:
    rows = (await connection.execute(wanted)).mappings().all()
    became = await _outcomes(connection, [row["id"] for row in rows])
    return [JobLine.model_validate(dict(row) | {"outcomes": became.get(row["id"], {})}) for row in rows]


async def _outcomes(connection: AsyncConnection, ids: Sequence[int]) -> dict[int, dict[str, int]]:
    outcome = func.coalesce(job_items.c.outcome, "waiting").label("outcome")
    counted = select(job_items.c.job_id, outcome, func.count().label("count"))
    counted = counted.where(job_items.c.job_id == any_(literal(ids, ARRAY(BigInteger))))
    found: dict[int, dict[str, int]] = {}
    for row in await connection.execute(counted.group_by(job_items.c.job_id, outcome).order_by(outcome)):
        found.setdefault(row.job_id, {})[row.outcome] = row[2]
    return found
