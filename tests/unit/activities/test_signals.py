"""Whatever a signal holds, recording it must come to an end: a signal tried for ever blocks all after it."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from activities.signals import fact_of
from cadence import events as e
from cadence.directive import SignalNote
from ledger.recording import Fact, Situation

AT = datetime(2026, 3, 2, 10, tzinfo=UTC)
LISBON = ZoneInfo("Europe/Lisbon")
DUE = date(2026, 3, 1)
STANDS = Situation("active", "EUR", Decimal(100), LISBON, ("courtesy", "final"), "final", DUE, LISBON)
PAID = {"amount": "100", "currency": "EUR"}


def told(name: str, note_id: str = "p1", **fields: str) -> Fact:
    """What becomes of a signal to invoice 7."""
    return fact_of(7, SignalNote(name=name, id=note_id, at=AT, fields=fields), STANDS)


def external_id(note_id: str) -> str:
    """Under which id a payment is kept."""
    fact = told("payment_received", note_id, **PAID)
    assert fact.origin.external_id is not None
    return fact.origin.external_id


@pytest.mark.parametrize("until", ["9999-12-31", "9999-12-31T23:59:59+00:00", "0001-01-01", "2100-01-01"])
def test_a_pause_beyond_every_calendar_makes_no_sense(until: str) -> None:
    assert told("pause", until=until).event == e.SignalIgnored(signal="pause")


def test_a_pause_until_a_day_ends_with_that_day_where_the_customer_is() -> None:
    fact = told("pause", until="2026-07-01")
    assert fact.event == e.HoldPlaced(hold="p1", until=datetime(2026, 7, 1, 23, tzinfo=UTC))


@pytest.mark.parametrize("strange", ["a\0b", "x" * 5_000, "a\ud800b"])
def test_an_id_that_the_log_cannot_keep_is_kept_as_its_hash(strange: str) -> None:
    assert external_id(strange).isalnum()
    assert len(external_id(strange)) == 64
    assert external_id(strange) == external_id(strange) != external_id(strange + "!")


def test_spaces_in_a_payment_s_id_are_taken_as_the_webhook_takes_them() -> None:
    assert external_id(" TX  4711 ") == "TX 4711"


def test_how_it_was_paid_is_a_code_or_nothing() -> None:
    methods = []
    for given in ("pix", "a\0b", "from João's account"):
        fact = told("payment_received", **PAID, method=given)
        assert isinstance(fact.event, e.PaymentReceived)
        methods.append(fact.event.method)
    assert methods == ["pix", "", ""]


def test_a_promise_is_of_what_is_not_promised_yet_unless_it_replaces_that() -> None:
    stands = replace(STANDS, promised=Decimal(30))

    def made(**fields: str) -> e.InvoiceEvent:
        note = SignalNote(name="promise_made", id="p1", at=AT, fields=fields | {"by": "2026-03-20"})
        return fact_of(7, note, stands).event

    by = date(2026, 3, 20)
    assert made(method="boleto") == e.PromiseMade(amount=Decimal(70), by=by, method="boleto")
    assert made(replaces="True") == e.PromiseMade(amount=Decimal(100), by=by, replaces=True)


def test_a_dispute_is_never_lost_for_an_amount_that_cannot_be_read() -> None:
    part = told("dispute_opened", reason="price", amount="30", owner="sales", answer_by="2026-03-09")
    assert part.event == e.DisputeOpened(
        reason="price", amount=Decimal(30), owner="sales", answer_by=date(2026, 3, 9)
    )
    for strange in ({"amount": "-1"}, {"amount": "much"}, {"amount": "NaN"}, {"answer_by": "soon"}):
        assert told("dispute_opened", reason="price", **strange).event == e.DisputeOpened(reason="price")


def test_a_dispute_is_given_to_a_code_and_never_to_a_name() -> None:
    assert told("dispute_assigned", owner="sales").event == e.DisputeAssigned(owner="sales")
    assert told("dispute_assigned", owner="Ana Example").event == e.DisputeAssigned(owner="unspecified")
    assert told("dispute_assigned", answer_by="soon").event == e.SignalIgnored(signal="dispute_assigned")


def test_an_upheld_dispute_may_credit_less_than_was_disputed() -> None:
    resolved = told("dispute_resolved", outcome="upheld", credit="12.50")
    assert resolved.event == e.DisputeResolved(outcome="upheld", credit=Decimal("12.50"))


def test_an_extension_that_is_not_later_is_none() -> None:
    extended = told("due_date_extended", due_on="2026-04-01", reason="goods_late")
    assert extended.event == e.DueDateExtended(
        due_on=date(2026, 4, 1), reason="goods_late", on=date(2026, 3, 2)
    )
    for strange in ("2026-03-01", "2026-02-01", "later", "9999-01-01"):
        assert told("due_date_extended", due_on=strange).event == e.SignalIgnored(signal="due_date_extended")


@pytest.mark.parametrize(
    "instalments", ["", "2026-04-01=60 2026-05-01=60", "2026-05-01=10 2026-04-01=10", "2026-04-01=0.001", "2026-04-01=NaN", "2026-03-01=10", "0001-01-01=10"]
)  # fmt: skip
def test_a_plan_that_makes_no_sense_is_ignored(instalments: str) -> None:
    assert told("plan_agreed", instalments=instalments).event == e.SignalIgnored(signal="plan_agreed")


def test_a_plan_is_read_as_it_is_written() -> None:
    event = told("plan_agreed", instalments="2026-04-01=40, 2026-05-01=60", method="boleto").event
    assert isinstance(event, e.PlanAgreed)
    assert ([int(part.amount) for part in event.instalments], event.method) == ([40, 60], "boleto")
    assert told("plan_ended", reason="Mrs X died").event == e.PlanEnded(reason="unspecified")


def test_an_answer_without_a_step_is_of_the_only_one_that_waits() -> None:
    one, two = (replace(STANDS, awaiting=keys) for keys in (("final/2",), ("final/2", "exit/1")))

    def answered(stands: Situation, name: str, **fields: str) -> e.InvoiceEvent:
        return fact_of(7, SignalNote(name=name, id="a1", at=AT, fields=fields), stands).event

    assert answered(one, "approval_given") == e.ApprovalGiven(step="final", occurrence=2)
    refused = answered(two, "approval_refused", step="exit", reason="new_contact")
    assert refused == e.ApprovalRefused(step="exit", occurrence=1, reason="new_contact")
    assert answered(two, "approval_given") == e.SignalIgnored(signal="approval_given")
    assert answered(STANDS, "approval_given") == e.SignalIgnored(signal="approval_given")
