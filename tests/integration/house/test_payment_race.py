"""A payment's webhook while a reminder is falling due, over and over: nobody who has paid is reminded afterwards."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest
from standardwebhooks.webhooks import Webhook

from ledger.access import Ledger
from ledger.database import connect
from tests.integration.house.documents import CREDITOR
from tests.integration.house.house import WEBHOOK_SECRET, House
from tests.integration.house.invoices import Debtor, bring
from tests.integration.house.seeing import eventually

# As many at once as a worker sends; the rest wait, so that payments also meet sends that have not begun.
AT_ONCE = 25
# A send takes about this long, from the invoice's arrival to the provider's answer.
LONGEST_PAUSE = 0.8


@pytest.fixture
async def onlooker(house: House, database_url: str) -> AsyncIterator[House]:
    """The house through connections of its own: many who look all the time would keep it from those it works with."""
    engine = connect(database_url)
    yield replace(house, ledger=Ledger(engine, CREDITOR))
    await engine.dispose()


async def pay_by_webhook(house: House, service: httpx.AsyncClient, debtor: Debtor) -> None:
    """Tell the service of a payment as a bank would, signed."""
    payment = {
        "id": f"bank-{debtor.number}",
        "invoice": debtor.number,
        "amount": "120.50",
        "currency": "EUR",
        "paid_at": house.now().isoformat(),
    }
    body, at, name = json.dumps(payment), house.now(), f"evt-{debtor.number}"
    headers = {
        "connection": "close",  # as from many senders; and a kept one may end just when it is used again
        "webhook-id": name,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(WEBHOOK_SECRET).sign(name, at, body),
    }
    answer = await service.post("/payments", content=body, headers=headers)
    assert answer.is_success, answer.text


async def is_over(house: House, debtor: Debtor) -> bool:
    """Whether the invoice is paid and no workflow of it runs; one that was paid first may never have started."""
    return (await house.facts(debtor)).closed == "paid" and not await house.running(debtor)


async def race(house: House, onlooker: House, count: int) -> int:
    """Let invoices fall due and be paid at random instants; how many were reminded before their payment."""
    chance, gate = random.Random(20_261_121), asyncio.Semaphore(AT_ONCE)
    pauses = [chance.uniform(0, LONGEST_PAUSE) for _ in range(count)]
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{house.settings.api_port}", trust_env=False, timeout=30
    ) as service:

        async def one(pause: float) -> Debtor:
            async with gate:
                debtor = await bring(house.ledger)
                await asyncio.sleep(pause)
                await pay_by_webhook(house, service, debtor)
                await eventually(lambda: is_over(onlooker, debtor), f"the end of {debtor.number}")
                return debtor

        debtors = await asyncio.gather(*map(one, pauses))
    await house.until_relayed()
    assert not any([await house.running(debtor) for debtor in debtors])
    stories = [await house.story(debtor) for debtor in debtors]
    for story in stories:
        permitted = [place for place, event in enumerate(story) if event == "message_permitted"]
        assert all(place < story.index("payment_received") for place in permitted)
    await house.assert_sound()
    return sum("message_permitted" in story for story in stories)


@pytest.mark.timeout(300)
async def test_a_hundred_payments_that_race_a_reminder_never_lose_to_it(
    house: House, onlooker: House
) -> None:
    reminded = await race(house, onlooker, 100)
    # Neither side won every time, or nothing raced.
    assert 0 < reminded < 100


@pytest.mark.soak
@pytest.mark.timeout(3_000)
async def test_a_thousand_payments_that_race_a_reminder_never_lose_to_it(
    house: House, onlooker: House
) -> None:
    assert 0 < await race(house, onlooker, 1_000) < 1_000
