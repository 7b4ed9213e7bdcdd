"""When an attempt begins, and when a refused one may begin again."""

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.testing import ActivityEnvironment

from activities.clock import ServerClock
from activities.sending import refused
from cadence.directive import ItemOrder
from channels.outcome import Outcome, OutcomeKind

DUE = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.mark.parametrize("late", [timedelta(milliseconds=-20), timedelta(0), timedelta(hours=3)])
async def test_an_item_that_the_server_calls_due_is_never_early(late: timedelta) -> None:
    """Deferred to its own instant, it would stay as it was and never be performed."""
    environment = ActivityEnvironment()
    environment.info = dataclasses.replace(environment.info, started_time=DUE + late)
    order = ItemOrder(invoice_id=7, key="courtesy/1/email", at=DUE)
    watch = await environment.run(ServerClock().watch, order)
    assert timedelta(0) <= watch.now() - max(DUE, DUE + late) < timedelta(seconds=5)


@pytest.mark.parametrize(("asked", "rests"), [(None, None), (30.0, 30), (1e9, 3_600), (float("inf"), 3_600)])
def test_a_provider_s_wish_to_rest_is_granted_within_reason(asked: float | None, rests: int | None) -> None:
    error = refused(Outcome(OutcomeKind.refused, retry_after=asked))
    assert error.next_retry_delay == (timedelta(seconds=rests) if rests else None)
