"""Money in for several invoices: one payment that rails tell, shared out over a customer's, in any order and often."""

import asyncio
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from channels.rails.generic import GenericRail
from channels.rails.money import MoneyNote, Reference
from ledger import inbox, settling, unmatched
from ledger.access import Ledger
from ledger.checks import check_invariants
from ledger.inbox import Arrival, Lane, Later, Verdict
from ledger.merging import merge
from ledger.queries import show_invoice
from ledger.references import creditor_reference
from ledger.service_tables import inbox as inbox_table
from ledger.unit import Origin
from ledger.views import InvoiceStory
from starter.inbox import Processor, drain_inbox
from starter.money import take
from tests.integration.ledger.playing import ARRIVAL, DAY, MINUTE, row, take_in

NUMBERS = ("A-0001", "A-0002", "A-0003")
NOW = ARRIVAL + MINUTE
RAIL = GenericRail(SecretStr("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))


@pytest.fixture(autouse=True)
async def ids(ledger: Ledger) -> list[int]:
    """Three invoices of one customer over 100 each, due one day after the other, and one of another customer."""
    rows = [
        row(number, amount=Decimal(100), due_on=date(2026, 3, 10 + n)) for n, number in enumerate(NUMBERS)
    ]
    return await take_in(ledger, *rows, row("B-0001", "C-2", amount=Decimal(100)))


def note(*references: tuple[str, str], told: str = "p-1", amount: str = "150.00", **more: Any) -> MoneyNote:
    fields: dict[str, Any] = {
        "kind": "payment", "id": told, "amount": Decimal(amount), "currency": "EUR", "at": ARRIVAL,
        "method": "transfer", "references": tuple(Reference(kind, value) for kind, value in references),  # type: ignore[arg-type] # literals
    }  # fmt: skip
    return MoneyNote(**fields | more)


def back(amount: str = "150.00", told: str = "r-1") -> MoneyNote:
    return note(told=told, amount=amount, kind="reversal", of="p-1")


async def told(ledger: Ledger, *notes: MoneyNote, now: datetime = NOW) -> list[Verdict]:
    return [await take(ledger, each, "stripe", now) for each in notes]


async def story(ledger: Ledger, number: str) -> InvoiceStory:
    return await show_invoice(ledger.engine, number)


async def balances(ledger: Ledger) -> list[Decimal]:
    return [(await story(ledger, number)).invoice.balance for number in NUMBERS]


async def queue(ledger: Ledger) -> list[tuple[str, str]]:
    return [(each.external_id, each.reason) for each in await unmatched.list_unmatched(ledger.engine)]


async def agrees(ledger: Ledger) -> None:
    for check in await check_invariants(ledger.engine, ledger.book, NOW):
        assert check.ok, check


async def test_a_payment_that_names_several_invoices_goes_to_those_the_oldest_first(ledger: Ledger) -> None:
    named = note(("invoice", "A-0003"), ("invoice", "A-0002"))
    assert await told(ledger, named, named) == ["recorded", "known"]
    assert await balances(ledger) == [100, 0, 50]
    assert await queue(ledger) == []
    await agrees(ledger)


async def test_a_payment_that_names_its_customer_goes_to_all_that_is_open(ledger: Ledger) -> None:
    for kind, payment in (("customer", "p-1"), ("reference", "p-2")):
        assert await told(ledger, note((kind, "C-1"), told=payment, amount="125.00")) == ["recorded"]
    assert await balances(ledger) == [0, 0, 50]


async def test_invoices_are_named_by_whatever_names_them_exactly(ledger: Ledger, ids: list[int]) -> None:
    written = f"faturas {creditor_reference(ids[0])} e A-0002"
    assert await told(ledger, note(("text", written), ("provider", "pi_1"))) == ["recorded"]
    assert await balances(ledger) == [0, 50, 100]


async def test_an_invoice_beside_its_own_customer_is_what_the_payment_is_for(ledger: Ledger) -> None:
    assert await told(ledger, note(("invoice", "A-0002"), ("customer", "C-1"), amount="40.00")) == [
        "recorded"
    ]
    assert await balances(ledger) == [100, 60, 100]


@pytest.mark.parametrize(
    ("references", "more", "reason"),
    [
        ([("invoice", "A-0001"), ("invoice", "B-0001")], {}, "ambiguous"),
        ([("invoice", "A-0001"), ("customer", "C-2")], {}, "ambiguous"),
        ([("customer", "C-1"), ("reference", "C-2")], {}, "ambiguous"),
        ([("invoice", "A-0001"), ("invoice", "A-0009")], {}, "unknown_reference"),
        ([("customer", "C-9")], {}, "unknown_reference"),
        ([("text", "cliente C-1 C-1")], {}, "unknown_reference"),
        ([("customer", "C-1")], {"currency": "USD"}, "nothing_owed"),
        ([("customer", "C-1")], {"currency": "SEK"}, "unknown_currency"),
        ([("customer", "C-1")], {"amount": "9999999999.00"}, "bad_amount"),
        ([("customer", "C-1")], {"kind": "dispute"}, "ambiguous"),
    ],
)
async def test_what_cannot_be_one_payment_of_one_customer_waits_for_a_person(
    ledger: Ledger, references: list[tuple[str, str]], more: dict[str, Any], reason: str
) -> None:
    stray = note(*references, **more)
    assert await told(ledger, stray, stray) == ["unmatched", "known"]
    assert await queue(ledger) == [("p-1", reason)]
    assert await balances(ledger) == [100, 100, 100]


async def test_money_for_invoices_that_are_closed_waits_until_it_names_one(ledger: Ledger) -> None:
    both = ("invoice", "A-0001"), ("invoice", "A-0002")
    assert await told(ledger, note(*both, amount="200.00"), note(*both, told="p-2")) == [
        "recorded",
        "unmatched",
    ]
    assert await queue(ledger) == [("p-2", "nothing_owed")]
    assert await told(ledger, note(both[0], told="p-2")) == ["recorded"]
    assert await queue(ledger) == []


async def test_told_at_once_by_two_rails_it_counts_once(ledger: Ledger) -> None:
    one, other = note(("customer", "C-1")), note(("invoice", "A-0001"), ("invoice", "A-0002"))
    answers = await asyncio.gather(*(take(ledger, each, "pix", NOW) for each in (one, other, one, other)))
    assert sorted(map(str, answers)) == ["known", "known", "known", "recorded"]
    assert sum(await balances(ledger)) == 150


async def test_however_an_agent_and_a_rail_race_for_one_payment_it_is_shared_out_once(ledger: Ledger) -> None:
    for turn in range(5):
        stray = note(told=f"p-{turn}", amount="12.00")
        assert await told(ledger, stray) == ["unmatched"]
        (line,) = await unmatched.list_unmatched(ledger.engine)
        named = note(("customer", "C-1"), told=f"p-{turn}", amount="12.00")
        await asyncio.gather(
            settling.settle_over_customer(ledger, line.id, "C-1", "ana", NOW),
            take(ledger, named, "stripe", NOW),
        )
    assert await balances(ledger) == [40, 100, 100]
    assert await queue(ledger) == []
    await agrees(ledger)


@pytest.mark.parametrize(
    "again",
    [
        note(("customer", "C-1"), amount="151.00"),
        note(("customer", "C-2")),
        note(("invoice", "A-0001"), ("invoice", "A-0002"), currency="USD"),
    ],
)
async def test_told_again_with_another_sum_or_customer_it_is_a_case_and_changes_no_balance(
    ledger: Ledger, again: MoneyNote
) -> None:
    await told(ledger, note(("customer", "C-1")))
    assert await told(ledger, again, again) == ["recorded", "known"]
    assert await balances(ledger) == [0, 50, 100]
    assert {case.reason for case in (await story(ledger, "A-0001")).cases} == {"payment_unidentified"}


async def test_the_reversal_takes_back_all_shares_once_and_parts_of_it_the_youngest_first(
    ledger: Ledger,
) -> None:
    await told(ledger, note(("customer", "C-1")))
    part = back("20.00", "r-1")
    assert await told(ledger, part, part) == ["recorded", "known"]
    assert await balances(ledger) == [0, 70, 100]
    assert await told(ledger, back("130.00", "r-2"), back("0.01", "r-3")) == ["recorded", "recorded"]
    assert await balances(ledger) == [100, 100, 100]
    assert {case.reason for case in (await story(ledger, "A-0001")).cases} == {"payment_unidentified"}
    await agrees(ledger)


async def test_a_reversal_before_its_payment_waits_for_it(ledger: Ledger) -> None:
    assert await told(ledger, back()) == [Later("before_its_payment")]
    assert await told(ledger, note(("customer", "C-1")), back()) == ["recorded", "recorded"]
    assert await balances(ledger) == [100, 100, 100]


async def test_a_reversal_that_waited_too_long_follows_its_payment_out_of_the_queue(ledger: Ledger) -> None:
    late = ARRIVAL + 3 * DAY
    assert await told(ledger, back("120.00"), now=late) == ["unmatched"]
    assert await told(ledger, note(("customer", "C-1")), now=late) == ["recorded"]
    assert await queue(ledger) == []
    assert await balances(ledger) == [70, 100, 100]
    (line,) = await unmatched.list_unmatched(ledger.engine, status="settled")
    assert (line.invoice, line.customer) == (None, "C-1")


async def test_a_dispute_about_a_shared_payment_is_one_of_each_invoice_and_won_its_money_goes_back_there(
    ledger: Ledger,
) -> None:
    await told(ledger, note(("customer", "C-1")))
    opened, won = (note(told=kind, kind=kind, of="p-1") for kind in ("dispute", "dispute_won"))
    assert await told(ledger, opened, opened, back()) == ["recorded", "known", "recorded"]
    assert [(await story(ledger, number)).invoice.state for number in NUMBERS] == [
        "disputed", "disputed", "scheduled",
    ]  # fmt: skip
    given = note(told="d-in", of="p-1")
    assert await told(ledger, won, given, given, won) == ["recorded", "recorded", "known", "known"]
    assert await balances(ledger) == [0, 50, 100]
    assert [(await story(ledger, number)).invoice.state for number in NUMBERS] == [
        "paid",
        "scheduled",
        "scheduled",
    ]
    await agrees(ledger)


async def test_the_key_of_a_merged_customer_names_who_took_them_over(ledger: Ledger) -> None:
    await merge(ledger, "C-2", "C-1", "duplicate", Origin("ana", "cli"), NOW)
    assert await told(ledger, note(("customer", "C-2"), amount="350.00")) == ["recorded"]
    taken_over = (await story(ledger, "B-0001")).invoice.balance
    assert sum(await balances(ledger)) + taken_over == 50
    assert taken_over == 0


async def keep(ledger: Ledger, webhook: str, payment: str = "p-1", **body: Any) -> None:
    """What is kept of a generic webhook, before it is processed."""
    whole = {"id": payment, "amount": "150.00", "currency": "EUR", "paid_at": ARRIVAL.isoformat()} | body
    headers = {"webhook-id": webhook, "webhook-timestamp": str(int(NOW.timestamp()))}
    entries = RAIL.entries(json.dumps(whole).encode(), headers, {})
    arrivals = [Arrival(RAIL.source, each.external_id, each.body) for each in entries]
    await inbox.keep(ledger.engine, Lane.MONEY, arrivals, datetime.now(UTC))


async def drained(ledger: Ledger) -> None:
    processor = Processor(ledger, {RAIL.source: RAIL}, lambda _stated: NOW)
    while await drain_inbox(processor, Lane.MONEY):
        pass


async def outcomes(ledger: Ledger) -> list[str]:
    async with ledger.engine.connect() as connection:
        told = select(inbox_table.c.outcome).order_by(inbox_table.c.id)
        return list((await connection.execute(told)).scalars())


async def test_the_generic_webhook_names_several_invoices_or_the_customer(ledger: Ledger) -> None:
    await keep(ledger, "w-1", invoices=["A-0002", "A-0003"], amount="120.00")
    await keep(ledger, "w-2", invoices=["A-0002", "A-0003"], amount="120.00")
    await drained(ledger)
    await keep(ledger, "w-3", "p-2", customer="C-1", amount="50.00")
    await drained(ledger)
    *twice, other = await outcomes(ledger)  # the first two are worked off side by side
    assert (sorted(twice), other) == (["known", "recorded"], "recorded")
    assert await balances(ledger) == [50, 0, 80]


async def test_the_generic_webhook_says_what_is_for_which_invoice_and_the_rest_goes_to_the_oldest(
    ledger: Ledger,
) -> None:
    shares = [{"invoice": "A-0003", "amount": "70.00"}, {"invoice": "A-0002", "amount": "20.00"}]
    await keep(ledger, "w-1", shares=shares, amount="100.00")
    await keep(ledger, "w-2", "p-2", shares=[shares[0] | {"invoice": "A-0404"}, shares[1]], amount="90.00")
    await drained(ledger)
    assert sorted(await outcomes(ledger)) == ["recorded", "unmatched"]
    assert await balances(ledger) == [100, 70, 30]
    (waits,) = await unmatched.list_unmatched(ledger.engine)
    assert [(each.invoice, each.amount) for each in waits.meant] == [
        ("A-0404", Decimal("70.00")),
        ("A-0002", Decimal("20.00")),
    ]


async def crash_after_taking(ledger: Ledger) -> None:
    """The payment is stored, and the process dies before the inbox learns of it."""
    async with inbox.claim(ledger.engine, Lane.MONEY, 1, datetime.now(UTC)) as batch:
        for each in await RAIL.read(batch.rows[0].body):
            assert await take(ledger, each, RAIL.source, NOW) == "recorded"
        raise asyncio.CancelledError


async def test_a_crash_after_the_shares_are_stored_counts_them_once(ledger: Ledger) -> None:
    await keep(ledger, "w-1", customer="C-1")
    with pytest.raises(asyncio.CancelledError):
        await crash_after_taking(ledger)
    await drained(ledger)
    assert await outcomes(ledger) == ["known"]
    assert await balances(ledger) == [0, 50, 100]
    await agrees(ledger)
