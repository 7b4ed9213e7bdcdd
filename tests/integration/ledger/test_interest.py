"""Late interest from an invoice's log: what is open when, by which regime, and that asking changes nothing."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from cadence import events as e
from cadence.creditor import LateInterest
from cadence.interest import Debt, Movement
from ledger.access import Ledger
from ledger.charging import ChargesRefused
from ledger.database import UnknownInvoice
from ledger.interest import owed_by
from ledger.publishing import publish
from ledger.recording import Fact, record
from ledger.tables import events_table
from ledger.unit import Origin
from starter.interest import interest_on
from tests.integration.engines import engine_on
from tests.integration.ledger.playing import ARRIVAL, CREDITOR, row, ruler, take_in

POLICIES = Path("policies")
PORTUGUESE = CREDITOR.model_copy(
    update={"country": "PT", "zone": "Europe/Lisbon", "interest": LateInterest(business="pt-commercial")}
)
UNTIL = date(2026, 3, 31)
EUR = "EUR"


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    """The ledger of a Portuguese creditor."""
    engine = engine_on(database_url, 2)
    yield Ledger(engine, PORTUGUESE)
    await engine.dispose()


async def bring(ledger: Ledger, debtors: str | None = "business", **changes: Any) -> int:
    await publish(ledger.engine, ruler(debtors=debtors), ARRIVAL)
    return (await take_in(ledger, row(**changes)))[0]


async def tell(ledger: Ledger, invoice_id: int, *told: tuple[e.InvoiceEvent, datetime]) -> None:
    facts = [Fact(event, at, Origin("tester", "command")) for event, at in told]
    await record(ledger, invoice_id, facts, max(at for _, at in told))


def on(day: int, hour: int = 12) -> datetime:
    return datetime(2026, 3, day, hour, tzinfo=UTC)


def paid(amount: str) -> e.PaymentReceived:
    return e.PaymentReceived(amount=Decimal(amount), currency=EUR)


async def test_payments_reversals_and_what_was_credited_move_the_principal(ledger: Ledger) -> None:
    invoice_id = await bring(ledger)
    back = e.PaymentReversed(amount=Decimal("20.50"), currency=EUR)
    await tell(ledger, invoice_id, (paid("20.50"), on(12)), (back, on(14)), (paid("100.00"), on(20)))
    await tell(ledger, invoice_id, (e.DisputeOpened(), on(21)), (e.DisputeResolved(outcome="upheld"), on(22)))
    changes = [("2026-03-01", "120.50"), ("2026-03-12", "-20.50"), ("2026-03-14", "20.50"),
               ("2026-03-20", "-100.00"), ("2026-03-22", "-20.50")]  # fmt: skip
    expected = tuple(Movement(date.fromisoformat(day), Decimal(change)) for day, change in changes)
    assert (await owed_by(ledger, "INV-1")).debt == Debt(EUR, date(2026, 3, 10), expected)


async def test_interest_is_counted_on_what_was_open_on_each_day(ledger: Ledger) -> None:
    invoice_id = await bring(ledger, amount=Decimal(1000))
    await tell(ledger, invoice_id, (paid("400"), on(20)))
    found = await interest_on(ledger, POLICIES, "INV-1", UNTIL)
    assert [(line.days, line.base, str(line.rounded)) for line in found.lines] == [
        (10, Decimal(1000), "2.78"),
        (11, Decimal(600), "1.84"),
    ]
    assert found.total == Decimal("44.62")


async def test_a_payment_belongs_to_the_day_it_is_where_the_creditor_is(ledger: Ledger) -> None:
    # Half past eleven at night in UTC is the next day in Lisbon once summer time has begun.
    invoice_id = await bring(ledger)
    await tell(ledger, invoice_id, (paid("20.50"), datetime(2026, 3, 30, 23, 30, tzinfo=UTC)))
    moved = (await owed_by(ledger, "INV-1")).debt.movements[-1]
    assert moved == Movement(date(2026, 3, 31), Decimal("-20.50"))


async def test_a_closed_invoice_bears_nothing_after_the_day_it_closed(ledger: Ledger) -> None:
    invoice_id = await bring(ledger)
    # The tolerance closes it as paid; the cents that are left are nobody's debt.
    await tell(ledger, invoice_id, (paid("120.20"), on(15)))
    found = await interest_on(ledger, POLICIES, "INV-1", UNTIL)
    assert [(str(line.last_day), line.days) for line in found.lines] == [("2026-03-15", 5)]


async def test_an_invoice_is_late_by_the_due_date_that_it_has_now(ledger: Ledger) -> None:
    invoice_id = await bring(ledger)
    later = e.InvoiceChanged(amount=Decimal("120.50"), due_on=date(2026, 3, 25), on=date(2026, 3, 12))
    await tell(ledger, invoice_id, (later, on(12)))
    found = await interest_on(ledger, POLICIES, "INV-1", UNTIL)
    assert [(str(line.first_day), line.days) for line in found.lines] == [("2026-03-26", 6)]


async def test_asking_adds_nothing_to_the_log_and_nothing_to_the_balance(ledger: Ledger) -> None:
    await bring(ledger)

    async def state() -> tuple[Any, Any]:
        async with ledger.engine.connect() as connection:
            events = (await connection.execute(select(func.count(events_table.c.id)))).scalar_one()
        return events, await ledger.directive(await ledger.invoice_id("INV-1"))

    before = await state()
    assert (await interest_on(ledger, POLICIES, "INV-1", UNTIL)).total > 0
    assert await state() == before


async def refusal(ledger: Ledger, until: date = UNTIL) -> tuple[str, str]:
    with pytest.raises(ChargesRefused) as refused:
        await interest_on(ledger, POLICIES, "INV-1", until)
    return refused.value.code, str(refused.value)


async def test_a_cadence_that_does_not_say_whom_it_is_for_leaves_interest_open(ledger: Ledger) -> None:
    await bring(ledger, debtors=None)
    code, text = await refusal(ledger)
    assert code == "debtor_not_said"
    assert "debtors: business" in text


async def test_a_consumer_gets_no_regime_that_the_creditor_did_not_name(ledger: Ledger) -> None:
    await bring(ledger, debtors="consumer")
    assert (await refusal(ledger))[0] == "no_regime"


async def test_a_regime_of_businesses_that_is_named_against_consumers_is_refused(ledger: Ledger) -> None:
    wrong = PORTUGUESE.model_copy(update={"interest": LateInterest(consumer="pt-commercial")})
    await bring(ledger, debtors="consumer")
    code, text = await refusal(Ledger(ledger.engine, wrong))
    assert (code, text) == (
        "not_for_this_debtor",
        "pt-commercial is for a business as debtor, never for a consumer",
    )


async def test_a_regime_of_another_country_is_refused(ledger: Ledger) -> None:
    await bring(ledger)
    code, text = await refusal(Ledger(ledger.engine, PORTUGUESE.model_copy(update={"country": "ES"})))
    assert code == "regime_of_another_country"
    assert "creditors in PT, and this one is in ES" in text


async def test_a_day_without_a_rate_is_refused(ledger: Ledger) -> None:
    await bring(ledger)
    assert await refusal(ledger, date(2026, 7, 1)) == (
        "no_figure",
        "no rate is known for pt-commercial from 2026-07-01; add it to policies/interest/pt-commercial.yaml",
    )


async def test_an_invoice_that_is_not_known_is_refused(ledger: Ledger) -> None:
    with pytest.raises(UnknownInvoice):
        await interest_on(ledger, POLICIES, "INV-9", UNTIL)
