"""The one vocabulary for what a provider did with a message, at once (outcome) and later (receipt, reply)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

import yaml


class ErrorClass(StrEnum):
    """Why a provider would not deliver; decides what happens next. The codes behind each are in errors.yaml."""

    opt_out = "opt_out"
    bad_address = "bad_address"
    content = "content"
    template = "template"
    recipient_limit = "recipient_limit"
    throughput = "throughput"
    account = "account"
    unreachable = "unreachable"
    unclassified = "unclassified"


class OutcomeKind(StrEnum):
    """What one request came to. `refused` may be tried again; `unknown` may have reached the person."""

    refused = "refused"
    accepted = "accepted"
    rejected = "rejected"
    unknown = "unknown"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one request to a provider came to.

    `provider_id` is the provider's id of an accepted message, `code` its error code or the HTTP status,
    `retry_after` seconds to wait before asking again (only with `refused`).
    """

    kind: OutcomeKind
    provider_id: str | None = None
    code: str | None = None
    error_class: ErrorClass | None = None
    retry_after: float | None = None


class Delivery(StrEnum):
    """How far a message has come, by receipts."""

    queued = "queued"
    sent = "sent"
    delivered = "delivered"
    failed = "failed"
    read = "read"


_RANKS = {
    Delivery.queued: 0,
    Delivery.sent: 1,
    Delivery.delivered: 2,
    Delivery.failed: 2,
    Delivery.read: 3,
}


def rank(delivery: Delivery) -> int:
    """Order of deliveries: a receipt counts only if it ranks above what is known.

    `delivered` and `failed` rank alike, so that the first of the two wins; receipts come in any order.
    """
    return _RANKS[delivery]


@dataclass(frozen=True, slots=True)
class Receipt:
    """One thing a provider reported about a message.

    `external_id` is the same for every repetition of the report. `at` is aware UTC. `opted_out`: the person
    asked to hear no more on this channel; `address_dead`: the address will never work on this channel. `address`:
    which of a message's addresses it is about, where there can be several. Personal data: never log it.
    """

    channel: str
    provider_id: str
    delivery: Delivery
    attempt_id: str | None
    code: str | None
    error_class: ErrorClass | None
    external_id: str
    at: datetime
    opted_out: bool = False
    address_dead: bool = False
    address: str | None = None


class Intent(StrEnum):
    """What a person who writes back means; the phrases behind each are in intents.yaml.

    `stop_unsure` may be a request to stop, among other words; `start` takes a stop back; `wrong` says that the
    invoice is; `help` asks who we are.
    """

    stop = "stop"
    stop_unsure = "stop_unsure"
    start = "start"
    wrong = "wrong"
    paid = "paid"
    help = "help"
    other = "other"


@dataclass(frozen=True, slots=True)
class Reply:
    """What a person wrote back. `sender` is E.164 without a channel prefix; `at` is aware UTC."""

    channel: str
    sender: str
    body: str
    external_id: str
    at: datetime
    intent: Intent


class ProviderUnavailable(Exception):  # an event, not a mistake
    """The provider's list could not be read; says nothing about whether a message is on it."""


@cache
def error_table() -> dict[str, Any]:
    """The error table, as in errors.yaml."""
    table: dict[str, Any] = yaml.load(
        Path(__file__).with_name("errors.yaml").read_text("utf-8"), yaml.CSafeLoader
    )
    return table


@cache
def _classes_by_code() -> dict[str, ErrorClass]:
    twilio: dict[str, list[int]] = error_table()["twilio"]
    return {str(code): ErrorClass(name) for name, codes in twilio.items() for code in codes}


def classify(code: str | int | None, http_status: int | None = None) -> ErrorClass:
    """The class of a Twilio error code; a code the table lacks falls to the class of its HTTP status.

    Twilio warns not to build on single codes of the Message resource, so unknown ones get a class, not an error.
    """
    known = _classes_by_code().get(str(code))
    if known is not None:
        return known
    if http_status in (401, 403):
        return ErrorClass.account
    return ErrorClass.throughput if http_status == 429 else ErrorClass.unclassified
