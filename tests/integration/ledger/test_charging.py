"""Late charges through the ledger: claimed by the regime, never twice, settled in order, given up."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from cadence import events as e
from ledger.access import Ledger
from ledger.charging import ChargesRefused, Claim
from ledger.checks import check_invariants
from ledger.publishing import publish
from ledger.recording import Fact, record
from ledger.unit import Origin
from starter.charging import charge, preview
from starter.interest import interest_on
from starter.session import Refusal
from starter.standing import Told
from tests.integration.ledger.playing import ARRIVAL, row, ruler, take_in

POLICIES = Path(__file__).parents[3] / "policies"
ANA = Origin("ana", "cli")
# The sample creditor's regime against consumers: 1 % a month, and a fine of 2 % once. Due on 10 March.
NOW = datetime(2026, 5, 9, 12, tzinfo=UTC)
TODAY = date(2026, 5, 9)


@pytest.fixture
async def invoice(ledger: Ledger) -> int:
    """A consumer's invoice over BRL 300."""
    await publish(ledger.engine, ruler(debtors="consumer"), ARRIVAL)
    (found,) = await take_in(ledger, row("C-1", currency="BRL", amount=Decimal(300)))
    return found


async def claim(ledger: Ledger, until: date = TODAY, *, interest: bool = True, costs: bool = True) -> Told:
    return await charge(ledger, POLICIES, "C-1", Claim(until, interest, costs), ANA, NOW)


async def pay(ledger: Ledger, invoice: int, amount: str, at: datetime = NOW) -> None:
    event = e.PaymentReceived(amount=Decimal(amount), currency="BRL")
    await record(ledger, invoice, [Fact(event, at, ANA)], NOW)


async def test_what_the_regime_allows_is_owed_with_the_invoice(ledger: Ledger, invoice: int) -> None:
    shown = await preview(ledger, POLICIES, "C-1", Claim(date(2026, 4, 9)))
    assert (shown.interest, shown.costs) == (Decimal("3.00"), Decimal("6.00"))
    facts = (await claim(ledger, date(2026, 4, 9))).stands.facts
    assert (facts.balance, facts.charges.until) == (Decimal("309.00"), date(2026, 4, 9))
    for check in await check_invariants(ledger.engine, ledger.book, ARRIVAL):
        assert check.ok, check


async def test_no_day_and_no_fine_is_claimed_twice(ledger: Ledger, invoice: int) -> None:
    await claim(ledger, date(2026, 4, 9))
    facts = (await claim(ledger)).stands.facts
    assert (facts.charges.interest, facts.charges.costs) == (Decimal("6.00"), Decimal("6.00"))
    for until in (TODAY, date(2026, 4, 9)):
        with pytest.raises(ChargesRefused) as refused:
            await claim(ledger, until)
        assert refused.value.code == "nothing_to_claim"


async def test_interest_and_costs_are_claimed_apart(ledger: Ledger, invoice: int) -> None:
    assert (await claim(ledger, interest=False)).stands.facts.balance == Decimal("306.00")
    assert (await claim(ledger, costs=False)).stands.facts.balance == Decimal("312.00")


async def test_interest_runs_on_the_open_principal_and_never_on_charges(ledger: Ledger, invoice: int) -> None:
    await claim(ledger, date(2026, 4, 9))
    # Nine settle fine and interest, the rest the principal: 200 are left from the 10th of April on.
    await pay(ledger, invoice, "109.00", datetime(2026, 4, 9, 12, tzinfo=UTC))
    shown = await interest_on(ledger, POLICIES, "C-1", TODAY)
    assert [(line.base, line.rounded) for line in shown.lines] == [(Decimal("200.00"), Decimal("2.00"))]
    assert shown.once == ()


async def test_what_is_waived_is_not_claimed_again(ledger: Ledger, invoice: int) -> None:
    await claim(ledger)
    waived = e.LateChargesWaived(interest=Decimal("6.00"), costs=Decimal("6.00"), currency="BRL")
    await record(ledger, invoice, [Fact(waived, NOW, ANA)], NOW)
    with pytest.raises(ChargesRefused) as refused:
        await claim(ledger)
    assert refused.value.code == "nothing_to_claim"


async def test_a_day_ahead_and_a_closed_invoice_bear_no_claim(ledger: Ledger, invoice: int) -> None:
    with pytest.raises(Refusal) as ahead:
        await claim(ledger, TODAY + timedelta(days=1))
    assert ahead.value.code == "future"
    await pay(ledger, invoice, "300")
    with pytest.raises(ChargesRefused) as closed:
        await claim(ledger)
    assert closed.value.code == "closed"
