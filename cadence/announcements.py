"""Announcements: what other systems hear of an invoice's events, by names that stay as they are."""

from enum import StrEnum
from typing import get_args

from cadence import events as e
from cadence.facts import Closed, State


class Announcement(StrEnum):
    """A name under which other systems hear of an invoice. `closed` follows `paid`, and stands for every other end."""

    STARTED = "invoice.started"
    MESSAGE_SENT = "invoice.message_sent"
    MESSAGE_FAILED = "invoice.message_failed"
    DISPUTED = "invoice.disputed"
    PROMISED = "invoice.promised"
    PROMISE_BROKEN = "invoice.promise_broken"
    ESCALATED = "invoice.escalated"
    PAID = "invoice.paid"
    CLOSED = "invoice.closed"


_CLOSED_STATES = frozenset(map(State, get_args(Closed)))


def announced(event: e.InvoiceEvent, before: State | None, after: State) -> tuple[Announcement, ...]:
    """What is announced of an event that took an invoice from one state (None: there was no invoice) to another.

    In the order in which it is to be heard; most events give nothing, a payment that clears the invoice gives two.
    """
    return (*_of_event(event, before), *_of_closing(before, after))


def _of_event(event: e.InvoiceEvent, before: State | None) -> tuple[Announcement, ...]:
    match event:
        case e.InvoiceReceived():
            return (Announcement.STARTED,)
        case e.MessageAccepted():
            return (Announcement.MESSAGE_SENT,)
        case e.MessageRejected() | e.StepFailed() | e.DeliveryReported(delivery="failed"):
            return (Announcement.MESSAGE_FAILED,)
        case e.DisputeOpened() if before is not State.DISPUTED:
            return (Announcement.DISPUTED,)
        case e.PromiseMade():
            return (Announcement.PROMISED,)
        case e.PromiseBroken():
            return (Announcement.PROMISE_BROKEN,)
        case e.Escalated():
            return (Announcement.ESCALATED,)
    return ()


def _of_closing(before: State | None, after: State) -> tuple[Announcement, ...]:
    if after not in _CLOSED_STATES or before in _CLOSED_STATES:
        return ()
    return (Announcement.PAID, Announcement.CLOSED) if after is State.PAID else (Announcement.CLOSED,)


def details(event: e.InvoiceEvent) -> dict[str, str | int | None]:
    """What is told of the event itself, beside where its invoice stands: codes, days and amounts, never a text."""
    match event:
        case e.StepFailed():
            return {
                "step": event.step,
                "occurrence": event.occurrence,
                "channel": None,
                "reason": event.reason,
            }
        case e.MessageAccepted():
            return _of_message(event)
        case e.MessageRejected():
            return _of_message(event) | {"reason": event.error_class}
        case e.DeliveryReported():
            return _of_message(event) | {"reason": event.error_class or "not_delivered"}
        case e.DisputeOpened() | e.Cancelled():
            return {"reason": event.reason}
        case e.DisputeResolved() | e.PromiseBroken():
            return {"outcome": event.outcome}
        case e.PromiseMade():
            return {"promised_amount": str(event.amount), "promised_on": event.by.isoformat()}
        case e.Escalated():
            return {"stage": event.stage}
        case e.PaymentReceived():
            return {"payment_amount": str(event.amount)}
    return {}


def _of_message(
    event: e.MessageAccepted | e.MessageRejected | e.DeliveryReported,
) -> dict[str, str | int | None]:
    return {"step": event.step, "occurrence": event.occurrence, "channel": str(event.channel)}
