"""Each signal, recorded as the command line does and sent directly with Temporal's own client: one effect, one time."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

import pytest

from cadence import events as e
from tests.integration.house.house import House
from tests.integration.house.invoices import Debtor, bring, noon_date
from tests.integration.house.seeing import eventually

PROMISED_BY = noon_date() + timedelta(days=9)


@dataclass(frozen=True)
class Telling:
    """One signal: what the command line records, what Temporal's client sends, and where the invoice stands then."""

    name: str
    event: e.InvoiceEvent
    sent: dict[str, str]
    state: str
    case: str | None = None


TELLINGS = (
    Telling(
        "payment_received",
        e.PaymentReceived(amount=Decimal("120.50"), currency="EUR"),
        {"id": "t1", "amount": "120.50", "currency": "EUR"},
        "paid",
    ),
    Telling(
        "dispute_opened",
        e.DisputeOpened(reason="wrong_amount"),
        {"id": "t2", "reason": "wrong_amount"},
        "disputed",
        "dispute",
    ),
    Telling(
        "due_date_extended",
        e.DueDateExtended(due_on=PROMISED_BY, on=noon_date()),
        {"id": "t7", "due_on": PROMISED_BY.isoformat()},
        "scheduled",
    ),
    Telling(
        "promise_made",
        e.PromiseMade(amount=Decimal(120), by=PROMISED_BY),
        {"id": "t3", "amount": "120", "by": PROMISED_BY.isoformat()},
        "promised",
    ),
    Telling(
        "credit_note_issued",
        e.CreditNoteIssued(amount=Decimal("120.50"), currency="EUR"),
        {"id": "t9", "amount": "120.50"},
        "credited",
    ),
    Telling(
        "plan_agreed",
        e.PlanAgreed(instalments=(e.AgreedInstalment(due_on=PROMISED_BY, amount=Decimal("120.50")),)),
        {"id": "t7", "instalments": f"{PROMISED_BY.isoformat()}=120.50"},
        "on_plan",
    ),
    Telling("pause", e.HoldPlaced(hold="h1"), {"id": "t4"}, "on_hold", "hold_without_end"),
    # The stage's first message is due at once.
    Telling("escalate", e.Escalated(stage="final"), {"id": "t5", "stage": "final"}, "active", "escalated"),
    Telling("cancel", e.Cancelled(reason="mistake"), {"id": "t6", "reason": "mistake"}, "cancelled"),
)
Tell = Callable[[House, Debtor, Telling], Awaitable[None]]


async def _by_command(house: House, debtor: Debtor, telling: Telling) -> None:
    await house.record(debtor, telling.event)


async def _directly(house: House, debtor: Debtor, telling: Telling) -> None:
    for _ in range(2):  # the second time it changes nothing: the id says that it is the same
        await house.signal(debtor, telling.name, id=f"{debtor.number}-{telling.sent['id']}", **_rest(telling))


def _rest(telling: Telling) -> dict[str, str]:
    return {name: value for name, value in telling.sent.items() if name != "id"}


async def _not_yet_due(house: House) -> Debtor:
    debtor = await bring(house.ledger, due_on=noon_date() + timedelta(days=6))
    await house.until_running(debtor)
    return debtor


@pytest.mark.parametrize("tell", [_by_command, _directly], ids=["by_command", "directly"])
async def test_each_signal_does_what_it_says_once(house: House, tell: Tell) -> None:
    debtors = await asyncio.gather(*(_not_yet_due(house) for _ in TELLINGS))
    await asyncio.gather(*(tell(house, *each) for each in zip(debtors, TELLINGS, strict=True)))
    for debtor, telling in zip(debtors, TELLINGS, strict=True):
        await house.until_state(debtor, telling.state, telling.event.type)
        assert (await house.story(debtor)).count(telling.event.type) == 1
        assert await house.cases(debtor) == ([telling.case] if telling.case else [])
        assert await house.accepted(debtor) == (["email"] if telling.name == "escalate" else [])
        if telling.state in ("paid", "credited", "cancelled"):
            await house.until_closed(debtor, telling.state)
        else:
            await house.until_heard(debtor)


@pytest.mark.parametrize("tell", [_by_command, _directly], ids=["by_command", "directly"])
async def test_a_pause_and_a_dispute_end_and_the_reminder_goes_out(house: House, tell: Tell) -> None:
    paused = await bring(house.ledger, due_on=noon_date() + timedelta(days=1))
    disputed = await bring(house.ledger, due_on=noon_date() + timedelta(days=1))
    named = {telling.name: telling for telling in TELLINGS}
    for debtor, telling in ((paused, named["pause"]), (disputed, named["dispute_opened"])):
        await house.until_running(debtor)
        await tell(house, debtor, telling)
        await house.until_state(debtor, telling.state, telling.event.type)
    sales = Telling(
        "dispute_assigned", e.DisputeAssigned(owner="sales"), {"id": "t9", "owner": "sales"}, "disputed"
    )
    await tell(house, disputed, sales)
    await house.until_state(disputed, "disputed", "dispute_assigned")
    resume = Telling("resume", e.HoldEnded(), {"id": "t7"}, "scheduled")
    resolve = Telling(
        "dispute_resolved",
        e.DisputeResolved(outcome="rejected"),
        {"id": "t8", "outcome": "rejected"},
        "scheduled",
    )
    for debtor, telling in ((paused, resume), (disputed, resolve)):
        await tell(house, debtor, telling)
        await house.until_state(debtor, "scheduled", telling.event.type)
        await house.until_heard(debtor)
        await house.skip_to_next(debtor)
        await house.until_accepted(debtor, 1)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"amount": "120.50", "currency": "EUR"},
        {"id": "x", "currency": "EUR"},
        {"id": "y", "amount": "-3"},
    ],
)
async def test_a_direct_payment_that_cannot_be_understood_holds_the_invoice_and_opens_a_case(
    house: House, given: dict[str, str]
) -> None:
    debtor = await _not_yet_due(house)
    await house.signal(debtor, "payment_received", **given)
    await house.until_state(debtor, "on_hold", "payment_unidentified")
    assert await house.cases(debtor) == ["payment_unidentified"]


async def test_a_payment_told_by_webhook_and_signal_under_one_id_counts_once(house: House) -> None:
    debtor = await _not_yet_due(house)
    await house.pay(debtor, "20.50", external_id=f"{debtor.number}-bank-1")
    await house.signal(
        debtor, "payment_received", id=f"{debtor.number}-bank-1", amount="20.50", currency="EUR"
    )
    await house.signal(debtor, "payment_received", id=f"{debtor.number}-bank-2", amount="30", currency="EUR")

    async def both() -> bool:
        return (await house.facts(debtor)).balance == Decimal("70.00")

    await eventually(both, "two payments")


async def test_a_signal_that_makes_no_sense_to_the_ledger_holds_nothing_up(house: House) -> None:
    debtor = await _not_yet_due(house)
    await house.signal(debtor, "promise_made", id="n1", amount="much", by="soon")
    await house.signal(debtor, "escalate", id="n2", stage="no-such-stage")
    await house.signal(debtor, "pause", id="n3", until="whenever")
    await house.signal(debtor, "promise_made", id="n4", amount="NaN", by="2026-01-01")
    await house.signal(debtor, "promise_made", id="n5", amount="10", by="0000-00-00")
    await house.signal(debtor, "pause", id="n6", until="9999-12-31")
    await house.signal(debtor, "payment_received", id=f"{debtor.number}-p", amount="120.50", currency="EUR")
    await house.until_closed(debtor)


async def test_what_concerns_a_customer_is_told_to_one_invoice_and_obeyed_by_all(house: House) -> None:
    first = await _not_yet_due(house)
    second = await bring(
        house.ledger, customer=first.customer, email=first.email, due_on=noon_date() + timedelta(days=7)
    )
    await house.until_running(second)
    for name, state, event in (
        ("pause_customer", "on_hold", "hold_placed"),
        ("resume_customer", "scheduled", "hold_ended"),
    ):
        await house.signal(second, name, id="ticket-18")
        for debtor in (first, second):
            await house.until_state(debtor, state, event)
            await house.until_heard(debtor)
    await house.signal(second, "suppress", id="ticket-19", channel="sms")
    await house.until_suppressed(first, "sms")
    both = {"id": f"{first.number}-bank", "amount": "241.00", "currency": "EUR"}
    await house.signal(first, "customer_payment_received", **both)
    for debtor in (first, second):
        await house.until_closed(debtor)


async def test_one_ticket_number_can_pause_two_invoices_and_resume_them(house: House) -> None:
    debtors = [await _not_yet_due(house) for _ in range(2)]
    for name, state, event in (("pause", "on_hold", "hold_placed"), ("resume", "scheduled", "hold_ended")):
        for debtor in debtors:
            await house.signal(debtor, name, id="ticket-17")
        for debtor in debtors:
            await house.until_state(debtor, state, event)
