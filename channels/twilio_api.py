"""Twilio's Messages resource, through Twilio's SDK: what SMS and WhatsApp share."""

import asyncio
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from requests.adapters import HTTPAdapter
from twilio.base.exceptions import (  # type: ignore[import-untyped]
    TwilioRestException,
    TwilioServiceException,
)
from twilio.http.http_client import TwilioHttpClient  # type: ignore[import-untyped]
from twilio.rest import Client  # type: ignore[import-untyped]
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from channels.outcome import Outcome, OutcomeKind, ProviderUnavailable, classify
from channels.settings import ChannelSettings, is_private
from channels.wire import Wire, answered, noting

# One page, Twilio's largest. It is read whole whatever its dates say: a message that still waits in
# Twilio's queue must not be missed, or it would be sent twice.
_NEWEST_ALWAYS_READ = 1000


class _NotingAdapter(HTTPAdapter):
    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        http, https = noting(HTTPConnection, self._wire), noting(HTTPSConnection, self._wire)
        self.poolmanager.pool_classes_by_scheme = {
            "http": type("HTTPPool", (HTTPConnectionPool,), {"ConnectionCls": http}),
            "https": type("HTTPSPool", (HTTPSConnectionPool,), {"ConnectionCls": https}),
        }


class _HttpClient(TwilioHttpClient):  # type: ignore[misc]
    """One call's client: fresh connections (a kept one may be dead, and then nothing is known), an explicit
    time-out, and the last answer kept, because the SDK's exceptions lose its headers.
    """

    def __init__(self, settings: ChannelSettings, wire: Wire) -> None:
        super().__init__(timeout=settings.provider_timeout_seconds)
        self.last: Any = None
        self.session.trust_env = not is_private(settings.twilio_api_base_url)
        for scheme in ("http://", "https://"):
            self.session.mount(scheme, _NotingAdapter(wire))

    def request(self, *args: Any, **kwargs: Any) -> Any:
        self.last = super().request(*args, **kwargs)
        return self.last


def _client(settings: ChannelSettings, http: _HttpClient) -> Any:
    token = settings.twilio_auth_token.get_secret_value()
    client = Client(settings.twilio_account_sid, token, http_client=http)
    client.api.base_url = settings.twilio_api_base_url
    return client


def sender_fields(sender: str, prefix: str = "") -> dict[str, str]:
    """Create's arguments for a sender: a Messaging Service (MG…), or an address with `prefix`."""
    return {"messaging_service_sid": sender} if sender.startswith("MG") else {"from_": prefix + sender}


def status_callback(settings: ChannelSettings, attempt_id: str) -> str:
    """Where Twilio reports on an attempt; its query tells which, also when our request got no answer."""
    return f"{settings.public_url}/receipts/twilio?attempt={quote(attempt_id, safe='')}"


async def create(settings: ChannelSettings, fields: Mapping[str, object]) -> Outcome:
    """One POST of a message, never repeated; `fields` as in the SDK's `messages.create`. Never raises."""
    return await asyncio.to_thread(_create, settings, fields)


def _create(settings: ChannelSettings, fields: Mapping[str, object]) -> Outcome:
    wire = Wire()
    http = _HttpClient(settings, wire)
    with closing(http.session):
        try:
            message = _client(settings, http).messages.create(**fields)
        except (TwilioRestException, TwilioServiceException) as error:
            status = http.last.status_code
            retry_after = http.last.headers.get("Retry-After")
            return answered(status, str(error.code), classify(error.code, status), retry_after)
        except Exception as error:  # noqa: BLE001  # whatever it was, the message may be on its way
            return wire.failure(error)
    return Outcome(OutcomeKind.accepted, provider_id=message.sid)


async def find(settings: ChannelSettings, to: str, reference: str, since: datetime) -> str | None:
    """The id of the message to `to` whose body holds `reference`, or None if Twilio's list has none.

    `since` is when the attempt began (aware); older pages are not read. The list is not filtered by date,
    because a message that waits in Twilio's queue has no date of sending yet. Raises `ProviderUnavailable`
    when the list cannot be read.
    """
    return await asyncio.to_thread(_find, settings, to, reference, since.astimezone(UTC))


def _find(settings: ChannelSettings, to: str, reference: str, since: datetime) -> str | None:
    http = _HttpClient(settings, Wire())
    with closing(http.session):
        try:
            messages = _client(settings, http).messages.stream(to=to, page_size=_NEWEST_ALWAYS_READ)
            return _first_with(messages, reference, since)
        except Exception as error:  # noqa: BLE001  # its text quotes the person's number
            kind = type(error).__name__
    raise ProviderUnavailable(f"Twilio's list of messages could not be read ({kind}); ask again later")


def _first_with(messages: Any, reference: str, since: datetime) -> str | None:
    for index, message in enumerate(messages):
        if reference in (message.body or ""):
            return str(message.sid)
        created: datetime | None = message.date_created
        if index >= _NEWEST_ALWAYS_READ and created is not None and created < since:
            return None
    return None
