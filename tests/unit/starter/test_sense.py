"""Which happenings make no sense where their invoice stands when their turn comes."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from cadence.agreements import Dispute
from ledger.recording import Situation
from starter.happening_row import Happening, Kind
from starter.sense import NothingToEnd, check_sense

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
ZONE = ZoneInfo("UTC")
OPEN = Situation("active", "EUR", Decimal(100), ZONE, ("overdue",), None, date(2026, 2, 5), ZONE)
PAID = replace(OPEN, state="paid", balance=Decimal(0))
DISPUTED = replace(OPEN, dispute=Dispute(number=1, at=NOON, reason="price"))
# What only ever means something while money is asked for.
ENDED_BY_CLOSING = [
    Kind.DISPUTE, Kind.PAUSE, Kind.PROMISE, Kind.PLAN, Kind.EXTENSION, Kind.ESCALATE, Kind.CANCEL,
]  # fmt: skip


def objection(event: Kind, stands: Situation) -> str | None:
    try:
        check_sense(Happening(2, NOON, event, "A-1", "key"), stands)
    except ValueError as refusal:
        return str(refusal)
    return None


@pytest.mark.parametrize("event", [*ENDED_BY_CLOSING, Kind.PAYMENT, Kind.REPLY])
def test_an_open_invoice_bears_it(event: Kind) -> None:
    assert objection(event, OPEN) is None


@pytest.mark.parametrize("event", ENDED_BY_CLOSING)
def test_a_closed_invoice_bears_no_such_thing(event: Kind) -> None:
    said = (
        f"event: the invoice is closed as paid then; put the {event} before what closed it, or leave it out"
    )
    assert objection(event, PAID) == said


@pytest.mark.parametrize(
    "event", [Kind.PAYMENT, Kind.REVERSAL, Kind.CREDIT_NOTE, Kind.REFUND, Kind.WAIVE, Kind.REPLY]
)
def test_money_and_words_reach_a_closed_invoice_as_well(event: Kind) -> None:
    assert objection(event, PAID) is None


def test_a_second_dispute_needs_a_resolution_before_it() -> None:
    said = objection(Kind.DISPUTE, DISPUTED)
    assert said == "event: the invoice is disputed already then; put a resolution before the second dispute"


def test_a_dispute_that_was_only_read_from_a_reply_can_be_confirmed() -> None:
    read = Dispute(number=1, at=NOON, reason="price", confirmed=False)
    assert objection(Kind.DISPUTE, replace(OPEN, dispute=read)) is None


@pytest.mark.parametrize("event", [Kind.RESOLUTION, Kind.ASSIGNMENT])
def test_what_is_done_with_a_dispute_needs_one(event: Kind) -> None:
    assert objection(event, DISPUTED) is None
    said = f"event: the invoice is not disputed then; put a dispute before the {event}"
    assert objection(event, OPEN) == said


@pytest.mark.parametrize("stands", [OPEN, PAID])
def test_a_resume_needs_a_pause(stands: Situation) -> None:
    assert objection(Kind.RESUME, replace(stands, on_hold=True)) is None
    assert (
        objection(Kind.RESUME, stands)
        == "event: the invoice is not on hold then; put a pause before the resume"
    )


@pytest.mark.parametrize("stands", [OPEN, PAID])
def test_the_end_of_a_plan_needs_a_plan(stands: Situation) -> None:
    assert objection(Kind.END_PLAN, replace(stands, on_plan=True)) is None
    said = "event: the invoice has no payment plan then; put a plan before the end_plan"
    assert objection(Kind.END_PLAN, stands) == said


@pytest.mark.parametrize("event", [Kind.RESUME, Kind.END_PLAN])
def test_an_end_that_may_have_come_otherwise_is_told_apart(event: Kind) -> None:
    with pytest.raises(NothingToEnd):
        check_sense(Happening(2, NOON, event, "A-1", "key"), OPEN)


def test_a_promise_needs_the_end_of_a_plan() -> None:
    said = "event: the invoice is on a payment plan then; put an end_plan before the promise"
    assert objection(Kind.PROMISE, replace(OPEN, on_plan=True)) == said
