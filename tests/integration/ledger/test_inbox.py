"""The inbox: what is kept once, taken by one, tried again, given up, and forgotten."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text

from ledger.access import Ledger
from ledger.inbox import (
    GIVEN_UP,
    LONGEST_REST,
    PATIENCE,
    Arrival,
    Lane,
    Later,
    Verdict,
    claim,
    forget,
    keep,
    stuck,
    waiting,
)
from ledger.service_tables import inbox

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
SECOND = timedelta(seconds=1)


async def kept(ledger: Ledger, *ids: str, lane: Lane = Lane.RECEIPTS, source: str = "twilio") -> int:
    return await keep(ledger.engine, lane, [Arrival(source, each, "{}") for each in ids], NOW)


async def take(ledger: Ledger, verdict: Verdict, now: datetime, lane: Lane = Lane.RECEIPTS) -> list[str]:
    """Claim what is due and put one verdict on all of it; the external ids, in the order in which they came."""
    async with claim(ledger.engine, lane, 10, now) as batch:
        batch.verdicts |= dict.fromkeys((row.id for row in batch.rows), verdict)
    return [row.external_id for row in batch.rows]


async def test_a_webhook_is_kept_once_however_often_it_comes(ledger: Ledger) -> None:
    assert await kept(ledger, "a", "b", "a") == 2
    assert await kept(ledger, "b", "c") == 1
    assert await kept(ledger, "a", source="sendgrid") == 1
    assert (await waiting(ledger.engine)) == (4, NOW)
    assert await take(ledger, "new", NOW) == ["a", "b", "c", "a"]
    assert await kept(ledger, "a") == 0
    assert await take(ledger, "new", NOW + SECOND) == []


async def test_whoever_listens_is_woken_once_for_what_is_new_and_not_for_a_repeat(ledger: Ledger) -> None:
    async with ledger.engine.connect() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        await connection.execute(text(f"LISTEN {Lane.MONEY.channel}"))
        await connection.commit()
        await kept(ledger, "a", "b", lane=Lane.MONEY)
        await kept(ledger, "a", lane=Lane.MONEY)
        await kept(ledger, "c", lane=Lane.REPLIES)
        heard = [note.channel async for note in driver.notifies(timeout=0.2)]
    assert heard == [Lane.MONEY.channel]


async def test_what_json_can_spell_and_postgresql_cannot_keep_is_kept_without_it(ledger: Ledger) -> None:
    arrival = Arrival("twilio", "a\0b\ud800", "body\0\udfff")
    assert await keep(ledger.engine, Lane.RECEIPTS, [arrival], NOW) == 1
    assert await keep(ledger.engine, Lane.RECEIPTS, [arrival], NOW) == 0
    assert await take(ledger, "new", NOW) == ["ab?"]


async def test_an_id_of_any_length_is_kept_once(ledger: Ledger) -> None:
    assert await kept(ledger, "x" * 1_000_000, "x" * 1_000_001) == 2
    assert await kept(ledger, "x" * 1_000_000) == 0


async def test_two_processes_never_take_the_same_row(ledger: Ledger) -> None:
    await kept(ledger, "a", "b", "c")
    taking = (claim(ledger.engine, Lane.RECEIPTS, 2, NOW) for _ in range(2))
    async with next(taking) as first, next(taking) as second:
        assert [row.external_id for row in (*first.rows, *second.rows)] == ["a", "b", "c"]


async def test_a_process_that_dies_leaves_its_rows_to_the_next(ledger: Ledger) -> None:
    async def die() -> None:
        async with claim(ledger.engine, Lane.RECEIPTS, 1, NOW) as batch:
            batch.verdicts[batch.rows[0].id] = "new"
            raise asyncio.CancelledError

    await kept(ledger, "a")
    with pytest.raises(asyncio.CancelledError):
        await die()
    assert await take(ledger, "new", NOW) == ["a"]


async def test_no_lane_sees_what_waits_in_another(ledger: Ledger) -> None:
    await kept(ledger, *map(str, range(10)))
    await kept(ledger, "stop", lane=Lane.REPLIES, source="twilio-reply")
    assert await take(ledger, "new", NOW, Lane.REPLIES) == ["stop"]
    assert await take(ledger, "new", NOW, Lane.MONEY) == []


async def test_what_cannot_be_processed_yet_comes_back_ever_later_and_is_given_up_after_three_days(
    ledger: Ledger,
) -> None:
    await kept(ledger, "a")
    rests, now = [], NOW
    while await take(ledger, Later("away"), now):
        async with ledger.engine.connect() as connection:
            row = (await connection.execute(select(inbox))).mappings().one()
        if row["processed_at"]:
            break
        assert row["outcome"] == "away"
        rests.append(row["due_at"] - now)
        assert await take(ledger, "new", row["due_at"] - SECOND) == []
        now = row["due_at"]
    assert rests[:4] == [SECOND, 2 * SECOND, 4 * SECOND, 8 * SECOND]
    assert rests == sorted(rests)
    assert rests[-1] == LONGEST_REST
    assert PATIENCE <= now - NOW <= PATIENCE + LONGEST_REST
    assert row["outcome"] == GIVEN_UP
    assert (await stuck(ledger.engine, now)).given_up == {"twilio": 1}


async def test_patience_may_be_shorter_and_end_as_something_else(ledger: Ledger) -> None:
    await kept(ledger, "a")
    await take(ledger, Later("unknown", timedelta(hours=1), "not_ours"), NOW + timedelta(hours=1))
    found = await stuck(ledger.engine, NOW + timedelta(days=1))
    assert (found.untried, found.again, found.given_up) == (0, {}, {})


async def test_what_is_stuck_is_told_apart_by_why(ledger: Ledger) -> None:
    await kept(ledger, "a", "b")
    assert await take(ledger, Later("unknown"), NOW) == ["a", "b"]
    await kept(ledger, "c")
    assert (await stuck(ledger.engine, NOW)).untried == 0
    found = await stuck(ledger.engine, NOW + SECOND)
    assert (found.untried, found.again) == (1, {"twilio: unknown": 2})


async def test_only_what_was_processed_is_forgotten(ledger: Ledger) -> None:
    await kept(ledger, "a")
    await take(ledger, "new", NOW)
    await kept(ledger, "b")
    assert await forget(ledger.engine, NOW + SECOND) == 1
    assert (await waiting(ledger.engine))[0] == 1


async def test_two_posts_of_the_same_events_in_opposite_orders_do_not_block_each_other(
    ledger: Ledger,
) -> None:
    ids = [f"e-{number}" for number in range(4_000)]
    new = await asyncio.gather(*(kept(ledger, *order) for order in (ids, ids[::-1]) for _ in range(2)))
    assert sum(new) == len(ids)
