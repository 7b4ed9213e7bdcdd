"""Signals about a customer, or several of their invoices, through the ledger: each does what its command does, once."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from sqlalchemy import select

from cadence import events as e
from cadence.directive import SignalNote
from ledger.access import Ledger
from ledger.checks import check_invariants
from ledger.publishing import publish
from ledger.queries import show_invoice
from ledger.recording import Fact, record
from ledger.tables import outbox
from tests.integration.ledger.playing import ARRIVAL, FILE, row, ruler, take_in
from tests.integration.ledger.test_signals_in_turn import signalled

NUMBERS = ("A-1", "A-2")
HUNDRED = Decimal(100)
LATER = datetime(2026, 5, 9, 12, tzinfo=UTC)


@pytest.fixture
async def ids(ledger: Ledger) -> list[int]:
    """Two invoices of one customer over 100 each, due one day after the other."""
    rows = [row(number, amount=HUNDRED, due_on=date(2026, 3, 10 + n)) for n, number in enumerate(NUMBERS)]
    return await take_in(ledger, *rows)


def note(name: str, told: str = "t-1", **fields: str) -> SignalNote:
    return SignalNote(name=name, id=told, at=ARRIVAL, fields=fields)


def paid(amount: str, told: str = "bank-1", **shares: str) -> SignalNote:
    return note("customer_payment_received", told, amount=amount, currency="EUR", **shares)


async def stand(ledger: Ledger) -> list[tuple[str, Decimal]]:
    lines = [(await show_invoice(ledger.engine, number)).invoice for number in NUMBERS]
    return [(line.state, line.balance) for line in lines]


async def story(ledger: Ledger, number: str = "A-1") -> list[str]:
    """What was told of an invoice and its customer, without the beginning."""
    told = [each.type for each in (await show_invoice(ledger.engine, number)).events]
    return [each for each in told if not each.endswith("_received") or each == "payment_received"]


async def cases(ledger: Ledger, number: str = "A-1") -> list[str]:
    return [case.reason for case in (await show_invoice(ledger.engine, number)).cases]


async def assert_sound(ledger: Ledger) -> None:
    for check in await check_invariants(ledger.engine, ledger.book, ARRIVAL):
        assert check.ok, check


async def test_a_payment_pays_what_is_oldest_though_a_younger_invoice_was_signalled(
    ledger: Ledger, ids: list[int]
) -> None:
    for _ in range(2):
        answer = await signalled(ledger, ids[1], paid("150"))
        assert (answer.invoice_id, answer.state) == (ids[1], "scheduled")
    assert await stand(ledger) == [("paid", Decimal(0)), ("scheduled", Decimal(50))]
    async with ledger.engine.connect() as connection:
        words = (await connection.execute(select(outbox.c.invoice_id))).scalars().all()
    assert ids[0] in words  # its workflow hears from the relay that it is closed
    await assert_sound(ledger)


async def test_a_payment_may_name_shares_by_our_ids(ledger: Ledger, ids: list[int]) -> None:
    await signalled(ledger, ids[0], paid("50", shares=f"{ids[1]}=30.50"))
    assert await stand(ledger) == [("scheduled", Decimal("80.50")), ("scheduled", Decimal("69.50"))]


async def test_a_payment_is_taken_back_once_from_both(ledger: Ledger, ids: list[int]) -> None:
    back = note("customer_payment_reversed", "back-1", payment="bank-1")
    for _ in range(2):
        await signalled(ledger, ids[0], paid("200"), back)
    assert await stand(ledger) == [("scheduled", HUNDRED), ("scheduled", HUNDRED)]
    await assert_sound(ledger)


async def test_a_payment_that_cannot_be_shared_out_goes_to_a_person_once(
    ledger: Ledger, ids: list[int]
) -> None:
    fitting = {"amount": "50", "currency": "EUR"}
    strange: list[dict[str, str]] = [
        {"unidentified": "1"},
        *({"amount": amount} for amount in ("", "much", "NaN", "-5", "1e9999", "1.001")),
        *({"currency": currency} for currency in ("XXX", "USD", "a\0b")),
        *({"shares": shares} for shares in (f"{max(ids) + 9}=1", "9" * 20 + "=1", "A-1=1", f"{ids[0]}=NaN")),
        {"shares": f"{ids[0]}=1 {ids[0]}=1"},
    ]
    notes = [
        note("customer_payment_received", f"p-{number}", **fitting | fields)
        for number, fields in enumerate(strange)
    ]
    for _ in range(2):
        await signalled(ledger, ids[0], *notes)
    assert await stand(ledger) == [("on_hold", HUNDRED), ("scheduled", HUNDRED)]
    assert await story(ledger) == ["payment_unidentified"] * len(strange)


async def test_another_sum_under_a_known_id_goes_to_a_person_and_changes_no_balance(
    ledger: Ledger, ids: list[int]
) -> None:
    for _ in range(2):
        await signalled(ledger, ids[1], paid("150"), paid("160"))
    assert [balance for _, balance in await stand(ledger)] == [0, 50]
    assert await cases(ledger, "A-2") == ["payment_unidentified"]


async def test_a_reversal_that_cannot_be_goes_to_a_person(ledger: Ledger, ids: list[int]) -> None:
    strange: list[dict[str, str]] = [
        {},
        {"payment": "bank-2"},
        {"payment": "bank-1", "amount": "151"},
        {"payment": "bank-1", "amount": "x"},
        {"payment": "bank-1", "unidentified": "1"},
    ]
    notes = [
        note("customer_payment_reversed", f"back-{number}", **fields) for number, fields in enumerate(strange)
    ]
    for _ in range(2):
        await signalled(ledger, ids[1], paid("150"), *notes)
    assert [balance for _, balance in await stand(ledger)] == [0, 50]
    assert (await story(ledger, "A-2")).count("payment_unidentified") == len(strange)


async def test_credit_pays_the_signalled_invoice_once(ledger: Ledger, ids: list[int]) -> None:
    over = e.PaymentReceived(amount=Decimal(130), currency="EUR")
    await record(ledger, ids[0], [Fact(over, ARRIVAL, FILE)], ARRIVAL)
    for _ in range(2):
        await signalled(
            ledger, ids[1], note("use_credit", "u-1", amount="20"), note("use_credit", "u-2", amount="-1")
        )
    assert await stand(ledger) == [("paid", Decimal(-10)), ("scheduled", Decimal(80))]
    assert (await story(ledger, "A-2")).count("signal_ignored") == 1
    await assert_sound(ledger)


async def test_a_customer_is_paused_by_one_invoice_and_resumed_by_another(
    ledger: Ledger, ids: list[int]
) -> None:
    for invoice in ids:  # one ticket, told to each
        await signalled(ledger, invoice, note("pause_customer", "ticket-1", reason="illness"))
    assert [state for state, _ in await stand(ledger)] == ["on_hold", "on_hold"]
    assert (await story(ledger)).count("hold_placed") == 1
    await signalled(ledger, ids[0], note("pause", "ticket-1"))
    for _ in range(2):
        await signalled(ledger, ids[1], note("resume_customer", "ticket-2"))
    # What was said of one invoice alone is not what was said of its customer.
    assert [state for state, _ in await stand(ledger)] == ["on_hold", "scheduled"]
    await assert_sound(ledger)


async def test_a_resumption_told_again_does_not_end_a_later_pause(ledger: Ledger, ids: list[int]) -> None:
    pause, again, resume = (
        note("pause_customer", "p-1"),
        note("pause_customer", "p-2", until="2026-04-01"),
        note("resume_customer", "r-1"),
    )
    await signalled(ledger, ids[0], pause, resume, again, resume, note("pause_customer", "p-3", until="soon"))
    assert [state for state, _ in await stand(ledger)] == ["on_hold", "on_hold"]


async def test_late_charges_are_claimed_by_the_regime_and_given_up(ledger: Ledger) -> None:
    await publish(ledger.engine, ruler(debtors="consumer"), ARRIVAL)
    (invoice,) = await take_in(ledger, row("A-1", currency="BRL", amount=Decimal(300)))

    async def told(*notes: SignalNote) -> Decimal:
        late = [each.model_copy(update={"at": LATER}) for each in notes]
        await signalled(ledger, invoice, *late, at=LATER)
        return (await show_invoice(ledger.engine, "A-1")).invoice.balance

    assert await told(note("claim_late_charges", "c-1", until="2026-04-09", only="interest")) == 303
    assert await told(note("claim_late_charges", "c-2")) == 312
    assert await told(note("claim_late_charges", "c-2"), note("claim_late_charges", "c-3")) == 312
    assert await told(note("claim_late_charges", "c-4", until="2027-01-01")) == 312
    assert await told(note("late_charges_waived", "w-1")) == 300
    assert (await story(ledger)).count("signal_ignored") == 2


async def test_a_segment_given_by_hand_moves_every_open_invoice_until_it_is_cleared(
    ledger: Ledger, ids: list[int]
) -> None:
    await publish(ledger.engine, ruler(name="key", segments=["key"]), ARRIVAL)
    await signalled(
        ledger, ids[0], note("assign_segment", "s-1", segment="key", reason="account", effect="now")
    )
    assert (await show_invoice(ledger.engine, "A-2")).invoice.cadence == "key"
    await signalled(ledger, ids[1], note("clear_segment", "s-2", effect="now"))
    for strange in ("nobody", "Key", "a\0b", ""):
        await signalled(ledger, ids[1], note("assign_segment", f"s-{strange!r}", segment=strange))
    assert (await show_invoice(ledger.engine, "A-1")).invoice.cadence == "short"
    assert (await story(ledger, "A-2")).count("segment_assigned") == 2
    await assert_sound(ledger)


async def test_a_customer_is_merged_into_another_by_our_id_once(ledger: Ledger, ids: list[int]) -> None:
    (other,) = await take_in(ledger, row("B-1", "C-2", phone="+351900000456"))
    stays = await ledger.owner(other)
    for _ in range(2):
        await signalled(ledger, ids[0], note("merge_customer", "m-1", into=str(stays), reason="duplicate"))
    assert {await ledger.owner(each) for each in ids} == {stays}
    assert await ledger.customer_key(await ledger.customer_id("C-1")) == "C-2"
    for strange in ("", "C-2", "0", "٣", "9" * 30):
        await signalled(ledger, ids[0], note("merge_customer", f"m-{strange}", into=strange))
    told = await story(ledger)
    assert (told.count("invoice_moved"), told.count("signal_ignored")) == (1, 5)
    await assert_sound(ledger)


async def test_an_invoice_goes_on_by_the_newest_version_of_its_cadence(
    ledger: Ledger, ids: list[int]
) -> None:
    await publish(ledger.engine, ruler(title="Another title"), ARRIVAL)
    for _ in range(2):
        await signalled(ledger, ids[0], note("migrate", "v-1"))
    assert (await story(ledger), await story(ledger, "A-2")) == (["cadence_changed"], [])


async def test_signals_of_both_kinds_are_recorded_in_the_order_in_which_they_came(
    ledger: Ledger, ids: list[int]
) -> None:
    await signalled(
        ledger,
        ids[0],
        note("dispute_opened", "d-1"),
        paid("100"),
        note("payment_reversed", "r-1", amount="100", currency="EUR"),
        paid("40", "bank-2"),
    )
    assert await stand(ledger) == [("scheduled", Decimal(60)), ("scheduled", HUNDRED)]
