"""What an attacker, or a provider that misbehaves, tries on the service and its relay; each was possible once."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import select, update

from channels.rails.generic import GenericRail
from channels.rails.stripe import StripeRail
from ledger.access import Ledger
from ledger.inbox import Arrival, Lane, keep
from ledger.queries import show_invoice
from ledger.service_tables import inbox
from ledger.unmatched import list_unmatched
from starter.api.resources.feeding import MOST_LINES, lines_of
from starter.api.service import Service
from starter.api.settings import ApiSettings
from starter.inbox import MONEY_AT_ONCE, Processor, drain_inbox
from tests.integration.api.conftest import SECRET, Api, serving
from tests.integration.api.hooks import BY_NAME
from tests.integration.api.processing import process
from tests.integration.ledger.playing import row, take_in

STRIPE = SecretStr("whsec_stripe")
INTENT = BY_NAME["stripe"].example["data"]["object"]


@asynccontextmanager
async def provider(answer: Callable[[], bytes | None]) -> AsyncIterator[tuple[str, list[str]]]:
    """A payment provider's API on loopback and the paths it was asked for; None answers nothing at all."""
    asked: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readline()).decode().split(" ")[1])
        said = answer()
        if said is None:
            await reader.read()  # until the other side gives up
        else:
            writer.write(said)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    async with server:
        yield f"http://{host}:{port}", asked


def said(status: str, body: dict[str, Any]) -> bytes:
    text = json.dumps(body)
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(text)}\r\n"
    return f"{head}Connection: close\r\n\r\n{text}".encode()


def stripe_event(number: int) -> Arrival:
    event = {**BY_NAME["stripe"].example, "id": f"evt_{number}"}
    return Arrival("stripe", f"evt_{number}", json.dumps(event))


async def hasten(ledger: Ledger, **values: Any) -> None:
    """Spare the test the rest before the next try."""
    now = datetime.now(UTC) - timedelta(seconds=1)
    async with ledger.engine.begin() as connection:
        await connection.execute(update(inbox).values(due_at=now, **values))


async def outcomes(ledger: Ledger) -> list[str | None]:
    async with ledger.engine.connect() as connection:
        return list((await connection.execute(select(inbox.c.outcome).order_by(inbox.c.id))).scalars())


async def test_a_provider_that_hangs_holds_up_no_other_money(ledger: Ledger) -> None:
    await take_in(ledger, row())
    now = datetime.now(UTC)
    paid = {"id": "p-1", "amount": "120.50", "currency": "EUR", "invoice": "INV-1"}
    told = Arrival("payment", "m-1", json.dumps({**paid, "paid_at": now.isoformat()}))
    for arrivals in ([stripe_event(number) for number in range(40)], [told]):
        await keep(ledger.engine, Lane.MONEY, arrivals, now)
    async with provider(lambda: None) as (url, asked):
        stripe = StripeRail(STRIPE, SecretStr("rk"), url, 0.3)
        processor = Processor(ledger, {"stripe": stripe, "payment": GenericRail(SecretStr(SECRET))})
        assert await drain_inbox(processor, Lane.MONEY) == 41
    assert len(asked) <= MONEY_AT_ONCE
    assert await outcomes(ledger) == ["away_ReadTimeout"] * 40 + ["recorded"]
    assert (await show_invoice(ledger.engine, "INV-1")).invoice.state == "paid"


async def test_a_payment_that_its_provider_knows_only_a_moment_later_is_recorded(ledger: Ledger) -> None:
    await take_in(ledger, row())
    await keep(ledger.engine, Lane.MONEY, [stripe_event(1)], datetime.now(UTC))
    answers = [said("404 Not Found", {}), said("200 OK", INTENT)]
    async with provider(lambda: answers.pop(0)) as (url, _):
        processor = Processor(ledger, {"stripe": StripeRail(STRIPE, SecretStr("rk"), url, 5)})
        await process(processor)
        assert await list_unmatched(ledger.engine) == []
        await hasten(ledger)
        await process(processor)
    assert await outcomes(ledger) == ["recorded"]
    assert (await show_invoice(ledger.engine, "INV-1")).invoice.state == "paid"


async def test_a_payment_that_its_provider_never_knows_waits_for_a_person(ledger: Ledger) -> None:
    await take_in(ledger, row())
    await keep(ledger.engine, Lane.MONEY, [stripe_event(1)], datetime.now(UTC))
    async with provider(lambda: said("404 Not Found", {})) as (url, _):
        processor = Processor(ledger, {"stripe": StripeRail(STRIPE, SecretStr("rk"), url, 5)})
        await process(processor)
        await hasten(ledger, received_at=datetime.now(UTC) - timedelta(hours=1))
        await process(processor)
    assert await outcomes(ledger) == ["unknown_to_provider"]
    assert [each.reason for each in await list_unmatched(ledger.engine)] == ["not_confirmed"]
    assert (await show_invoice(ledger.engine, "INV-1")).paid == 0


async def test_who_guesses_unsubscribe_links_is_stopped_and_nobody_else(service: Service) -> None:
    settings = ApiSettings.model_construct(rate_per_source_per_minute=6_000, rate_per_token_per_minute=0)
    async with serving(replace(service, api=settings)) as api:
        answers = [await api.anonymous.post("/unsubscribe", params={"m": f"BCD{n:05}"}) for n in range(40)]
        statuses = [each.status_code for each in answers]
        assert statuses == sorted(statuses)
        assert set(statuses) == {404, 429}
        assert statuses.count(404) == 30
        elsewhere = httpx.ASGITransport(api.app, client=("198.51.100.9", 40_000))
        async with httpx.AsyncClient(transport=elsewhere, base_url="http://service") as other:
            assert (await other.post("/unsubscribe", params={"m": "BCD00001"})).status_code == 404
        assert (await api.anonymous.get("/openapi.json")).status_code == 200


async def test_an_address_with_a_slash_too_many_sends_nobody_to_the_host_that_a_header_names(
    api: Api,
) -> None:
    for path in ("/healthz/", "/v1/feed/", "/payments/"):
        answer = await api.anonymous.post(path, headers={"Host": "evil.example.com"})
        assert answer.status_code in (401, 404, 422)
        assert "location" not in answer.headers


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_a_feed_of_nothing_but_line_breaks_is_refused_before_it_is_taken_apart(end: bytes) -> None:
    assert lines_of(end.join([b"{}"] * MOST_LINES)) == [b"{}"] * MOST_LINES
    assert lines_of(end * (16 * 1024 * 1024)) is None
