"""Which happenings make no sense where their invoice stands when their turn comes."""

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from cadence.agreements import Dispute, Hold
from cadence.facts import InvoiceFacts
from ledger.recording import Situation
from starter.happenings import Happening, Kind
from starter.rehearsal.sense import objection
from starter.standing import Standing

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


def standing(**changes: object) -> Standing:
    facts = InvoiceFacts.model_validate(
        {
            "issued_on": date(2026, 1, 5),
            "due_on": date(2026, 2, 5),
            "amount": Decimal("100.00"),
            "currency": "EUR",
            "close_below": Decimal("0.50"),
            "payment_method": "",
            "arrived_at": NOON,
        }
        | changes
    )
    zone = ZoneInfo("UTC")
    stands = Situation(str(facts.state), "EUR", facts.balance, zone, ("overdue",), None, facts.due_on, zone)
    return Standing(1, "A-1", facts, stands)


def happening(event: Kind, amount: str | None = None) -> Happening:
    return Happening(2, NOON, event, "A-1", "key", amount=Decimal(amount) if amount else None)


@pytest.mark.parametrize(
    "event",
    [
        Kind.DISPUTE,
        Kind.PAUSE,
        Kind.PROMISE,
        Kind.ESCALATE,
        Kind.CANCEL,
        Kind.PAYMENT,
        Kind.REPLY,
    ],
)
def test_an_open_invoice_bears_it(event: Kind) -> None:
    assert objection(happening(event, "10.00"), standing()) is None


@pytest.mark.parametrize("event", [Kind.DISPUTE, Kind.PAUSE, Kind.PROMISE, Kind.ESCALATE, Kind.CANCEL])
def test_a_closed_invoice_bears_no_such_thing(event: Kind) -> None:
    said = objection(happening(event), standing(closed="paid", paid=Decimal("100.00")))
    assert said is not None
    assert said.startswith("the invoice is closed as paid by then")


@pytest.mark.parametrize("event", [Kind.PAYMENT, Kind.REVERSAL, Kind.REPLY])
def test_money_and_words_reach_a_closed_invoice_as_well(event: Kind) -> None:
    assert objection(happening(event, "10.00"), standing(closed="paid", paid=Decimal("100.00"))) is None


DISPUTED = {"dispute": Dispute(number=1, at=NOON, reason="price", amount=Decimal(30)), "disputes": 1}


def test_a_second_dispute_needs_a_resolution_before_it() -> None:
    said = objection(happening(Kind.DISPUTE), standing(**DISPUTED))
    assert said == "the invoice is disputed already by then; put a resolution before the second dispute"


def test_no_more_is_disputed_than_is_open_nor_credited_than_is_disputed() -> None:
    assert objection(happening(Kind.DISPUTE, "100"), standing()) is None
    assert "more is disputed than is open" in str(objection(happening(Kind.DISPUTE, "100.01"), standing()))
    assert objection(happening(Kind.RESOLUTION, "30"), standing(**DISPUTED)) is None
    said = objection(happening(Kind.RESOLUTION, "30.01"), standing(**DISPUTED))
    assert "more is credited than is disputed then (30)" in str(said)


def test_a_resume_needs_a_pause() -> None:
    held = (Hold(hold="h", reason="moving", until=None),)
    assert objection(happening(Kind.RESUME), standing(holds=held)) is None
    said = objection(happening(Kind.RESUME), standing())
    assert said == "the invoice is not on hold then; put a pause before the resume"


def test_no_more_is_taken_back_than_was_paid() -> None:
    said = objection(happening(Kind.REVERSAL, "30.00"), standing(paid=Decimal("20.00")))
    assert said is not None
    assert said.startswith("amount: more is taken back than was paid by then (20.00)")
