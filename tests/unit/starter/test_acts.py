"""What can be done to an invoice, judged by where it stands: the event, or a sentence that says why not."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cadence import events as e
from cadence.facts import CustomerFacts, Hold, InvoiceFacts, Promise
from cadence.words import Language
from ledger.recording import Situation
from starter import acts
from starter.session import Refusal
from starter.standing import CustomerStanding, Report, Standing

NOW = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)
AUCKLAND = ZoneInfo("Pacific/Auckland")  # where it is the 3rd by now
TODAY = date(2026, 3, 3)
STAGES = ("courtesy", "overdue", "final")


def stands(next_stage: str | None = "overdue", **facts: Any) -> Standing:
    """An invoice of EUR 100.00 whose customer is in Auckland."""
    given: dict[str, Any] = {
        "amount": Decimal(100),
        "currency": "EUR",
        "issued_on": date(2026, 2, 1),
        "due_on": date(2026, 3, 1),
        "arrived_at": NOW - timedelta(days=30),
    }
    known = InvoiceFacts(**given | facts)
    place = Situation(
        str(known.state), known.currency, known.balance, AUCKLAND, STAGES, next_stage, known.promised
    )
    return Standing(1, "INV-1", known, place)


def customer(*holds: Hold) -> CustomerStanding:
    facts = CustomerFacts(
        segment="standard", language=Language.EN, country="NZ", zone="Pacific/Auckland", holds=holds
    )
    return CustomerStanding(7, "C-7", facts, 2)


def refused(act: Callable[..., Report | Sequence[e.CustomerEvent]], *given: Any, **more: Any) -> Refusal:
    """Why an act is refused."""
    with pytest.raises(Refusal) as caught:
        act(*given, NOW, **more)
    assert "--" not in str(caught.value)
    assert "`" not in str(caught.value)
    return caught.value


def test_a_payment_is_in_the_invoices_currency_and_happened_now_unless_told() -> None:
    told = acts.pay(stands(), NOW, amount=Decimal("40.00"), method="pix")
    assert told == Report(e.PaymentReceived(amount=Decimal(40), currency="EUR", method="pix"), NOW)
    earlier = NOW - timedelta(days=3)
    assert acts.pay(stands(), NOW, amount=Decimal(1), at=earlier).at == earlier


@pytest.mark.parametrize(
    ("given", "code", "field"),
    [
        ({"amount": Decimal(0)}, "amount_not_positive", "amount"),
        ({"amount": Decimal("-0.01")}, "amount_not_positive", "amount"),
        ({"amount": Decimal("0.001")}, "too_many_decimals", "amount"),
        ({"amount": Decimal(10) ** 9}, "amount_too_large", "amount"),
        ({"amount": Decimal(1), "currency": "USD"}, "other_currency", "currency"),
        ({"amount": Decimal(1), "at": NOW + timedelta(seconds=1)}, "future", "at"),
        ({"amount": Decimal(1), "at": datetime(1989, 12, 31, tzinfo=UTC)}, "too_early", "at"),
    ],
)
def test_money_that_makes_no_sense_is_refused_by_its_field(
    given: dict[str, Any], code: str, field: str
) -> None:
    for act in (acts.pay, acts.reverse):
        refusal = refused(act, stands(paid=Decimal(100)), **given)
        assert (refusal.code, refusal.field) == (code, field)


def test_at_most_what_was_paid_is_taken_back() -> None:
    assert acts.reverse(stands(paid=Decimal(30)), NOW, amount=Decimal(30)).event.type == "payment_reversed"
    refusal = refused(acts.reverse, stands(paid=Decimal(30)), amount=Decimal("30.01"))
    assert refusal.code == "more_than_paid"
    assert "EUR 30.00 paid" in str(refusal)


def test_a_closed_invoice_takes_money_back_and_nothing_else() -> None:
    closed = stands(closed="paid", paid=Decimal(100))
    assert acts.reverse(closed, NOW, amount=Decimal(100)).event.type == "payment_reversed"
    for act, more in (
        (acts.dispute, {}), (acts.promise, {"by": TODAY}), (acts.escalate, {}), (acts.cancel, {}), (acts.pause, {}),
    ):  # fmt: skip
        assert refused(act, closed, **more).code == "closed"


def test_a_promise_is_for_all_that_is_open_unless_told_less() -> None:
    known = stands(paid=Decimal(30))
    assert acts.promise(known, NOW, by=TODAY).event == e.PromiseMade(amount=Decimal(70), by=TODAY)
    assert acts.promise(known, NOW, by=TODAY, amount=Decimal(5)).event == e.PromiseMade(
        amount=Decimal(5), by=TODAY
    )
    assert refused(acts.promise, known, by=TODAY, amount=Decimal("70.01")).code == "more_than_open"


def test_what_is_promised_already_is_promised_again_only_to_replace_it() -> None:
    first = Promise(number=1, amount=Decimal(80), by=TODAY, at=NOW, paid=Decimal(10))
    known = stands(paid=Decimal(10), promises_open=(first,))
    assert acts.promise(known, NOW, by=TODAY).event == e.PromiseMade(amount=Decimal(20), by=TODAY)
    refusal = refused(acts.promise, known, by=TODAY, amount=Decimal(21))
    assert (refusal.code, refusal.field) == ("more_than_open", "amount")
    assert "EUR 90.00 open, of which is promised EUR 70.00 by 2026-03-03" in str(refusal)
    whole = stands(promises_open=(first.model_copy(update={"amount": Decimal(110)}),))
    assert refused(acts.promise, whole, by=TODAY).code == "promised"
    again = acts.promise(whole, NOW, by=TODAY, method="boleto", replaces=True).event
    assert again == e.PromiseMade(amount=Decimal(100), by=TODAY, method="boleto", replaces=True)


def test_days_are_counted_where_the_customer_is() -> None:
    assert acts.promise(stands(), NOW, by=TODAY).at == NOW
    for day in (TODAY - timedelta(days=1), TODAY + acts.HORIZON + timedelta(days=1), date.max):
        for act, field in ((acts.promise, "by"), (acts.pause, "until")):
            refusal = refused(act, stands(), **{field: day})
            assert (refusal.code, refusal.field) == ("day_out_of_range", field)
            assert f"today is {TODAY} where the customer is" in str(refusal)


def test_a_pause_lasts_to_the_end_of_its_last_day_where_the_customer_is() -> None:
    event = acts.pause(stands(), NOW, until=TODAY, reason="flooded").event
    assert isinstance(event, e.HoldPlaced)
    assert event.until == datetime(2026, 3, 4, 0, tzinfo=AUCKLAND)
    assert "INV-1" not in event.hold


def test_a_dispute_is_opened_once_and_resolved_once() -> None:
    disputed = stands(disputed=True)
    assert acts.dispute(stands(), NOW, reason="wrong-amount").event == e.DisputeOpened(reason="wrong-amount")
    assert acts.resolve(disputed, NOW, outcome="rejected").event == e.DisputeResolved(outcome="rejected")
    assert refused(acts.dispute, disputed).code == "disputed"
    assert refused(acts.resolve, stands(), outcome="rejected").code == "not_disputed"


def test_escalation_goes_to_a_later_stage_and_never_back() -> None:
    assert acts.escalate(stands(), NOW).event == e.Escalated(stage="overdue")
    assert acts.escalate(stands(), NOW, stage="final").event == e.Escalated(stage="final")
    assert refused(acts.escalate, stands(), stage="courtesy").code == "stage_past"
    assert refused(acts.escalate, stands(), stage="doom").code == "unknown_stage"
    assert refused(acts.escalate, stands(next_stage=None)).code == "last_stage"


def test_only_what_is_paused_is_resumed() -> None:
    hold = Hold(hold="h", reason="flooded")
    assert acts.resume(stands(holds=(hold,)), NOW).event == e.HoldEnded()
    assert refused(acts.resume, stands()).code == "not_paused"


def test_a_customers_holds_are_placed_and_ended_each_by_its_name() -> None:
    (placed,) = acts.pause_customer(customer(), NOW, until=TODAY, reason="flooded")
    assert isinstance(placed, e.CustomerHoldPlaced)
    assert (placed.reason, placed.until) == ("flooded", datetime(2026, 3, 4, 0, tzinfo=AUCKLAND))
    both = customer(Hold(hold="a", reason="x"), Hold(hold="b", reason="y"))
    assert acts.resume_customer(both, NOW) == [e.CustomerHoldEnded(hold="a"), e.CustomerHoldEnded(hold="b")]
    assert refused(acts.resume_customer, customer()).code == "not_paused"
