"""How a customer may be reached, at the command line: closed, opened, agreed to and preferred."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ledger.access import Ledger
from ledger.customer_intake import ContactIntake
from ledger.intake import receive
from ledger.publishing import publish
from tests.integration.engines import engine_on
from tests.integration.ledger.playing import ARRIVAL, CREDITOR, FILE, row, ruler, take_in
from tests.integration.terminal import Terminal

ROOT = Path(__file__).parents[2]
C1 = ("--customer", "C-1")


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    """An invoice that falls due years from now."""
    ledger = Ledger(engine_on(database_url, 2), CREDITOR)
    await publish(ledger.engine, ruler(), ARRIVAL)
    due_on = datetime.now(UTC).date().replace(month=6, day=15, year=datetime.now(UTC).year + 1)
    await take_in(ledger, row("INV-1", due_on=due_on), now=datetime.now(UTC))
    yield ledger
    await ledger.engine.dispose()


async def card(terminal: Terminal) -> dict[str, Any]:
    found: dict[str, Any] = (await terminal.done("show", "INV-1", "--json")).json["customer"]
    return found


async def test_a_channel_is_closed_and_opened_again_with_a_note(terminal: Terminal) -> None:
    said = await terminal.done(
        "suppress", *C1, "--channel", "sms", "--reason", "opt_out", "--note", "by phone"
    )
    assert said.out == "C-1: not to be contacted by sms (opt out).\n"
    assert (await card(terminal))["suppressed"] == {"sms": "opt_out"}
    shown = (await terminal.done("show", "INV-1")).out
    assert "not by sms: opt out" in shown
    assert "by phone" in shown
    twice = await terminal.refused("suppress", *C1, "--channel", "sms", "--reason", "opt_out")
    assert "already" in twice
    assert "--note" in await terminal.refused("unsuppress", *C1, "--channel", "sms")
    lifted = await terminal.done("unsuppress", *C1, "--channel", "sms", "--note", "signed form")
    assert lifted.out.startswith("C-1: may be contacted by sms again.")
    assert (await card(terminal))["suppressed"] == {}


async def test_a_contact_is_left_alone_by_their_role_and_listed_with_the_reason(
    ledger: Ledger, terminal: Terminal
) -> None:
    director = ContactIntake(
        customer="C-1", contact="ana", role="director", name="Ana", email="ana@example.com"
    )
    await receive(ledger, [director], datetime.now(UTC), FILE)
    said = await terminal.done("suppress", *C1, "--role", "director", "--reason", "complaint")
    assert said.out == "C-1, director: not to be contacted by any channel (complaint).\n"
    shown = (await terminal.done("customer", "C-1")).out
    assert "ana@example.com" in shown
    assert "email (complaint)" in shown
    lifted = await terminal.done("unsuppress", *C1, "--address", "ana@example.com", "--note", "a letter")
    assert lifted.out == "C-1, that address: may be contacted again.\n"
    assert "--role: C-1 has no contact with the role owner" in await terminal.refused(
        "suppress", *C1, "--role", "owner", "--reason", "complaint"
    )


async def test_nobody_is_contacted_of_whom_it_is_said_and_the_story_and_the_reasons_say_so(
    terminal: Terminal,
) -> None:
    said = await terminal.done("suppress", *C1, "--reason", "deceased")
    assert said.out == "C-1: not to be contacted by any channel (deceased). What falls due opens a case.\n"
    assert "not to be contacted: deceased" in (await terminal.done("show", "INV-1")).out
    because = (await terminal.done("why", "INV-1", "--step", "courtesy", "--json")).json[0]
    assert because["rule"] == "no_usable_channel"
    assert "the customer has died" in because["words"]
    by_sms = await terminal.refused("suppress", *C1, "--reason", "minor", "--channel", "sms")
    assert by_sms.startswith("regua: --channel: minor is said of the person")
    lifted = await terminal.done("unsuppress", *C1, "--note", "a mistake: it was the father")
    assert lifted.out.startswith("C-1: may be contacted again.")
    assert (await card(terminal))["forbidden"] == []


async def test_what_is_still_closed_is_said(terminal: Terminal) -> None:
    await terminal.done("suppress", *C1, "--reason", "complaint", "--channel", "email")
    await terminal.done("suppress", *C1, "--reason", "vulnerable")
    lifted = await terminal.done("unsuppress", *C1, "--note", "a letter")
    assert lifted.out.startswith("C-1: may be contacted again. Still closed: email (complaint)")


async def test_a_consent_is_kept_on_the_card(terminal: Terminal) -> None:
    given = ("--channel", "email", "--wording", "terms-2026", "--note", "contract, page 3")
    said = await terminal.done("consent", *C1, *given, "--at", "2026-02-01T10:00")
    assert said.out == "C-1: agreed to email (wording terms-2026).\n"
    (kept,) = (await card(terminal))["consents"]
    told = {"channel": "email", "wording": "terms-2026", "proof_at": "2026-02-01T10:00:00Z"}
    assert kept == told | {"holds": True}
    assert (
        "agreed to email: wording terms-2026, on 2026-02-01 10:00"
        in (await terminal.done("show", "INV-1")).out
    )
    assert "--at" in await terminal.refused("consent", *C1, *given, "--at", "2999-01-01T00:00")


async def test_a_preference_is_stated_explained_and_taken_back(terminal: Terminal) -> None:
    said = await terminal.done(
        "prefer", *C1, "--channel", "email", "--hours", "14:00-15:00", "--days", "tue, thu"
    )
    assert said.out == "C-1: prefers by email on tue, thu 14:00-15:00.\n"
    because = (await terminal.done("why", "INV-1", "--json")).json
    assert {each["rule"] for each in because} == {"customer-preference"}
    assert (await card(terminal))["preference"]["days"] == ["tue", "thu"]
    assert (await terminal.done("prefer", *C1, "--clear")).out == "C-1: no preference any more.\n"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((), "--clear alone"),
        (("--clear", "--channel", "sms"), "--clear alone"),
        (("--hours", "15:00-14:00"), "--hours: '15:00-14:00' are no hours of a day"),
        (("--days", "monday"), "--days: 'monday' are no days; write some of mon,tue"),
        (("--channel", "whatsapp"), "--channel: C-1 has no address for whatsapp"),
        (("--channel", "pigeon"), "pigeon"),
    ],
)
async def test_a_preference_that_makes_no_sense_is_refused(
    terminal: Terminal, given: tuple[str, ...], expected: str
) -> None:
    assert expected in await terminal.refused("prefer", *C1, *given)
