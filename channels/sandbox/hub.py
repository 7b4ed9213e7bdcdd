"""What the sandbox's two faces share: the path of a message from request to answer."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import Response

from channels.sandbox import habits
from channels.sandbox.config import SandboxConfig
from channels.sandbox.courier import Courier
from channels.sandbox.faults import SENDING, Fault, Faults
from channels.sandbox.keys import SigningKey
from channels.sandbox.severing import sever
from channels.sandbox.store import COPY, Accepted, Owed, Store


class Refusal(Protocol):
    """A provider's way to say no: an HTTP status, its own code, and Retry-After in seconds."""

    def __call__(
        self, status: int, code: int | None = None, retry_after: float | None = None
    ) -> Response: ...


@dataclass(frozen=True, slots=True)
class Incoming:
    """A valid request to send, before anyone decided what becomes of it; `status` is Twilio's first word."""

    id: str
    channel: str
    to: str
    attempt_id: str | None
    fields: dict[str, Any]
    status: str = "queued"
    copies: tuple[str, ...] = ()


class Hub:
    """One running sandbox."""

    def __init__(self, config: SandboxConfig) -> None:
        self.config = config
        self.store = Store(config.store)
        self.key = SigningKey(config.store)
        self.faults = Faults()
        self.courier = Courier(config, self.store, self.key)

    async def send(
        self,
        request: Request,
        incoming: Incoming,
        answer: Callable[[Accepted], Response],
        refusal: Refusal,
    ) -> Response:
        """Answer a request to send, as faults and the address's habit have it."""
        fault = self.faults.take(SENDING, incoming.channel, incoming.to)
        reaction = habits.reaction_of(self.store.habits, incoming.channel, incoming.to)
        if fault is not None and fault.kind == "refuse":
            return await sever(request)
        if fault is not None and fault.kind in ("throttle", "reject", "error"):
            return _refused(fault, refusal)
        if reaction.reject is not None:
            code = reaction.reject
            return refusal(code) if incoming.channel == "email" else refusal(400, code)
        accepted = self._accept(incoming, reaction)
        if fault is None:
            return answer(accepted)
        if fault.kind == "drop_response":
            return await sever(request)
        if fault.kind == "accept_then_error":
            return refusal(fault.status or 500)
        await asyncio.sleep(fault.seconds)
        return answer(accepted)

    def _accept(self, incoming: Incoming, reaction: habits.Reaction) -> Accepted:
        channel, to = incoming.channel, incoming.to
        accepted = Accepted(
            id=incoming.id,
            channel=channel,
            to=to,
            attempt_id=incoming.attempt_id,
            accepted_at=time.time(),
            status=incoming.status,
            fields=incoming.fields,
        )
        repeat = self.faults.take(frozenset({"repeat_receipts"}), channel, to)
        owed = habits.owed(
            accepted.id,
            reaction.steps,
            habits.delay_of(self.store.habits, to),
            copies=1 + repeat.times if repeat else 1,
            backwards=self.faults.take(frozenset({"reverse_receipts"}), channel, to) is not None,
        ) + [receipt for copy in incoming.copies for receipt in self._owed_of_copy(incoming, copy)]
        self.store.accept(accepted, owed)
        if not self.config.held:
            self.courier.schedule(owed)
        return self.store.messages[accepted.id]

    def _owed_of_copy(self, incoming: Incoming, copy: str) -> list[Owed]:
        """A copy has receipts of its own, by its own habit, under the message's id."""
        reaction = habits.reaction_of(self.store.habits, incoming.channel, copy)
        steps = [(event, {**detail, COPY: copy}) for event, detail in reaction.steps]
        delay = habits.delay_of(self.store.habits, copy)
        return habits.owed(incoming.id, steps, delay, copies=1, backwards=False)


def _refused(fault: Fault, refusal: Refusal) -> Response:
    if fault.kind == "throttle":
        return refusal(429, retry_after=fault.seconds)
    return refusal(fault.status or (400 if fault.kind == "reject" else 500), fault.code)
