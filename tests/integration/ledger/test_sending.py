"""What goes wrong between a permit and a receipt: halts, changed addresses, late receipts."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from cadence import events as e
from cadence.customer_facts import CustomerFacts
from cadence.facts import InvoiceFacts
from cadence.words import Channel
from ledger.access import Ledger
from ledger.attempts import Result
from ledger.checks import check_invariants
from ledger.deliveries import Receipt, record_receipts
from ledger.halting import halt, halts
from ledger.outbox import waiting
from ledger.performing import LostMessage, lost_message, perform
from ledger.queries import show_invoice
from ledger.recording import Fact, record, record_customer
from ledger.sending import Permit, conclude
from ledger.tables import customers, invoices
from ledger.unit import Origin
from tests.integration.ledger.playing import (
    ARRIVAL,
    COURTESY_AT,
    DAY,
    FILE,
    MINUTE,
    order_of,
    permitted,
    row,
    send,
    take_in,
)


def receipt_of(granted: Permit, delivery: str = "failed", **more: Any) -> Receipt:
    """What the provider reports on an attempt."""
    report = Receipt(
        channel=granted.channel,
        source="provider",
        external_id=f"{granted.attempt_id}/{delivery}",
        attempt_id=granted.attempt_id,
        provider_id=None,
        delivery=delivery,
    )
    return replace(report, **more)


async def told(ledger: Ledger, receipt: Receipt, now: datetime) -> bool:
    """Take note of one receipt; whether it was new."""
    return await record_receipts(ledger, [receipt], lambda _receipt: now) == ["new"]


async def facts_of(ledger: Ledger, invoice_id: int) -> tuple[InvoiceFacts, CustomerFacts]:
    """The stored facts of an invoice and of its customer."""
    stored = select(invoices.c.facts, customers.c.facts.label("of_customer")).join_from(invoices, customers)
    async with ledger.engine.connect() as connection:
        row = (await connection.execute(stored.where(invoices.c.id == invoice_id))).one()
    return InvoiceFacts.model_validate(row.facts), CustomerFacts.model_validate(row.of_customer)


async def unusable(ledger: Ledger, invoice_id: int, channel: Channel) -> str | None:
    """Why the customer of an invoice cannot be reached by a channel."""
    return (await facts_of(ledger, invoice_id))[1].unusable(channel)


async def test_a_halted_channel_does_not_keep_a_lost_message_from_being_looked_for(ledger: Ledger) -> None:
    """Reading the provider's list sends nothing; an item that stays as it was is never performed again."""
    (invoice_id,) = await take_in(ledger, row())
    await send(ledger, invoice_id, COURTESY_AT, "unknown")
    await halt(ledger.engine, "channel", "email", "ana", "account", COURTESY_AT + MINUTE)

    order = await order_of(ledger, invoice_id)
    assert isinstance(await lost_message(ledger, order, order.at), LostMessage)


async def test_what_changed_with_a_refusal_is_told_by_the_relay(ledger: Ledger) -> None:
    """The activity tries again and its answer is lost; if it is called off meanwhile, nobody else would tell."""
    (invoice_id,) = await take_in(ledger, row())
    closing = COURTESY_AT + timedelta(hours=9)
    granted = await permitted(ledger, invoice_id, closing - MINUTE)
    words, _ = await waiting(ledger.engine)
    before = await ledger.directive(invoice_id)

    after = await conclude(ledger, granted, Result("refused"), closing + MINUTE)
    assert after.version > before.version
    assert (await waiting(ledger.engine))[0] == words + 1


async def test_a_late_bounce_does_not_condemn_the_address_that_replaced_the_old_one(ledger: Ledger) -> None:
    (invoice_id,) = await take_in(ledger, row())
    granted = await send(ledger, invoice_id, COURTESY_AT)
    await take_in(ledger, row(email="mended@example.com"), now=COURTESY_AT + MINUTE)

    bounced = receipt_of(granted, error_class="bad_address", address_dead=True)
    assert await told(ledger, bounced, COURTESY_AT + 2 * MINUTE)
    assert await unusable(ledger, invoice_id, Channel.EMAIL) is None


async def test_a_bounce_condemns_the_address_it_came_from(ledger: Ledger) -> None:
    (invoice_id,) = await take_in(ledger, row())
    granted = await send(ledger, invoice_id, COURTESY_AT)

    bounced = receipt_of(granted, error_class="bad_address", address_dead=True)
    assert await told(ledger, bounced, COURTESY_AT + MINUTE)
    assert await unusable(ledger, invoice_id, Channel.EMAIL) == "bad_address"


async def test_who_opts_out_stays_out_although_the_address_was_bad_before(ledger: Ledger) -> None:
    (invoice_id,) = await take_in(ledger, row())
    granted = await send(ledger, invoice_id, COURTESY_AT)
    bounced = receipt_of(granted, error_class="bad_address", address_dead=True)
    await told(ledger, bounced, COURTESY_AT + MINUTE)
    stopped = receipt_of(granted, "delivered", error_class="opt_out", opted_out=True)
    await told(ledger, stopped, COURTESY_AT + 2 * MINUTE)

    await take_in(ledger, row(email="another@example.com"), now=COURTESY_AT + DAY)
    assert await unusable(ledger, invoice_id, Channel.EMAIL) == "opt_out"


async def test_an_account_that_is_closed_after_acceptance_halts_its_channel(ledger: Ledger) -> None:
    """Twilio tells of a suspended account or a locked sender in receipts (30002, 63051)."""
    (invoice_id,) = await take_in(ledger, row())
    granted = await send(ledger, invoice_id, COURTESY_AT)
    locked = receipt_of(granted, error_class="account", code="30002")
    await told(ledger, locked, COURTESY_AT + MINUTE)

    assert [(each.scope, each.value) for each in await halts(ledger.engine)] == [("channel", "email")]
    cases = (await show_invoice(ledger.engine, "INV-1")).cases
    assert "provider_account" in [case.reason for case in cases]


@pytest.mark.parametrize("error_class", ["content", "template"])
async def test_a_text_of_ours_that_the_network_refuses_later_is_a_case(
    ledger: Ledger, error_class: str
) -> None:
    (invoice_id,) = await take_in(ledger, row())
    granted = await send(ledger, invoice_id, COURTESY_AT)
    refused = receipt_of(granted, error_class=error_class, code="63041")
    await told(ledger, refused, COURTESY_AT + MINUTE)

    cases = (await show_invoice(ledger.engine, "INV-1")).cases
    assert "configuration" in [case.reason for case in cases]


async def test_a_receipt_that_names_another_channel_counts_for_the_message_it_is_about(
    ledger: Ledger,
) -> None:
    (invoice_id,) = await take_in(ledger, row())
    granted = await send(ledger, invoice_id, COURTESY_AT)
    stray = receipt_of(granted, "delivered", channel=Channel.SMS)
    assert await told(ledger, stray, COURTESY_AT + MINUTE)

    facts, _ = await facts_of(ledger, invoice_id)
    messages = facts.step("courtesy", 1).messages
    assert {channel: each.delivery for channel, each in messages.items()} == {Channel.EMAIL: "delivered"}


async def test_a_hold_of_the_customer_that_ran_out_holds_no_later_invoice(ledger: Ledger) -> None:
    (first,) = await take_in(ledger, row())
    customer_id = await ledger.customer_id("C-1")
    ends = COURTESY_AT - timedelta(days=1)
    placed = e.CustomerHoldPlaced(hold="h1", until=ends)
    await record_customer(ledger, customer_id, placed, Origin("ana", "cli"), COURTESY_AT - 2 * DAY)
    assert (await ledger.directive(first)).state == "on_hold"

    (later,) = await take_in(ledger, row("INV-2"), now=COURTESY_AT)
    assert (await ledger.directive(later)).state == "scheduled"


@pytest.mark.parametrize(("until", "held"), [(None, True), (COURTESY_AT + DAY, True), (COURTESY_AT, False)])
async def test_an_invoice_that_opens_again_comes_under_the_customer_s_hold(
    ledger: Ledger, until: datetime | None, held: bool
) -> None:
    (invoice_id,) = await take_in(ledger, row())
    money = {"amount": Decimal("120.50"), "currency": "EUR"}
    await record(ledger, invoice_id, [Fact(e.PaymentReceived(**money), ARRIVAL, FILE)], ARRIVAL)
    placed = e.CustomerHoldPlaced(hold="h1", reason="flood", until=until)
    await record_customer(ledger, await ledger.customer_id("C-1"), placed, FILE, ARRIVAL)
    await record(ledger, invoice_id, [Fact(e.PaymentReversed(**money), COURTESY_AT, FILE)], COURTESY_AT)
    facts, _ = await facts_of(ledger, invoice_id)
    assert [hold.hold for hold in facts.holds] == (["h1"] if held else [])


async def test_a_hold_of_the_customer_ends_for_the_customer_with_its_time(ledger: Ledger) -> None:
    (invoice_id,) = await take_in(ledger, row())
    customer_id = await ledger.customer_id("C-1")
    placed = e.CustomerHoldPlaced(hold="h1", until=COURTESY_AT)
    await record_customer(ledger, customer_id, placed, Origin("ana", "cli"), COURTESY_AT - DAY)

    await perform(ledger, await order_of(ledger, invoice_id), COURTESY_AT)
    facts, customer = await facts_of(ledger, invoice_id)
    assert (facts.holds, customer.holds) == ((), ())
    assert all(check.ok for check in await check_invariants(ledger.engine, ledger.book, COURTESY_AT))


async def test_a_customer_s_hold_that_ended_while_an_invoice_was_closed_holds_it_no_more(
    ledger: Ledger,
) -> None:
    (invoice_id,) = await take_in(ledger, row())
    customer_id = await ledger.customer_id("C-1")
    money = {"amount": Decimal("120.50"), "currency": "EUR"}
    for happens in (e.CustomerHoldPlaced(hold="h1"), e.CustomerHoldPlaced(hold="h2")):
        await record_customer(ledger, customer_id, happens, FILE, ARRIVAL)
    await record(ledger, invoice_id, [Fact(e.PaymentReceived(**money), ARRIVAL, FILE)], ARRIVAL)
    await record_customer(ledger, customer_id, e.CustomerHoldEnded(hold="h1"), FILE, ARRIVAL)
    await record(ledger, invoice_id, [Fact(e.PaymentReversed(**money), ARRIVAL, FILE)], ARRIVAL)
    facts, customer = await facts_of(ledger, invoice_id)
    assert [hold.hold for hold in facts.holds] == [hold.hold for hold in customer.holds] == ["h2"]
    assert all(check.ok for check in await check_invariants(ledger.engine, ledger.book, ARRIVAL))


@pytest.mark.parametrize("amount", ["2000000000", "0.001"])
async def test_an_amount_that_cannot_be_holds_the_invoice_for_a_person(ledger: Ledger, amount: str) -> None:
    (invoice_id,) = await take_in(ledger, row())
    paid = e.PaymentReceived(amount=Decimal(amount), currency="EUR")
    await record(ledger, invoice_id, [Fact(paid, ARRIVAL, Origin("bank", "payment", "p1"))], ARRIVAL)

    assert (await ledger.directive(invoice_id)).state == "on_hold"
    assert [case.reason for case in (await show_invoice(ledger.engine, "INV-1")).cases] == [
        "payment_unidentified"
    ]
