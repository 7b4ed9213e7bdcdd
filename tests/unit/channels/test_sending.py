"""Sending through the vendors' SDKs to a sandbox over HTTP: what arrives, and what each fault comes to."""

import json
import logging
import math
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from pydantic import SecretStr

from channels.email import SendGridEmail
from channels.message import WhatsAppText
from channels.outcome import ErrorClass, Outcome, OutcomeKind
from channels.settings import ChannelSettings
from channels.sms import TwilioSms
from channels.whatsapp import TwilioWhatsApp
from tests.unit.channels.loopback import (
    EMAIL,
    PHONE,
    Provider,
    email,
    send_email,
    send_sms,
    send_whatsapp,
    settings,
    sms,
    whatsapp,
)

Send = Callable[[ChannelSettings], Awaitable[Outcome]]


every_channel = pytest.mark.parametrize("send", [send_email, send_sms, send_whatsapp])


@every_channel
async def test_an_accepted_message_bears_the_providers_id(provider: Provider, send: Send) -> None:
    outcome = await send(provider.settings)
    [message] = provider.messages
    assert outcome == Outcome(OutcomeKind.accepted, provider_id=message["id"])


async def test_an_email_arrives_whole(provider: Provider) -> None:
    await SendGridEmail(provider.settings).send(email())
    [message] = provider.messages
    assert message["attempt_id"] == "attempt-1"
    assert message["fields"] == {
        "personalizations": [{"to": [{"email": EMAIL}], "custom_args": {"attempt_id": "attempt-1"}}],
        "from": {"email": "billing@example.com", "name": "Example Ltd"},
        "reply_to": {"email": "replies@example.com"},
        "subject": "Your invoice",
        "content": [
            {"type": "text/plain", "value": "Olá, fatura R-7K2M"},
            {"type": "text/html", "value": "<p>Olá, fatura R-7K2M</p>"},
        ],
        "headers": {
            "List-Unsubscribe": "<https://regua.example.com/u/abc>, <mailto:stop@example.com>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
        "tracking_settings": {"click_tracking": {"enable": False, "enable_text": False}},
    }


async def test_without_an_address_to_post_to_there_is_no_one_click(provider: Provider) -> None:
    await SendGridEmail(provider.settings).send(email(unsubscribe_url=None))
    assert provider.messages[0]["fields"]["headers"] == {"List-Unsubscribe": "<mailto:stop@example.com>"}


async def test_an_sms_arrives_whole(provider: Provider) -> None:
    await TwilioSms(provider.settings).send(sms(attempt_id="a&b=c"))
    [message] = provider.messages
    assert message["attempt_id"] == "a&b=c"
    assert message["fields"] == {
        "To": PHONE,
        "From": "+12025550100",
        "Body": "Fatura R-7K2M vence hoje",
        "ValidityPeriod": "3600",
        "StatusCallback": "https://regua.example.com/receipts/twilio?attempt=a%26b%3Dc",
    }


@pytest.mark.parametrize(("validity", "expected"), [(-5, "1"), (90_000, "36000")])
async def test_an_sms_is_valid_within_twilios_limits(
    provider: Provider, validity: int, expected: str
) -> None:
    await TwilioSms(provider.settings).send(sms(validity=validity))
    assert provider.messages[0]["fields"]["ValidityPeriod"] == expected


async def test_a_whatsapp_arrives_as_a_template_with_its_variables(provider: Provider) -> None:
    await TwilioWhatsApp(provider.settings).send(whatsapp())
    fields = provider.messages[0]["fields"]
    assert json.loads(fields.pop("ContentVariables")) == {"1": "Conceição", "2": "R-7K2M"}
    assert fields == {
        "To": "whatsapp:" + PHONE,
        "MessagingServiceSid": "MG" + "1" * 32,
        "ContentSid": "HX" + "2" * 32,
        "StatusCallback": "https://regua.example.com/receipts/twilio?attempt=attempt-3",
    }


async def test_a_whatsapp_text_arrives_as_a_body_without_a_template(provider: Provider) -> None:
    text = WhatsAppText("attempt-4", "R-7K2M", PHONE, "+12025550100", "Encontrámos o pagamento. Ref R-7K2M")
    await TwilioWhatsApp(provider.settings).send(text)
    assert provider.messages[0]["fields"] == {
        "To": "whatsapp:" + PHONE,
        "From": "whatsapp:+12025550100",
        "Body": "Encontrámos o pagamento. Ref R-7K2M",
        "StatusCallback": "https://regua.example.com/receipts/twilio?attempt=attempt-4",
    }


async def test_a_whatsapp_number_as_sender_gets_its_prefix(provider: Provider) -> None:
    await TwilioWhatsApp(provider.settings).send(whatsapp(sender="+12025550100"))
    assert provider.messages[0]["fields"]["From"] == "whatsapp:+12025550100"


@every_channel
async def test_nobody_listening_is_refused(send: Send, unused_tcp_port: int) -> None:
    outcome = await send(settings(f"http://127.0.0.1:{unused_tcp_port}"))
    assert outcome.kind is OutcomeKind.refused
    assert outcome.retry_after is None


@every_channel
async def test_a_name_that_does_not_resolve_is_refused(send: Send) -> None:
    outcome = await send(settings("https://no-such-host.invalid"))
    assert outcome.kind is OutcomeKind.refused


@every_channel
async def test_a_server_that_speaks_no_tls_is_refused(provider: Provider, send: Send) -> None:
    outcome = await send(settings(provider.url.replace("http:", "https:")))
    assert outcome.kind is OutcomeKind.refused
    assert provider.messages == []


@every_channel
async def test_a_throttled_message_is_refused_with_the_time_to_wait(provider: Provider, send: Send) -> None:
    provider.fail("throttle", seconds=7)
    outcome = await send(provider.settings)
    assert (outcome.kind, outcome.retry_after) == (OutcomeKind.refused, 7)
    assert outcome.error_class is ErrorClass.throughput
    assert provider.messages == []


@every_channel
async def test_a_reset_connection_is_unknown(provider: Provider, send: Send) -> None:
    provider.fail("refuse")
    assert (await send(provider.settings)).kind is OutcomeKind.unknown
    assert provider.messages == []


@every_channel
async def test_a_dropped_response_is_unknown_and_sent_once(provider: Provider, send: Send) -> None:
    provider.fail("drop_response")
    assert (await send(provider.settings)).kind is OutcomeKind.unknown
    assert len(provider.messages) == 1


@every_channel
async def test_a_late_response_is_unknown_and_sent_once(provider: Provider, send: Send) -> None:
    taken: list[float] = []
    # A busy machine only adds to what a call takes: the quickest of three says when the caller gives up.
    while len(taken) < 3 and min(taken, default=math.inf) >= 1.4:
        provider.fail("delay", seconds=1.5)
        started = time.monotonic()
        assert (await send(provider.settings)).kind is OutcomeKind.unknown
        taken.append(time.monotonic() - started)
        assert len(provider.messages) == len(taken)
    assert min(taken) < 1.4


@every_channel
@pytest.mark.parametrize(("fault", "kept"), [("error", 0), ("accept_then_error", 1)])
async def test_a_server_error_is_unknown_and_not_repeated(
    provider: Provider, send: Send, fault: str, kept: int
) -> None:
    provider.fail(fault, status=503)
    assert (await send(provider.settings)).kind is OutcomeKind.unknown
    assert len(provider.messages) == kept


@pytest.mark.parametrize("send", [send_sms, send_whatsapp])
@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (21610, ErrorClass.opt_out),
        (21211, ErrorClass.bad_address),
        (21656, ErrorClass.template),
        (99999, ErrorClass.unclassified),
    ],
)
async def test_a_rejection_by_twilio_has_its_codes_class(
    provider: Provider, send: Send, code: int, expected: ErrorClass
) -> None:
    provider.fail("reject", code=code)
    assert await send(provider.settings) == Outcome(
        OutcomeKind.rejected, code=str(code), error_class=expected
    )


@every_channel
@pytest.mark.parametrize("status", [401, 403])
async def test_a_provider_that_shuts_us_out_is_an_account_error(
    provider: Provider, send: Send, status: int
) -> None:
    provider.fail("reject", status=status)
    outcome = await send(provider.settings)
    assert (outcome.kind, outcome.error_class) == (OutcomeKind.rejected, ErrorClass.account)


@every_channel
async def test_wrong_credentials_are_an_account_error(provider: Provider, send: Send) -> None:
    wrong = settings(provider.url, twilio_auth_token=SecretStr("x"), sendgrid_api_key=SecretStr("x"))
    outcome = await send(wrong)
    assert (outcome.kind, outcome.error_class) == (OutcomeKind.rejected, ErrorClass.account)
    assert provider.messages == []


async def test_sendgrid_says_which_address_is_bad(provider: Provider) -> None:
    outcome = await SendGridEmail(provider.settings).send(email(to="ana@nowhere"))
    assert outcome == Outcome(OutcomeKind.rejected, code="400", error_class=ErrorClass.bad_address)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"subject": "Hello\r\nBcc: all@example.com"}, "subject"),
        ({"subject": "Hello\u2028Bcc: all@example.com"}, "subject"),
        ({"sender_name": "Example\nBcc: all@example.com"}, "from"),
    ],
)
async def test_a_line_break_in_a_header_becomes_a_space(
    provider: Provider, changes: dict[str, str], field: str
) -> None:
    await SendGridEmail(provider.settings).send(email(**changes))
    value = provider.messages[0]["fields"][field]
    text = value["name"] if field == "from" else value
    assert text.endswith(" Bcc: all@example.com")
    assert text.isprintable()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"to": "ana@example.com\r\nBcc: all@example.com"}, ErrorClass.bad_address),
        ({"to": "Ana <ana@example.com>"}, ErrorClass.bad_address),
        ({"to": ""}, ErrorClass.bad_address),
        ({"sender": "billing@example.com\n"}, ErrorClass.template),
        ({"reply_to": "a@example.com, b@example.com"}, ErrorClass.template),
        ({"unsubscribe_url": "https://regua.example.com/>\r\nX: y"}, ErrorClass.template),
        ({"unsubscribe_url": "javascript:alert(1)"}, ErrorClass.template),
        ({"unsubscribe_mailto": "stop@example.com>, <http://evil.example.com"}, ErrorClass.template),
    ],
)
async def test_an_address_that_could_break_a_header_is_not_sent(
    provider: Provider, changes: dict[str, str], expected: ErrorClass
) -> None:
    outcome = await SendGridEmail(provider.settings).send(email(**changes))
    assert (outcome.kind, outcome.error_class) == (OutcomeKind.rejected, expected)
    assert provider.messages == []


@pytest.mark.parametrize("path", ["v3/mail/send", "elsewhere"])
async def test_a_redirect_is_not_followed(path: str) -> None:
    answer = f"HTTP/1.1 302 Found\r\nLocation: /{path}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    with _raw_server(answer.encode()) as (url, requests):
        assert (await send_email(settings(url))).kind is OutcomeKind.unknown
        assert (await send_sms(settings(url))).kind is OutcomeKind.unknown
        assert len(requests) == 2


@every_channel
async def test_an_answer_that_makes_no_sense_is_unknown(send: Send) -> None:
    with _raw_server(b"HTTP/1.1 201 Created\r\nContent-Length: 9999\r\n\r\n{") as (url, _requests):
        assert (await send(settings(url))).kind is OutcomeKind.unknown


@every_channel
async def test_retry_after_may_be_a_date(send: Send) -> None:
    at = datetime.now(UTC) + timedelta(seconds=90)
    answer = (
        f"HTTP/1.1 429 Slow Down\r\nRetry-After: {at:%a, %d %b %Y %H:%M:%S} GMT\r\nContent-Length: 0\r\n\r\n"
    )
    with _raw_server(answer.encode()) as (url, _requests):
        outcome = await send(settings(url))
    assert outcome.retry_after == pytest.approx(90, abs=5)


@every_channel
async def test_nothing_personal_is_logged(
    provider: Provider, send: Send, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await send(provider.settings)
    await TwilioSms(provider.settings).find(PHONE, "R-7K2M", datetime.now(UTC))
    assert not any(word in caplog.text for word in (PHONE, PHONE[1:], EMAIL, "fatura", "Fatura", "Conceição"))


@contextmanager
def _raw_server(answer: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """A socket that answers every request with the same bytes, then closes; yields its address and requests."""
    requests: list[bytes] = []
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        for connection in iter(partial(_next_connection, listening), None):
            with connection:
                connection.settimeout(1)
                requests.append(_whole_request(connection))
                connection.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}", requests
    listening.shutdown(socket.SHUT_RDWR)
    thread.join()
    listening.close()


def _next_connection(listening: socket.socket) -> socket.socket | None:
    try:
        return listening.accept()[0]
    except OSError:
        return None


def _whole_request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [
        line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")
    ]
    while len(body) < int(lengths[0]):
        body += connection.recv(65536)
    return head + body
