"""Providers' reports in our words."""

from datetime import UTC, datetime
from typing import Any

import pytest

from channels.outcome import Delivery, ErrorClass
from channels.receipts import sendgrid_receipts, twilio_receipt, twilio_reply

CAME = datetime(2026, 1, 2, tzinfo=UTC)
STATUS = {"MessageSid": "SM1", "MessageStatus": "delivered", "To": "+12025550123", "attempt": "a1"}
EVENT = {
    "event": "delivered",
    "sg_message_id": "abc.recvd-1",
    "sg_event_id": "e1",
    "timestamp": 1_767_225_600,
    "email": "ana@example.com",
    "attempt_id": "a1",
}


def test_a_twilio_status_becomes_a_receipt_of_its_attempt() -> None:
    receipt = twilio_receipt(STATUS | {"Timestamp": "Thu, 01 Jan 2026 09:00:00 -0300"}, CAME)
    assert receipt is not None
    assert (receipt.channel, receipt.provider_id, receipt.attempt_id) == ("sms", "SM1", "a1")
    assert receipt.delivery is Delivery.delivered
    assert receipt.external_id == "SM1:delivered"
    assert receipt.at == datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert (receipt.code, receipt.error_class, receipt.opted_out, receipt.address_dead) == (
        None,
        None,
        False,
        False,
    )


def test_a_twilio_status_without_a_time_is_dated_by_its_arrival() -> None:
    receipt = twilio_receipt(STATUS, CAME)
    assert receipt is not None
    assert receipt.at == CAME


@pytest.mark.parametrize(
    ("code", "expected", "dead", "opted_out"),
    [
        ("30005", ErrorClass.bad_address, True, False),
        ("21610", ErrorClass.opt_out, False, True),
        ("30003", ErrorClass.unreachable, False, False),
        ("", ErrorClass.unclassified, False, False),
    ],
)
def test_a_failed_whatsapp_says_why(code: str, expected: ErrorClass, dead: bool, opted_out: bool) -> None:
    receipt = twilio_receipt(
        STATUS | {"MessageStatus": "undelivered", "ErrorCode": code, "To": "whatsapp:+12025550123"}, CAME
    )
    assert receipt is not None
    assert receipt.channel == "whatsapp"
    assert receipt.delivery is Delivery.failed
    assert (receipt.error_class, receipt.address_dead, receipt.opted_out) == (expected, dead, opted_out)


@pytest.mark.parametrize(
    "changes", [{"MessageStatus": "received"}, {"MessageStatus": "new"}, {"MessageSid": ""}]
)
def test_what_is_no_receipt_gives_none(changes: dict[str, str]) -> None:
    assert twilio_receipt(STATUS | changes, CAME) is None


@pytest.mark.parametrize(
    ("changes", "delivery", "code", "error_class"),
    [
        ({"event": "processed"}, Delivery.queued, None, None),
        ({"event": "deferred"}, Delivery.queued, None, None),
        ({"event": "open"}, Delivery.read, None, None),
        ({"event": "bounce", "type": "bounce"}, Delivery.failed, "bounce", ErrorClass.bad_address),
        ({"event": "bounce"}, Delivery.failed, "bounce", ErrorClass.bad_address),
        ({"event": "bounce", "type": "blocked"}, Delivery.failed, "blocked", ErrorClass.unreachable),
        (
            {"event": "dropped", "reason": "Bounced Address"},
            Delivery.failed,
            "dropped:bounced_address",
            ErrorClass.bad_address,
        ),
        (
            {"event": "dropped", "reason": "Unsubscribed Address"},
            Delivery.failed,
            "dropped:unsubscribed_address",
            ErrorClass.opt_out,
        ),
        (
            {"event": "dropped", "reason": "of ana@example.com"},
            Delivery.failed,
            "dropped",
            ErrorClass.unclassified,
        ),
        ({"event": "spamreport"}, Delivery.delivered, "spamreport", ErrorClass.opt_out),
        ({"event": "group_unsubscribe"}, Delivery.delivered, "group_unsubscribe", ErrorClass.opt_out),
    ],
)
def test_a_sendgrid_event_says_how_far_and_why(
    changes: dict[str, Any], delivery: Delivery, code: str | None, error_class: ErrorClass | None
) -> None:
    [receipt] = sendgrid_receipts([EVENT | changes])
    assert (receipt.delivery, receipt.code, receipt.error_class) == (delivery, code, error_class)
    assert (receipt.provider_id, receipt.external_id, receipt.attempt_id) == ("abc", "e1", "a1")
    assert receipt.at == datetime(2026, 1, 1, tzinfo=UTC)
    assert receipt.opted_out == (error_class is ErrorClass.opt_out)
    assert receipt.address_dead == (error_class is ErrorClass.bad_address)


def test_events_that_are_no_receipts_are_left_out_and_the_others_stay() -> None:
    strange: list[Any] = [
        EVENT | {"event": "open", "sg_machine_open": True},
        EVENT | {"event": "group_resubscribe"},
        {key: value for key, value in EVENT.items() if key != "sg_event_id"},
        EVENT | {"timestamp": "soon"},
        "text",
        None,
    ]
    assert [receipt.external_id for receipt in sendgrid_receipts([*strange, EVENT])] == ["e1"]


def test_a_reply_carries_the_sender_without_its_channel() -> None:
    reply = twilio_reply({"From": "whatsapp:+12025550123", "MessageSid": "SM9", "Body": "Já paguei"}, CAME)
    assert (reply.channel, reply.sender, reply.external_id, reply.intent) == (
        "whatsapp",
        "+12025550123",
        "SM9",
        "paid",
    )


@pytest.mark.parametrize("changes", [{"Body": "PARAR"}, {"Body": "laisse tomber", "OptOutType": "STOP"}])
def test_a_reply_that_asks_to_stop_opts_out(changes: dict[str, str]) -> None:
    assert twilio_reply({"From": "+12025550123", "MessageSid": "SM9"} | changes, CAME).intent == "stop"


@pytest.mark.parametrize("changes", [{"Body": "Voltar"}, {"Body": "Yes", "OptOutType": "START"}])
def test_a_reply_that_takes_its_stop_back_is_read_as_such(changes: dict[str, str]) -> None:
    assert twilio_reply({"From": "+12025550123", "MessageSid": "SM9"} | changes, CAME).intent == "start"


def test_a_reply_without_a_sender_is_refused_without_quoting_it() -> None:
    with pytest.raises(ValueError, match="needs From and MessageSid"):
        twilio_reply({"Body": "private words"}, CAME)


def test_a_time_that_no_calendar_has_in_utc_is_taken_for_none() -> None:
    told = {"MessageSid": "SM1", "MessageStatus": "sent", "Timestamp": "Fri, 31 Dec 9999 23:59:59 -2300"}
    found = twilio_receipt(told, CAME)
    assert found is not None
    assert found.at == CAME
