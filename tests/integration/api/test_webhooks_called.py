"""The service where the sandbox calls it back: messages that leave, and what comes of them."""

import asyncio
import socket
from collections.abc import AsyncIterator
from datetime import datetime

import httpx
import pytest
import uvicorn

from cadence.words import Channel
from channels.email import SendGridEmail
from channels.message import EmailMessage, SmsMessage
from channels.outcome import Outcome, OutcomeKind
from channels.rails.configured import rails
from channels.settings import ChannelSettings
from channels.sms import TwilioSms
from ledger.access import Ledger
from ledger.attempts import Result
from ledger.cases import list_cases
from ledger.queries import show_invoice
from ledger.sending import Permit, conclude
from starter.embedded import EmbeddedSandbox
from starter.inbox import Processor
from tests.integration.api.conftest import SECRET, Api
from tests.integration.api.processing import deliveries, process
from tests.integration.ledger.playing import COURTESY_AT, REMINDER_AT, permitted, row, send, take_in
from tests.integration.waiting import eventually


@pytest.fixture
async def channels(sandbox: EmbeddedSandbox) -> ChannelSettings:
    """The session's sandbox as the providers, at the address where it calls back."""
    environment = await sandbox.environment() | {"PAYMENT_WEBHOOK_SECRET": SECRET}
    return ChannelSettings.model_validate({name.lower(): value for name, value in environment.items()})


@pytest.fixture
async def called(api: Api, receiver_port: int) -> AsyncIterator[None]:
    """The service where the sandbox calls it."""
    with socket.create_server(("127.0.0.1", receiver_port)) as listening:
        server = uvicorn.Server(uvicorn.Config(api.app, log_config=None, lifespan="off"))
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        yield
        server.should_exit = True
        await serving


@pytest.fixture
def processor(api: Api, channels: ChannelSettings) -> Processor:
    """What the relay's process has to process webhooks with."""
    return Processor(api.ledger, rails(channels))


async def settle(ledger: Ledger, granted: Permit, outcome: Outcome, now: datetime) -> None:
    assert outcome.kind is OutcomeKind.accepted
    await conclude(ledger, granted, Result("accepted", provider_id=outcome.provider_id), now)


async def test_an_email_that_the_provider_delivered_is_known_as_delivered(
    called: None, processor: Processor, ledger: Ledger, channels: ChannelSettings
) -> None:
    invoice_id = (await take_in(ledger, row()))[0]
    granted = await permitted(ledger, invoice_id, COURTESY_AT)
    message = EmailMessage(
        attempt_id=granted.attempt_id, reference=granted.reference, to=granted.address,
        sender="billing@example.com", sender_name="Example", reply_to="billing@example.com",
        subject="A reminder", html="<p>Please pay.</p>", text="Please pay.",
        unsubscribe_url=f"{channels.public_url}/unsubscribe?m={granted.reference}",
        unsubscribe_mailto="billing@example.com",
    )  # fmt: skip
    await settle(ledger, granted, await SendGridEmail(channels).send(message), COURTESY_AT)

    async def delivered() -> bool:
        await process(processor)
        return (await deliveries(ledger)) == {"email": "delivered"}

    await eventually(delivered)


async def test_an_sms_that_the_provider_delivered_is_known_as_delivered(
    called: None, processor: Processor, ledger: Ledger, channels: ChannelSettings
) -> None:
    invoice_id = (await take_in(ledger, row()))[0]
    await send(ledger, invoice_id, COURTESY_AT, provider_id="courtesy")
    granted = await permitted(ledger, invoice_id, REMINDER_AT)
    assert granted.channel is Channel.SMS
    message = SmsMessage(
        attempt_id=granted.attempt_id, reference=granted.reference, to=granted.address,
        sender="+15555550100", body=f"Please pay. {granted.reference}", validity=3600,
    )  # fmt: skip
    await settle(ledger, granted, await TwilioSms(channels).send(message), REMINDER_AT)

    async def delivered() -> bool:
        await process(processor)
        return (await deliveries(ledger))["sms"] == "delivered"

    await eventually(delivered)


async def test_any_other_reply_opens_a_case_and_keeps_its_words(
    called: None, processor: Processor, ledger: Ledger, sandbox: EmbeddedSandbox
) -> None:
    await take_in(ledger, row())
    reply = {"channel": "sms", "from": "+351900000123", "to": "+15555550100", "body": "Good\0 morning"}
    async with httpx.AsyncClient(trust_env=False) as client:
        await client.post(f"{sandbox.url}/sandbox/replies", json=reply)
    await process(processor)
    assert len(await list_cases(ledger.engine)) == 1
    story = await show_invoice(ledger.engine, "INV-1")
    assert [said.body for said in story.replies] == ["Good morning"]
    assert story.customer.suppressed == {}
