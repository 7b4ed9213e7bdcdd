"""Announcements to other systems: signed by Standard Webhooks, and posted to addresses that were checked just now."""

import asyncio
import base64
import secrets
import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache

import httpx
from standardwebhooks.webhooks import Webhook

from channels.public_addresses import AddressRefused, Place, Resolver, look_up, public_place
from channels.wire import seconds_of

SECRET_BYTES = 32
# For all of one post: the look-up, the connection and the answer's first lines.
TIMEOUT_SECONDS = 10.0
# What an endpoint may ask for; more would be as good as never.
LONGEST_WAIT_SECONDS = 86_400.0


def new_secret() -> str:
    """A secret as Standard Webhooks writes them."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


@dataclass(frozen=True, slots=True)
class Letter:
    """One announcement to one endpoint. `webhook_id` is the same at each retry, so that a receiver knows it again."""

    url: str
    secret: str = field(repr=False)
    webhook_id: str
    body: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a post: the HTTP status, or a code of what went wrong; `retry_after` as the endpoint asked."""

    status: int | None = None
    error: str | None = None
    retry_after: timedelta = timedelta(0)

    @property
    def delivered(self) -> bool:
        """Only 2xx says that the endpoint has it; a redirect is no answer, and is not followed."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def gone(self) -> bool:
        """410: the endpoint wants nothing any more."""
        return self.status == 410

    @property
    def code(self) -> str:
        """The status, or what went wrong."""
        return str(self.status) if self.status is not None else str(self.error)


@cache
def _usual_tls() -> ssl.SSLContext:
    """Certificates of the usual authorities; reading them takes a while."""
    return httpx.create_ssl_context()


class WebhookPoster:
    """Posts letters; each time the host is looked up anew, and the very address that was checked is called."""

    def __init__(
        self, *, private_too: bool = False, resolve: Resolver = look_up, tls: ssl.SSLContext | None = None
    ) -> None:
        self.private_too = private_too
        self.resolve = resolve
        self.tls = tls

    async def post(self, letter: Letter, at: datetime) -> Answer:
        """Post a letter, signed for the aware instant `at`. Whatever happens is an answer; nothing of its body is kept."""
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                place = await public_place(letter.url, private_too=self.private_too, resolve=self.resolve)
                return await self._post_to(place, letter, at)
        except AddressRefused as refused:
            return Answer(error=refused.code)
        except (TimeoutError, httpx.TimeoutException):
            return Answer(error="timeout")
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            return Answer(error=type(error).__name__)

    async def _post_to(self, place: Place, letter: Letter, at: datetime) -> Answer:
        # A client for each post: a kept connection was checked for another name, at another time. No proxy and no
        # .netrc of the environment, which would call elsewhere.
        # The authorities are read for the first post: most processes end without one.
        tls = self.tls or _usual_tls()
        async with httpx.AsyncClient(verify=tls, trust_env=False, timeout=TIMEOUT_SECONDS) as client:
            *others, last = place.addresses
            for address in others:
                try:
                    return await _ask(client, place, address, letter, at)
                except httpx.ConnectError:
                    continue
            return await _ask(client, place, last, letter, at)


async def _ask(client: httpx.AsyncClient, place: Place, address: str, letter: Letter, at: datetime) -> Answer:
    request = client.build_request(
        "POST",
        place.at(address),
        content=letter.body.encode(),
        headers={"Host": place.url.netloc.decode("ascii"), **_headers(letter, at)},
        # The certificate is checked for the name, though the address is called.
        extensions={"sni_hostname": place.name},
    )
    answer = await client.send(request, stream=True, follow_redirects=False)
    # The body is never read: all that counts stands before it.
    await answer.aclose()
    wait = min(seconds_of(answer.headers.get("Retry-After")) or 0, LONGEST_WAIT_SECONDS)
    return Answer(answer.status_code, retry_after=timedelta(seconds=wait))


def _headers(letter: Letter, at: datetime) -> dict[str, str]:
    at = at.astimezone(UTC)  # the library takes any other zone's clock for this one's
    return {
        "Content-Type": "application/json",
        "User-Agent": "Regua-Webhooks/1",
        "webhook-id": letter.webhook_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(letter.secret).sign(letter.webhook_id, at, letter.body),
    }
