"""Ranking: where a cap has room for one of a customer's invoices, the one with more to say speaks first."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cadence import events as e
from cadence.document import Cadence
from cadence.packs import Pack, Packs
from ledger.access import Ledger
from ledger.attempts import Result
from ledger.checks import check_invariants
from ledger.explaining import why
from ledger.publishing import publish
from ledger.recording import Fact, record
from ledger.sending import Leave, begin, conclude, permit
from starter.documents import read_packs
from tests.integration.engines import engine_on
from tests.integration.ledger.playing import ARRIVAL, CREDITOR, FILE, order_of, row, ruler, take_in

PACKS = read_packs(Path("policies"))
# Nine in Bogotá: the younger invoice is due on this day, and the older one, of the Thursday before, is asked for again.
MONDAY = datetime(2026, 3, 9, 14, tzinfo=UTC)
THURSDAY = MONDAY - timedelta(days=4)
MOMENT = timedelta(minutes=2)
LETTER = {"subject": "A reminder", "html": "<p>Please pay.</p>", "body": "Please pay."}


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    """A ledger that knows every pack: in Colombia, one contact a day, and one channel a week."""
    engine = engine_on(database_url, 8)
    yield Ledger(engine, CREDITOR, packs=PACKS)
    await engine.dispose()


def two_steps(first: str = "email", second: str = "email", **changes: Any) -> Cadence:
    """A word on the due date, and a demand four days later."""
    steps = [_step("word", "due", "courtesy", first), _step("demand", "due + 4d", "overdue", second)]
    return ruler(**{"debtors": "consumer", "steps": steps} | changes)


def _step(name: str, at: str, stage: str, channel: str) -> dict[str, Any]:
    send = {"template": "overdue_first", "channels": [channel]}
    return {"id": name, "at": at, "stage": stage, "send": send, "missed": "send"}


def owed(number: str, due_on: date) -> Any:
    """An invoice of one customer in Bogotá."""
    place = {"country": "CO", "zone": "America/Bogota", "language": "es", "phone": "+573000000123"}
    return row(number, due_on=due_on, **place, consents=("email", "sms"))


async def ask(ledger: Ledger, invoice_id: int, now: datetime) -> Leave:
    return await permit(ledger, await order_of(ledger, invoice_id), now)


async def send(ledger: Ledger, invoice_id: int, now: datetime) -> None:
    leave = await ask(ledger, invoice_id, now)
    assert leave.permit is not None, leave.reason
    assert await begin(ledger, leave.permit.attempt_id, address=leave.permit.address, now=now, **LETTER)
    await conclude(ledger, leave.permit, Result("accepted"), now)


async def bring(ledger: Ledger, cadence: Cadence) -> tuple[int, int]:
    """An invoice whose first word is due on the Monday, and one whose demand is."""
    await publish(ledger.engine, cadence, ARRIVAL)
    younger, older = await take_in(ledger, owed("N-young", MONDAY.date()), owed("N-old", THURSDAY.date()))
    await send(ledger, older, THURSDAY)
    return younger, older


async def broken(ledger: Ledger, now: datetime) -> list[str]:
    return [
        told for check in await check_invariants(ledger.engine, ledger.book, now) for told in check.violations
    ]


@pytest.mark.parametrize(("channel", "rule"), [("email", "co-once-a-day"), ("sms", "co-one-channel-a-week")])
async def test_a_first_word_gives_way_to_a_demand_and_goes_when_the_cap_has_room_again(
    ledger: Ledger, channel: str, rule: str
) -> None:
    younger, older = await bring(ledger, two_steps(second=channel))
    waits = await ask(ledger, younger, MONDAY)
    assert (waits.permit, waits.reason) == (None, "outranked")
    assert waits.directive.item is not None
    assert waits.directive.item.at == MONDAY + MOMENT
    (because,) = (each for each in await why(ledger, "N-young", MONDAY) if each.step == "word")
    assert (because.verdict, because.rule) == ("deferred", "outranked")
    assert "another of the customer's invoices had more to say" in because.words
    await send(ledger, older, MONDAY)
    later = await ask(ledger, younger, MONDAY + MOMENT)
    assert (later.permit, later.reason) == (None, rule)
    assert later.directive.item is not None
    await send(ledger, younger, later.directive.item.at)
    assert await broken(ledger, later.directive.item.at + MOMENT) == []


async def test_nobody_waits_twice_for_an_invoice_that_does_not_speak(ledger: Ledger) -> None:
    younger, older = await bring(ledger, two_steps())
    assert (await ask(ledger, younger, MONDAY)).reason == "outranked"
    await send(ledger, younger, MONDAY + MOMENT)
    assert (await ask(ledger, older, MONDAY + MOMENT)).reason == "co-once-a-day"


async def test_the_demand_itself_waits_for_nobody(ledger: Ledger) -> None:
    younger, older = await bring(ledger, two_steps())
    await send(ledger, older, MONDAY)
    assert (await ask(ledger, younger, MONDAY)).reason == "co-once-a-day"


async def test_of_two_at_one_stage_the_older_due_date_speaks_first(ledger: Ledger) -> None:
    younger, older = await bring(ledger, two_steps(stages=["overdue"], steps=_at_one_stage()))
    assert (await ask(ledger, younger, MONDAY)).reason == "outranked"
    await send(ledger, older, MONDAY)


def _at_one_stage() -> list[dict[str, Any]]:
    return [_step("word", "due", "overdue", "email"), _step("demand", "due + 4d", "overdue", "email")]


async def test_where_the_caps_have_room_for_both_neither_waits(ledger: Ledger) -> None:
    three = {"id": "own-three", "text": "Three in a week.", "source": "The creditor's own word."}
    rule = three | {"effective_from": "2000-01-01", "cap": {"most": 3, "within": "7d"}}
    roomy = Pack.model_validate({"name": "own", "title": "Our own", "rules": [rule]})
    for packs in (Packs(), Packs((roomy,))):
        free = replace(ledger, packs=packs)
        name = f"{len(packs.packs)}"
        await publish(free.engine, two_steps(), ARRIVAL)
        younger, older = await take_in(
            free,
            owed(f"N-young-{name}", MONDAY.date()).model_copy(update={"customer": name}),
            owed(f"N-old-{name}", THURSDAY.date()).model_copy(update={"customer": name}),
        )
        await send(free, older, THURSDAY)
        await send(free, younger, MONDAY)
        await send(free, older, MONDAY)


async def test_what_is_on_hold_has_nothing_to_say_first(ledger: Ledger) -> None:
    younger, older = await bring(ledger, two_steps())
    await record(ledger, older, [Fact(e.HoldPlaced(hold="h", reason="asked"), MONDAY, FILE)], MONDAY)
    await send(ledger, younger, MONDAY)


async def test_an_answer_to_the_customer_gives_way_to_no_demand(ledger: Ledger) -> None:
    notice = {"template": "dispute_received", "channels": ["email"]}
    younger, _ = await bring(ledger, two_steps(branches={"dispute": {"notice": notice}}))
    await record(ledger, younger, [Fact(e.DisputeOpened(), MONDAY, FILE)], MONDAY)
    assert (await order_of(ledger, younger)).key.startswith("on:dispute")
    await send(ledger, younger, MONDAY)


async def test_invoices_that_leave_as_one_message_wait_together_for_one_that_does_not(ledger: Ledger) -> None:
    await publish(ledger.engine, two_steps(group_by="customer"), ARRIVAL)
    young = await take_in(ledger, owed("N-1", MONDAY.date()), owed("N-2", MONDAY.date()))
    await publish(ledger.engine, two_steps("sms", "sms"), ARRIVAL + MOMENT)
    (older,) = await take_in(ledger, owed("N-old", THURSDAY.date()))
    await send(ledger, older, THURSDAY)
    assert [(await ask(ledger, each, MONDAY)).reason for each in young] == ["outranked", "grouped"]
    leave = await ask(ledger, young[0], MONDAY + MOMENT)
    assert leave.permit is not None
    assert [item.number for item in leave.permit.items] == ["N-1", "N-2"]
