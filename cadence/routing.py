"""Routing: by which channel a message goes next, and when the next one takes over."""

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from cadence.facts import MessageFacts, MessageState, StepFacts
from cadence.rules import Rules
from cadence.sends import Send
from cadence.words import Channel


class RouteKind(StrEnum):
    """What there is to do for a message: send it, wait for news of it, nothing more, or no way is left."""

    SEND = "send"
    WAITING = "waiting"
    DONE = "done"
    EXHAUSTED = "exhausted"


class Route(NamedTuple):
    """The way a message takes. `reason` is a code; `not_before` is set where an earlier channel failed."""

    kind: RouteKind
    reason: str
    channel: Channel | None = None
    not_before: datetime | None = None
    again: bool = False

    @property
    def key(self) -> str:
        """The channel's part of an agenda item's key; a second sending is another item."""
        return f"{self.channel}/again" if self.again else f"{self.channel}"


# Most messages are still to be sent by their first channel: these ways are made once.
_FIRST = {channel: Route(RouteKind.SEND, "planned", channel) for channel in Channel}


def route(send: Send, record: StepFacts, rules: Rules, *, silent: bool = False) -> Route:
    """The next channel of `send`, given what became of those tried; `silent` looks past an unconfirmed one."""
    if not record.messages:
        closed = rules.closed_for(send)
        usable = (_FIRST[channel] for channel in send.channels if channel not in closed)
        return next(usable, None) or _nothing_left(send, record, rules)
    return _begun_elsewhere(send, record) or _next(send, record, rules, silent=silent)


def _next(send: Send, record: StepFacts, rules: Rules, *, silent: bool) -> Route:
    closed = rules.closed_for(send)
    tried_at: datetime | None = None
    waits_until: datetime | None = None
    for channel in send.channels:
        message = record.messages.get(channel)
        if message is None:
            if channel in closed:
                continue
            not_before = waits_until or tried_at
            reason = "silence" if waits_until else "fallback" if tried_at else "planned"
            return Route(RouteKind.SEND, reason, channel, not_before)
        match message.state:
            case MessageState.UNKNOWN:
                return Route(RouteKind.WAITING, "delivery_unknown")
            case MessageState.RESERVED if channel in closed:
                return Route(RouteKind.WAITING, "delivery_unknown")
            case MessageState.REFUSED if message.resent and channel in closed:
                return Route(RouteKind.EXHAUSTED, "delivery_unknown")
            case MessageState.RESERVED | MessageState.REFUSED if channel not in closed:
                reason = "resend" if message.resent else "silence" if waits_until else "planned"
                return Route(RouteKind.SEND, reason, channel, waits_until or tried_at, again=message.resent)
            case MessageState.ACCEPTED:
                waits_until = _silence_ends(send, channel, message) if silent else None
                if waits_until is None:
                    return Route(RouteKind.DONE, "sent")
            case _:
                tried_at = max(message.at, tried_at or message.at)
    return _nothing_left(send, record, rules)


def _begun_elsewhere(send: Send, record: StepFacts) -> Route | None:
    """What a message decides that went by a channel which this version of the step has no more."""
    states = {message.state for channel, message in record.messages.items() if channel not in send.channels}
    if states & {MessageState.UNKNOWN, MessageState.RESERVED}:
        return Route(RouteKind.WAITING, "delivery_unknown")
    return Route(RouteKind.DONE, "sent") if MessageState.ACCEPTED in states else None


def _silence_ends(send: Send, channel: Channel, message: MessageFacts) -> datetime | None:
    silence = send.silence(channel)
    if silence is None or message.accepted_at is None or message.delivery in ("delivered", "read"):
        return None
    return message.accepted_at + silence


def _nothing_left(send: Send, record: StepFacts, rules: Rules) -> Route:
    if any(m.state is MessageState.ACCEPTED for m in record.messages.values()):
        return Route(RouteKind.DONE, "sent")
    reason = "all_channels_failed" if record.messages else "no_usable_channel"
    return Route(RouteKind.EXHAUSTED, reason)
