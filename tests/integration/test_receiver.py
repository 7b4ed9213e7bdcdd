"""The receiver over HTTP, with the sandbox's own signed callbacks, and with what nobody signed."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import uvicorn
from standardwebhooks.webhooks import Webhook
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from cadence.words import Channel
from channels.email import SendGridEmail
from channels.message import EmailMessage, SmsMessage
from channels.outcome import Outcome, OutcomeKind
from channels.settings import ChannelSettings
from channels.sms import TwilioSms
from ledger.access import Ledger
from ledger.cases import list_cases
from ledger.database import connect
from ledger.publishing import publish
from ledger.queries import messages, show_invoice
from ledger.sending import Permit, Result, conclude
from starter.embedded import EmbeddedSandbox, free_port
from starter.receiver import MAX_BODY, receiver_app
from tests.integration.ledger.playing import (
    ARRIVAL,
    COURTESY_AT,
    CREDITOR,
    REMINDER_AT,
    permitted,
    row,
    ruler,
    send,
    take_in,
)
from tests.integration.waiting import eventually

SECRET = "whsec_" + "dGVzdHMtb2YtdGhlLXJlY2VpdmVyLW9uLWxvb3BiYWNr"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    ledger = Ledger(connect(database_url, pool_size=4), CREDITOR)
    await publish(ledger.engine, ruler(), ARRIVAL)
    yield ledger
    await ledger.engine.dispose()


@pytest.fixture
async def settings(sandbox: EmbeddedSandbox) -> ChannelSettings:
    environment = await sandbox.environment() | {"PAYMENT_WEBHOOK_SECRET": SECRET}
    return ChannelSettings.model_validate({name.lower(): value for name, value in environment.items()})


@pytest.fixture
async def receiver(
    ledger: Ledger, settings: ChannelSettings, receiver_port: int
) -> AsyncIterator[httpx.AsyncClient]:
    """The receiver where the sandbox calls it, and a client for what others send."""
    config = uvicorn.Config(
        receiver_app(ledger, settings), host="127.0.0.1", port=receiver_port, log_config=None, lifespan="off",
    )  # fmt: skip
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())

    async def started() -> bool:
        return server.started

    await eventually(started)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{receiver_port}", trust_env=False) as client:
        yield client
    server.should_exit = True
    await serving


async def settle(ledger: Ledger, granted: Permit, outcome: Outcome, now: datetime) -> None:
    assert outcome.kind is OutcomeKind.accepted
    await conclude(ledger, granted.attempt_id, Result("accepted", provider_id=outcome.provider_id), now)


async def deliveries(ledger: Ledger) -> dict[str, str | None]:
    return {line.channel: line.delivery for line in await messages(ledger.engine)}


async def suppressed(ledger: Ledger, number: str = "INV-1") -> dict[str, str]:
    return (await show_invoice(ledger.engine, number)).customer.suppressed


def signed_payment(**fields: Any) -> tuple[bytes, dict[str, str]]:
    """A payment's body and headers, as a bank would sign them."""
    known = {"id": "p-1", "amount": "120.50", "currency": "EUR", "invoice": "INV-1", "method": "pix"}
    body = json.dumps(known | {"paid_at": "2026-03-05T12:00:00Z"} | fields)
    now = datetime.now(UTC)
    signature = Webhook(SECRET).sign("msg-1", now, body)
    headers = {"webhook-id": "msg-1", "webhook-timestamp": str(int(now.timestamp()))}
    return body.encode(), headers | {"webhook-signature": signature}


async def pay(receiver: httpx.AsyncClient, **fields: Any) -> httpx.Response:
    body, headers = signed_payment(**fields)
    return await receiver.post("/payments", content=body, headers=headers)


async def test_an_email_that_the_provider_delivered_is_known_as_delivered(
    receiver: httpx.AsyncClient, ledger: Ledger, settings: ChannelSettings
) -> None:
    invoice_id = (await take_in(ledger, row()))[0]
    granted = await permitted(ledger, invoice_id, COURTESY_AT)
    message = EmailMessage(
        attempt_id=granted.attempt_id, reference=granted.reference, to=granted.address,
        sender="billing@example.com", sender_name="Example", reply_to="billing@example.com",
        subject="A reminder", html="<p>Please pay.</p>", text="Please pay.",
        unsubscribe_url=f"{settings.public_url}/unsubscribe?m={granted.reference}",
        unsubscribe_mailto="billing@example.com",
    )  # fmt: skip
    await settle(ledger, granted, await SendGridEmail(settings).send(message), COURTESY_AT)

    async def delivered() -> bool:
        return (await deliveries(ledger)) == {"email": "delivered"}

    await eventually(delivered)


async def test_an_sms_that_the_provider_delivered_is_known_as_delivered(
    receiver: httpx.AsyncClient, ledger: Ledger, settings: ChannelSettings
) -> None:
    invoice_id = (await take_in(ledger, row()))[0]
    await send(ledger, invoice_id, COURTESY_AT, provider_id="courtesy")
    granted = await permitted(ledger, invoice_id, REMINDER_AT)
    assert granted.channel is Channel.SMS
    message = SmsMessage(
        attempt_id=granted.attempt_id, reference=granted.reference, to=granted.address,
        sender="+15555550100", body=f"Please pay. {granted.reference}", validity=3600,
    )  # fmt: skip
    await settle(ledger, granted, await TwilioSms(settings).send(message), REMINDER_AT)

    async def delivered() -> bool:
        return (await deliveries(ledger))["sms"] == "delivered"

    await eventually(delivered)


async def test_a_reply_that_says_stop_silences_the_channel(
    receiver: httpx.AsyncClient, ledger: Ledger, sandbox: EmbeddedSandbox
) -> None:
    await take_in(ledger, row())
    reply = {"channel": "sms", "from": "+351900000123", "to": "+15555550100", "body": "SAIR"}
    async with httpx.AsyncClient(trust_env=False) as client:
        played = await client.post(f"{sandbox.url}/sandbox/replies", json=reply)
    assert played.status_code == 201
    assert await suppressed(ledger) == {"sms": "opt_out"}


async def test_any_other_reply_opens_a_case_and_keeps_its_words(
    receiver: httpx.AsyncClient, ledger: Ledger, sandbox: EmbeddedSandbox
) -> None:
    await take_in(ledger, row())
    reply = {"channel": "sms", "from": "+351900000123", "to": "+15555550100", "body": "I paid\0 on Friday"}
    async with httpx.AsyncClient(trust_env=False) as client:
        await client.post(f"{sandbox.url}/sandbox/replies", json=reply)
    assert [case.reason for case in await list_cases(ledger.engine)] == ["replied"]
    story = await show_invoice(ledger.engine, "INV-1")
    assert [said.body for said in story.replies] == ["I paid on Friday"]
    assert story.customer.suppressed == {}


async def test_a_signed_payment_closes_the_invoice_once(receiver: httpx.AsyncClient, ledger: Ledger) -> None:
    await take_in(ledger, row())
    assert (await pay(receiver)).json() == {"status": "recorded"}
    assert (await pay(receiver)).json() == {"status": "known"}
    story = await show_invoice(ledger.engine, "INV-1")
    assert (story.invoice.state, str(story.invoice.balance)) == ("paid", "0.00")


async def test_a_payment_in_other_money_holds_the_invoice_for_a_person(
    receiver: httpx.AsyncClient, ledger: Ledger
) -> None:
    await take_in(ledger, row())
    assert (await pay(receiver, currency="USD")).status_code == 200
    assert (await show_invoice(ledger.engine, "INV-1")).invoice.state == "on_hold"
    assert [case.reason for case in await list_cases(ledger.engine)] == ["payment_unidentified"]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"invoice": "NOBODY"}, "no invoice 'NOBODY' is known"),
        ({"amount": "0"}, "amount"),
        ({"amount": 120.5001}, "EUR has 2 decimals at most"),
        ({"amount": "a lot"}, "amount"),
        ({"currency": "XXX"}, "currency"),
        ({"paid_at": "2026-03-05T12:00:00"}, "paid_at"),
        ({"paid_at": "2126-03-05T12:00:00Z"}, "lies in the future"),
        ({"id": ""}, "id"),
        ({"id": None}, "id"),
        ({"method": "<script>"}, "method"),
        ({"invoice": "A\u0000B"}, "invoice"),
    ],
)
async def test_a_payment_that_makes_no_sense_is_a_problem_with_its_field(
    receiver: httpx.AsyncClient, ledger: Ledger, fields: dict[str, Any], expected: str
) -> None:
    await take_in(ledger, row())
    answer = await pay(receiver, **fields)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert expected in answer.json()["detail"]
    assert (await show_invoice(ledger.engine, "INV-1")).invoice.state == "scheduled"


async def test_a_payment_whose_body_was_changed_is_not_believed(
    receiver: httpx.AsyncClient, ledger: Ledger
) -> None:
    await take_in(ledger, row())
    body, headers = signed_payment()
    answer = await receiver.post("/payments", content=body.replace(b"120.50", b"999.50"), headers=headers)
    assert answer.status_code == 401
    assert (await show_invoice(ledger.engine, "INV-1")).paid == 0


@pytest.mark.parametrize("path", ["/receipts/twilio", "/receipts/sendgrid", "/replies/twilio", "/payments"])
@pytest.mark.parametrize("body", [b"", b"\xff\x00=%%", b"[" * 5000, b'{"a": 1}'])
async def test_what_nobody_signed_is_refused_whatever_it_holds(
    receiver: httpx.AsyncClient, path: str, body: bytes
) -> None:
    answer = await receiver.post(path, content=body, headers=FORM | {"X-Twilio-Signature": "bm8="})
    assert answer.status_code == 401
    assert answer.json()["title"] == "The signature does not match"


async def test_a_signed_reply_without_a_sender_is_malformed(
    receiver: httpx.AsyncClient, settings: ChannelSettings
) -> None:
    validator = RequestValidator(settings.twilio_auth_token.get_secret_value())
    signature = validator.compute_signature(settings.public_url + "/replies/twilio", {"Body": "hello"})
    headers = FORM | {"X-Twilio-Signature": signature}
    answer = await receiver.post("/replies/twilio", content=b"Body=hello", headers=headers)
    assert answer.status_code == 400
    assert "From" in answer.json()["detail"]


async def test_a_receipt_about_somebody_elses_message_changes_nothing(
    receiver: httpx.AsyncClient, settings: ChannelSettings, ledger: Ledger
) -> None:
    await take_in(ledger, row())
    form = {"MessageSid": "SM" + "0" * 32, "MessageStatus": "delivered", "To": "+351900000123"}
    validator = RequestValidator(settings.twilio_auth_token.get_secret_value())
    path = "/receipts/twilio?attempt=nobody"
    headers = {"X-Twilio-Signature": validator.compute_signature(settings.public_url + path, form)}
    assert (await receiver.post(path, data=form, headers=headers)).status_code == 204
    assert await messages(ledger.engine) == []


async def test_a_body_of_more_than_a_mebibyte_is_not_read(receiver: httpx.AsyncClient) -> None:
    answer = await receiver.post("/payments", content=b"x" * (MAX_BODY + 1))
    assert answer.status_code == 413


async def test_following_the_unsubscribe_link_changes_nothing_and_its_button_stops_the_channel(
    receiver: httpx.AsyncClient, ledger: Ledger
) -> None:
    invoice_id = (await take_in(ledger, row()))[0]
    reference = (await send(ledger, invoice_id, COURTESY_AT, provider_id="p-1")).reference
    page = await receiver.get(f"/unsubscribe?m={reference}", headers={"Accept-Language": "pt-PT,en;q=0.5"})
    assert page.status_code == 200
    assert "Pretende deixar de receber" in page.text
    assert await suppressed(ledger) == {}
    done = await receiver.post(f"/unsubscribe?m={reference}", data={"List-Unsubscribe": "One-Click"})
    assert done.status_code == 200
    assert await suppressed(ledger) == {"email": "opt_out"}


@pytest.mark.parametrize("reference", ["", "NOBODYS1", "<script>", "x" * 500])
async def test_an_unsubscribe_link_that_leads_nowhere_says_so(
    receiver: httpx.AsyncClient, reference: str
) -> None:
    answer = await receiver.post("/unsubscribe", params={"m": reference})
    assert answer.status_code == 404
    assert "<script>" not in answer.text
    assert "not valid" in answer.text


async def test_health_is_the_ledgers(receiver: httpx.AsyncClient) -> None:
    assert (await receiver.get("/healthz")).json() == {"status": "ok"}


async def test_a_ledger_that_is_away_asks_the_sender_to_come_again(settings: ChannelSettings) -> None:
    engine = connect(f"postgresql://nobody:secret@127.0.0.1:{free_port()}/none")
    app = receiver_app(Ledger(engine, CREDITOR), settings)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://receiver") as client:
        body, headers = signed_payment()
        answer = await client.post("/payments", content=body, headers=headers)
        assert (await client.get("/healthz")).status_code == 503
    await engine.dispose()
    assert answer.status_code == 503
    assert "secret" not in answer.text
