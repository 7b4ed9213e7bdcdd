"""The sandbox itself: receipts that verify, habits, faults of receipts, restarts, and bad input."""

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from channels.email import SendGridEmail
from channels.outcome import Delivery, ErrorClass, Outcome, OutcomeKind, Receipt
from channels.receipts import sendgrid_receipts, twilio_receipt, twilio_reply
from channels.sms import TwilioSms
from channels.verify import verify_sendgrid, verify_twilio
from tests.unit.channels import loopback
from tests.unit.channels.loopback import (
    ACCOUNT,
    EMAIL,
    NO_CERTIFICATES,
    PHONE,
    Call,
    Provider,
    Receiver,
    email,
    send_email,
    send_sms,
    send_whatsapp,
    sms,
)


def _verified(provider: Provider, calls: list[Call]) -> list[Receipt]:
    """The receipts in the callbacks, each checked as the receiver checks it."""
    receipts: list[Receipt] = []
    for call in calls:
        if call.path == "/receipts/sendgrid":
            verify_sendgrid(call.body, call.headers, provider.settings, datetime.now(UTC))
            receipts += sendgrid_receipts(call.events)
        else:
            assert call.path == "/receipts/twilio"
            verify_twilio(call.url, call.form, call.headers, provider.settings)
            receipt = twilio_receipt(call.params, datetime.now(UTC))
            assert receipt is not None
            receipts.append(receipt)
    return receipts


async def _send(provider: Provider, channel: str) -> Outcome:
    send = {"email": send_email, "sms": send_sms, "whatsapp": send_whatsapp}[channel]
    return await send(provider.settings)


@pytest.mark.parametrize(
    ("channel", "attempt", "first"),
    [
        ("email", "attempt-1", Delivery.queued),
        ("sms", "attempt-2", Delivery.sent),
        ("whatsapp", "attempt-3", Delivery.sent),
    ],
)
async def test_a_message_brings_signed_receipts_of_its_attempt(
    provider: Provider, channel: str, attempt: str, first: Delivery
) -> None:
    outcome = await _send(provider, channel)
    receipts = _verified(provider, provider.receiver.wait_for(2))
    assert [receipt.delivery for receipt in receipts] == [first, Delivery.delivered]
    assert {receipt.channel for receipt in receipts} == {channel}
    assert {receipt.attempt_id for receipt in receipts} == {attempt}
    assert {receipt.provider_id for receipt in receipts} == {outcome.provider_id}


async def test_a_copy_has_receipts_of_its_own_by_its_own_habit(provider: Provider) -> None:
    provider.behave("copy@example.com", email="bounce")
    outcome = await SendGridEmail(provider.settings).send(replace(email(), cc=("copy@example.com",)))
    assert outcome.kind == "accepted"
    # Events that are due at once come in one call, so that calls cannot be counted.
    deadline, receipts = time.monotonic() + 10, list[Receipt]()
    while len(receipts) < 4 and time.monotonic() < deadline:
        await asyncio.sleep(0.02)
        receipts = _verified(provider, list(provider.receiver.calls))
    told = {(receipt.address, str(receipt.delivery)) for receipt in receipts}
    assert told == {
        (EMAIL, "queued"), (EMAIL, "delivered"), ("copy@example.com", "queued"), ("copy@example.com", "failed"),
    }  # fmt: skip
    assert {receipt.attempt_id for receipt in receipts} == {"attempt-1"}


async def test_an_address_that_stands_twice_in_a_message_is_refused(provider: Provider) -> None:
    twice = await SendGridEmail(provider.settings).send(replace(email(), cc=(EMAIL.upper(),)))
    assert twice.kind == "rejected"
    broken = await SendGridEmail(provider.settings).send(replace(email(), cc=("no address",)))
    assert (broken.kind, broken.code) == ("rejected", "invalid_cc")


@pytest.mark.parametrize(
    ("channel", "habit", "expected"),
    [
        ("email", "bounce", [("queued", None), ("failed", "bad_address")]),
        ("email", "block", [("queued", None), ("failed", "unreachable")]),
        ("email", "defer", [("queued", None), ("queued", None), ("delivered", None)]),
        ("email", "drop", [("failed", "bad_address")]),
        ("email", "drop:Spam Content", [("failed", "content")]),
        ("email", "spam", [("queued", None), ("delivered", None), ("delivered", "opt_out")]),
        ("email", "unsubscribe", [("queued", None), ("delivered", None), ("delivered", "opt_out")]),
        ("email", "read", [("queued", None), ("delivered", None), ("read", None)]),
        ("email", "silent", []),
        ("sms", "undelivered:30005", [("sent", None), ("failed", "bad_address")]),
        ("sms", "failed:30008", [("failed", "unreachable")]),
        ("whatsapp", "blocked", [("sent", None)]),
        ("whatsapp", "undelivered:63024", [("sent", None), ("failed", "bad_address")]),
        ("whatsapp", "read", [("sent", None), ("delivered", None), ("read", None)]),
    ],
)
async def test_an_address_behaves_by_its_habit(
    provider: Provider, channel: str, habit: str, expected: list[tuple[str, str | None]]
) -> None:
    address = EMAIL if channel == "email" else PHONE
    provider.behave(address.upper(), **{channel: habit})
    assert (await _send(provider, channel)).kind is OutcomeKind.accepted
    receipts = _verified(provider, provider.settle())
    assert [(receipt.delivery, receipt.error_class) for receipt in receipts] == expected


async def test_an_address_that_refuses_at_once_keeps_nothing(provider: Provider) -> None:
    provider.behave(PHONE, sms="reject:21610")
    outcome = await _send(provider, "sms")
    assert outcome == Outcome(OutcomeKind.rejected, code="21610", error_class=ErrorClass.opt_out)
    assert (await _send(provider, "whatsapp")).kind is OutcomeKind.accepted
    assert [message["channel"] for message in provider.messages] == ["whatsapp"]


async def test_a_fault_meets_only_its_address_and_only_so_often(provider: Provider) -> None:
    provider.fail("reject", channel="twilio", address=PHONE, code=21211, count=2)
    other = TwilioSms(provider.settings).send(sms(to="+12025550199"))
    kinds = [(await _send(provider, "email")).kind, (await other).kind]
    kinds += [(await _send(provider, "sms")).kind for _ in range(3)]
    assert kinds == ["accepted", "accepted", "rejected", "rejected", "accepted"]


async def test_faults_can_be_cleared(provider: Provider) -> None:
    provider.fail("reject", count=None)
    provider.clear_faults()
    assert (await _send(provider, "sms")).kind is OutcomeKind.accepted


@pytest.mark.parametrize("channel", ["email", "sms"])
async def test_a_repeated_receipt_is_the_same_each_time(provider: Provider, channel: str) -> None:
    provider.fail("repeat_receipts", times=2)
    await _send(provider, channel)
    calls = provider.receiver.wait_for(2 if channel == "email" else 6)
    ids = [receipt.external_id for receipt in _verified(provider, calls)]
    assert len(ids) == 6
    assert len(set(ids)) == 2


@pytest.mark.parametrize("channel", ["email", "sms"])
async def test_receipts_can_come_in_the_wrong_order(provider: Provider, channel: str) -> None:
    provider.fail("reverse_receipts")
    await _send(provider, channel)
    receipts = _verified(provider, provider.receiver.wait_for(2))
    assert receipts[0].delivery is Delivery.delivered


async def test_a_message_whose_response_was_dropped_still_brings_receipts(provider: Provider) -> None:
    provider.fail("drop_response")
    await _send(provider, "email")
    receipts = _verified(provider, provider.receiver.wait_for(2))
    assert {receipt.attempt_id for receipt in receipts} == {"attempt-1"}


async def test_a_receiver_that_is_down_for_a_moment_gets_its_receipts(provider: Provider) -> None:
    provider.receiver.failures = 2
    await _send(provider, "sms")
    receipts = _verified(provider, provider.receiver.wait_for(2))
    assert [receipt.delivery for receipt in receipts] == [Delivery.sent, Delivery.delivered]


async def test_twilios_resource_follows_the_receipts(provider: Provider) -> None:
    provider.behave(PHONE, sms="undelivered:30003")
    outcome = await _send(provider, "sms")
    provider.receiver.wait_for(2)
    answer = provider.twilio(f"/2010-04-01/Accounts/{ACCOUNT}/Messages/{outcome.provider_id}.json")
    assert (answer["status"], answer["error_code"], answer["to"]) == ("undelivered", 30003, PHONE)


async def test_twilios_list_pages_from_the_newest_to_the_oldest(provider: Provider) -> None:
    channel = TwilioSms(provider.settings)
    sent = [(await channel.send(sms(body=f"no. {number}"))).provider_id for number in range(5)]
    listed, uri = [], f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json?PageSize=2"
    while uri:
        page = provider.twilio(uri)
        listed += [message["sid"] for message in page["messages"]]
        uri = page["next_page_uri"]
    assert listed == sent[::-1]
    # Its receipts are not to land in a test of another sandbox, which has the same receiver.
    provider.settle()


async def test_held_receipts_wait_and_bear_the_date_they_are_given(held: Provider) -> None:
    held.behave(EMAIL, email="bounce", delay=60)
    held.behave(PHONE, sms="deliver", delay=10)
    await _send(held, "email")
    await _send(held, "sms")
    rows = held.get("receipts?address=" + EMAIL)
    assert [(row["event"], row["delay"], row["attempt_id"]) for row in rows] == [
        ("processed", 30, "attempt-1"),
        ("bounce", 60, "attempt-1"),
    ]
    at = datetime(2031, 5, 4, 3, 2, 1, tzinfo=UTC)
    ids = [row["id"] for row in rows] + [held.get("receipts")[-1]["id"]]
    assert held.post("receipts/release", {"ids": ids, "at": at.isoformat()}) == {"released": 3}
    receipts = _verified(held, held.receiver.calls)
    assert [receipt.delivery for receipt in receipts] == ["queued", "failed", "delivered"]
    assert {receipt.at for receipt in receipts} == {at}
    assert [row["event"] for row in held.get("receipts")] == ["sent"]


async def test_events_wait_for_each_other_where_the_sandbox_is_told_to_gather_them(
    tmp_path: Path, receiver: Receiver
) -> None:
    receiver.calls.clear()
    with loopback.provider(tmp_path / "store.jsonl", receiver, gather=0.3) as gathering:
        await _send(gathering, "email")
        (post,) = gathering.settle()
    assert [event["event"] for event in post.events] == ["processed", "delivered"]


async def test_events_that_fall_together_come_alone_where_the_sandbox_is_not_told_to_gather_them(
    provider: Provider,
) -> None:
    provider.behave(EMAIL, delay=0)
    await _send(provider, "email")
    posts = provider.receiver.wait_for(2)
    assert [[event["event"] for event in post.events] for post in posts] == [["processed"], ["delivered"]]


def test_a_receipt_that_is_not_held_cannot_be_released(held: Provider) -> None:
    answer = held.post("receipts/release", {"ids": ["nothing"]}, 422)
    assert "GET /sandbox/receipts lists" in answer["error"]


@pytest.mark.parametrize(
    ("channel", "body", "intent"), [("sms", "PARAR", "stop"), ("whatsapp", "já paguei", "paid")]
)
def test_a_played_reply_arrives_signed(provider: Provider, channel: str, body: str, intent: str) -> None:
    at = datetime(2026, 3, 1, 12, tzinfo=UTC)
    message = {"channel": channel, "from": PHONE, "to": "+12025550100", "body": body, "at": at.isoformat()}
    provider.post("replies", message, 201)
    [call] = provider.receiver.wait_for(1)
    assert call.path == "/replies/twilio"
    verify_twilio(call.url, call.form, call.headers, provider.settings)
    reply = twilio_reply(call.params, datetime.now(UTC))
    assert (reply.channel, reply.sender, reply.body, reply.intent) == (channel, PHONE, body, intent)
    assert reply.at == at


def test_the_public_key_is_the_one_that_settings_take(provider: Provider) -> None:
    answer = httpx.get(f"{provider.url}/sandbox/public-key", trust_env=False, verify=NO_CERTIFICATES)
    assert answer.text == provider.settings.sendgrid_webhook_public_key


async def test_a_restart_keeps_messages_habits_and_the_receipts_still_owed(
    tmp_path: Path, provider: Provider
) -> None:
    store, receiver = tmp_path / "store.jsonl", provider.receiver
    with loopback.provider(store, receiver) as first:
        first.behave(EMAIL, email="spam")
        first.behave(PHONE, sms="deliver", delay=1)
        await _send(first, "email")
        told = len(first.settle())
        await _send(first, "sms")
        before = first.messages
    with store.open("a") as file:
        file.write('{"message": {"id": "cut off in the mi')
    with loopback.provider(store, receiver) as second:
        assert second.messages[0]["fields"] == before[0]["fields"]
        assert [message["id"] for message in second.messages] == [message["id"] for message in before]
        receipts = _verified(second, second.settle()[told:])
        assert [receipt.delivery for receipt in receipts] == [Delivery.sent, Delivery.delivered]
        assert second.get("habits")[EMAIL] == {"email": "spam"}
        await _send(second, "email")
        assert len(second.messages) == 3


async def test_a_path_in_the_public_url_is_signed_but_not_called(tmp_path: Path, provider: Provider) -> None:
    receiver, public_url = provider.receiver, "https://gateway.example.com/regua"
    with loopback.provider(tmp_path / "store.jsonl", receiver, public_url=public_url) as running:
        settings = running.settings.model_copy(update={"public_url": public_url})
        await TwilioSms(settings).send(sms())
        call = receiver.wait_for(2)[0]
    assert call.path == "/receipts/twilio"
    verify_twilio(f"{public_url}{call.path}?{call.query}", call.form, call.headers, settings)
