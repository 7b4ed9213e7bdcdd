"""Whether a request can have left: the difference between trying again and never trying again."""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection
from typing import TypeVar, cast

from channels.outcome import ErrorClass, Outcome, OutcomeKind

Connection = TypeVar("Connection", bound=HTTPConnection)


# The SDKs log addresses and whole messages at DEBUG and INFO: nobody's log may hold those. A filter, because
# configuring logging elsewhere resets a logger's level and its being disabled.
def _is_worth_keeping(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING


for _name in ("twilio.http_client", "python_http_client.client", "urllib3.connectionpool", "httpx"):
    logging.getLogger(_name).addFilter(_is_worth_keeping)


@dataclass(slots=True)
class Wire:
    """What became of the connections of one request; both stay False where nobody looked."""

    connected: bool = False
    never_connected: bool = False

    def failure(self, error: Exception) -> Outcome:
        """The outcome of a request that ended in `error` instead of an answer.

        Only a failure to connect (name, TCP, TLS) is `refused`: nothing was written. Whatever else may have
        gone wrong, the request may have arrived, so it is `unknown`. The code is the error's type, never its
        text, which quotes addresses.
        """
        kind = OutcomeKind.refused if self.never_connected else OutcomeKind.unknown
        return Outcome(kind, code=type(error).__name__)


def noting(base: type[Connection], wire: Wire) -> type[Connection]:
    """`base` with a `connect` that tells `wire` how it went."""

    def connect(self: Connection) -> None:
        try:
            base.connect(self)
        except Exception:
            wire.never_connected = not wire.connected
            raise
        wire.connected = True

    return cast("type[Connection]", type(base.__name__, (base,), {"connect": connect}))


def answered(status: int, code: str, error_class: ErrorClass, retry_after: str | None) -> Outcome:
    """The outcome of an HTTP error answer: 429 was never processed, other 4xx is final, the rest is open.

    `retry_after` is the header's value (seconds or an HTTP date).
    """
    if status == 429:
        wait = seconds_of(retry_after)
        return Outcome(OutcomeKind.refused, code=code, error_class=ErrorClass.throughput, retry_after=wait)
    if 400 <= status < 500:
        return Outcome(OutcomeKind.rejected, code=code, error_class=error_class)
    return Outcome(OutcomeKind.unknown, code=code)


def seconds_of(retry_after: str | None) -> float | None:
    """The seconds that a Retry-After header asks to wait (a number or an HTTP date), None where it says nothing."""
    if not retry_after:
        return None
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        at = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
