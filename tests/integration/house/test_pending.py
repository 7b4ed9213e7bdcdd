"""A payment that arrives while a send is pending: no message goes, and the workflow closes at once."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from ledger import sending
from starter.processes import free_port
from tests.integration.house.house import House
from tests.integration.house.invoices import Debtor, bring, row, ruler
from tests.integration.house.seeing import eventually

Pay = Callable[[House, Debtor], Awaitable[None]]


async def _directly(house: House, debtor: Debtor) -> None:
    await house.signal(debtor, "payment_received", id=f"{debtor.number}-p", amount="120.50", currency="EUR")


async def _by_command(house: House, debtor: Debtor) -> None:
    await house.pay(debtor)


PAYING = pytest.mark.parametrize("pay", [_directly, _by_command], ids=["directly", "by_command"])


@PAYING
async def test_a_payment_while_send_email_waits_in_its_queue_sends_nothing(
    closed_house: House, pay: Pay
) -> None:
    house = closed_house
    async with house.relaying_outbox(), house.working(""):  # and nobody on the e-mail queue
        debtor = await bring(house.ledger)
        await house.until_pending(debtor, "send_email")
        await pay(house, debtor)
        await house.until_closed(debtor)
    async with house.working("-email"):
        other = await bring(house.ledger)
        async with house.relaying_outbox(), house.working(""):
            await house.until_accepted(other, 1)
    assert await house.accepted(debtor) == []
    await house.assert_sound()


@PAYING
async def test_a_payment_while_a_rate_limit_holds_send_email_back_sends_nothing(
    closed_house: House, pay: Pay
) -> None:
    house = closed_house
    house.settings = house.settings.model_copy(update={"emails_per_second": 0.05})
    async with house.relaying_outbox(), house.working():
        debtors = [await bring(house.ledger) for _ in range(3)]
        for debtor in debtors:
            await house.until_running(debtor)
        for debtor in debtors:
            await pay(house, debtor)
            await house.until_closed(debtor)
    # One may have gone before the limit held; the others were called off, twenty seconds before their turn.
    assert sum([len(await house.accepted(debtor)) for debtor in debtors]) <= 1
    await house.assert_sound()


@PAYING
async def test_a_payment_between_the_retries_of_a_throttled_send_sends_nothing(
    house: House, pay: Pay
) -> None:
    given = row()
    await house.fault("throttle", given.phone, count=None, seconds=30)
    debtor = await bring(house.ledger, ruler("sms"), given)
    await house.until_told(debtor, "message_refused")
    await pay(house, debtor)
    await house.until_closed(debtor)
    assert await house.accepted(debtor) == []
    await house.assert_sound()


async def test_a_throttled_send_goes_out_once_after_the_time_that_the_provider_asked_for(
    house: House,
) -> None:
    given = row()
    await house.fault("throttle", given.phone, seconds=2)
    debtor = await bring(house.ledger, ruler("sms"), given)
    await house.until_told(debtor, "message_refused")
    refused_at = asyncio.get_running_loop().time()
    await house.until_accepted(debtor, 1)
    assert asyncio.get_running_loop().time() - refused_at > 1.5
    assert await house.accepted(debtor) == ["sms"]
    await house.assert_sound()


async def test_a_provider_on_whose_port_nobody_listens_is_asked_again(closed_house: House) -> None:
    house = closed_house
    reachable = house.channels
    house.channels = reachable.model_copy(update={"sendgrid_host": f"http://127.0.0.1:{free_port()}"})
    async with house.relaying_outbox():
        debtor = await bring(house.ledger)
        async with house.working():
            await house.until_told(debtor, "message_refused")
        house.channels = reachable
        async with house.working():
            await house.until_accepted(debtor, 1)
    assert await house.accepted(debtor) == ["email"]
    await house.assert_sound()


async def test_a_permit_whose_lease_ran_out_is_not_used(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a worker that sleeps between its permit and its request: every permit has run out at once."""
    real = sending.LEASE
    monkeypatch.setattr(sending, "LEASE", timedelta(0))
    debtor = await bring(house.ledger)

    async def asked_again() -> bool:
        return (await house.story(debtor)).count("message_permitted") >= 2

    await eventually(asked_again, "a second permit")
    assert await house.accepted(debtor) == []
    monkeypatch.setattr(sending, "LEASE", real)
    await house.until_accepted(debtor, 1)
    assert await house.accepted(debtor) == ["email"]
    await house.assert_sound()
