"""Publishing makes a version only of what is new, and a segment is served by one cadence."""

import pytest

from ledger.access import Ledger
from ledger.database import LedgerError
from ledger.publishing import cadence_for_segment, publish, published
from tests.integration.ledger.playing import ARRIVAL, DAY, row, ruler, take_in


async def test_the_same_document_is_the_same_version(ledger: Ledger) -> None:
    assert await publish(ledger.engine, ruler(), ARRIVAL + DAY) == (1, False)


async def test_a_changed_document_is_a_new_version_and_so_is_the_way_back(ledger: Ledger) -> None:
    assert await publish(ledger.engine, ruler(title="Another title"), ARRIVAL) == (2, True)
    assert await publish(ledger.engine, ruler(), ARRIVAL) == (3, True)


async def test_an_invoice_keeps_the_version_it_started_with(ledger: Ledger) -> None:
    await take_in(ledger, row("INV-1"))
    await publish(ledger.engine, ruler(title="Another title"), ARRIVAL)
    await take_in(ledger, row("INV-2"))

    newest, first = await published(ledger.engine)
    assert (newest.version, newest.latest, newest.open_invoices) == (2, True, 1)
    assert (first.version, first.latest, first.open_invoices) == (1, False, 1)
    assert first.cadence == ruler()


async def test_a_segment_is_served_by_the_newest_version_of_its_cadence(ledger: Ledger) -> None:
    await publish(ledger.engine, ruler(title="Another title"), ARRIVAL)

    async with ledger.engine.connect() as connection:
        _, cadence = await cadence_for_segment(connection, "standard")
    assert cadence == ruler(title="Another title")


async def test_a_segment_that_the_newest_version_gave_up_is_served_by_nobody(ledger: Ledger) -> None:
    await publish(ledger.engine, ruler(segments=["other"]), ARRIVAL)

    async with ledger.engine.connect() as connection:
        assert await cadence_for_segment(connection, "standard") == (None, None)


async def test_a_segment_claimed_by_two_cadences_is_refused_with_both_names(ledger: Ledger) -> None:
    await publish(ledger.engine, ruler(name="rival"), ARRIVAL)

    async with ledger.engine.connect() as connection:
        with pytest.raises(LedgerError, match=r"'standard' is claimed by the cadences 'rival' and 'short'"):
            await cadence_for_segment(connection, "standard")
