"""Letters arrive signed at the very address that was checked; whatever goes wrong is an answer, never an error."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from standardwebhooks.webhooks import Webhook

from channels.webhooks import Letter, WebhookPoster, new_secret
from tests.unit.channels.test_public_addresses import answering

NAME = "hooks.example.com"
SECRET = new_secret()


@dataclass
class Receiver:
    """A small server that answers what it is told (None: nothing, until the caller goes), and keeps what it got."""

    answer: bytes | None = b"HTTP/1.1 204 No Content\r\n\r\n"
    requests: list[str] = field(default_factory=list)
    names: list[str | None] = field(default_factory=list)
    serving: list[asyncio.Task[None]] = field(default_factory=list)
    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read one request, answer, and end."""
        task = asyncio.current_task()
        assert task is not None
        self.serving.append(task)
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next(
            int(line[15:]) for line in head.split("\r\n") if line.lower().startswith("content-length:")
        )
        self.requests.append(head + (await reader.readexactly(length)).decode())
        if self.answer is None:
            await reader.read()
        else:
            writer.write(self.answer)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    def note_name(self, _tls: object, name: str | None, _context: object) -> None:
        """Keep the name that the caller asked the certificate of."""
        self.names.append(name)


@asynccontextmanager
async def receiving(receiver: Receiver, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """The receiver's address while it runs, by a name that only a stand-in resolver knows."""
    if tls:
        tls.sni_callback = receiver.note_name
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    async with server:
        yield f"{'https' if tls else 'http'}://{NAME}:{receiver.port}/hook?key=1"
    await asyncio.gather(*receiver.serving, return_exceptions=True)


def letter(url: str, body: str = '{"type":"invoice.paid"}') -> Letter:
    """An announcement."""
    return Letter(url, SECRET, "evt_7_invoice_paid", body)


def poster(**more: object) -> WebhookPoster:
    """One that finds every name on this machine, and may."""
    return WebhookPoster(private_too=True, **({"resolve": answering("127.0.0.1")} | more))  # type: ignore[arg-type]


def _certificate(tmp_path: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's side and a client's side that trusts it, for a certificate of `name`."""
    key, subject = (
        ec.generate_private_key(ec.SECP256R1()),
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]),
    )
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file = tmp_path / "server.pem"
    file.write_bytes(private + made.public_bytes(pem))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    return server, ssl.create_default_context(cadata=made.public_bytes(pem).decode())


async def test_a_letter_is_signed_for_the_time_of_the_attempt() -> None:
    receiver, at = Receiver(), datetime.now(timezone(timedelta(hours=5)))
    async with receiving(receiver) as url:
        answer = await poster().post(letter(url, '{"name":"São"}'), at)

    assert (answer.delivered, answer.code) == (True, "204")
    head, _, body = receiver.requests[0].partition("\r\n\r\n")
    request, *lines = head.split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    assert request == "POST /hook?key=1 HTTP/1.1"
    assert headers["host"] == f"{NAME}:{receiver.port}"
    assert headers["webhook-id"] == "evt_7_invoice_paid"
    assert headers["webhook-timestamp"] == str(int(at.timestamp()))
    assert Webhook(SECRET).verify(body, headers) == {"name": "São"}


async def test_the_certificate_is_that_of_the_name_though_the_address_is_called(tmp_path: Path) -> None:
    receiver, (server, client) = Receiver(), _certificate(tmp_path, NAME)
    async with receiving(receiver, server) as url:
        answer = await poster(tls=client).post(letter(url), datetime.now(UTC))

    assert answer.delivered
    assert receiver.names == [NAME]


async def test_a_certificate_of_another_name_is_not_trusted(tmp_path: Path) -> None:
    receiver, (server, client) = Receiver(), _certificate(tmp_path, "other.example.com")
    async with receiving(receiver, server) as url:
        answer = await poster(tls=client).post(letter(url), datetime.now(UTC))

    assert (answer.delivered, answer.code) == (False, "ConnectError")
    assert receiver.requests == []


async def test_a_name_that_was_public_and_leads_inside_now_is_not_called() -> None:
    asked: list[str] = []

    async def rebinding(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["93.184.215.14"] if len(asked) == 1 else ["127.0.0.1"]

    receiver = Receiver()
    async with receiving(receiver) as url:
        strict = WebhookPoster(resolve=rebinding)
        await rebinding(NAME, 443)  # as at its registration
        answer = await strict.post(letter(url.replace("http:", "https:")), datetime.now(UTC))

    assert (answer.delivered, answer.code) == (False, "not_public")
    assert receiver.requests == []


async def test_the_name_is_looked_up_once_a_post_so_that_nothing_changes_after_the_check() -> None:
    asked: list[str] = []

    async def once(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["192.0.2.1"]

    async with receiving(Receiver()) as url:
        answer = await poster(resolve=once).post(letter(url), datetime.now(UTC))

    assert answer.delivered
    assert asked == [NAME]


async def test_an_address_that_does_not_answer_is_followed_by_the_next() -> None:
    async with receiving(Receiver()) as url:
        answer = await poster(resolve=answering("127.0.0.9", "127.0.0.1")).post(
            letter(url), datetime.now(UTC)
        )

    assert answer.delivered


@pytest.mark.parametrize(
    ("answer", "code", "gone"),
    [
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n", "302", False),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "400", False),
        (b"HTTP/1.1 410 Gone\r\n\r\n", "410", True),
        (b"HTTP/1.1 500 Oh\r\nContent-Length: 9000000\r\n\r\nsecret words of theirs", "500", False),
        (b"", "RemoteProtocolError", False),
        (b"not http at all\r\n\r\n", "RemoteProtocolError", False),
    ],
    ids=["redirect", "refusal", "gone", "failure", "silence", "nonsense"],
)
async def test_what_is_no_success_is_a_failure_by_its_code_alone(
    answer: bytes, code: str, gone: bool
) -> None:
    receiver = Receiver(answer)
    async with receiving(receiver) as url:
        came = await poster().post(letter(url), datetime.now(UTC))

    assert (came.delivered, came.code, came.gone) == (False, code, gone)
    assert "words" not in repr(came)
    assert len(receiver.requests) == 1


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [(b"120", 120), (b"99999999999999999999", 86_400), (b"\xb2", 0), (b"soon", 0), (b"-5", 0)],
)
async def test_a_wish_to_be_left_alone_is_taken_within_reason(asked: bytes, seconds: int) -> None:
    async with receiving(Receiver(b"HTTP/1.1 503 Busy\r\nRetry-After: " + asked + b"\r\n\r\n")) as url:
        answer = await poster().post(letter(url), datetime.now(UTC))

    assert answer.retry_after == timedelta(seconds=seconds)


async def test_an_endpoint_that_never_answers_costs_the_time_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("channels.webhooks.TIMEOUT_SECONDS", 0.2)
    async with receiving(Receiver(None)) as url:
        answer = await poster().post(letter(url), datetime.now(UTC))

    assert (answer.delivered, answer.code) == (False, "timeout")


def test_a_letter_does_not_show_its_secret() -> None:
    assert SECRET not in repr(letter("https://hooks.example.com"))
    assert len({new_secret() for _ in range(10)}) == 10
