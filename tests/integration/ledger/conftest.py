"""A ledger on a database of its own, with one cadence published."""

from collections.abc import AsyncIterator

import pytest

from ledger.access import Ledger
from ledger.publishing import publish
from tests.integration.engines import engine_on
from tests.integration.ledger.playing import ARRIVAL, CREDITOR, ruler


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    """An empty ledger whose segment `standard` has a cadence."""
    engine = engine_on(database_url, 4)
    await publish(engine, ruler(), ARRIVAL)
    yield Ledger(engine, CREDITOR)
    await engine.dispose()
