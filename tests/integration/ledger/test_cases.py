"""A case belongs to one agent at a time, and every act on it is written down."""

import asyncio

import pytest

from cadence import events as e
from ledger import cases
from ledger.access import Ledger
from ledger.database import LedgerError
from ledger.recording import Fact, record
from ledger.unit import Origin
from ledger.views import CaseLine
from tests.integration.ledger.playing import ARRIVAL, DAY, MINUTE, row, take_in

AGENT = Origin(actor="agent", source="cli")


@pytest.fixture
async def case_id(ledger: Ledger) -> int:
    """A case that a dispute opened."""
    (invoice_id,) = await take_in(ledger, row())
    await record(ledger, invoice_id, [Fact(e.DisputeOpened(), ARRIVAL, AGENT)], ARRIVAL)
    (case,) = await cases.list_cases(ledger.engine)
    return case.id


async def test_of_two_agents_who_claim_at_once_one_gets_the_case(ledger: Ledger, case_id: int) -> None:
    claims = (cases.claim(ledger.engine, case_id, name, ARRIVAL) for name in ("ana", "rui", "eva", "leo"))
    answers = await asyncio.gather(*claims, return_exceptions=True)

    (got,) = [answer for answer in answers if isinstance(answer, CaseLine)]
    refused = [str(answer) for answer in answers if isinstance(answer, LedgerError)]
    assert refused == [f"case {case_id} is claimed by {got.claimed_by!r} already"] * 3
    (case,) = await cases.list_cases(ledger.engine, status="claimed")
    assert case.claimed_by == got.claimed_by
    assert [(note.actor, note.text) for note in case.notes] == [(got.claimed_by, "claimed")]


async def test_claiming_ones_own_case_again_changes_nothing(ledger: Ledger, case_id: int) -> None:
    first = await cases.claim(ledger.engine, case_id, "ana", ARRIVAL)

    assert await cases.claim(ledger.engine, case_id, "ana", ARRIVAL + DAY) == first


async def test_a_closed_case_leaves_the_list_and_keeps_its_notes(ledger: Ledger, case_id: int) -> None:
    await cases.note(ledger.engine, case_id, "ana", "They will send the delivery note.", ARRIVAL)
    await cases.close(ledger.engine, case_id, "rui", ARRIVAL + MINUTE)

    assert await cases.list_cases(ledger.engine) == []
    (closed,) = await cases.list_cases(ledger.engine, status="closed", queue="disputes")
    assert closed.closed_at == ARRIVAL + MINUTE
    assert [(note.actor, note.text) for note in closed.notes] == [
        ("ana", "They will send the delivery note."),
        ("rui", "closed"),
    ]
    for act in (cases.claim, cases.close):
        with pytest.raises(LedgerError, match="is closed"):
            await act(ledger.engine, case_id, "ana", ARRIVAL)


async def test_cases_are_listed_by_queue(ledger: Ledger, case_id: int) -> None:
    assert [case.id for case in await cases.list_cases(ledger.engine, queue="disputes")] == [case_id]
    assert await cases.list_cases(ledger.engine, queue="collections") == []


async def test_what_makes_no_sense_is_refused_with_a_sentence(ledger: Ledger, case_id: int) -> None:
    with pytest.raises(LedgerError, match="no case 999 is known"):
        await cases.claim(ledger.engine, 999, "ana", ARRIVAL)
    with pytest.raises(LedgerError, match="no case 999 is known"):
        await cases.note(ledger.engine, 999, "ana", "text", ARRIVAL)
    with pytest.raises(LedgerError, match="the note is empty"):
        await cases.note(ledger.engine, case_id, "ana", "  ", ARRIVAL)
    with pytest.raises(LedgerError, match="'done' is no status of a case; choose open, claimed, closed"):
        await cases.list_cases(ledger.engine, status="done")
