"""What becomes of a message: how the events of sending and delivery change an invoice's facts."""

from datetime import datetime
from functools import singledispatch
from typing import Any

from cadence import events as e
from cadence.changes import owe_case, with_step
from cadence.facts import InvoiceFacts, MessageFacts, MessageState, step_key
from cadence.words import BILLING

# What became of a message that may have reached the customer.
MAY_REACH = (MessageState.ACCEPTED, MessageState.UNKNOWN, MessageState.RESERVED, MessageState.GIVEN_UP)

RANK = {None: -1, "queued": 0, "sent": 1, "delivered": 2, "failed": 2, "read": 3}


@singledispatch
def reduce_message(event: e.MessageEvent, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    """The facts after an event of sending or delivery, in whatever order the events come."""
    raise TypeError(event)


@reduce_message.register
def _(event: e.MessagePermitted, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    step = facts.step(event.step, event.occurrence)
    attempts = step.messages[event.channel].attempts + 1 if event.channel in step.messages else 1
    to, copies = _roles(event)
    permitted = _message(
        facts, event, state=MessageState.RESERVED, at=at, permitted_at=at, attempts=attempts, to=to, copies=copies,
        left_out=event.left_out,
    )  # fmt: skip
    first = step.permitted_at or at
    return with_step(permitted, event, permitted_at=first, deferred_until=None, deferred_reason=None)


def _roles(event: e.MessagePermitted) -> tuple[str, tuple[str, ...]]:
    roles = tuple(each.role for each in event.recipients)
    return (roles[0], roles[1:]) if roles else (BILLING, ())


@reduce_message.register
def _(event: e.MessageRefused, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    refused = _reopened(_message(facts, event, state=MessageState.REFUSED, at=at), event)
    return _owe_mending(refused, event)


@reduce_message.register
def _(event: e.MessageAccepted, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    # A receipt can overtake the provider's answer; what it said, a failure even, stands.
    overtaken = _known_message(facts, event, at).state in (MessageState.ACCEPTED, MessageState.FAILED)
    return facts if overtaken else _accepted(facts, event, at)


@reduce_message.register
def _(event: e.MessageRejected, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    rejected = _reopened(_message(facts, event, state=MessageState.REJECTED, at=at), event)
    return _owe_mending(rejected, event)


@reduce_message.register
def _(event: e.MessageUnknown, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    if _known_message(facts, event, at).state is not MessageState.RESERVED:
        return facts
    return _message(facts, event, state=MessageState.UNKNOWN, at=at)


@reduce_message.register
def _(event: e.MessageNotFound, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    message = _known_message(facts, event, at)
    if message.state is not MessageState.UNKNOWN:
        return facts
    readings = message.readings + 1
    if readings < 2 or message.resent:
        return _message(facts, event, at=at, readings=readings)
    # Two successful empty readings: it may be sent once more, and only once.
    lost = _message(facts, event, state=MessageState.REFUSED, at=at, readings=0, resent=True)
    return _reopened(lost, event)


@reduce_message.register
def _(event: e.MessageGivenUp, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    given_up = _message(facts, event, state=MessageState.GIVEN_UP, at=at)
    settled = with_step(given_up, event, outcome="unknown", reason="delivery_unknown", outcome_at=at)
    key = f"unknown/{step_key(event.step, event.occurrence)}/{event.channel}"
    return owe_case(settled, key, "delivery_unknown")


@reduce_message.register
def _(event: e.MessageSentTwice, facts: InvoiceFacts, _at: datetime) -> InvoiceFacts:
    return owe_case(facts, f"twice/{step_key(event.step, event.occurrence)}/{event.channel}", "sent_twice")


@reduce_message.register
def _(event: e.DeliveryReported, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    message = _known_message(facts, event, at)
    lost = message.state is MessageState.REFUSED and message.resent
    if lost or message.state in (MessageState.UNKNOWN, MessageState.RESERVED, MessageState.GIVEN_UP):
        # A receipt proves that the provider took it: the attempt's lost answer is found.
        facts = _accepted(facts, event, at)
        message = _known_message(facts, event, at)
    if RANK[event.delivery] <= RANK[message.delivery] or message.state is not MessageState.ACCEPTED:
        return facts
    if event.delivery != "failed":
        return _message(facts, event, delivery=event.delivery)
    failed = _message(facts, event, state=MessageState.FAILED, delivery="failed", at=at)
    return _owe_mending(_reopened(failed, event), event)


def _owe_mending(
    facts: InvoiceFacts, event: e.MessageRefused | e.MessageRejected | e.DeliveryReported
) -> InvoiceFacts:
    """Our own text, set-up or account is at fault: somebody must mend it, while the next channel does its work."""
    if event.error_class == "account":
        return owe_case(facts, f"account/{event.channel}", "provider_account")
    if event.error_class in ("content", "template"):
        return owe_case(facts, f"configuration/{event.channel}", "configuration")
    return facts


def _reopened(facts: InvoiceFacts, event: e.MessageEvent) -> InvoiceFacts:
    """Open a step again of which no message reached or may reach the customer: the planner goes on with it."""
    step = facts.step(event.step, event.occurrence)
    if step.outcome != "sent" or any(m.state in MAY_REACH for m in step.messages.values()):
        return facts
    return with_step(facts, event, outcome=None, reason=None, outcome_at=None)


def _accepted(facts: InvoiceFacts, event: e.MessageEvent, at: datetime) -> InvoiceFacts:
    accepted = _message(facts, event, state=MessageState.ACCEPTED, at=at, accepted_at=at)
    return with_step(accepted, event, outcome="sent", reason=None, outcome_at=at)


def _known_message(facts: InvoiceFacts, event: e.MessageEvent, at: datetime) -> MessageFacts:
    step = facts.step(event.step, event.occurrence)
    return step.messages.get(event.channel) or MessageFacts(state=MessageState.RESERVED, at=at)


def _message(facts: InvoiceFacts, event: e.MessageEvent, **changes: Any) -> InvoiceFacts:
    step = facts.step(event.step, event.occurrence)
    known = step.messages.get(event.channel) or MessageFacts(state=MessageState.RESERVED, at=changes["at"])
    messages = step.messages | {event.channel: known.model_copy(update=changes)}
    return with_step(facts, event, messages=messages)
