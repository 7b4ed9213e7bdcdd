"""Caps at the permit: a person is contacted no more often than the law of their place allows, whatever asks."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cadence.document import Cadence
from cadence.packs import Pack, Packs
from ledger.access import Ledger
from ledger.attempts import Result
from ledger.checks import Check, check_invariants
from ledger.coming import next_contact, upcoming
from ledger.explaining import why
from ledger.publishing import publish
from ledger.queries import show_invoice
from ledger.searching import search_agenda
from ledger.sending import Leave, begin, conclude, permit
from starter.documents import read_packs
from tests.integration.engines import engine_on
from tests.integration.ledger.playing import ARRIVAL, CREDITOR, order_of, row, ruler, take_in

PACKS = read_packs(Path("policies"))
# Nine in Bogotá, a working day without a holiday near.
MONDAY = datetime(2026, 3, 9, 14, tzinfo=UTC)


def consumers(*channels: str) -> Cadence:
    """One message on the due date, to consumers."""
    send = {"template": "overdue_first", "channels": list(channels)}
    step = {"id": "due", "at": "due", "stage": "courtesy", "send": send, "missed": "send"}
    return ruler(debtors="consumer", steps=[step])


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    """A ledger that knows every pack."""
    engine = engine_on(database_url, 8)
    yield Ledger(engine, CREDITOR, packs=PACKS)
    await engine.dispose()


async def bring(
    ledger: Ledger, country: str, *channels: str, count: int = 1, zone: str = "America/Bogota"
) -> list[int]:
    """Invoices of one customer that all fall due on the same day, each by the same channels."""
    await publish(ledger.engine, consumers(*channels), ARRIVAL)
    place: dict[str, Any] = {
        "country": country,
        "zone": zone,
        "language": "es",
        "phone": "+573000000123",
        "consents": ("email", "sms"),
    }
    rows = [row(f"N-{number}", due_on=date(2026, 3, 9), **place) for number in range(count)]
    return await take_in(ledger, *rows)


async def ask(ledger: Ledger, invoice_id: int, now: datetime) -> Leave:
    return await permit(ledger, await order_of(ledger, invoice_id), now)


async def send(ledger: Ledger, invoice_id: int, now: datetime) -> Leave:
    """Send the next message where it is permitted."""
    leave = await ask(ledger, invoice_id, now)
    if leave.permit is not None:
        letter = {"subject": "A reminder", "html": "<p>Please pay.</p>", "body": "Please pay."}
        await begin(ledger, leave.permit.attempt_id, address=leave.permit.address, now=now, **letter)
        await conclude(ledger, leave.permit, Result("accepted"), now)
    return leave


async def checks(ledger: Ledger, now: datetime) -> dict[int, Check]:
    return {check.number: check for check in await check_invariants(ledger.engine, ledger.book, now)}


async def test_two_invoices_due_in_the_same_instant_on_two_workers_make_one_contact_a_day(
    ledger: Ledger,
) -> None:
    ids = await bring(ledger, "CO", "email", count=2)
    leaves = await asyncio.gather(*(ask(ledger, each, MONDAY) for each in ids))
    assert sorted(leave.permit is not None for leave in leaves) == [False, True]
    deferred = next(leave for leave in leaves if leave.permit is None)
    assert deferred.reason == "co-once-a-day"
    assert deferred.directive.item is not None
    assert deferred.directive.item.at == datetime(2026, 3, 10, 14, tzinfo=UTC)


async def test_a_worker_whose_clock_is_behind_counts_what_was_permitted_before_it_asked(
    ledger: Ledger,
) -> None:
    first, second = await bring(ledger, "CO", "email", count=2)
    assert (await send(ledger, first, MONDAY + timedelta(milliseconds=5))).permit is not None
    assert (await send(ledger, second, MONDAY)).reason == "co-once-a-day"


async def test_a_cap_looks_back_as_far_as_its_span_is_long(ledger: Ledger) -> None:
    once = {"id": "own-once", "text": "Once in ninety days.", "source": "The creditor's own word."}
    rule = once | {"effective_from": "2000-01-01", "cap": {"most": 1, "within": "90d"}}
    own = Pack.model_validate({"name": "own", "title": "Our own", "rules": [rule]})
    patient = replace(ledger, packs=Packs((own,)))
    (first,) = await bring(patient, "CO", "email")
    assert (await send(patient, first, MONDAY)).permit is not None
    due_on, place = date(2026, 5, 25), {"country": "CO", "zone": "America/Bogota"}  # a Monday, 77 days later
    (second,) = await take_in(patient, row("N-9", due_on=due_on, **place))
    leave = await ask(patient, second, MONDAY + timedelta(days=77))
    assert (leave.permit, leave.reason) == (None, "own-once")


async def test_what_a_cap_deferred_goes_when_there_is_room_and_the_invariants_hold(ledger: Ledger) -> None:
    first, second = await bring(ledger, "CO", "email", count=2)
    await send(ledger, first, MONDAY)
    assert (await send(ledger, second, MONDAY)).reason == "co-once-a-day"
    tuesday = MONDAY + timedelta(days=1)
    assert (await send(ledger, second, tuesday)).permit is not None
    found = await checks(ledger, tuesday + timedelta(hours=1))
    assert found[7].checked == 2
    assert [check.violations for check in found.values() if not check.ok] == []


async def test_another_channel_waits_for_the_next_week_where_the_law_says_one_a_week(ledger: Ledger) -> None:
    (by_email,) = await bring(ledger, "CO", "email")
    await send(ledger, by_email, MONDAY)
    await publish(ledger.engine, consumers("sms"), ARRIVAL)
    (by_sms,) = await take_in(
        ledger,
        row(
            "N-9",
            due_on=date(2026, 3, 10),
            country="CO",
            zone="America/Bogota",
            language="es",
            phone="+573000000123",
            consents=("sms",),
        ),
    )
    leave = await ask(ledger, by_sms, MONDAY + timedelta(days=1))
    assert leave.reason == "co-one-channel-a-week"
    assert leave.directive.item is not None
    assert leave.directive.item.at == datetime(2026, 3, 16, 14, tzinfo=UTC)


async def test_two_days_apart_counts_from_the_last_contact(ledger: Ledger) -> None:
    first, second = await bring(ledger, "CL", "email", count=2, zone="America/Santiago")
    noon = datetime(2026, 3, 9, 15, tzinfo=UTC)
    await send(ledger, first, noon)
    leave = await ask(ledger, second, noon)
    assert leave.reason == "cl-two-days-apart"
    assert leave.directive.item is not None
    assert leave.directive.item.at == noon + timedelta(days=2)


async def test_a_provider_that_refuses_makes_no_contact(ledger: Ledger) -> None:
    first, second = await bring(ledger, "EC", "email", count=2, zone="America/Guayaquil")
    leave = await ask(ledger, first, MONDAY)
    assert leave.permit is not None
    letter = {"subject": "A reminder", "html": "<p>Please pay.</p>", "body": "Please pay."}
    await begin(ledger, leave.permit.attempt_id, address=leave.permit.address, now=MONDAY, **letter)
    await conclude(ledger, leave.permit, Result("refused"), MONDAY)
    assert (await ask(ledger, second, MONDAY)).permit is not None
    assert (await ask(ledger, first, MONDAY)).reason == "ec-once-a-day"


async def test_the_law_narrows_the_window_in_which_a_permit_is_given(ledger: Ledger) -> None:
    open_all_day = {
        "days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
        "opens": "00:00",
        "closes": "23:59",
    }
    await publish(ledger.engine, consumers("email").model_copy(), ARRIVAL)
    await publish(
        ledger.engine,
        Cadence.model_validate(consumers("email").model_dump() | {"window": open_all_day}),
        ARRIVAL,
    )
    (invoice_id,) = await take_in(
        ledger,
        row("N-1", due_on=date(2026, 3, 9), country="CO", zone="America/Bogota", consents=("email",)),
    )
    item = (await ledger.directive(invoice_id)).item
    assert item is not None
    assert item.at == datetime(2026, 3, 9, 12, tzinfo=UTC)  # seven in Bogotá
    late = await ask(ledger, invoice_id, datetime(2026, 3, 10, 1, tzinfo=UTC))  # eight in the evening
    assert (late.permit, late.reason) == (None, "co-hours")


async def test_without_packs_nothing_is_capped(ledger: Ledger) -> None:
    lawless = replace(ledger, packs=type(PACKS)())
    ids = await bring(lawless, "CO", "email", count=2)
    leaves = await asyncio.gather(*(ask(lawless, each, MONDAY) for each in ids))
    assert all(leave.permit is not None for leave in leaves)


async def test_a_breach_is_found(ledger: Ledger) -> None:
    lawless = replace(ledger, packs=type(PACKS)())
    for each in await bring(lawless, "CO", "email", count=2):
        await send(lawless, each, MONDAY)
    found = await checks(ledger, MONDAY + timedelta(hours=1))
    assert len(found[7].violations) == 1
    assert "is over co-once-a-day" in found[7].violations[0]


async def test_a_cap_is_foreseen_by_every_reader_and_moves_nothing(ledger: Ledger) -> None:
    first, second = await bring(ledger, "CO", "email", count=2)
    tuesday = MONDAY + timedelta(days=1)
    # While both are planned for that morning, the first of them is taken to go, and the other to wait for it.
    assert (await show_invoice(ledger.engine, "N-0", ledger.book)).agenda[0].cap_foreseen is None
    (waits,) = await why(ledger, "N-1", ARRIVAL)
    assert waits.cap_foreseen is not None
    assert waits.cap_foreseen.until == tuesday
    await send(ledger, first, MONDAY)
    (line,) = (await show_invoice(ledger.engine, "N-1", ledger.book)).agenda
    (because,) = await why(ledger, "N-1", MONDAY)
    (coming,) = await upcoming(ledger.engine, tuesday, ledger.book)
    page = await search_agenda(ledger.engine, ledger.book, until=tuesday)
    ahead = await next_contact(ledger.engine, ledger.book)
    assert ahead is not None
    assert page.items == [coming] == [ahead]
    for foreseen in (line.cap_foreseen, because.cap_foreseen, coming.cap_foreseen):
        assert foreseen is not None
        assert (foreseen.rule, foreseen.until) == ("co-once-a-day", tuesday)
    assert (line.at, because.at, because.verdict, because.rule) == (MONDAY, MONDAY, "planned", "planned")
    # The permit says what was foreseen, and the item is where it was said to go.
    leave = await ask(ledger, second, MONDAY)
    assert leave.reason == "co-once-a-day"
    assert leave.directive.item is not None
    assert leave.directive.item.at == tuesday
    assert (await show_invoice(ledger.engine, "N-1", ledger.book)).agenda[0].cap_foreseen is None


async def test_a_message_under_way_is_not_foreseen_to_wait_for_itself(ledger: Ledger) -> None:
    (invoice_id,) = await bring(ledger, "CO", "email")
    assert (await ask(ledger, invoice_id, MONDAY)).permit is not None
    (because,) = await why(ledger, "N-0", MONDAY)
    assert because.cap_foreseen is None


async def test_where_the_law_wants_a_consent_nothing_leaves_without_one_for_the_very_address(
    ledger: Ledger,
) -> None:
    await publish(ledger.engine, consumers("email"), ARRIVAL)
    place: dict[str, Any] = {"due_on": date(2026, 3, 9), "country": "CO", "zone": "America/Bogota"}
    (invoice_id,) = await take_in(ledger, row("N-1", **place))
    assert (await order_of(ledger, invoice_id)).key == "due/1"
    (because,) = await why(ledger, "N-1", ARRIVAL)
    assert because.rule == "no_usable_channel"
    assert "email: A consumer is contacted only by channels that they authorised" in because.words
    assert because.source == "Ley 2300 de 2023 (secondary source)"

    await take_in(ledger, row("N-1", **place, consents=("email",)))
    asked = await order_of(ledger, invoice_id)
    # The consent was to the address of before.
    await take_in(ledger, row("N-1", **place, email="moved@example.com"))
    assert (await permit(ledger, asked, MONDAY)).permit is None

    await take_in(ledger, row("N-1", **place, email="moved@example.com", consents=("email",)))
    assert (await send(ledger, invoice_id, MONDAY)).permit is not None
    assert [check.violations for check in (await checks(ledger, MONDAY)).values() if not check.ok] == []


async def test_what_was_permitted_without_the_consent_that_the_law_wants_is_found(ledger: Ledger) -> None:
    lawless = replace(ledger, packs=type(PACKS)())
    await publish(ledger.engine, consumers("email"), ARRIVAL)
    place: dict[str, Any] = {"due_on": date(2026, 3, 9), "country": "CO", "zone": "America/Bogota"}
    (invoice_id,) = await take_in(lawless, row("N-1", **place))
    await send(lawless, invoice_id, MONDAY)
    found = await checks(ledger, MONDAY)
    assert "in spite of co-authorised-channels" in found[8].violations[0]
