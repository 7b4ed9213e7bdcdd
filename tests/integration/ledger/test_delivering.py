"""Webhooks reach a real receiver: of each invoice in order, again after failures, and never lost."""

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment

from activities.webhooks import Announcing
from cadence import events as e
from cadence.directive import Deliveries
from channels.webhooks import WebhookPoster
from ledger.access import Ledger
from ledger.announcing import BACKOFF, due_deliveries, endpoints_waiting, mark_told
from ledger.endpoints import Delivery, Endpoint, deliveries_to, endpoint, pause, remove, replay, resume
from ledger.recording import Fact, record
from ledger.unit import Origin
from tests.integration.hooks import Hooks, hooks
from tests.integration.ledger.playing import ARRIVAL, MINUTE, row, take_in
from tests.integration.waiting import eventually

ALL = ("invoice.started", "invoice.disputed", "invoice.promised", "invoice.paid", "invoice.closed")
PAID = e.PaymentReceived(amount=Decimal("120.50"), currency="EUR")
LATER = ARRIVAL + MINUTE


@pytest.fixture
async def other() -> AsyncIterator[Hooks]:
    """The other system."""
    async with hooks() as taking:
        yield taking


@pytest.fixture
async def heard_by(ledger: Ledger, other: Hooks) -> Endpoint:
    """Its endpoint, which hears nearly everything."""
    return await other.registered(ledger, *ALL)


async def tell(ledger: Ledger, invoice_id: int, *events: e.InvoiceEvent) -> None:
    """Let things happen to an invoice."""
    await record(ledger, invoice_id, [Fact(each, LATER, Origin("tester", "test")) for each in events], LATER)


async def deliver(ledger: Ledger, to: Endpoint, at: datetime = LATER, **more: Any) -> Deliveries:
    """Run the activity once, at an instant."""
    environment = ActivityEnvironment()
    environment.info = dataclasses.replace(environment.info, started_time=at)
    announcing = Announcing(ledger, WebhookPoster(private_too=True), **more)
    return await environment.run(announcing.deliver_webhooks, to.id)


async def kept(ledger: Ledger, of: Endpoint, state: str | None = None) -> list[Delivery]:
    """The ledger's deliveries, the oldest first."""
    found = await deliveries_to(ledger.engine, of.id, state=state, before=None, limit=100)
    return sorted(found, key=lambda each: each.id)


def unchecked(_: Endpoint) -> None:
    """Nobody else was faster."""


async def test_an_announcement_says_where_the_invoice_stands_and_names_no_person(
    ledger: Ledger, other: Hooks, heard_by: Endpoint
) -> None:
    (invoice_id,) = await take_in(ledger, row("2026/0001"))
    await tell(ledger, invoice_id, PAID)

    done = await deliver(ledger, heard_by)

    assert done == Deliveries(delivered=3, failed=0, next_at=None)
    assert [name for _, name in other.names] == ["started", "paid", "closed"]
    assert other.heard[1].data == {
        "invoice": "2026/0001",
        "customer": "C-1",
        "state": "paid",
        "currency": "EUR",
        "amount": "120.50",
        "balance": "0.00",
        "due_on": "2026-03-10",
        "payment_amount": "120.50",
    }
    told = json.dumps([each.data for each in other.heard])
    assert not any(word in told for word in ("Padaria", "example.com", "+351900000123"))


async def test_a_failure_holds_back_its_own_invoice_alone(
    ledger: Ledger, other: Hooks, heard_by: Endpoint
) -> None:
    first, second = await take_in(ledger, row("INV-1"), row("INV-2", "C-2"))
    await tell(ledger, first, e.DisputeOpened())
    await tell(ledger, second, e.DisputeOpened())
    other.answers["INV-1"] = [500]

    done = await deliver(ledger, heard_by)

    assert sorted(other.names) == [("INV-1", "started"), ("INV-2", "disputed"), ("INV-2", "started")]
    assert done.next_at is not None
    assert timedelta(0) <= done.next_at - LATER - BACKOFF[0] < MINUTE
    assert (done.delivered, done.failed) == (2, 1)

    last = await deliver(ledger, heard_by, done.next_at)

    assert [name for invoice, name in other.names if invoice == "INV-1"] == ["started", "started", "disputed"]
    assert last.next_at is None


async def test_tries_grow_rarer_over_days_until_it_is_given_up_and_the_next_leaves(
    ledger: Ledger, other: Hooks, heard_by: Endpoint
) -> None:
    (invoice_id,) = await take_in(ledger, row())
    await tell(ledger, invoice_id, e.DisputeOpened())
    other.answers["INV-1"] = [503] * (len(BACKOFF) + 1)

    waits, at = [], LATER
    for _ in BACKOFF:
        done = await deliver(ledger, heard_by, at)
        assert done.next_at is not None
        waits.append(done.next_at - at)
        at = done.next_at
    last = await deliver(ledger, heard_by, at)

    assert [round(wait / timedelta(seconds=5)) * timedelta(seconds=5) for wait in waits] == list(BACKOFF)
    assert at - LATER > timedelta(days=3)
    assert (last.delivered, last.failed, last.next_at) == (1, 1, None)
    started, disputed = await kept(ledger, heard_by)
    assert (started.state, started.attempts, started.last_answer) == ("given_up", 10, "503")
    assert (disputed.state, disputed.attempts, disputed.last_answer) == ("delivered", 1, "204")


async def test_each_try_of_an_announcement_has_one_id_and_others_have_their_own(
    ledger: Ledger, other: Hooks, heard_by: Endpoint
) -> None:
    (invoice_id,) = await take_in(ledger, row())
    await tell(ledger, invoice_id, PAID)
    other.answers["INV-1"] = [500, 429]

    for minutes in (0, 1, 20):
        await deliver(ledger, heard_by, LATER + minutes * MINUTE)
    await replay(ledger.engine, heard_by.id, LATER, since=ARRIVAL)
    await deliver(ledger, heard_by, LATER + 30 * MINUTE)

    ids = {
        name: {each.webhook_id for each in other.heard if each.type == f"invoice.{name}"}
        for _, name in other.names
    }
    assert [name for _, name in other.names] == [
        *["started"] * 3,
        "paid",
        "closed",
        "started",
        "paid",
        "closed",
    ]
    assert all(len(each) == 1 for each in ids.values())
    assert len(set.union(*ids.values())) == 3


async def test_410_disables_the_endpoint_and_what_waits_leaves_when_it_is_resumed(
    ledger: Ledger, other: Hooks, heard_by: Endpoint
) -> None:
    (invoice_id,) = await take_in(ledger, row())
    await tell(ledger, invoice_id, e.DisputeOpened())
    other.answers["INV-1"] = [410]

    done = await deliver(ledger, heard_by)

    now = await endpoint(ledger.engine, heard_by.id)
    assert (now.status, now.status_reason, done.next_at) == ("disabled", "gone", None)
    assert [(each.state, each.last_answer) for each in await kept(ledger, heard_by)] == [
        ("given_up", "410"),
        ("waiting", None),
    ]

    await resume(ledger.engine, heard_by.id, unchecked, LATER)
    await deliver(ledger, heard_by)
    assert other.names == [("INV-1", "started"), ("INV-1", "disputed")]


async def test_a_paused_endpoint_hears_nothing_and_on_resumption_everything_in_order(
    ledger: Ledger, other: Hooks, heard_by: Endpoint
) -> None:
    await pause(ledger.engine, heard_by.id, unchecked, "tester")
    (invoice_id,) = await take_in(ledger, row())
    await tell(ledger, invoice_id, e.DisputeOpened())

    assert await deliver(ledger, heard_by) == Deliveries()
    assert (await endpoints_waiting(ledger.engine), other.heard) == ({}, [])

    await resume(ledger.engine, heard_by.id, unchecked, LATER)
    assert list(await endpoints_waiting(ledger.engine)) == [heard_by.id]
    await deliver(ledger, heard_by)
    assert other.names == [("INV-1", "started"), ("INV-1", "disputed")]


async def test_a_pause_stops_what_is_still_to_leave_in_the_same_batch(
    ledger: Ledger, other: Hooks, heard_by: Endpoint
) -> None:
    (invoice_id,) = await take_in(ledger, row())
    await tell(ledger, invoice_id, e.DisputeOpened())
    other.gate = asyncio.Event()

    delivering = asyncio.create_task(deliver(ledger, heard_by))
    await other.came.wait()
    await pause(ledger.engine, heard_by.id, unchecked, "tester")
    other.gate.set()
    await delivering

    assert other.names == [("INV-1", "started")]


async def test_a_worker_that_dies_between_post_and_mark_loses_nothing(
    ledger: Ledger, other: Hooks, heard_by: Endpoint
) -> None:
    (invoice_id,) = await take_in(ledger, row())
    await tell(ledger, invoice_id, e.DisputeOpened())
    other.gate = asyncio.Event()

    dying = asyncio.create_task(deliver(ledger, heard_by))
    await other.came.wait()
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    other.gate.set()
    done = await deliver(ledger, heard_by)

    assert other.names == [("INV-1", "started"), ("INV-1", "started"), ("INV-1", "disputed")]
    assert other.heard[0].webhook_id == other.heard[1].webhook_id
    assert (done.delivered, done.next_at) == (2, None)


async def test_what_was_given_up_can_be_replayed_alone(
    ledger: Ledger, other: Hooks, heard_by: Endpoint
) -> None:
    await take_in(ledger, row("INV-1"), row("INV-2", "C-2"))
    other.answers["INV-1"] = [500]
    await deliver(ledger, heard_by, backoff=())

    assert [each.invoice for each in await kept(ledger, heard_by, "given_up")] == ["INV-1"]
    assert await replay(ledger.engine, heard_by.id, LATER) == 1
    await deliver(ledger, heard_by)

    assert sorted(other.names) == [("INV-1", "started"), ("INV-1", "started"), ("INV-2", "started")]
    assert await kept(ledger, heard_by, "given_up") == []


async def test_an_endpoint_is_told_of_each_delivery_once(ledger: Ledger, heard_by: Endpoint) -> None:
    await take_in(ledger, row("INV-1"))
    waiting = await endpoints_waiting(ledger.engine)
    await take_in(ledger, row("INV-2", "C-2"))
    await mark_told(ledger.engine, waiting[heard_by.id])

    left = await endpoints_waiting(ledger.engine)
    assert len(left[heard_by.id]) == 1
    assert left[heard_by.id] != waiting[heard_by.id]


async def test_an_endpoint_that_is_removed_takes_what_waited_with_it_and_stops_no_event(
    ledger: Ledger, other: Hooks, heard_by: Endpoint
) -> None:
    (invoice_id,) = await take_in(ledger, row())
    async with ledger.invoice_unit(invoice_id, LATER) as unit:
        await unit.tell(unit.invoice(invoice_id), e.DisputeOpened(), Origin("tester", "test"), LATER)
        removing = asyncio.create_task(remove(ledger.engine, heard_by.id, unchecked))
        await asyncio.sleep(0.2)
        assert not removing.done()
    await removing
    await tell(ledger, invoice_id, PAID)

    assert await deliver(ledger, heard_by) == Deliveries()
    assert other.heard == []


async def test_many_invoices_are_told_of_side_by_side_eight_at_a_time(
    ledger: Ledger, other: Hooks, heard_by: Endpoint
) -> None:
    await take_in(ledger, *(row(f"INV-{number}", f"C-{number}") for number in range(12)))
    other.gate = asyncio.Event()

    async def eight_wait() -> bool:
        return len(other.heard) == 8

    delivering = asyncio.create_task(deliver(ledger, heard_by))
    await eventually(eight_wait)
    await asyncio.sleep(0.2)
    assert len(other.heard) == 8
    other.gate.set()

    assert await delivering == Deliveries(delivered=12)


async def test_a_batch_has_its_bounds_and_the_next_takes_the_rest(ledger: Ledger, heard_by: Endpoint) -> None:
    first, second = await take_in(ledger, row("INV-1"), row("INV-2", "C-2"))
    await tell(ledger, first, PAID)
    await tell(ledger, second, PAID)
    waiting = await kept(ledger, heard_by)
    of_first = [each.id for each in waiting if each.invoice == "INV-1"]
    of_second = [each.id for each in waiting if each.invoice == "INV-2"]

    chains = await due_deliveries(ledger.engine, heard_by.id, LATER, batch=4)

    assert chains == [of_first, of_second[:1]]
