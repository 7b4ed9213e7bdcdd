"""Receipts come in batches: each invoice is told of its own in one transaction, in the order of their instants."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import func, literal_column, select

from cadence.words import Channel
from ledger.access import Ledger
from ledger.deliveries import Receipt, record_receipts
from ledger.queries import show_invoice
from ledger.tables import events_table, messages
from tests.integration.ledger.playing import COURTESY_AT, MINUTE, permitted, row, send, take_in
from tests.integration.ledger.test_sending import facts_of, receipt_of, unusable


def at(instant: datetime) -> Callable[[Receipt], datetime]:
    """Every receipt is learnt of at one instant."""
    return lambda _receipt: instant


async def delivery_of(ledger: Ledger, invoice_id: int) -> tuple[str | None, str | None]:
    """What the message row of an invoice says: its delivery, and the provider's id."""
    wanted = select(messages.c.delivery, messages.c.provider_id).where(messages.c.invoice_id == invoice_id)
    async with ledger.engine.connect() as connection:
        delivery, provider_id = (await connection.execute(wanted)).one()
    return delivery, provider_id


async def test_a_batch_tells_each_receipt_once_and_answers_in_its_order(ledger: Ledger) -> None:
    first, second = await take_in(ledger, row(), row("INV-2", customer="C-2"))
    one, two = [await send(ledger, each, COURTESY_AT) for each in (first, second)]
    strange = receipt_of(one, "delivered", attempt_id="nobody's", external_id="s-1")
    batch = [
        receipt_of(one, "delivered"),
        receipt_of(two, "sent"),
        strange,
        receipt_of(one, "sent"),
        receipt_of(one, "delivered"),
    ]

    answers = await record_receipts(ledger, batch, at(COURTESY_AT + MINUTE))
    assert answers == ["new", "new", "unknown", "new", "known"]
    assert (await delivery_of(ledger, first))[0] == "delivered"
    assert (await delivery_of(ledger, second))[0] == "sent"

    again = await record_receipts(ledger, batch, at(COURTESY_AT + 2 * MINUTE))
    assert again == ["known", "known", "unknown", "known", "known"]


async def test_receipts_of_one_invoice_share_a_transaction(ledger: Ledger) -> None:
    (invoice_id,) = await take_in(ledger, row())
    granted = await send(ledger, invoice_id, COURTESY_AT)
    batch = [receipt_of(granted, delivery) for delivery in ("sent", "delivered", "read")]
    assert await record_receipts(ledger, batch, at(COURTESY_AT + MINUTE)) == ["new"] * 3

    # PostgreSQL stamps each row with the transaction that wrote it.
    writers = func.count(literal_column("xmin::text").distinct())
    stamps = select(func.count(), writers).where(events_table.c.type == "delivery_reported")
    async with ledger.engine.connect() as connection:
        assert (await connection.execute(stamps)).one() == (3, 1)


async def test_a_batch_tells_an_invoice_in_the_order_of_the_instants(ledger: Ledger) -> None:
    (invoice_id,) = await take_in(ledger, row())
    granted = await send(ledger, invoice_id, COURTESY_AT)
    later, earlier = receipt_of(granted, "delivered"), receipt_of(granted, "sent")
    instants = {later.external_id: COURTESY_AT + 2 * MINUTE, earlier.external_id: COURTESY_AT + MINUTE}
    await record_receipts(ledger, [later, earlier], lambda receipt: instants[receipt.external_id])

    told = select(events_table.c.external_id, events_table.c.at).where(
        events_table.c.type == "delivery_reported"
    )
    async with ledger.engine.connect() as connection:
        rows = (await connection.execute(told.order_by(events_table.c.id))).all()
    assert [tuple(each) for each in rows] == sorted(instants.items(), key=lambda item: item[1])


async def test_a_receipt_without_our_id_is_found_by_the_providers(ledger: Ledger) -> None:
    (invoice_id,) = await take_in(ledger, row())
    granted = await send(ledger, invoice_id, COURTESY_AT, provider_id="p-1")
    nameless = receipt_of(granted, "delivered", attempt_id=None, provider_id="p-1")
    of_another_channel = receipt_of(granted, "read", attempt_id=None, provider_id="p-1", channel=Channel.SMS)

    answers = await record_receipts(ledger, [nameless, of_another_channel], at(COURTESY_AT + MINUTE))
    assert answers == ["new", "unknown"]


async def test_a_batch_adopts_an_attempt_whose_answer_never_came(ledger: Ledger) -> None:
    (invoice_id,) = await take_in(ledger, row())
    granted = await send(ledger, invoice_id, COURTESY_AT, "unknown")
    batch = [receipt_of(granted, delivery, provider_id="p-1") for delivery in ("queued", "delivered")]
    assert await record_receipts(ledger, batch, at(COURTESY_AT + MINUTE)) == ["new", "new"]

    assert await delivery_of(ledger, invoice_id) == ("delivered", "p-1")
    (message,) = (await show_invoice(ledger.engine, "INV-1")).messages
    assert [attempt.state for attempt in message.attempts] == ["accepted"]


async def test_that_a_message_is_queued_is_news_only_while_the_providers_answer_is_not_known(
    ledger: Ledger,
) -> None:
    first, second = await take_in(ledger, row(), row("INV-2", customer="C-2"))
    accepted, lost = (
        await send(ledger, first, COURTESY_AT),
        await send(ledger, second, COURTESY_AT, "unknown"),
    )
    batch = [
        receipt_of(accepted, "queued"),
        receipt_of(accepted, "queued", external_id="deferred", code="421"),
        receipt_of(lost, "queued"),
    ]
    answers = await record_receipts(ledger, batch, at(COURTESY_AT + MINUTE))
    assert answers == ["known", "new", "new"]


async def test_a_batch_learns_from_each_of_its_receipts(ledger: Ledger) -> None:
    (invoice_id,) = await take_in(ledger, row())
    granted = await send(ledger, invoice_id, COURTESY_AT)
    bounced = receipt_of(granted, error_class="bad_address", address_dead=True)
    stopped = receipt_of(granted, "delivered", error_class="opt_out", opted_out=True)
    answers = await record_receipts(ledger, [bounced, stopped], at(COURTESY_AT + MINUTE))

    assert answers == ["new", "new"]
    assert await unusable(ledger, invoice_id, Channel.EMAIL) == "opt_out"
    facts, _ = await facts_of(ledger, invoice_id)
    assert facts.step("courtesy", 1).messages[Channel.EMAIL].delivery == "failed"


async def test_a_receipt_may_overtake_the_providers_answer(ledger: Ledger) -> None:
    (invoice_id,) = await take_in(ledger, row())
    granted = await permitted(ledger, invoice_id, COURTESY_AT)
    batch = [receipt_of(granted, "delivered")]
    assert await record_receipts(ledger, batch, at(COURTESY_AT + MINUTE)) == ["new"]
    facts, _ = await facts_of(ledger, invoice_id)
    assert facts.step("courtesy", 1).outcome == "sent"
