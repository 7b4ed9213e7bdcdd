"""What can be done to an invoice, judged by where it stands: the event, or a sentence that says why not."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cadence import events as e
from cadence.agreements import Dispute, Hold, Plan, Promise
from cadence.customer_facts import CustomerFacts
from cadence.facts import Approval, InvoiceFacts, StepFacts
from cadence.words import Language
from ledger.recording import Situation
from starter import acts
from starter.session import Refusal
from starter.standing import CustomerStanding, Report, Standing

NOW = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)
AUCKLAND = ZoneInfo("Pacific/Auckland")  # where it is the 3rd by now
LISBON = ZoneInfo("Europe/Lisbon")  # where the creditor is, and where it is the 2nd
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
        str(known.state),
        known.currency,
        known.balance,
        AUCKLAND,
        STAGES,
        next_stage,
        known.due_on,
        LISBON,
        known.promised,
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


def parts(*amounts: str) -> list[tuple[date, Decimal]]:
    return [(TODAY + timedelta(days=7 * turn), Decimal(amount)) for turn, amount in enumerate(amounts)]


def test_a_plan_comes_to_what_is_open_at_most() -> None:
    told = acts.agree_plan(stands(), NOW, instalments=parts("40", "60"), method="boleto").event
    assert isinstance(told, e.PlanAgreed)
    assert ([int(part.amount) for part in told.instalments], told.method) == ([40, 60], "boleto")
    refusal = refused(acts.agree_plan, stands(paid=Decimal(1)), instalments=parts("40", "60"))
    assert refusal.code == "more_than_open"
    assert "come to EUR 100.00, which is more than is open: INV-1 has EUR 99.00 open" in str(refusal)


@pytest.mark.parametrize(
    ("instalments", "code"),
    [
        ([], "no_instalments"),
        (parts(*["1"] * 61), "too_many_instalments"),
        (parts("0"), "amount_not_positive"),
        (parts("0.001"), "too_many_decimals"),
        ([(TODAY - timedelta(days=1), Decimal(1))], "day_out_of_range"),
        (parts("1", "1")[::-1], "instalments_out_of_order"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(instalments: list[tuple[date, Decimal]], code: str) -> None:
    refusal = refused(acts.agree_plan, stands(), instalments=instalments)
    assert refusal.code == code


def test_on_a_plan_nothing_is_promised_and_without_one_none_is_ended() -> None:
    plan = Plan(number=1, at=NOW, instalments=(), paid_before=Decimal(0))
    assert refused(acts.promise, stands(plan=plan), by=TODAY).code == "on_plan"
    assert acts.end_plan(stands(plan=plan), NOW, reason="new").event == e.PlanEnded(reason="new")
    assert refused(acts.end_plan, stands()).code == "not_on_plan"
    assert refused(acts.agree_plan, stands(closed="paid"), instalments=parts("1")).code == "closed"


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


def disputed_in(amount: int | None = None, **more: Any) -> Dispute:
    return Dispute(number=1, at=NOW, reason="price", amount=amount and Decimal(amount), **more)


def test_a_dispute_is_opened_once_and_resolved_once() -> None:
    disputed = stands(dispute=disputed_in())
    assert acts.dispute(stands(), NOW, reason="wrong-amount").event == e.DisputeOpened(reason="wrong-amount")
    assert acts.resolve(disputed, NOW, outcome="rejected").event == e.DisputeResolved(outcome="rejected")
    assert refused(acts.dispute, disputed).code == "disputed"
    assert refused(acts.resolve, stands(), outcome="rejected").code == "not_disputed"


def test_a_part_is_disputed_by_its_amount_and_has_somebody_who_answers_in_time() -> None:
    last = date(2026, 3, 9)
    told = acts.dispute(stands(), NOW, amount=Decimal(30), owner="sales", answer_by=last)
    assert told.event == e.DisputeOpened(amount=Decimal(30), owner="sales", answer_by=last)
    owed = stands(paid=Decimal(80))
    assert refused(acts.dispute, owed, amount=Decimal("20.01")).code == "more_than_open"
    assert refused(acts.dispute, owed, amount=Decimal("0.005")).field == "amount"
    assert refused(acts.dispute, stands(closed="paid"), amount=Decimal(1)).code == "closed"


def test_a_dispute_read_from_a_reply_is_confirmed_once() -> None:
    read = stands(dispute=disputed_in(confirmed=False))
    assert acts.dispute(read, NOW, amount=Decimal(30)).event == e.DisputeOpened(amount=Decimal(30))


def test_a_dispute_is_answered_where_the_creditor_is() -> None:
    yesterday, today = date(2026, 3, 1), date(2026, 3, 2)
    known = stands(dispute=disputed_in(owner="sales", answer_by=date(2026, 4, 1)))
    assert acts.assign_dispute(known, NOW, answer_by=today).event == e.DisputeAssigned(
        owner="sales", answer_by=today
    )
    refusal = refused(acts.assign_dispute, known, answer_by=yesterday)
    assert (refusal.code, refusal.field) == ("day_out_of_range", "answer_by")
    assert "today is 2026-03-02 where the creditor is" in str(refusal)


def test_what_is_not_said_of_a_disputes_assignment_stays() -> None:
    last = date(2026, 4, 1)
    known = stands(dispute=disputed_in(owner="sales", answer_by=last))
    assert acts.assign_dispute(known, NOW, owner="legal").event == e.DisputeAssigned(
        owner="legal", answer_by=last
    )
    assert refused(acts.assign_dispute, known).code == "nothing_said"
    assert refused(acts.assign_dispute, stands(), owner="legal").code == "not_disputed"


def test_an_upheld_dispute_credits_at_most_what_was_disputed() -> None:
    part = stands(dispute=disputed_in(30))
    told = acts.resolve(part, NOW, outcome="upheld", credit=Decimal(20))
    assert told.event == e.DisputeResolved(outcome="upheld", credit=Decimal(20))
    refusal = refused(acts.resolve, part, outcome="upheld", credit=Decimal("30.01"))
    assert (refusal.code, refusal.field) == ("more_than_disputed", "credit")
    paid = stands(dispute=disputed_in(30), paid=Decimal(90))
    assert acts.resolve(paid, NOW, outcome="upheld", credit=Decimal(30)).event == e.DisputeResolved(
        outcome="upheld", credit=Decimal(30)
    )
    assert refused(acts.resolve, part, outcome="upheld", credit=Decimal(0)).field == "credit"
    assert refused(acts.resolve, part, outcome="rejected", credit=Decimal(1)).code == "credit_not_upheld"


def test_an_extension_ends_later_than_the_due_date_and_not_in_the_past() -> None:
    known, later = stands(), date(2026, 3, 20)
    assert acts.extend(known, NOW, to=later, reason="goods-late").event == e.DueDateExtended(
        due_on=later, reason="goods-late", on=date(2026, 3, 2)
    )
    assert refused(acts.extend, known, to=date(2026, 3, 1)).code == "not_later"
    long_due = stands(due_on=date(2026, 1, 1))
    assert refused(acts.extend, long_due, to=date(2026, 3, 1)).code == "day_out_of_range"
    assert refused(acts.extend, stands(closed="paid"), to=later).code == "closed"


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


def waiting(*keys: str) -> Standing:
    """An invoice of which these occurrences of steps wait for leave."""
    return stands(steps={key: StepFacts(approval=Approval(asked_at=NOW)) for key in keys})


def test_the_only_step_that_waits_is_meant_unless_another_is_named() -> None:
    assert acts.approve(waiting("final/1"), NOW).event == e.ApprovalGiven(step="final", occurrence=1)
    both = waiting("final/2", "exit/1")
    refused_exit = acts.refuse(both, NOW, step="exit", reason="new-contact").event
    assert refused_exit == e.ApprovalRefused(step="exit", occurrence=1, reason="new-contact")
    refusal = refused(acts.approve, both)
    assert (refusal.code, refusal.field) == ("not_awaiting_approval", None)
    assert "several steps wait for approval, final, exit; say which" in str(refusal)
    assert "'first' does not wait for approval" in str(refused(acts.approve, both, step="first"))
    assert "no step waits for approval" in str(refused(acts.refuse, stands()))
