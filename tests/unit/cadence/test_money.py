"""What money does to an invoice: credit notes, credit that lies on it or moves, late charges and their order."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from cadence import events as e
from cadence.appropriation import parts_of
from cadence.facts import InvoiceFacts
from cadence.reducer import reduce_all
from cadence.words import PartOrder

T0 = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUSE: PartOrder = ("costs", "interest", "principal")
ORDERS: list[Any] = list(permutations(HOUSE))
sums = st.decimals("0.01", "150", places=2)


def after(*events: e.InvoiceEvent, close_below: str = "0") -> InvoiceFacts:
    """The facts of an invoice of 100 after these events, a minute apart."""
    received = e.InvoiceReceived(
        amount=Decimal(100), currency="EUR", issued_on=date(2026, 2, 1), due_on=date(2026, 3, 2),
        close_below=Decimal(close_below),
    )  # fmt: skip
    facts = reduce_all((event, T0 + timedelta(minutes=n)) for n, event in enumerate([received, *events]))
    assert facts is not None
    return facts


def sum_of(kind: Any, amount: str | Decimal | int, **more: Any) -> Any:
    return kind(amount=Decimal(amount), currency="EUR", **more)


def paid(amount: str | Decimal | int) -> e.PaymentReceived:
    told: e.PaymentReceived = sum_of(e.PaymentReceived, amount)
    return told


def claimed(interest: int | Decimal, costs: int | Decimal, order: PartOrder = HOUSE) -> e.LateChargesClaimed:
    return e.LateChargesClaimed(
        interest=Decimal(interest), costs=Decimal(costs), currency="EUR", up_to=date(2026, 4, 1), once=True,
        regime="uk", order=order,
    )  # fmt: skip


def parts(facts: InvoiceFacts) -> tuple[Any, Any, Any]:
    """What is open of costs, interest and principal."""
    return facts.charges.open["costs"], facts.charges.open["interest"], facts.principal


def test_what_clears_an_invoice_gives_its_closing_a_name() -> None:
    note, credited = sum_of(e.CreditNoteIssued, 20), sum_of(e.CreditNoteIssued, 80)
    assert after(note, credited).closed == "credited"
    assert after(note, paid(80)).closed == "paid"
    assert after(paid(80), note).closed == "credited"
    assert after(note, sum_of(e.CreditApplied, 80, of=2)).closed == "paid"


def test_a_credit_note_after_the_payment_is_the_customers_credit() -> None:
    facts = after(paid(100), sum_of(e.CreditNoteIssued, 20))
    assert (facts.closed, facts.credit) == ("paid", Decimal(20))
    assert [case.reason for case in facts.cases] == ["overpaid"]


def test_an_overpayment_is_one_case_until_it_is_there_again() -> None:
    more = after(paid(130), paid(5))
    assert [(case.key, case.times) for case in more.cases] == [("overpaid", 1)]
    again = after(paid(130), sum_of(e.CreditRefunded, 30), paid(20))
    assert [(case.key, case.times) for case in again.cases] == [("overpaid", 2)]


def test_small_change_is_credit_and_nobodys_case() -> None:
    facts = after(paid("100.50"), close_below="0.50")
    assert (facts.credit, facts.cases) == (Decimal("0.50"), ())


def test_credit_that_moved_away_or_was_refunded_is_there_no_more() -> None:
    assert after(paid(130), sum_of(e.CreditMoved, 10, to=2), sum_of(e.CreditRefunded, 5)).credit == 15
    assert after(paid(130), sum_of(e.CreditMoved, 30, to=2)).closed == "paid"


def test_credit_that_came_back_leaves_no_trace_in_the_facts() -> None:
    facts = after(paid(130), sum_of(e.CreditMoved, 30, to=2), sum_of(e.CreditApplied, 30, of=2))
    assert facts.moved == {}
    assert facts.credit == 30


def test_a_dispute_that_is_upheld_credits_the_late_charges_too() -> None:
    facts = after(claimed(5, 40), e.DisputeOpened(), e.DisputeResolved(outcome="upheld"))
    assert (facts.closed, facts.balance) == ("credited", Decimal(0))
    assert parts(facts) == (0, 0, 0)


# Late charges.


def test_charges_are_owed_with_the_invoice_and_settled_first() -> None:
    assert parts(after(claimed(5, 40))) == (40, 5, 100)
    assert parts(after(claimed(5, 40), paid(42))) == (0, 3, 100)
    assert parts(after(claimed(5, 40), paid(60))) == (0, 0, 85)
    assert after(claimed(5, 40), paid(100)).closed is None
    assert after(claimed(5, 40), paid(145)).closed == "paid"


def test_money_that_came_before_the_claim_stays_on_the_principal() -> None:
    assert parts(after(paid(60), claimed(5, 40))) == (40, 5, 40)


def test_a_regime_that_names_the_principal_first_is_obeyed() -> None:
    assert parts(after(claimed(5, 40, ("principal", "interest", "costs")), paid(103))) == (40, 2, 0)


def test_a_reversal_leaves_what_the_rest_would_have_settled() -> None:
    taken = sum_of(e.PaymentReversed, 60)
    assert parts(after(claimed(5, 40), paid(60), paid(42), taken)) == parts(after(claimed(5, 40), paid(42)))


def test_what_is_waived_is_owed_no_more_and_what_is_paid_of_it_stays_paid() -> None:
    waived = e.LateChargesWaived(interest=Decimal(5), costs=Decimal(40), currency="EUR")
    facts = after(claimed(5, 40), paid(30), waived)
    assert parts(facts) == (0, 0, 100)
    assert facts.charges.claimed == 30
    assert facts.charges.once
    assert after(paid(100), claimed(5, 40), waived).closed == "paid"


def test_a_part_named_twice_is_no_order() -> None:
    with pytest.raises(ValidationError, match="once each"):
        claimed(1, 1, ("costs", "costs", "principal"))


@st.composite
def money_events(draw: st.DrawFn) -> list[e.InvoiceEvent]:
    """Any money, in any order, as much as a ledger would take."""
    order = draw(st.sampled_from(ORDERS))
    kinds = (e.PaymentReceived, e.CreditNoteIssued, e.PaymentReversed, e.CreditRefunded)
    plain = st.builds(sum_of, st.sampled_from(kinds), sums)
    moved = st.builds(sum_of, st.just(e.CreditMoved), sums, to=st.integers(2, 4))
    came = st.builds(sum_of, st.just(e.CreditApplied), sums, of=st.integers(2, 4))
    claims = st.builds(claimed, sums, sums, st.just(order))
    waivers = st.builds(
        lambda interest, costs: e.LateChargesWaived(interest=interest, costs=costs, currency="EUR"),
        sums,
        sums,
    )
    return draw(st.lists(plain | moved | came | claims | waivers, max_size=12))


@given(money_events())
def test_the_parts_always_add_up_to_the_balance_and_no_charge_is_settled_twice(
    events: list[e.InvoiceEvent],
) -> None:
    facts = after(*events)
    charges = facts.charges
    assert sum(parts(facts)) == facts.balance
    assert 0 <= charges.costs_settled <= charges.costs
    assert 0 <= charges.interest_settled <= charges.interest
    if facts.principal < 0:
        assert charges.settled == charges.claimed


@given(st.lists(sums, max_size=6), st.integers(0, 90), st.integers(0, 90), st.sampled_from(ORDERS))
def test_each_part_waits_for_those_before_it(
    amounts: list[Decimal], interest: int, costs: int, order: PartOrder
) -> None:
    facts = after(claimed(interest, costs, order), *map(paid, amounts))
    left = dict(zip(("costs", "interest", "principal"), parts(facts), strict=True))
    whole = {"costs": costs, "interest": interest, "principal": 100}
    touched = [left[part] < whole[part] for part in order]
    for position, part in enumerate(order):
        if any(touched[position + 1 :]):
            assert left[part] <= 0


@given(money_events())
def test_the_facts_survive_the_ledgers_json(events: list[e.InvoiceEvent]) -> None:
    facts = after(*events)
    assert InvoiceFacts.model_validate(facts.model_dump(mode="json", exclude_defaults=True)) == facts


@given(money_events())
def test_the_parts_that_are_shown_add_up_to_what_is_owed(events: list[e.InvoiceEvent]) -> None:
    facts = after(*events)
    shown = parts_of(facts)
    assert bool(shown) == any(isinstance(event, e.LateChargesClaimed) for event in events)
    if shown:
        assert [each.part for each in shown] == list(facts.charges.order)
        assert sum(each.open for each in shown) == max(facts.balance, sum(facts.charges.open.values()))
        assert all(each.asked == each.settled + each.open for each in shown)


def test_what_was_waived_is_not_shown_as_asked() -> None:
    waived = e.LateChargesWaived(interest=Decimal(5), costs=Decimal(40), currency="EUR")
    shown = parts_of(after(claimed(5, 40), paid(30), waived))
    assert {each.part: [*map(int, (each.asked, each.settled, each.open))] for each in shown} == {
        "costs": [30, 30, 0],
        "interest": [0, 0, 0],
        "principal": [100, 0, 100],
    }
