"""The main job: from an invoice that arrives to a closed balance, and what comes before its time or after it."""

import asyncio
import random
from decimal import Decimal

from cadence import events as e
from cadence.facts import State
from ledger.outbox import leave_word
from tests.integration.house.house import House
from tests.integration.house.invoices import Debtor, bring, ruler
from tests.integration.house.seeing import eventually

REVERSED = e.PaymentReversed(amount=Decimal("120.50"), currency="EUR")


async def test_an_invoice_is_reminded_and_closed_when_it_is_paid(house: House) -> None:
    debtor = await bring(house.ledger)
    await house.until_delivered(debtor, "due-today", "email", "delivered")
    await house.pay(debtor)
    await house.until_closed(debtor)
    assert await house.accepted(debtor) == ["email"]
    await house.assert_sound()


async def test_an_invoice_nobody_pays_is_reminded_at_each_mark_and_handed_over(house: House) -> None:
    debtor = await bring(house.ledger)
    await house.habit(debtor.email, email="silent")
    for sent in (1, 2, 3):
        await house.until_accepted(debtor, sent)
        await house.skip_to_next(debtor)
    await house.until_closed(debtor, "handed_over")
    assert await house.accepted(debtor) == ["email"] * 3


async def test_a_payment_recorded_before_the_relay_starts_the_workflow_sends_nothing(
    closed_house: House,
) -> None:
    house = closed_house
    debtor = await bring(house.ledger)
    await house.pay(debtor)
    async with house.working():
        await house.relay_once()
        other = await bring(house.ledger)
        await house.relay_once()
        await house.until_accepted(other, 1)
    assert await house.accepted(debtor) == []
    assert not await house.running(debtor)


async def test_a_payment_recorded_before_the_worker_is_there_sends_nothing(closed_house: House) -> None:
    house = closed_house
    debtor = await bring(house.ledger)
    await house.relay_once()
    assert await house.running(debtor)
    await house.pay(debtor)  # and no relay tells of it
    async with house.working():
        await house.until_closed(debtor)
    assert await house.accepted(debtor) == []


async def test_a_reversal_reopens_a_closed_invoice_and_the_ruler_goes_on(house: House) -> None:
    debtor = await bring(house.ledger)
    await house.until_accepted(debtor, 1)
    await house.pay(debtor)
    await house.until_closed(debtor)
    await house.record(debtor, REVERSED)
    await house.until_running(debtor)
    item = (await house.ledger.directive(debtor.id)).item
    assert item is not None
    assert item.key.startswith("reminder/")


async def test_a_reversal_while_a_run_is_closing_leaves_the_invoice_open_and_watched(house: House) -> None:
    debtors = [await bring(house.ledger) for _ in range(6)]
    for debtor in debtors:
        await house.until_accepted(debtor, 1)
    chance = random.Random(20_261)  # the same pauses each time, so that a failure can be had again

    async def pay_and_reverse(debtor: Debtor) -> None:
        await house.pay(debtor)
        await asyncio.sleep(chance.uniform(0, 0.15))
        await house.record(debtor, REVERSED)

    await asyncio.gather(*map(pay_and_reverse, debtors))
    for debtor in debtors:
        await house.until_running(debtor)
        await house.until_heard(debtor)
        assert (await house.facts(debtor)).state is State.ACTIVE
    await house.assert_sound()


async def test_a_receipt_for_a_closed_invoice_still_reaches_the_ledger(house: House) -> None:
    debtor = await bring(house.ledger)
    await house.habit(debtor.email, delay=1.5)
    await house.until_accepted(debtor, 1)
    await house.pay(debtor)
    await house.until_closed(debtor)
    await house.until_delivered(debtor, "due-today", "email", "delivered")
    assert (await house.facts(debtor)).state is State.PAID


async def test_a_reply_that_says_stop_silences_the_customers_other_invoices(house: House) -> None:
    first = await bring(house.ledger, ruler("sms"))
    await house.until_accepted(first, 1)
    await house.reply(first, "STOP")
    await house.until_suppressed(first, "sms")
    second = await bring(house.ledger, ruler("sms"), customer=first.customer, phone=first.phone)

    async def given_up() -> bool:
        return "no_usable_channel" in await house.cases(second)

    await eventually(given_up, "a case for the second invoice")
    assert await house.accepted(first) == ["sms"]


async def test_the_same_invoice_told_twice_has_one_workflow_and_one_message(house: House) -> None:
    debtor = await bring(house.ledger)
    await house.until_accepted(debtor, 1)
    async with house.ledger.invoice_unit(debtor.id, house.now()) as unit:
        for _ in range(3):
            await leave_word(unit.connection, debtor.id, "told again", unit.now)
    await house.until_relayed()
    assert await house.accepted(debtor) == ["email"]
    assert await house.runs(debtor) == 1
