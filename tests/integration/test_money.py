"""Money in: what rails tell, in any order and any number of times, and where it ends up."""

import asyncio
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from channels.rails.money import MoneyNote, Reference, ReferenceKind
from ledger import settling, unmatched
from ledger.access import Ledger
from ledger.checks import check_invariants
from ledger.database import LedgerError
from ledger.inbox import Later, Verdict
from ledger.publishing import publish
from ledger.queries import show_invoice
from ledger.references import creditor_reference
from ledger.views import InvoiceStory
from starter.money import take, take_unconfirmed
from tests.integration.engines import engine_on
from tests.integration.ledger.playing import (
    ARRIVAL,
    COURTESY_AT,
    CREDITOR,
    DAY,
    MINUTE,
    row,
    ruler,
    send,
    take_in,
)

NOW = ARRIVAL + MINUTE
TXID = "7978c0c97ea847e78e8849634473c1f1"


@pytest.fixture
async def ledger(database_url: str) -> Any:
    """Two invoices of one customer and one of another; the first has a txid and a reference of the creditor's own."""
    ledger = Ledger(engine_on(database_url, 6), CREDITOR)
    await publish(ledger.engine, ruler(), ARRIVAL)
    known = {"pix_txid": TXID, "payment_reference": "pay_0001"}
    await take_in(ledger, row("INV-1", **known), row("INV-2"), row("2026/0003", "C-2", amount=Decimal(99)))
    yield ledger
    await ledger.engine.dispose()


def note(kind: str = "payment", told: str = "p-1", amount: str = "120.50", **more: Any) -> MoneyNote:
    """What a rail tells; `reference` and `as_kind` make its one reference."""
    value, as_kind = more.pop("reference", None), more.pop("as_kind", "reference")
    fields: dict[str, Any] = {
        "kind": kind, "id": told, "amount": Decimal(amount), "currency": "EUR", "at": ARRIVAL, "method": "transfer",
        "references": (Reference(as_kind, value),) if value is not None else (),
    }  # fmt: skip
    return MoneyNote(**fields | more)


async def told(ledger: Ledger, *notes: MoneyNote, now: datetime = NOW) -> list[Verdict]:
    return [await take(ledger, each, "stripe", now) for each in notes]


async def story(ledger: Ledger, number: str = "INV-1") -> InvoiceStory:
    return await show_invoice(ledger.engine, number)


async def queue(ledger: Ledger) -> list[tuple[str, str]]:
    return [(each.external_id, each.reason) for each in await unmatched.list_unmatched(ledger.engine)]


async def agrees(ledger: Ledger) -> None:
    """The events of every invoice add up to its facts."""
    for check in await check_invariants(ledger.engine, ledger.book, NOW):
        assert check.violations == (), check


async def test_a_payment_closes_the_invoice_that_its_reference_names(ledger: Ledger) -> None:
    assert await told(ledger, note(as_kind="invoice", reference="INV-1")) == ["recorded"]
    found = await story(ledger)
    assert found.invoice.state == "paid"
    event = found.events[-1]
    assert (event.actor, event.source, event.external_id) == ("webhook/stripe", "payment", "p-1")
    assert await queue(ledger) == []
    await agrees(ledger)


async def test_an_invoice_is_found_by_whatever_names_it_exactly(ledger: Ledger) -> None:
    made = creditor_reference(await ledger.invoice_id("INV-1"))
    typed = " ".join(made[at : at + 4] for at in range(0, len(made), 4)).lower()
    message = await send(ledger, await ledger.invoice_id("INV-1"), COURTESY_AT)
    names: list[tuple[ReferenceKind, str]] = [
        ("creditor_reference", made), ("reference", typed), ("text", f"transf {typed} obrigado"),
        ("pix_txid", TXID), ("reference", TXID), ("invoice", "  INV-1 "), ("reference", "INV-1"),
        ("pix_txid", "INV-1"), ("text", "obrigado, fatura INV-1."), ("provider", "pay_0001"),
        ("link", message.reference.lower()), ("reference", message.reference),
    ]  # fmt: skip
    notes = [
        note(told=f"p-{place}", amount="1.00", as_kind=kind, reference=value)
        for place, (kind, value) in enumerate(names)
    ]
    answers = await told(ledger, *notes)
    assert dict(zip(names, answers, strict=True)) == dict.fromkeys(names, "recorded")
    assert (await story(ledger)).paid == len(names)


async def test_the_same_payment_told_twice_at_once_by_two_rails_counts_once(ledger: Ledger) -> None:
    one = note(as_kind="invoice", reference="INV-1", amount="20.00")
    answers = await asyncio.gather(
        *(take(ledger, one, source, NOW) for source in ("pix", "asaas", "pix", "asaas"))
    )
    assert sorted(map(str, answers)) == ["known", "known", "known", "recorded"]
    assert (await story(ledger)).paid == Decimal("20.00")


async def test_money_that_comes_late_belongs_to_its_closed_invoice(ledger: Ledger) -> None:
    await told(ledger, note(as_kind="invoice", reference="INV-1"))
    assert await told(ledger, note(told="p-2", as_kind="invoice", reference="INV-1")) == ["recorded"]
    assert (await story(ledger)).invoice.balance == Decimal("-120.50")


async def test_references_that_name_invoices_of_two_customers_are_ambiguous(ledger: Ledger) -> None:
    both = (Reference("invoice", "INV-1"), Reference("invoice", "2026/0003"))
    text = note(told="p-2", as_kind="text", reference="INV-1 e 2026/0003")
    assert await told(ledger, note(references=both), text) == ["unmatched", "unmatched"]
    assert await queue(ledger) == [("p-1", "ambiguous"), ("p-2", "ambiguous")]


async def test_what_a_payer_writes_beside_an_exact_reference_does_not_undo_it(ledger: Ledger) -> None:
    exact, written = Reference("pix_txid", TXID), Reference("text", "pagamento INV-2 e 2026/0003")
    assert await told(ledger, note(references=(exact, written))) == ["recorded"]
    assert (await story(ledger)).invoice.state == "paid"


async def test_what_names_no_invoice_waits_in_the_queue_once(ledger: Ledger) -> None:
    strays = note(), note(told="p-2", reference="***"), note(told="p-3", reference="INV-9")
    assert await told(ledger, *strays) == ["unmatched"] * 3
    assert await told(ledger, *strays) == ["known"] * 3
    reasons = "no_reference", "no_reference", "unknown_reference"
    assert await queue(ledger) == list(zip(("p-1", "p-2", "p-3"), reasons, strict=True))


async def test_money_told_again_with_a_reference_that_is_known_leaves_the_queue(ledger: Ledger) -> None:
    assert await told(ledger, note(), note(as_kind="invoice", reference="INV-1")) == ["unmatched", "recorded"]
    assert await queue(ledger) == []
    assert (await story(ledger)).invoice.state == "paid"


async def test_money_in_another_currency_holds_the_invoice_for_a_person(ledger: Ledger) -> None:
    for told_id, currency in (("p-1", "USD"), ("p-2", "SEK")):
        foreign = note(told=told_id, currency=currency, as_kind="invoice", reference="INV-1")
        assert await told(ledger, foreign) == ["recorded"]
    back = note("reversal", "r-1", currency="USD", of="p-1")
    assert await told(ledger, back) == ["recorded"]
    found = await story(ledger)
    assert (found.invoice.state, found.paid) == ("on_hold", Decimal("0.00"))
    assert {case.reason for case in found.cases} == {"payment_unidentified"}
    await agrees(ledger)


async def test_a_reversal_in_parts_opens_the_invoice_of_its_payment_again(ledger: Ledger) -> None:
    await told(ledger, note(as_kind="invoice", reference="INV-1"))
    part = note("reversal", "r-1", "20.00", of="p-1", as_kind="invoice", reference="INV-2")
    rest = note("reversal", "r-2", "100.50", of="p-1")
    assert await told(ledger, part, part, rest) == ["recorded", "known", "recorded"]
    found = await story(ledger)
    assert (found.invoice.state, found.paid) == ("scheduled", Decimal("0.00"))
    assert (await story(ledger, "INV-2")).paid == 0
    await agrees(ledger)


async def test_more_back_than_came_goes_to_a_person(ledger: Ledger) -> None:
    await told(ledger, note(amount="20.00", as_kind="invoice", reference="INV-1"))
    assert await told(ledger, note("reversal", "r-1", "20.01", of="p-1")) == ["recorded"]
    found = await story(ledger)
    assert (found.paid, found.invoice.state) == (Decimal("20.00"), "on_hold")


async def test_a_reversal_before_its_payment_comes_back_later(ledger: Ledger) -> None:
    back = note("reversal", "r-1", of="p-1")
    assert await told(ledger, back) == [Later("before_its_payment")]
    assert await queue(ledger) == []
    payment = note(as_kind="invoice", reference="INV-1")
    assert await told(ledger, payment, back) == ["recorded", "recorded"]
    assert (await story(ledger)).paid == 0


async def test_a_reversal_of_a_payment_nobody_told_of_goes_to_a_person_and_follows_its_payment(
    ledger: Ledger,
) -> None:
    back = note("reversal", "r-1", of="p-1")
    late = ARRIVAL + 3 * DAY
    assert await told(ledger, back, back, now=late) == ["unmatched", "known"]
    assert await queue(ledger) == [("r-1", "reversal_of_unknown")]
    assert await told(ledger, note(as_kind="invoice", reference="INV-1"), now=late) == ["recorded"]
    assert await queue(ledger) == []
    assert (await story(ledger)).paid == 0
    await agrees(ledger)


async def test_what_is_about_a_payment_in_the_queue_is_settled_with_it(ledger: Ledger) -> None:
    back, disputed = note("reversal", "r-1", "20.50", of="p-1"), note("dispute", "d-1", of="p-1")
    assert await told(ledger, note(), back, disputed) == ["unmatched"] * 3
    payment, reversal, _ = await unmatched.list_unmatched(ledger.engine)
    with pytest.raises(LedgerError, match="settle that first"):
        await settling.settle(ledger, reversal.id, "INV-1", "ana", NOW)

    await settling.settle(ledger, payment.id, "INV-1", "ana", NOW)

    found = await story(ledger)
    assert (found.paid, found.invoice.state) == (Decimal("100.00"), "disputed")
    assert await queue(ledger) == []
    await agrees(ledger)


async def test_a_dispute_at_the_bank_that_the_creditor_wins_leaves_the_invoice_paid(ledger: Ledger) -> None:
    await told(ledger, note(as_kind="invoice", reference="INV-1"))
    opened = note("dispute", "d-1", of="p-1")
    taken, given = note("reversal", "d-1-out", of="p-1"), note("payment", "d-1-in", of="p-1")
    won = note("dispute_won", "d-1-won", of="p-1")
    assert await told(ledger, opened, taken, won) == ["recorded"] * 3
    assert (await story(ledger)).invoice.state == "scheduled"
    assert await told(ledger, given, given, won) == ["recorded", "known", "known"]
    found = await story(ledger)
    assert (found.invoice.state, found.paid) == ("paid", Decimal("120.50"))
    await agrees(ledger)


async def test_a_dispute_at_the_bank_that_the_creditor_loses_waits_for_a_person(ledger: Ledger) -> None:
    await told(ledger, note(as_kind="invoice", reference="INV-1"))
    lost = note("dispute_lost", "d-1-lost", of="p-1")
    opened, taken = note("dispute", "d-1", of="p-1"), note("reversal", "d-1-out", of="p-1")
    assert await told(ledger, lost) == [Later("before_its_dispute")]
    assert await told(ledger, opened, taken, lost) == ["recorded"] * 3
    found = await story(ledger)
    assert (found.invoice.state, found.invoice.balance) == ("disputed", Decimal("120.50"))
    assert [case.reason for case in found.cases if case.status == "open"] == ["dispute"]
    await agrees(ledger)


async def test_what_the_provider_does_not_confirm_waits_until_it_does(ledger: Ledger) -> None:
    claimed = note(as_kind="invoice", reference="INV-1")
    assert await take_unconfirmed(ledger, claimed, "stripe", NOW) == "unmatched"
    assert await take_unconfirmed(ledger, claimed, "stripe", NOW) == "known"
    assert await queue(ledger) == [("p-1", "not_confirmed")]
    assert (await story(ledger)).invoice.state == "scheduled"

    assert await told(ledger, claimed) == ["recorded"]
    assert await queue(ledger) == []
    assert await take_unconfirmed(ledger, claimed, "stripe", NOW) == "known"


async def test_what_was_dismissed_for_want_of_confirmation_counts_once_it_is_confirmed(
    ledger: Ledger,
) -> None:
    named, nameless = note(as_kind="invoice", reference="INV-1"), note(told="p-2")
    for each in (named, nameless):
        assert await take_unconfirmed(ledger, each, "stripe", NOW) == "unmatched"
    for line in await unmatched.list_unmatched(ledger.engine):
        await settling.dismiss(ledger.engine, line.id, "ana", "nobody knows of it", NOW)
    assert await told(ledger, named, nameless) == ["recorded", "unmatched"]
    assert (await story(ledger)).invoice.state == "paid"
    assert await queue(ledger) == [("p-2", "no_reference")]


async def test_what_was_dismissed_stays_so(ledger: Ledger) -> None:
    await told(ledger, note())
    (line,) = await unmatched.list_unmatched(ledger.engine)
    await settling.dismiss(ledger.engine, line.id, "ana", "rent, paid to the wrong account", NOW)
    assert await told(ledger, note(as_kind="invoice", reference="INV-1")) == ["known"]
    assert (await story(ledger)).paid == 0


async def test_a_payment_that_a_person_typed_is_not_queued_by_its_webhook(ledger: Ledger) -> None:
    await told(ledger, note(as_kind="invoice", reference="INV-1"))
    assert await told(ledger, note()) == ["known"]
    assert await queue(ledger) == []


async def test_however_late_a_settlement_and_a_webhook_of_one_payment_race_it_counts_once(
    ledger: Ledger,
) -> None:
    for turn in range(5):
        stray = note(told=f"p-{turn}", amount="1.00")
        await told(ledger, stray)
        (line,) = await unmatched.list_unmatched(ledger.engine)
        named = note(told=f"p-{turn}", amount="1.00", as_kind="invoice", reference="INV-1")
        await asyncio.gather(
            settling.settle(ledger, line.id, "INV-1", "ana", NOW + timedelta(seconds=1)),
            take(ledger, named, "stripe", NOW),
        )
    assert (await story(ledger)).paid == Decimal("5.00")
    assert await queue(ledger) == []
