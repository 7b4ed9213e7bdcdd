"""The unmatched queue: whom money may be meant for, and that two agents never settle the same."""

import asyncio
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from ledger import settling, unmatched
from ledger.access import Ledger
from ledger.candidates import Candidate
from ledger.database import LedgerError
from ledger.movements import Movement, record_on
from ledger.queries import show_invoice
from ledger.references import Reference
from ledger.unmatched import UnmatchedLine
from tests.integration.ledger.playing import ARRIVAL, row, take_in

MONEY = Movement("pix", "payment", "E1", Decimal("120.50"), "EUR", ARRIVAL, "pix", (), None, None)


async def kept(ledger: Ledger, **changes: Any) -> int:
    """Put money into the queue; its id there."""
    async with ledger.engine.begin() as connection:
        assert await unmatched.keep(connection, replace(MONEY, **changes), "no_reference", ARRIVAL)
    return (await unmatched.list_unmatched(ledger.engine))[-1].id


async def candidates(ledger: Ledger, **changes: Any) -> tuple[Candidate, ...]:
    return (await unmatched.show_unmatched(ledger, await kept(ledger, **changes))).candidates


def texts(*values: str) -> tuple[Reference, ...]:
    return tuple(Reference("text", value) for value in values)


async def test_candidates_are_ranked_by_reference_then_amount_then_name(ledger: Ledger) -> None:
    await take_in(
        ledger,
        row("2026-0117", "C-1", amount=Decimal(80), customer_name="Oficina Imaginária"),
        row("2026-0991", "C-2", customer_name="Escola Suposta"),
        row("77-A", "C-3", amount=Decimal(70), customer_name="Padaria São João, Lda."),
        row("78-B", "C-4", amount=Decimal(70), customer_name="Clínica Hipotética"),
    )
    found = await candidates(ledger, references=texts("fatura 2026 0117"), payer="SAO JOAO PADARIA LDA")
    assert [(each.invoice, [(why.by, why.what) for why in each.why]) for each in found] == [
        ("2026-0117", [("reference", "number")]),
        ("2026-0991", [("amount", "equals_balance")]),
        ("77-A", [("name", "payer")]),
    ]
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)


async def test_open_invoices_come_first_and_those_in_the_moneys_currency(ledger: Ledger) -> None:
    same = {"customer": "C-1", "customer_name": "Padaria Inventada"}
    await take_in(
        ledger, row("A", **same, amount=Decimal("0.10")), row("B", **same, currency="USD"), row("C", **same)
    )
    found = await candidates(ledger, payer="padaria inventada")
    # An invoice below the tolerance is closed on arrival of its first payment only; this one is by now.
    assert [each.invoice for each in found] == ["C", "A", "B"]
    assert [each.same_currency for each in found] == [True, True, False]


async def test_amounts_agree_with_the_balance_the_amount_or_nearly(ledger: Ledger) -> None:
    invoices = await take_in(
        ledger, row("FULL"), row("NEAR", amount=Decimal("121.00")), row("OTHER", amount=Decimal(9))
    )
    assert invoices
    found = await candidates(ledger)
    assert [(each.invoice, each.why[0].what) for each in found] == [
        ("FULL", "equals_balance"),
        ("NEAR", "near_balance"),
    ]


async def test_at_most_ten_candidates_are_shown_however_many_there_are(ledger: Ledger) -> None:
    await take_in(ledger, *(row(f"INV-{n:02d}", customer_name="Padaria 100% Inventada") for n in range(14)))
    found = await candidates(ledger, references=texts("INV 2026%_"), payer="100% padaria_")
    assert len(found) == 10


async def test_an_invoice_that_was_named_among_others_is_a_candidate(ledger: Ledger) -> None:
    await take_in(ledger, row("INV-1", pix_txid="abc123"), row("INV-2", amount=Decimal(5)))
    named = (Reference("pix_txid", "abc123"), Reference("invoice", "INV-2"))
    found = await candidates(ledger, references=named)
    assert [(each.invoice, each.why[0].degree) for each in found] == [("INV-1", 100), ("INV-2", 100)]
    assert found[0].why[0].what == "pix_txid"


async def test_settling_records_the_payment_under_its_own_id_by_the_agent(ledger: Ledger) -> None:
    await take_in(ledger, row())
    money = await kept(ledger)
    line = await settling.settle(ledger, money, "INV-1", "ana", ARRIVAL)
    assert (line.status, line.invoice, line.settled_by) == ("settled", "INV-1", "ana")
    story = await show_invoice(ledger.engine, "INV-1")
    assert (story.invoice.state, str(story.paid)) == ("paid", "120.50")
    event = story.events[-1]
    assert (event.source, event.external_id, event.actor) == ("payment", "E1", "ana")
    assert event.payload["amount"] == "120.50"

    assert await settling.settle(ledger, money, "INV-1", "rui", ARRIVAL) == line
    assert (await show_invoice(ledger.engine, "INV-1")).paid == story.paid
    assert await unmatched.list_unmatched(ledger.engine) == []
    assert (await unmatched.show_unmatched(ledger, money)).candidates == ()


async def test_settled_over_a_customer_it_is_shared_out_once_and_its_reversal_follows(ledger: Ledger) -> None:
    numbers = ("A-1", "A-2")
    await take_in(ledger, *(row(number, amount=Decimal(100)) for number in numbers))
    money = await kept(ledger)
    await kept(ledger, id="R1", kind="reversal", of="E1", amount=Decimal("10.00"))
    settled = [
        await settling.settle_over_customer(ledger, money, "C-1", name, ARRIVAL) for name in ("ana", "rui")
    ]
    for line in settled:
        assert (line.status, line.invoice, line.customer, line.settled_by) == ("settled", None, "C-1", "ana")
        assert [(share.invoice, share.amount) for share in line.shares] == [
            ("A-1", Decimal(100)),
            ("A-2", Decimal("20.50")),
        ]
    balances = [(await show_invoice(ledger.engine, number)).invoice.balance for number in numbers]
    assert balances == [0, Decimal("89.50")]
    assert await unmatched.list_unmatched(ledger.engine) == []
    with pytest.raises(LedgerError, match="was settled over the invoices of C-1 by 'ana'"):
        await settling.settle(ledger, money, "A-1", "ana", ARRIVAL)


async def test_money_that_does_not_fit_a_customer_is_not_shared_out(ledger: Ledger) -> None:
    await take_in(ledger, row("A-1"), row("B-1", "C-2"))
    strays = {
        "unknown_customer": (await kept(ledger), "C-9"),
        "nothing_owed": (await kept(ledger, id="E2", currency="USD"), "C-1"),
        "not_a_payment_conflict": (await kept(ledger, id="R1", kind="reversal", of="E0"), "C-1"),
        "payment_taken": (await kept(ledger, id="E3"), "C-1"),
    }
    async with ledger.engine.begin() as connection:
        taken = replace(MONEY, id="E3")
        await record_on(ledger, connection, await ledger.invoice_id("B-1"), taken, "ana", ARRIVAL)
    for code, (money, key) in strays.items():
        with pytest.raises(LedgerError) as refused:
            await settling.settle_over_customer(ledger, money, key, "ana", ARRIVAL)
        assert refused.value.code == code
    assert {each.status for each in await unmatched.list_unmatched(ledger.engine)} == {"open"}
    assert (await show_invoice(ledger.engine, "A-1")).paid == 0


async def test_of_agents_who_settle_at_once_on_two_invoices_one_does(ledger: Ledger) -> None:
    await take_in(ledger, row("INV-1"), row("INV-2", "C-2"))
    money = await kept(ledger)
    acts = (
        settling.settle(ledger, money, number, name, ARRIVAL)
        for name, number in (("ana", "INV-1"), ("rui", "INV-2"), ("eva", "INV-1"), ("leo", "INV-2"))
    )
    answers = await asyncio.gather(*acts, return_exceptions=True)

    done = [each for each in answers if isinstance(each, UnmatchedLine)]
    refused = [str(each) for each in answers if isinstance(each, LedgerError)]
    assert (len({each.settled_by for each in done}), len(refused)) == (1, 2)
    assert all(f"was settled on invoice {done[0].invoice} by" in each for each in refused)
    paid = [(await show_invoice(ledger.engine, number)).paid for number in ("INV-1", "INV-2")]
    assert sorted(paid) == [0, Decimal("120.50")]


async def test_what_one_agent_claimed_another_neither_settles_nor_dismisses_nor_releases(
    ledger: Ledger,
) -> None:
    await take_in(ledger, row())
    money = await kept(ledger)
    claimed = await settling.claim(ledger.engine, money, "ana")
    assert await settling.claim(ledger.engine, money, "ana") == claimed
    for act in (
        settling.claim(ledger.engine, money, "rui"),
        settling.settle(ledger, money, "INV-1", "rui", ARRIVAL),
        settling.dismiss(ledger.engine, money, "rui", "not ours", ARRIVAL),
        settling.release(ledger.engine, money, "rui"),
    ):
        with pytest.raises(LedgerError, match="is claimed by 'ana'"):
            await act
    assert (await settling.release(ledger.engine, money, "rui", of_anybody=True)).status == "open"
    with pytest.raises(LedgerError, match="nobody has claimed it"):
        await settling.release(ledger.engine, money, "ana")
    assert (await settling.settle(ledger, money, "INV-1", "rui", ARRIVAL)).settled_by == "rui"


async def test_what_is_dismissed_leaves_the_queue_with_its_reason(ledger: Ledger) -> None:
    await take_in(ledger, row())
    money = await kept(ledger)
    await settling.dismiss(ledger.engine, money, "ana", "rent, paid to the wrong account", ARRIVAL)
    assert await unmatched.list_unmatched(ledger.engine) == []
    (line,) = await unmatched.list_unmatched(ledger.engine, status="dismissed")
    assert (line.dismissal, line.settled_by) == ("rent, paid to the wrong account", "ana")
    with pytest.raises(LedgerError, match="was dismissed by 'ana'"):
        await settling.settle(ledger, money, "INV-1", "ana", ARRIVAL)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"currency": "USD"}, "this is money in USD, and invoice INV-1 is in EUR"),
        ({"kind": "reversal", "of": "E0"}, "is more than was paid: invoice INV-1 has 0"),
    ],
)
async def test_money_that_does_not_fit_the_invoice_is_not_settled_on_it(
    ledger: Ledger, changes: dict[str, Any], sentence: str
) -> None:
    await take_in(ledger, row())
    money = await kept(ledger, **changes)
    with pytest.raises(LedgerError, match=sentence):
        await settling.settle(ledger, money, "INV-1", "ana", ARRIVAL)
    assert [each.status for each in await unmatched.list_unmatched(ledger.engine)] == ["open"]


async def test_what_does_not_exist_is_refused_with_a_sentence(ledger: Ledger) -> None:
    money = await kept(ledger)
    with pytest.raises(LedgerError, match="no unmatched money 999 is known"):
        await unmatched.show_unmatched(ledger, 999)
    with pytest.raises(LedgerError, match="no invoice 'INV-9' is known"):
        await settling.settle(ledger, money, "INV-9", "ana", ARRIVAL)
    with pytest.raises(LedgerError, match="'done' is no status of unmatched money"):
        await unmatched.list_unmatched(ledger.engine, status="done")


async def test_the_queue_is_listed_in_pages_the_oldest_first(ledger: Ledger) -> None:
    ids = [await kept(ledger, id=f"E{n}", amount=Decimal("5.10")) for n in range(3)]
    first = await unmatched.list_unmatched(ledger.engine, limit=2)
    rest = await unmatched.list_unmatched(ledger.engine, after=first[-1].id)
    assert [each.id for each in [*first, *rest]] == ids
    assert [str(each.amount) for each in first] == ["5.10", "5.10"]
    assert await unmatched.count_waiting(ledger.engine) == (3, ARRIVAL)
