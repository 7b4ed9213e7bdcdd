"""The inbox: webhooks that were verified and answered, until they are processed. Each is kept once."""

import hashlib
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import bindparam, delete, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ledger.service_tables import inbox

GIVEN_UP = "given_up"
PATIENCE = timedelta(days=3)
# How long something waits before it is tried again: at first, and at most.
FIRST_REST = timedelta(seconds=1)
LONGEST_REST = timedelta(hours=1)
# A longer id, which no index would hold, is known by its digest.
LONGEST_ID = 200


class Lane(StrEnum):
    """What is processed beside the others: what customers say, and money, never wait behind a load of receipts."""

    REPLIES = "replies"
    MONEY = "money"
    RECEIPTS = "receipts"

    @property
    def channel(self) -> str:
        """Where PostgreSQL notifies whoever processes this lane."""
        return f"regua_inbox_{self}"


@dataclass(frozen=True, slots=True)
class Arrival:
    """A verified webhook, or one entry of it; kept once by source and external id, however often it comes."""

    source: str
    external_id: str
    body: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """A row of the inbox that is to be processed."""

    id: int
    source: str
    external_id: str
    body: str
    received_at: datetime
    tries: int


@dataclass(frozen=True, slots=True)
class Later:
    """The verdict that something cannot be processed yet; `why` is a code.

    It is tried again until `patience` after it came, and then processed with the outcome `then`.
    """

    why: str
    patience: timedelta = PATIENCE
    then: str = GIVEN_UP


Verdict = str | Later
"""What became of a row: its outcome, a code; or that it is tried again."""


@dataclass(slots=True)
class Batch:
    """Rows that are being processed; `verdicts` collects what became of each, by its id."""

    rows: Sequence[Waiting]
    verdicts: dict[int, Verdict] = field(default_factory=dict)


# A notification for many rows is one; without a new row there is none.
_KEEP = text("""
    WITH kept AS (
        INSERT INTO inbox (lane, source, external_id, body, received_at, due_at, tries)
        SELECT :lane, item.*, :now, :now, 0
        FROM unnest(CAST(:sources AS text[]), CAST(:ids AS text[]), CAST(:bodies AS text[])) AS item
        ON CONFLICT (source, external_id) DO NOTHING RETURNING id
    )
    SELECT count(*), pg_notify(:channel, '') FROM kept HAVING count(*) > 0
""")
_CLAIM = (
    select(inbox.c.id, inbox.c.source, inbox.c.external_id, inbox.c.body, inbox.c.received_at, inbox.c.tries)
    .where(
        inbox.c.lane == bindparam("the_lane"),
        inbox.c.processed_at.is_(None),
        inbox.c.due_at <= bindparam("now"),
    )
    .order_by(inbox.c.due_at, inbox.c.id)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
_SETTLE = text("""
    UPDATE inbox SET outcome = told.outcome, processed_at = told.processed_at,
        due_at = coalesce(told.due_at, inbox.due_at), tries = inbox.tries + 1
    FROM unnest(CAST(:ids AS bigint[]), CAST(:outcomes AS text[]), CAST(:processed AS timestamptz[]),
        CAST(:due AS timestamptz[])) AS told(id, outcome, processed_at, due_at)
    WHERE inbox.id = told.id
""")


async def keep(engine: AsyncEngine, lane: Lane, arrivals: Sequence[Arrival], now: datetime) -> int:
    """Keep what came in, in one statement that also wakes whoever processes it; how many were new.

    Once this returns, a crash loses nothing. `now` is the real time (aware).
    """
    if not arrivals:
        return 0
    # In one order: two posts of the same events would else wait for each other in the unique index.
    arrivals = sorted(arrivals, key=lambda each: (each.source, each.external_id))
    values = {
        "lane": lane,
        "now": now,
        "channel": lane.channel,
        "sources": [each.source for each in arrivals],
        "ids": [_short(_storable(each.external_id)) for each in arrivals],
        "bodies": [_storable(each.body) for each in arrivals],
    }
    async with engine.connect() as connection:
        # One statement needs no transaction around it, which would be two more.
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        new: int | None = (await connection.execute(_KEEP, values)).scalar_one_or_none()
    return new or 0


def _storable(given: str) -> str:
    """Without NUL and halves of surrogate pairs, which JSON can spell and PostgreSQL does not keep."""
    return given.replace("\0", "").encode("utf-8", "replace").decode()


def _short(external_id: str) -> str:
    if len(external_id) <= LONGEST_ID:
        return external_id
    return "sha256:" + hashlib.sha256(external_id.encode()).hexdigest()


@asynccontextmanager
async def claim(engine: AsyncEngine, lane: Lane, limit: int, now: datetime) -> AsyncIterator[Batch]:
    """Take up to `limit` rows of a lane that are due, hidden from other processes meanwhile.

    They are taken by the mark that they are not processed, never by a cursor. The caller puts a verdict on each;
    one without is taken again, as after a crash: so processing must do nothing the second time.
    """
    async with engine.begin() as connection:
        rows = await connection.execute(_CLAIM, {"the_lane": lane, "now": now, "most": limit})
        batch = Batch([Waiting(*row) for row in rows.all()])
        yield batch
        await _settle(connection, batch, now)


async def _settle(connection: AsyncConnection, batch: Batch, now: datetime) -> None:
    by_id = {row.id: row for row in batch.rows}
    told = [_told(by_id[row_id], verdict, now) for row_id, verdict in batch.verdicts.items()]
    if told:
        columns = zip(*told, strict=True)
        values = dict(zip(("ids", "outcomes", "processed", "due"), map(list, columns), strict=True))
        await connection.execute(_SETTLE, values)


def _told(row: Waiting, verdict: Verdict, now: datetime) -> tuple[int, str, datetime | None, datetime | None]:
    """A row's id, outcome, when it was processed, and else when it is due again."""
    if isinstance(verdict, str):
        return row.id, verdict, now, None
    if now - row.received_at >= verdict.patience:
        return row.id, verdict.then, now, None
    # Twelve doublings of a second are more than an hour.
    rest = min(LONGEST_REST, FIRST_REST * 2 ** min(row.tries, 12))
    return row.id, verdict.why, None, now + rest


async def waiting(engine: AsyncEngine) -> tuple[int, datetime | None]:
    """How many rows wait to be processed, and since when the one does that has waited longest."""
    found = select(func.count(), func.min(inbox.c.received_at)).where(inbox.c.processed_at.is_(None))
    async with engine.connect() as connection:
        count, oldest = (await connection.execute(found)).one()
    return count, oldest


@dataclass(frozen=True, slots=True)
class Stuck:
    """What does not get on: how many were never tried, are tried again (by why), and were given up (by source)."""

    untried: int
    again: Mapping[str, int]
    given_up: Mapping[str, int]


async def stuck(engine: AsyncEngine, before: datetime) -> Stuck:
    """What came before an instant and is not processed, and what was given up and is not forgotten yet."""
    open_still = inbox.c.processed_at.is_(None) & (inbox.c.received_at < before)
    async with engine.connect() as connection:
        found = (await connection.execute(
            select(inbox.c.source, inbox.c.outcome, inbox.c.processed_at.is_(None), func.count())
            .where(open_still | ((inbox.c.outcome == GIVEN_UP) & inbox.c.processed_at.is_not(None)))
            .group_by(inbox.c.source, inbox.c.outcome, inbox.c.processed_at.is_(None))
        )).all()  # fmt: skip
    return Stuck(
        sum(count for _, why, unprocessed, count in found if unprocessed and why is None),
        _sums(
            (f"{source}: {why}", count) for source, why, unprocessed, count in found if unprocessed and why
        ),
        _sums((source, count) for source, _, unprocessed, count in found if not unprocessed),
    )


def _sums(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    return dict(sorted(pairs))


async def forget(engine: AsyncEngine, before: datetime) -> int:
    """Delete rows that were processed before an instant; a repeat does nothing all the same. How many went.

    What was given up stays: it may be money, and `regua doctor` shows it.
    """
    done = (inbox.c.processed_at < before) & (inbox.c.outcome != GIVEN_UP)
    async with engine.begin() as connection:
        gone = await connection.execute(delete(inbox).where(done))
    return gone.rowcount
