"""Why, or why not: each step's answer names the rule that decided, in its words."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cadence import events as e
from cadence.why import WORDS, Because
from ledger.access import Ledger
from ledger.explaining import why
from ledger.publishing import publish
from ledger.recording import Fact, record
from ledger.unit import Origin
from starter.documents import read_packs
from tests.integration.engines import engine_on
from tests.integration.ledger.playing import ARRIVAL, COURTESY_AT, CREDITOR, row, ruler, send, take_in

DAY = timedelta(days=1)


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    """A ledger that knows every pack."""
    engine = engine_on(database_url, 2)
    yield Ledger(engine, CREDITOR, packs=read_packs(Path("policies")))
    await engine.dispose()


async def bring(ledger: Ledger, document: dict[str, Any] | None = None, **changes: Any) -> int:
    await publish(ledger.engine, ruler(**(document or {})), ARRIVAL)
    return (await take_in(ledger, row(**changes)))[0]


async def explained(ledger: Ledger, now: datetime) -> dict[str, Because]:
    return {each.step: each for each in await why(ledger, "INV-1", now)}


async def test_every_step_is_explained_the_sent_one_and_those_ahead(ledger: Ledger) -> None:
    invoice_id = await bring(ledger)
    await send(ledger, invoice_id, COURTESY_AT)
    found = await explained(ledger, COURTESY_AT + DAY)
    assert {step: each.verdict for step, each in found.items()} == {
        "courtesy": "sent",
        "reminder": "planned",
        "demand": "planned",
    }
    assert found["courtesy"].at == COURTESY_AT
    assert found["reminder"].words == WORDS["planned"]


async def test_a_held_and_a_closed_invoice_say_so(ledger: Ledger) -> None:
    invoice_id = await bring(ledger)
    origin = Origin("tester", "command")
    held = Fact(e.HoldPlaced(hold="h", reason="flood"), ARRIVAL, origin)
    await record(ledger, invoice_id, [held], ARRIVAL)
    assert {each.rule for each in (await explained(ledger, ARRIVAL)).values()} == {"on_hold"}
    await record(ledger, invoice_id, [Fact(e.Cancelled(), ARRIVAL, origin)], ARRIVAL)
    found = await explained(ledger, ARRIVAL)
    assert {(each.verdict, each.rule) for each in found.values()} == {("skipped", "invoice_closed")}


async def test_a_condition_is_quoted(ledger: Ledger) -> None:
    step = {"id": "big", "at": "due", "stage": "courtesy", "when": "balance > 5000",
            "send": {"template": "overdue_first", "channels": ["email"]}}  # fmt: skip
    await bring(ledger, {"steps": [step]})
    found = (await explained(ledger, ARRIVAL))["big"]
    assert (found.rule, found.words) == ("condition", "its condition is not true: balance > 5000")


async def test_what_keeps_a_step_from_going_is_named_before_the_hour_to_which_a_law_moves_it(
    ledger: Ledger,
) -> None:
    send = {"template": "overdue_first", "channels": ["email"]}
    steps = [
        {"id": "big", "at": "due", "stage": "courtesy", "when": "balance > 5000", "send": send},
        {"id": "asked", "at": "due + 1d", "stage": "courtesy", "approval": "manager", "send": send},
    ]
    early = {"days": ["mon", "tue", "wed", "thu", "fri"], "opens": "07:00", "closes": "18:00"}
    await bring(ledger, {"steps": steps, "debtors": "consumer", "window": early})
    found = await explained(ledger, ARRIVAL)
    assert [found[step].rule for step in ("big", "asked")] == ["condition", "approval_needed"]


async def test_a_law_that_moves_a_step_is_named_with_its_words_and_source(ledger: Ledger) -> None:
    # The twentieth of July is Colombia's Independence Day; the cadence's own calendar is another's.
    place = {
        "country": "CO", "zone": "America/Bogota", "language": "es", "due_on": date(2026, 7, 19),
        "consents": ("email", "sms"),
    }  # fmt: skip
    await bring(ledger, {"debtors": "consumer", "calendar": {"country": "US"}}, **place)
    found = (await explained(ledger, datetime(2026, 7, 1, tzinfo=UTC)))["reminder"]
    assert (found.verdict, found.rule) == ("planned", "co-holidays")
    assert found.words == "Consumers are not contacted on Sundays and public holidays."
    assert found.source is not None
    assert found.source.startswith("Ley 2300 de 2023")
    assert found.at == datetime(2026, 7, 21, 14, tzinfo=UTC)
