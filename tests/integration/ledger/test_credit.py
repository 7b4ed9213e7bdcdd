"""Credit through the ledger: it lies where it came, moves to another invoice once, and comes back when its money goes."""

import asyncio
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from cadence import events as e
from ledger.access import Ledger
from ledger.checks import check_invariants
from ledger.crediting import INTO, Used, credit_of, use_credit
from ledger.database import LedgerError, UnknownCustomer
from ledger.publishing import publish
from ledger.queries import show_invoice
from ledger.recording import Fact, record
from ledger.unit import Origin
from tests.integration.ledger.playing import ARRIVAL, row, ruler, take_in

HUNDRED = Decimal(100)


async def invoices(ledger: Ledger, *numbers: str) -> list[int]:
    """Invoices of one customer over 100 each, due one day after the other."""
    rows = [row(number, amount=HUNDRED, due_on=date(2026, 3, 10 + day)) for day, number in enumerate(numbers)]
    return await take_in(ledger, *rows)


async def tell(ledger: Ledger, invoice: int, kind: Any, amount: int | str) -> None:
    event = kind(amount=Decimal(amount), currency="EUR")
    await record(ledger, invoice, [Fact(event, ARRIVAL, Origin("ana", "cli"))], ARRIVAL)


async def use(ledger: Ledger, invoice: int, amount: int | str | None = None, told: str = "u-1") -> Used:
    async with ledger.invoice_unit(invoice, ARRIVAL) as unit:
        wanted = None if amount is None else Decimal(amount)
        return await use_credit(unit, unit.invoice(invoice), wanted, Origin("ana", INTO, told))


async def stand(ledger: Ledger, *numbers: str) -> list[tuple[str, Decimal]]:
    """State and balance of each."""
    lines = [(await show_invoice(ledger.engine, number)).invoice for number in numbers]
    return [(line.state, line.balance) for line in lines]


async def assert_sound(ledger: Ledger) -> None:
    for check in await check_invariants(ledger.engine, ledger.book, ARRIVAL):
        assert check.ok, check


async def test_credit_pays_another_invoice_once(ledger: Ledger) -> None:
    first, second = await invoices(ledger, "A-1", "A-2")
    await tell(ledger, first, e.PaymentReceived, 130)
    assert (await credit_of(ledger.engine, "C-1")).credit == {"EUR": Decimal(30)}
    used = [await use(ledger, second) for _ in range(2)]
    assert [each.recorded for each in used] == [True, False]
    assert used[0] == Used(Decimal(30), ("A-1",), recorded=True)
    assert await stand(ledger, "A-1", "A-2") == [("paid", Decimal(0)), ("scheduled", Decimal(70))]
    assert (await credit_of(ledger.engine, "C-1")).credit == {}
    assert [case.reason for case in (await show_invoice(ledger.engine, "A-1")).cases] == ["overpaid"]
    await assert_sound(ledger)


async def test_two_who_use_the_same_credit_at_once_use_it_once(ledger: Ledger) -> None:
    first, second, third = await invoices(ledger, "A-1", "A-2", "A-3")
    await tell(ledger, first, e.PaymentReceived, 130)
    both = await asyncio.gather(
        use(ledger, second, 30, "u-1"), use(ledger, third, 30, "u-2"), return_exceptions=True
    )
    refused = [each for each in both if isinstance(each, LedgerError)]
    assert [each.code for each in refused] == ["not_enough_credit"]
    assert sum(balance for _, balance in await stand(ledger, "A-1", "A-2", "A-3")) == 170
    await assert_sound(ledger)


async def test_a_reversal_brings_back_what_was_moved_on_and_all_that_followed_from_it(ledger: Ledger) -> None:
    first, second, third = await invoices(ledger, "A-1", "A-2", "A-3")
    await tell(ledger, first, e.PaymentReceived, 150)
    await use(ledger, second, told="u-1")
    await tell(ledger, second, e.PaymentReceived, 90)
    await use(ledger, third, told="u-2")
    assert [balance for _, balance in await stand(ledger, "A-1", "A-2", "A-3")] == [0, 0, 60]
    await tell(ledger, first, e.PaymentReversed, 150)
    assert [balance for _, balance in await stand(ledger, "A-1", "A-2", "A-3")] == [100, 10, 100]
    assert all(state == "scheduled" for state, _ in await stand(ledger, "A-1", "A-2", "A-3"))
    await assert_sound(ledger)


async def test_credit_of_another_customer_or_currency_is_not_touched(ledger: Ledger) -> None:
    mine, others, dollars = await take_in(
        ledger,
        row("A-1", amount=HUNDRED),
        row("B-1", "C-2", amount=HUNDRED),
        row("A-2", amount=HUNDRED, currency="USD"),
    )
    await tell(ledger, others, e.PaymentReceived, 130)
    event = e.PaymentReceived(amount=Decimal(130), currency="USD")
    await record(ledger, dollars, [Fact(event, ARRIVAL, Origin("ana", "cli"))], ARRIVAL)
    with pytest.raises(LedgerError, match="none in EUR"):
        await use(ledger, mine)


async def test_a_condition_sees_the_credit_that_covers_the_invoice(ledger: Ledger) -> None:
    send = {"template": "overdue_first", "channels": ["email"]}
    step = {"id": "courtesy", "at": "due - 4d", "stage": "courtesy", "send": send}
    asking = ruler(steps=[step | {"when": "payer.credit.EUR < balance"}], stages=["courtesy"])
    await publish(ledger.engine, asking, ARRIVAL)
    paid, owed = await invoices(ledger, "A-1", "A-2")
    assert (await show_invoice(ledger.engine, "A-2")).agenda[0].why == "planned"
    await tell(ledger, paid, e.PaymentReceived, 200)
    async with ledger.invoice_unit(owed, ARRIVAL) as unit:
        assert (await unit.payer(unit.invoice(owed))).credit == {"EUR": HUNDRED}
        unit.invoice(owed).causes.append("asked")
    assert (await show_invoice(ledger.engine, "A-2")).agenda[0].why == "condition"


@pytest.mark.parametrize(
    ("amount", "told", "code"),
    [(31, "u-2", "not_enough_credit"), (101, "u-2", "more_than_open"), (29, "u-1", "id_taken")],
)
async def test_credit_that_is_not_there_is_refused(ledger: Ledger, amount: int, told: str, code: str) -> None:
    first, second = await invoices(ledger, "A-1", "A-2")
    await tell(ledger, first, e.PaymentReceived, 160)
    await use(ledger, second, 30, "u-1")
    with pytest.raises(LedgerError) as refused:
        await use(ledger, second, amount, told)
    assert refused.value.code == code
    assert (await stand(ledger, "A-2")) == [("scheduled", Decimal(70))]


@pytest.mark.parametrize("amount", ["-5", "0", "0.001"])
async def test_what_is_no_sum_in_the_currency_moves_no_credit(ledger: Ledger, amount: str) -> None:
    first, second = await invoices(ledger, "A-1", "A-2")
    await tell(ledger, first, e.PaymentReceived, 130)
    with pytest.raises(LedgerError) as refused:
        await use(ledger, second, amount)
    assert refused.value.code == "bad_amount"
    assert await stand(ledger, "A-1", "A-2") == [("paid", Decimal(-30)), ("scheduled", HUNDRED)]


async def test_a_closed_invoice_takes_no_credit_and_a_stranger_has_none(ledger: Ledger) -> None:
    first, second = await invoices(ledger, "A-1", "A-2")
    for invoice in (first, second):
        await tell(ledger, invoice, e.PaymentReceived, 130)
    with pytest.raises(LedgerError) as refused:
        await use(ledger, second)
    assert refused.value.code == "nothing_owed"
    with pytest.raises(UnknownCustomer):
        await credit_of(ledger.engine, "nobody")


async def test_a_refund_lowers_the_credit_and_a_later_reversal_is_owed_whole(ledger: Ledger) -> None:
    (invoice,) = await invoices(ledger, "A-1")
    await tell(ledger, invoice, e.PaymentReceived, 130)
    await tell(ledger, invoice, e.CreditRefunded, 30)
    assert (await credit_of(ledger.engine, "C-1")).invoices == ()
    await tell(ledger, invoice, e.PaymentReversed, 130)
    assert await stand(ledger, "A-1") == [("scheduled", Decimal(130))]
    await assert_sound(ledger)
