"""What is agreed upon at the command line: steps that wait for a manager's word, and payment plans."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cadence import events as e
from ledger.access import Ledger
from ledger.publishing import publish
from ledger.recording import Fact, record
from ledger.unit import PLANNER
from tests.integration.engines import engine_on
from tests.integration.ledger.playing import CREDITOR, row, ruler, take_in
from tests.integration.terminal import Terminal

ROOT = Path(__file__).parents[2]
TODAY = datetime.now(UTC).date()
DUE_ON = TODAY + timedelta(days=5)
FIRST, SECOND = TODAY + timedelta(days=40), TODAY + timedelta(days=70)


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    """Two invoices, the first step of each of which has asked for leave."""
    ledger, now = Ledger(engine_on(database_url, 2), CREDITOR), datetime.now(UTC)
    message = {"send": {"template": "overdue_first", "channels": ["email"]}, "stage": "courtesy"}
    steps = [
        {"id": "courtesy", "at": "due + 1d", "approval": "manager"} | message,
        {"id": "demand", "at": "due + 10d"} | message,
    ]
    await publish(ledger.engine, ruler(steps=steps), now)
    dates: dict[str, Any] = {"issued_on": TODAY, "due_on": DUE_ON}
    for invoice_id in await take_in(ledger, row("A-1", **dates), row("B-1", "C-2", **dates), now=now):
        asked = e.ApprovalAsked(step="courtesy", occurrence=1, by="manager")
        await record(ledger, invoice_id, [Fact(asked, now, PLANNER)], now)
    yield ledger
    await ledger.engine.dispose()


async def last_event(terminal: Terminal, number: str) -> dict[str, Any]:
    found: dict[str, Any] = (await terminal.done("show", number, "--json")).json["events"][-1]
    return found


async def test_a_step_waits_in_the_list_until_somebody_says_yes_or_no(terminal: Terminal) -> None:
    waiting = (await terminal.done("approvals")).out
    assert "2 steps waiting for approval" in waiting
    assert {
        (line["invoice"], line["step"]) for line in (await terminal.done("approvals", "--json")).json
    } == {
        ("A-1", "courtesy"),
        ("B-1", "courtesy"),
    }
    yes = await terminal.done("approve", "A-1", "--note", "spoke to them")
    assert yes.out.startswith("A-1: approved.")
    no = await terminal.done("refuse", "B-1", "--reason", "key-account")
    assert no.out.startswith("B-1: refused.")
    given = await last_event(terminal, "A-1")
    refused, skipped = (await terminal.done("show", "B-1", "--json")).json["events"][-2:]
    assert (given["type"], given["actor"], given["note"]) == ("approval_given", "ana", "spoke to them")
    assert (refused["type"], refused["payload"]["reason"]) == ("approval_refused", "key-account")
    assert (skipped["type"], skipped["payload"]["step"]) == ("step_skipped", "courtesy")
    assert (await terminal.done("approvals", "--json")).json == []
    for again in (("approve", "A-1"), ("refuse", "B-1", "--step", "demand"), ("approve", "NONE")):
        assert await terminal.refused(*again)


async def test_a_plan_is_shown_agreed_and_ended(terminal: Terminal) -> None:
    parts = ("--instalment", f"{FIRST}=60.00", "--instalment", f"{SECOND}=40.50")
    looked = await terminal.done("plan", "A-1", *parts, "--preview")
    assert "EUR 20.00 stays open beside the plan." in looked.out
    assert (await last_event(terminal, "A-1"))["type"] == "approval_asked"
    assert "payment plan agreed" in (await terminal.done("plan", "A-1", *parts)).out
    agreed = await last_event(terminal, "A-1")
    assert (agreed["type"], [each["amount"] for each in agreed["payload"]["instalments"]]) == (
        "plan_agreed",
        ["60.00", "40.50"],
    )
    assert (await terminal.done("show", "A-1", "--json")).json["invoice"]["state"] == "on_plan"
    ended = await terminal.done("end-plan", "A-1", "--reason", "customer-asked")
    assert ended.out.startswith("A-1: payment plan ended.")
    assert "no payment plan" in await terminal.refused("end-plan", "A-1")


async def test_what_is_open_is_divided_into_equal_parts_to_the_cent(terminal: Terminal) -> None:
    await terminal.done("plan", "B-1", "--in", "3", "--from", f"{FIRST}", "--every", "week")
    (agreed,) = [(await last_event(terminal, "B-1"))["payload"]["instalments"]]
    assert sorted(each["amount"] for each in agreed) == ["40.16", "40.16", "40.18"]
    assert agreed[-1]["due_on"] == f"{FIRST + timedelta(days=14)}"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((), "say which: --instalment DAY=AMOUNT"),
        (("--in", "3"), "say which"),
        (("--instalment", "tomorrow"), "'tomorrow' is no instalment"),
        (("--instalment", f"{TODAY - timedelta(days=2)}=10"), "--instalment"),
        (("--instalment", f"{FIRST}=10000"), "--instalment"),
    ],
)
async def test_a_plan_that_makes_no_sense_is_refused_by_its_option(
    terminal: Terminal, given: tuple[str, ...], expected: str
) -> None:
    assert expected in await terminal.refused("plan", "A-1", *given)
