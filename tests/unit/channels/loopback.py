"""A sandbox and a receiver that really run, on free ports, in threads of the test."""

import contextlib
import json
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import uvicorn
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from channels.email import SendGridEmail
from channels.message import EmailMessage, SmsMessage, WhatsAppMessage
from channels.outcome import Outcome
from channels.sandbox.config import SandboxConfig
from channels.sandbox.keys import SigningKey
from channels.sandbox.server import server
from channels.settings import ChannelSettings
from channels.sms import TwilioSms
from channels.whatsapp import TwilioWhatsApp

ACCOUNT = "AC" + "0" * 32
PUBLIC_URL = "https://regua.example.com"
PHONE = "+12025550123"
EMAIL = "ana@example.com"
# What is asked speaks plain HTTP: reading certificates for each call would take ten times as long as the call.
NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def email(**changes: Any) -> EmailMessage:
    fields: dict[str, Any] = {
        "attempt_id": "attempt-1",
        "reference": "R-7K2M",
        "to": EMAIL,
        "sender": "billing@example.com",
        "sender_name": "Example Ltd",
        "reply_to": "replies@example.com",
        "subject": "Your invoice",
        "html": "<p>Olá, fatura R-7K2M</p>",
        "text": "Olá, fatura R-7K2M",
        "unsubscribe_url": "https://regua.example.com/u/abc",
        "unsubscribe_mailto": "stop@example.com",
    }
    return EmailMessage(**(fields | changes))


def sms(**changes: Any) -> SmsMessage:
    fields: dict[str, Any] = {
        "attempt_id": "attempt-2",
        "reference": "R-7K2M",
        "to": PHONE,
        "sender": "+12025550100",
        "body": "Fatura R-7K2M vence hoje",
        "validity": 3600,
    }
    return SmsMessage(**(fields | changes))


def whatsapp(**changes: Any) -> WhatsAppMessage:
    fields: dict[str, Any] = {
        "attempt_id": "attempt-3",
        "reference": "R-7K2M",
        "to": PHONE,
        "sender": "MG" + "1" * 32,
        "content_sid": "HX" + "2" * 32,
        "variables": {"1": "Conceição", "2": "R-7K2M"},
    }
    return WhatsAppMessage(**(fields | changes))


def settings(url: str = "http://127.0.0.1:9", store: Path | None = None, **changes: Any) -> ChannelSettings:
    public_key = SigningKey(store).public if store else _VENDOR_KEY
    fields: dict[str, Any] = {
        "twilio_account_sid": ACCOUNT,
        "twilio_auth_token": SecretStr("12345"),
        "twilio_api_base_url": url,
        "sendgrid_api_key": SecretStr("SG.test"),
        "sendgrid_host": url,
        "sendgrid_webhook_public_key": public_key,
        "public_url": PUBLIC_URL,
        "payment_webhook_secret": SecretStr("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        "provider_timeout_seconds": 1,
    }
    return ChannelSettings(**(fields | changes))


# The public key of SendGrid's own test of its event webhook.
_VENDOR_KEY = (
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpigl"
    "SI8eNEc6wEA3F+g=="
)


@contextlib.contextmanager
def running(web: uvicorn.Server) -> Iterator[str]:
    """Serve in a thread; yields the address."""
    thread = threading.Thread(target=web.run)
    thread.start()
    try:
        while not web.started:
            assert thread.is_alive()
            time.sleep(0.005)
        port = web.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        web.should_exit = True
        thread.join()


@dataclass
class Call:
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    @property
    def url(self) -> str:
        return f"{PUBLIC_URL}{self.path}" + (f"?{self.query}" if self.query else "")

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))

    @property
    def params(self) -> dict[str, str]:
        return self.form | dict(parse_qsl(self.query))

    @property
    def events(self) -> list[dict[str, Any]]:
        parsed: list[dict[str, Any]] = json.loads(self.body)
        return parsed


@dataclass
class Receiver:
    """Keeps every callback but those of messages in `forgotten`; answers 503 as often as `failures` says."""

    calls: list[Call] = field(default_factory=list)
    forgotten: set[str] = field(default_factory=set)
    failures: int = 0
    url: str = ""

    async def _take(self, request: Request) -> Response:
        body = await request.body()
        if any(message.encode() in body for message in self.forgotten):
            return Response()
        if self.failures > 0:
            self.failures -= 1
            return Response(status_code=503)
        url = request.url
        self.calls.append(Call(url.path, url.query, dict(request.headers), body))
        return Response()

    def app(self) -> Starlette:
        return Starlette(routes=[Route("/{rest:path}", self._take, methods=["POST"])])

    def wait_for(self, count: int) -> list[Call]:
        """The callbacks, once there are `count`; no more may follow."""
        deadline = time.monotonic() + 10
        while len(self.calls) < count and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.1)
        assert len(self.calls) == count
        return self.calls


@dataclass
class Provider:
    """A running sandbox: its address, the settings of a client, and its control addresses."""

    url: str
    settings: ChannelSettings
    receiver: Receiver

    def post(self, path: str, body: Any, status: int | None = None) -> Any:
        response = httpx.post(
            f"{self.url}/sandbox/{path}", json=body, trust_env=False, verify=NO_CERTIFICATES, timeout=30
        )
        assert status in (None, response.status_code)
        return response.json()

    def get(self, path: str) -> Any:
        return httpx.get(f"{self.url}/sandbox/{path}", trust_env=False, verify=NO_CERTIFICATES).json()

    def fail(self, kind: str, **changes: Any) -> None:
        self.post("faults", {"kind": kind} | changes, 201)

    def clear_faults(self) -> None:
        httpx.delete(f"{self.url}/sandbox/faults", trust_env=False, verify=NO_CERTIFICATES).raise_for_status()

    def twilio(self, path: str) -> Any:
        """What Twilio's API answers to a GET of `path`."""
        return httpx.get(
            self.url + path, auth=(ACCOUNT, "12345"), trust_env=False, verify=NO_CERTIFICATES
        ).json()

    def settle(self) -> list[Call]:
        """The callbacks, once no receipt is owed."""
        deadline = time.monotonic() + 10
        while self.get("health")["receipts_owed"]:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return self.receiver.calls

    def forget(self) -> None:
        """As new: nothing accepted, nothing owed, nothing about to fail."""
        # A callback that is on its way already still lands.
        self.receiver.forgotten |= {message["id"] for message in self.messages}
        self.post("reset", {}, 200)
        self.receiver.calls.clear()
        self.receiver.failures = 0

    def behave(self, address: str, **habit: Any) -> None:
        self.post("habits", {address: habit}, 200)

    @property
    def messages(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get("messages")
        return found


def quiet(app: Starlette) -> uvicorn.Server:
    return uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, ws="none", log_level="warning"))


@contextlib.contextmanager
def provider(
    store: Path,
    receiver: Receiver,
    *,
    held: bool = False,
    gather: float = 0.0,
    public_url: str = PUBLIC_URL,
) -> Iterator[Provider]:
    """A sandbox on `store` that calls `receiver` back."""
    config = SandboxConfig(
        account_sid=ACCOUNT,
        auth_token="12345",
        sendgrid_api_key="SG.test",
        store=store,
        receiver=receiver.url,
        public_url=public_url,
        held=held,
        gather=gather,
    )
    with running(server(config, 0)) as url:
        yield Provider(url, settings(url, store), receiver)


async def send_email(settings: ChannelSettings) -> Outcome:
    return await SendGridEmail(settings).send(email())


async def send_sms(settings: ChannelSettings) -> Outcome:
    return await TwilioSms(settings).send(sms())


async def send_whatsapp(settings: ChannelSettings) -> Outcome:
    return await TwilioWhatsApp(settings).send(whatsapp())
