"""The whole way out: an event in the ledger, the relay's word, the endpoint's workflow, a signed webhook."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from temporalio.client import (
    Client,
    Interceptor,
    OutboundInterceptor,
    StartWorkflowInput,
    WorkflowHandle,
)
from temporalio.service import RPCError, RPCStatusCode

from cadence import events as e
from ledger.announcing import endpoints_waiting
from ledger.endpoints import replay
from ledger.keys import endpoint_workflow_id
from starter.announcing import STALLED, tell_endpoints, wake_endpoints
from starter.histories import check_histories
from tests.integration.hooks import Hooks, hooks
from tests.integration.house.house import House
from tests.integration.house.invoices import bring, ruler
from tests.integration.house.seeing import eventually
from tests.integration.ledger.playing import ARRIVAL

TYPES = ("invoice.started", "invoice.message_sent", "invoice.disputed", "invoice.paid", "invoice.closed")


@pytest.fixture
async def other() -> AsyncIterator[Hooks]:
    """The other system."""
    async with hooks() as taking:
        yield taking


async def test_an_invoice_is_heard_of_from_its_start_to_its_end_and_no_history_holds_a_secret(
    closed_house: House, other: Hooks
) -> None:
    house = closed_house
    house.settings = house.settings.model_copy(update={"webhooks_to_private_networks": True})
    heard_by = await other.registered(house.ledger, *TYPES)
    handle = house.client.get_workflow_handle(endpoint_workflow_id(heard_by.id))

    async with house.working("", "-email", "-webhooks"), house.relaying_outbox():
        debtor = await bring(house.ledger, ruler("email"))
        await eventually(lambda: _has_heard(other, "message_sent"), "the message's announcement")
        await house.record(debtor, e.DisputeOpened())
        await house.pay(debtor)
        await eventually(lambda: _has_heard(other, "closed"), "the end's announcement")
        await handle.result()

    assert [name for _, name in other.names] == ["started", "message_sent", "disputed", "paid", "closed"]
    await eventually(
        lambda: _is_kept_quiet(house, other.secret, other.url, debtor.number), "a look at both histories"
    )


async def _is_kept_quiet(house: House, *needles: str) -> bool:
    """Whether Temporal lists the workflows of both kinds by now; none of them may hold any of the needles."""
    check = await check_histories(house.client, house.settings.task_queue, needles)
    assert check.violations == ()
    return check.checked >= 2


async def test_an_endpoint_is_told_once_and_woken_where_its_workflow_was_ended_by_hand(
    closed_house: House, other: Hooks
) -> None:
    house, queue = closed_house, closed_house.settings.task_queue
    house.settings = house.settings.model_copy(update={"webhooks_to_private_networks": True})
    heard_by = await other.registered(house.ledger, *TYPES)
    handle = house.client.get_workflow_handle(endpoint_workflow_id(heard_by.id))
    await bring(house.ledger)

    assert await tell_endpoints(house.ledger, house.client, queue) == 1
    assert await tell_endpoints(house.ledger, house.client, queue) == 0
    await handle.terminate()
    assert await wake_endpoints(house.ledger, house.client, queue, house.now()) == 0
    assert await wake_endpoints(house.ledger, house.client, queue, house.now() + STALLED) == 1

    async with house.working("", "-webhooks"):
        await handle.result()
    assert [name for _, name in other.names] == ["started"]


async def _has_heard(other: Hooks, name: str) -> bool:
    return any(heard == name for _, heard in other.names)


class _Deaf(Interceptor, OutboundInterceptor):
    """A client for which Temporal refuses one workflow, as it does one that was told too much at once."""

    def __init__(self, workflow_id: str) -> None:
        self.workflow_id = workflow_id

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:  # noqa: A002 - Temporal's name
        self.next = next
        return self

    async def start_workflow(self, input: StartWorkflowInput) -> WorkflowHandle[Any, Any]:  # noqa: A002 - Temporal's name
        if input.id == self.workflow_id:
            raise RPCError("too many signals", RPCStatusCode.RESOURCE_EXHAUSTED, b"")
        return await super().start_workflow(input)


async def test_an_endpoint_that_cannot_be_told_keeps_no_other_from_being_told(
    closed_house: House, other: Hooks
) -> None:
    house, queue = closed_house, closed_house.settings.task_queue
    heard_by = [await other.registered(house.ledger, *TYPES) for _ in range(3)]
    await bring(house.ledger)
    for deaf in heard_by:
        options = house.client.config()
        options["interceptors"] = [_Deaf(endpoint_workflow_id(deaf.id))]
        await replay(house.ledger.engine, deaf.id, house.now(), since=ARRIVAL)
        told = [each for each in heard_by if each is not deaf]
        for each in told:
            await replay(house.ledger.engine, each.id, house.now(), since=ARRIVAL)
        assert await tell_endpoints(house.ledger, Client(**options), queue) == len(told)
        assert list(await endpoints_waiting(house.ledger.engine)) == [deaf.id]
