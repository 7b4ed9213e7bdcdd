"""Whatever dies in the middle of sends, no fact and no item is lost, and nothing is sent twice."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

from cadence.facts import State
from tests.integration.house.crashing import Disaster, Stand, stand
from tests.integration.house.house import House
from tests.integration.house.invoices import Debtor
from tests.integration.house.seeing import eventually

# The workers first: what they leave behind is noticed only after an activity's thirty seconds.
EVERYTHING: Sequence[Disaster] = (
    Stand.kill_worker,
    Stand.kill_worker,
    Stand.kill_relay,
    Stand.kill_postgres,
    Stand.kill_temporal,
)


async def _assert_nothing_lost(standing: Stand, debtors: Sequence[Debtor]) -> None:
    """Who paid is left alone; everybody else heard no message twice, or a person looks after them."""
    house = standing.house
    await house.assert_sound()
    for debtor in debtors[::2]:
        assert (await house.facts(debtor)).state is State.PAID
        await eventually(partial(_is_over, house, debtor), f"the end of {debtor.number}'s workflow")
    for debtor in debtors[1::2]:
        assert await house.running(debtor)
        # A clock that was skipped for one message may have let the next step fall due: that is another message.
        messages, cases = await house.accepted_for(debtor), await house.cases(debtor)
        assert messages or cases, debtor.number
        assert len(set(messages)) == len(messages)


async def _is_over(house: House, debtor: Debtor) -> bool:
    """Also where the payment came before the relay, and no workflow ever began."""
    return not await house.running(debtor)


@pytest.mark.timeout(300)  # an activity's thirty seconds, twice, and servers that start on a busy machine
async def test_everything_may_die_in_the_middle_of_sends(tmp_path: Path) -> None:
    async with stand(tmp_path, seed=1) as standing:
        debtors = await standing.bad_day(8, EVERYTHING)
        await standing.settle()
        await _assert_nothing_lost(standing, debtors)


@pytest.mark.soak
@pytest.mark.parametrize(
    "disasters",
    [
        [Stand.kill_worker] * 4,
        [Stand.kill_relay] * 4,
        [Stand.kill_postgres] * 3,
        [Stand.kill_temporal] * 3,
        None,
    ],
    ids=["worker", "relay", "postgres", "temporal", "everything"],
)
@pytest.mark.parametrize("seed", range(100, 105))
async def test_many_bad_days(tmp_path: Path, disasters: Sequence[Disaster] | None, seed: int) -> None:
    async with stand(tmp_path, seed) as standing:
        for _ in range(4):
            chosen = disasters or standing.chance.sample(EVERYTHING, len(EVERYTHING))
            debtors = await standing.bad_day(12, chosen)
            await standing.settle()
            await _assert_nothing_lost(standing, debtors)
