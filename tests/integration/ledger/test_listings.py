"""The checks find where a message that spoke of another invoice did not, or never will."""

import pytest
from sqlalchemy import TextClause, text

from ledger.access import Ledger
from tests.integration.ledger.groups import AT, answered, ask, bring, broken
from tests.integration.ledger.playing import MINUTE


@pytest.fixture
async def ids(ledger: Ledger) -> list[int]:
    """Two invoices, of which the first one's message lists the second."""
    ids = await bring(ledger)
    leave = await ask(ledger, ids[0])
    assert leave.permit is not None
    await answered(ledger, leave.permit, "accepted")
    assert await broken(ledger, AT + MINUTE) == []
    return ids


# The carrier's only channel failed, and its step has an outcome.
ENDED = text("""
    UPDATE invoice SET facts = jsonb_set(
        jsonb_set(facts, '{steps,reminder/1,messages,email,state}', '"failed"'),
        '{steps,reminder/1,outcome}', to_jsonb(CAST(:outcome AS text))
    ) WHERE number = 'INV-1'
""")
# It failed, and the step is open: another channel may speak.
OPEN = text("""
    UPDATE invoice SET facts = jsonb_set(facts, '{steps,reminder/1,messages,email,state}', '"failed"')
        #- '{steps,reminder/1,outcome}' WHERE number = 'INV-1'
""")
NEVER_LEFT = text("UPDATE attempt SET state = 'refused'")


async def tamper(ledger: Ledger, statement: TextClause, **values: str) -> list[str]:
    """What the checks find of the second invoice once the database was changed behind the ledger's back."""
    async with ledger.engine.begin() as connection:
        assert (await connection.execute(statement, values)).rowcount == 1
    return [each for each in await broken(ledger, AT + MINUTE) if "INV-2" in each]


@pytest.mark.parametrize("outcome", ["failed", "skipped"])
async def test_a_step_whose_carrier_reached_nobody_and_goes_no_further_is_forgotten(
    ledger: Ledger, ids: list[int], outcome: str
) -> None:
    (told,) = await tamper(ledger, ENDED, outcome=outcome)
    assert told.startswith("invoice INV-2: reminder/1 was merged into message ")
    assert told.endswith("which reached nobody and is sent no more: it is forgotten")
    assert len(ids) == 2


async def test_a_step_is_not_forgotten_while_its_carrier_has_another_channel(
    ledger: Ledger, ids: list[int]
) -> None:
    assert (len(ids), await tamper(ledger, OPEN)) == (2, [])


async def test_a_step_cannot_be_merged_into_a_message_that_never_left(ledger: Ledger, ids: list[int]) -> None:
    assert len(ids) == 2
    (told,) = await tamper(ledger, NEVER_LEFT)
    assert told.endswith("which never left")
