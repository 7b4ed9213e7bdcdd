"""What Prometheus reads of the service and the relay. Labels are codes and route templates: nobody's data."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime

from prometheus_client import Counter, Gauge, Histogram, start_http_server
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from ledger import inbox, outbox
from starter.settings import Settings

MEASURE_SECONDS = 5.0

# The service (`starter.api`).
REQUESTS = Counter("regua_http_requests", "Requests answered.", ("method", "route", "status"))
REQUEST_SECONDS = Histogram("regua_http_request_seconds", "Seconds until the answer.", ("route",))
WEBHOOKS_STORED = Counter("regua_webhooks_stored", "Webhooks that were verified and are new.", ("source",))
WEBHOOKS_REFUSED = Counter("regua_webhooks_refused", "Webhooks whose signature did not hold.", ("source",))

# The relay.
INBOX_PROCESSED = Counter(
    "regua_inbox_processed", "Webhooks processed, by what became of them.", ("source", "outcome")
)
TOLD = Counter("regua_relay_told", "Workflows told what changed.")
NOT_TOLD = Counter(
    "regua_relay_not_told", "Workflows that could not be told, by the reason's code.", ("reason",)
)
WAITING = Gauge("regua_waiting", "Rows that wait to be relayed or processed.", ("box",))
LAG_SECONDS = Gauge("regua_lag_seconds", "For how long the oldest of them has waited.", ("box",))


def serve_metrics(settings: Settings) -> None:
    """Answer Prometheus at METRICS_ADDRESS, where one is set: an address of its own, which no proxy publishes."""
    if settings.metrics_address is not None:
        host, _, port = settings.metrics_address.rpartition(":")
        start_http_server(int(port), host)


async def keep_measured(engine: AsyncEngine, stop: asyncio.Event) -> None:
    """Look every few seconds how much waits in the inbox and the outbox, and since when, until `stop` is set."""
    while not stop.is_set():
        with suppress(DBAPIError, OSError):  # away: the next look will tell
            await _measure(engine)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), MEASURE_SECONDS)


async def _measure(engine: AsyncEngine) -> None:
    now = datetime.now(UTC)
    for name, box in (("inbox", inbox), ("outbox", outbox)):
        count, oldest = await box.waiting(engine)
        WAITING.labels(name).set(count)
        LAG_SECONDS.labels(name).set((now - oldest).total_seconds() if oldest else 0)
