"""One payment over several invoices, through the ledger: once for its id, and taken back whole."""

import asyncio
from datetime import date
from decimal import Decimal

import pytest

from cadence import events as e
from channels.rails.money import MoneyNote
from ledger.access import Ledger
from ledger.allocating import Allocated, CustomerPayment, pay_customer, reverse_payment
from ledger.checks import check_invariants
from ledger.database import LedgerError
from ledger.queries import show_invoice
from ledger.recording import Fact, record
from ledger.unit import Origin
from starter.money import take
from tests.integration.ledger.playing import ARRIVAL, MINUTE, row, take_in

NUMBERS = ("A-1", "A-2", "A-3")
NOW = ARRIVAL + MINUTE


@pytest.fixture
async def ids(ledger: Ledger) -> list[int]:
    """Three invoices of one customer over 100 each, due one day after the other."""
    rows = [
        row(number, amount=Decimal(100), due_on=date(2026, 3, 10 + n)) for n, number in enumerate(NUMBERS)
    ]
    return await take_in(ledger, *rows)


def told(amount: int | str, payment: str = "bank-1", **named: str) -> CustomerPayment:
    shares = {number.replace("_", "-"): Decimal(share) for number, share in named.items()}
    return CustomerPayment(payment, Decimal(amount), "EUR", ARRIVAL, "transfer", shares)


async def pay(ledger: Ledger, payment: CustomerPayment, *, preview: bool = False) -> Allocated:
    return await pay_customer(
        ledger,
        await ledger.customer_id("C-1"),
        payment,
        Origin("ana", "payment", payment.id),
        NOW,
        preview=preview,
    )


async def back(ledger: Ledger, amount: str | None = None, reversal: str = "back-1") -> Allocated:
    wanted = None if amount is None else Decimal(amount)
    return await reverse_payment(
        ledger,
        await ledger.customer_id("C-1"),
        "bank-1",
        wanted,
        Origin("ana", "reversal", reversal),
        ARRIVAL,
        NOW,
    )


async def balances(ledger: Ledger) -> list[Decimal]:
    return [(await show_invoice(ledger.engine, number)).invoice.balance for number in NUMBERS]


async def reasons(ledger: Ledger, number: str) -> list[str]:
    return [case.reason for case in (await show_invoice(ledger.engine, number)).cases]


async def test_a_payment_goes_to_the_oldest_first_and_counts_once(ledger: Ledger, ids: list[int]) -> None:
    assert (await pay(ledger, told(150), preview=True)).recorded is False
    assert await balances(ledger) == [100, 100, 100]
    answers = [await pay(ledger, told(150)) for _ in range(2)]
    assert [answer.recorded for answer in answers] == [True, False]
    assert [(line.invoice, line.amount) for line in answers[0].shares] == [
        ("A-1", Decimal(100)),
        ("A-2", Decimal(50)),
    ]
    assert answers[0].shares == answers[1].shares
    assert await balances(ledger) == [0, 50, 100]
    for check in await check_invariants(ledger.engine, ledger.book, NOW):
        assert check.ok, check


async def test_told_twice_at_once_it_counts_once(ledger: Ledger, ids: list[int]) -> None:
    both = await asyncio.gather(pay(ledger, told(150)), pay(ledger, told(150)))
    assert sorted(answer.recorded for answer in both) == [False, True]
    assert await balances(ledger) == [0, 50, 100]


async def test_what_is_named_comes_first_and_too_much_is_credit_on_the_last(
    ledger: Ledger, ids: list[int]
) -> None:
    await pay(ledger, told(110, A_3="60"))
    assert await balances(ledger) == [50, 100, 40]
    await pay(ledger, told(200, "bank-2"))
    assert await balances(ledger) == [0, 0, -10]
    assert await reasons(ledger, "A-3") == ["overpaid"]


@pytest.mark.parametrize("amount", [149, 151])
async def test_an_id_that_was_told_with_another_amount_is_refused(
    ledger: Ledger, ids: list[int], amount: int
) -> None:
    await pay(ledger, told(150))
    with pytest.raises(LedgerError) as refused:
        await pay(ledger, told(amount))
    assert refused.value.code == "payment_taken"
    assert await balances(ledger) == [0, 50, 100]


async def test_the_same_payment_told_by_its_bank_is_known_and_another_sum_is_a_case(
    ledger: Ledger, ids: list[int]
) -> None:
    await pay(ledger, told(150))
    for amount, new in (("150", 0), ("100", 1)):
        event = e.PaymentReceived(amount=Decimal(amount), currency="EUR")
        fact = Fact(event, ARRIVAL, Origin("bank", "payment", "bank-1"))
        assert (await record(ledger, ids[1], [fact], NOW)).new == new
    assert await reasons(ledger, "A-2") == ["payment_unidentified"]


async def test_the_whole_payment_is_taken_back_once_and_every_invoice_owes_again(
    ledger: Ledger, ids: list[int]
) -> None:
    await pay(ledger, told(250))
    assert [(await back(ledger)).recorded for _ in range(2)] == [True, False]
    assert await balances(ledger) == [100, 100, 100]
    with pytest.raises(LedgerError) as refused:
        await back(ledger, reversal="back-2")
    assert refused.value.code == "more_than_paid"


async def test_a_share_finer_than_the_currency_is_refused(ledger: Ledger, ids: list[int]) -> None:
    with pytest.raises(LedgerError) as refused:
        await pay(ledger, told(150, A_2="20.001"))
    assert refused.value.code == "bad_amount"


async def test_what_is_finer_than_the_currency_is_not_taken_back(ledger: Ledger, ids: list[int]) -> None:
    await pay(ledger, told(150))
    with pytest.raises(LedgerError) as refused:
        await back(ledger, "10.001")
    assert refused.value.code == "bad_amount"
    assert await balances(ledger) == [0, 50, 100]


async def test_a_part_that_goes_back_leaves_the_oldest_debt_paid(ledger: Ledger, ids: list[int]) -> None:
    await pay(ledger, told(250))
    await pay(ledger, told(20, "bank-2", A_3="20"))
    await back(ledger, "30")
    await back(ledger, "40", "back-2")
    assert await balances(ledger) == [0, 20, 80]
    with pytest.raises(LedgerError, match="180"):
        await back(ledger, "180.01", "back-3")


async def test_a_bank_takes_the_payment_back_from_all_of_them(ledger: Ledger, ids: list[int]) -> None:
    await pay(ledger, told(250))
    back_all = MoneyNote("reversal", "r-1", Decimal(250), "EUR", ARRIVAL, "", of="bank-1")
    assert [await take(ledger, back_all, "stripe", NOW) for _ in range(2)] == ["recorded", "known"]
    assert await balances(ledger) == [100, 100, 100]
    more = MoneyNote("reversal", "r-2", Decimal(1), "EUR", ARRIVAL, "", of="bank-1")
    await take(ledger, more, "stripe", NOW)
    assert await reasons(ledger, "A-1") == ["payment_unidentified"]


async def test_what_a_plain_reversal_took_from_a_share_is_not_taken_back_again(
    ledger: Ledger, ids: list[int]
) -> None:
    await pay(ledger, told(250))
    plain = Fact(
        e.PaymentReversed(amount=Decimal(70), currency="EUR"), ARRIVAL, Origin("ana", "reversal", "r-1")
    )
    await record(ledger, ids[0], [plain], NOW)
    with pytest.raises(LedgerError, match="180"):
        await back(ledger, "180.01")
    bank = MoneyNote("reversal", "r-2", Decimal("180.01"), "EUR", ARRIVAL, "", of="bank-1")
    await take(ledger, bank, "stripe", NOW)
    assert await reasons(ledger, "A-1") == ["payment_unidentified"]
    answer = await back(ledger)
    assert sum(line.amount for line in answer.shares) == 180
    assert await balances(ledger) == [100, 100, 100]


async def test_a_bank_takes_back_no_more_than_the_payment_it_names(ledger: Ledger, ids: list[int]) -> None:
    await pay(ledger, told(60))
    await pay(ledger, told(40, "bank-2"))
    for reversal in ("r-1", "r-2"):
        back_again = MoneyNote("reversal", reversal, Decimal(40), "EUR", ARRIVAL, "", of="bank-2")
        await take(ledger, back_again, "stripe", NOW)
    assert await balances(ledger) == [40, 100, 100]
    assert await reasons(ledger, "A-1") == ["payment_unidentified"]


async def test_ids_with_slashes_are_not_taken_for_shares(ledger: Ledger, ids: list[int]) -> None:
    await pay(ledger, told(150, "bank-1/2"))
    await pay(ledger, told(60))
    assert await balances(ledger) == [0, 0, 90]
    await back(ledger)
    assert await balances(ledger) == [0, 50, 100]


async def test_a_payment_of_somebody_else_is_not_taken_back(ledger: Ledger, ids: list[int]) -> None:
    await take_in(ledger, row("B-1", "C-2", amount=Decimal(100)))
    await pay_customer(
        ledger, await ledger.customer_id("C-2"), told(50), Origin("ana", "payment", "bank-1"), NOW
    )
    with pytest.raises(LedgerError) as refused:
        await back(ledger)
    assert refused.value.code == "unknown_payment"
    with pytest.raises(LedgerError) as taken:
        await pay(ledger, told(50))
    assert taken.value.code == "payment_taken"
