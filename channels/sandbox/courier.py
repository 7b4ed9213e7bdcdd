"""Calling the receiver back: signed as the providers sign, in order for each message, with retries."""

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import urlencode, urlsplit
from zlib import crc32

import httpx
from twilio.request_validator import (  # type: ignore[import-untyped]
    SIGNATURE_HEADER,
    RequestValidator,
)

from channels.sandbox.config import SandboxConfig
from channels.sandbox.keys import SigningKey
from channels.sandbox.store import Accepted, Owed, Store
from channels.verify import SENDGRID_SIGNATURE_HEADER, SENDGRID_TIMESTAMP_HEADER

_LANES = 4  # of Twilio's receipts; a message's stay in one lane, so that they come in order
_TOO_MANY = 429
_BATCH = 100  # events SendGrid would put into one post
_RETRIES = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)  # seconds; a receiver that restarts is back by then
_log = logging.getLogger(__name__)


class Courier:
    """Posts receipts and replies to the receiver."""

    def __init__(self, config: SandboxConfig, store: Store, key: SigningKey) -> None:
        self._config, self._store, self._key = config, store, key
        self._validator = RequestValidator(config.auth_token)
        self._lanes: list[asyncio.Queue[Owed]] = [asyncio.Queue() for _ in range(_LANES)]
        # SendGrid posts what happened to many messages at once.
        self._events: asyncio.Queue[Owed] = asyncio.Queue()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Deliver while the context lasts, beginning with what a former run still owes."""
        # The certificates of all authorities are read where there is one to check; that takes as long as all else here.
        verify = self._config.receiver.startswith("https:")
        async with httpx.AsyncClient(trust_env=False, timeout=10, verify=verify) as self._http:
            workers = [asyncio.create_task(self._work(lane)) for lane in self._lanes]
            workers.append(asyncio.create_task(self._work(self._events, self._config.gather)))
            if not self._config.held:
                self.schedule(self._store.owed.values())
            try:
                yield
            finally:
                for worker in workers:
                    worker.cancel()
                await asyncio.gather(*workers, return_exceptions=True)

    def schedule(self, owed: Iterable[Owed]) -> None:
        """Deliver each when its delay after the message's acceptance is over."""
        loop, now = asyncio.get_running_loop(), time.time()
        for item in owed:
            due = self._message(item).accepted_at + item.delay
            loop.call_later(max(0.0, due - now), self._lane(item).put_nowait, item)

    def _lane(self, owed: Owed) -> asyncio.Queue[Owed]:
        if self._message(owed).channel == "email":
            return self._events
        return self._lanes[crc32(owed.message_id.encode()) % _LANES]

    async def _work(self, lane: asyncio.Queue[Owed], gather: float = 0) -> None:
        """Deliver what comes into a lane, together with what follows within `gather` seconds; alone where that is 0."""
        while True:
            batch = [await lane.get()]
            await asyncio.sleep(gather)
            while gather and not lane.empty() and len(batch) < _BATCH:
                batch.append(lane.get_nowait())
            try:
                # A reset may have come in between.
                await self.deliver([item for item in batch if item.id in self._store.owed], None)
            except Exception:  # noqa: BLE001  # a lane outlives one bad receipt
                _log.exception("a receipt could not be called back")

    async def deliver(self, owed: list[Owed], at: datetime | None) -> bool:
        """Post receipts now, dated `at` (aware; None is now); returns whether the receiver took them all."""
        events = [item for item in owed if self._message(item).channel == "email"]
        taken = [await self._post_events(events, at)] if events else []
        taken += [await self._post_status(item, at) for item in owed if item not in events]
        return all(taken)

    def _message(self, owed: Owed) -> Accepted:
        return self._store.messages[owed.message_id]

    async def _post_events(self, owed: list[Owed], at: datetime | None) -> bool:
        events = [self._event(item, at) for item in owed for _ in range(item.copies)]
        # SendGrid's bodies end in a line break, and its signature covers that.
        body = json.dumps(events).encode() + b"\r\n"
        if not await self.post("/receipts/sendgrid", body, lambda: self._sendgrid_headers(body)):
            return False
        for item in owed:
            self._store.sent(item.id)
        return True

    def _event(self, owed: Owed, at: datetime | None) -> dict[str, object]:
        message = self._message(owed)
        return {
            "email": message.to,
            "timestamp": int(at.timestamp() if at else time.time()),
            "event": owed.event,
            "sg_event_id": owed.id,
            "sg_message_id": f"{message.id}.recvd-sandbox-1",
            **message.fields["personalizations"][0].get("custom_args", {}),
            **owed.detail,
        }

    async def _post_status(self, owed: Owed, at: datetime | None) -> bool:
        message = self._message(owed)
        callback: str = message.fields.get("StatusCallback", "")
        form = self._status_form(message, owed, at)
        for _ in range(owed.copies if callback else 0):
            if not await self._post_twilio(callback, form):
                return False
        self._store.sent(owed.id)
        return True

    def _status_form(self, message: Accepted, owed: Owed, at: datetime | None) -> dict[str, str]:
        form = {
            "AccountSid": self._config.account_sid,
            "ApiVersion": "2010-04-01",
            "From": message.fields.get("From", ""),
            "MessageSid": message.id,
            "MessageStatus": owed.event,
            "SmsSid": message.id,
            "SmsStatus": owed.event,
            "To": message.fields["To"],
        }
        if "MessagingServiceSid" in message.fields:
            form["MessagingServiceSid"] = message.fields["MessagingServiceSid"]
        if "code" in owed.detail:
            form["ErrorCode"] = str(owed.detail["code"])
        return form | _dated(at)

    async def reply(self, form: dict[str, str], at: datetime | None) -> bool:
        """Post an inbound message as Twilio does; `form` holds its own fields."""
        base = {"AccountSid": self._config.account_sid, "ApiVersion": "2010-04-01"}
        return await self._post_twilio(self._config.public_url + "/replies/twilio", base | form | _dated(at))

    async def _post_twilio(self, url: str, form: dict[str, str]) -> bool:
        """Sign for `url`, as the receiver knows itself, and post to where it really listens."""
        parts = urlsplit(url)
        base = urlsplit(self._config.public_url).path
        path = parts.path.removeprefix(base) + (f"?{parts.query}" if parts.query else "")
        signature = self._validator.compute_signature(url, form)
        body = urlencode(form).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded", SIGNATURE_HEADER: signature}
        return await self.post(path, body, lambda: headers)

    async def post(self, path: str, body: bytes, sign: Callable[[], Mapping[str, str]]) -> bool:
        """Post to the receiver until it takes it or refuses; each try is signed anew. Whether it was taken."""
        for pause in (*_RETRIES, None):
            status = await self._status(self._config.receiver + path, body, sign())
            if 200 <= status < 300:
                return True
            if pause is None or (400 <= status < 500 and status != _TOO_MANY):
                break
            await asyncio.sleep(pause)
        _log.warning(
            "the receiver answered %s to a callback on %s", status or "nothing", path.partition("?")[0]
        )
        return False

    async def _status(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        try:
            return (await self._http.post(url, content=body, headers=dict(headers))).status_code
        except httpx.HTTPError:
            return 0

    def _sendgrid_headers(self, body: bytes) -> dict[str, str]:
        timestamp = str(int(time.time()))
        signature = self._key.sign(timestamp, body)
        return {
            "Content-Type": "application/json",
            SENDGRID_TIMESTAMP_HEADER: timestamp,
            SENDGRID_SIGNATURE_HEADER: signature,
        }


def _dated(at: datetime | None) -> dict[str, str]:
    """Twilio's messaging callbacks carry no time; released ones do, in the form its voice callbacks use."""
    return {"Timestamp": format_datetime(at.astimezone(UTC))} if at else {}
