"""Works jobs off, a small share at a time: each invoice or customer in a transaction of its own, known when told again."""

import asyncio
from datetime import UTC, date, datetime

from ledger.access import Ledger
from ledger.database import LedgerError
from ledger.jobs import DONE, JOB_CHANNEL, SEGMENT, Share, share
from ledger.keys import job_hold_key, job_key
from ledger.migrating import migrate
from ledger.segmenting import explained, reassign
from ledger.unit import Origin
from starter import acts
from starter.draining import keep_drained
from starter.session import Refusal
from starter.standing import Report, Standing, report

JOB_SOURCE = "job"
# Small, because its transaction stays open meanwhile, and because a job is cancelled between two shares.
SHARE = 20


async def work_jobs(ledger: Ledger, now: datetime) -> int:
    """Do one share of the oldest running job at the aware instant `now`; how many it was about, 0 where no job waits."""
    async with share(ledger.engine, SHARE, now) as taken:
        if taken is None:
            return 0
        for subject_id, name in taken.named.items():
            taken.outcomes[subject_id] = await _act(ledger, taken, subject_id, name, now)
        return len(taken.named)


async def keep_jobs_worked(ledger: Ledger, stop: asyncio.Event) -> None:
    """Work jobs off until `stop` is set, beginning with what a process before this one left undone."""
    await keep_drained(
        ledger.engine, JOB_CHANNEL, lambda: work_jobs(ledger, datetime.now(UTC)), stop, "jobs_listen"
    )


async def _act(ledger: Ledger, taken: Share, subject_id: int, name: str, now: datetime) -> str:
    """Do what the job asks to one invoice or customer, once; `done`, or the code of what was or stood in the way."""

    def judge(stands: Standing, at: datetime) -> Report:
        return _judged(taken, stands, at)

    origin = Origin(taken.actor, JOB_SOURCE, job_key(taken.job_id, subject_id), taken.order.get("note"))
    try:
        if taken.kind == SEGMENT:
            return await _segment(ledger, taken, subject_id, name, origin, now)
        if taken.kind == "migrate":
            await migrate(ledger, subject_id, origin, now)
        else:
            await report(ledger, name, origin, judge, now)
    except (Refusal, LedgerError) as refused:
        return refused.code
    return DONE


async def _segment(
    ledger: Ledger, taken: Share, customer_id: int, key: str, origin: Origin, now: datetime
) -> str:
    if taken.order["dry_run"]:
        return "would_change" if (await explained(ledger, customer_id, key, now)).changes else "same"
    return DONE if await reassign(ledger, customer_id, origin, now, taken.order["effect"]) else "same"


def _judged(taken: Share, stands: Standing, now: datetime) -> Report:
    if taken.kind == "release":
        return acts.resume(stands, now)
    until, hold = taken.order.get("until"), job_hold_key(taken.job_id)
    day = date.fromisoformat(until) if until else None
    return acts.pause(stands, now, until=day, reason=taken.order["reason"], hold=hold)
