"""What other systems hear of an invoice, and that they hear of each end exactly once."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadence import events as e
from cadence.announcements import Announcement, announced, details
from cadence.facts import Closed, InvoiceFacts, State
from cadence.reducer import reduce_invoice
from cadence.words import Channel

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
RECEIVED = e.InvoiceReceived(
    amount=Decimal(100), currency="EUR", issued_on=date(2026, 3, 1), due_on=date(2026, 3, 10)
)
CLOSED_STATES = set(get_args(Closed))
OF_MESSAGE = {"step": "reminder", "channel": Channel.SMS}
OF_STEP = {"step": "reminder", "reason": "no_channel_left", "planned_at": NOW}

amounts = st.sampled_from([Decimal(1), Decimal(40), Decimal(100)])
happenings = st.one_of(
    amounts.map(lambda amount: e.PaymentReceived(amount=amount, currency="EUR")),
    amounts.map(lambda amount: e.PaymentReversed(amount=amount, currency="EUR")),
    amounts.map(lambda amount: e.CreditNoteIssued(amount=amount, currency="EUR")),
    amounts.map(lambda amount: e.CreditApplied(amount=amount, currency="EUR", of=2)),
    amounts.map(lambda amount: e.CreditMoved(amount=amount, currency="EUR", to=2)),
    amounts.map(lambda amount: e.InvoiceChanged(amount=amount, due_on=RECEIVED.due_on, on=date(2026, 3, 2))),
    amounts.map(lambda amount: e.PromiseMade(amount=amount, by=date(2026, 3, 20))),
    st.sampled_from(["upheld", "rejected", "withdrawn"]).map(lambda outcome: e.DisputeResolved(outcome=outcome)),
    st.sampled_from(["written_off", "handed_over", None]).map(
        lambda closes_as: e.StepPerformed(step="exit", closes_as=closes_as)
    ),
    st.sampled_from([e.DisputeOpened(), e.PromiseBroken(number=1), e.Cancelled(), e.HoldPlaced(hold="h"), e.HoldEnded()]),
)  # fmt: skip


def _played(events: list[e.InvoiceEvent]) -> list[tuple[State | None, State, tuple[Announcement, ...]]]:
    """States before and after each event, and what was announced of it."""
    facts: InvoiceFacts | None = None
    played = []
    for hours, event in enumerate([RECEIVED, *events]):
        before = facts.state if facts else None
        facts = reduce_invoice(facts, event, NOW + timedelta(hours=hours))
        played.append((before, facts.state, announced(event, before, facts.state)))
    return played


@given(st.lists(happenings, max_size=12))
def test_each_end_is_announced_exactly_once_and_nothing_else_is(events: list[e.InvoiceEvent]) -> None:
    for before, after, heard in _played(events):
        ended = after in CLOSED_STATES and before not in CLOSED_STATES
        assert heard.count(Announcement.CLOSED) == ended
        assert heard.count(Announcement.PAID) == (ended and after == "paid")


@given(st.lists(happenings, max_size=12))
def test_an_invoice_starts_once_and_first(events: list[e.InvoiceEvent]) -> None:
    first, *others = [heard for _, _, heard in _played(events)]
    assert first == (Announcement.STARTED,)
    assert not any(Announcement.STARTED in heard for heard in others)


def test_a_payment_that_clears_the_invoice_is_heard_as_paid_and_then_as_closed() -> None:
    paid = e.PaymentReceived(amount=Decimal(100), currency="EUR")
    assert _played([paid])[-1][2] == (Announcement.PAID, Announcement.CLOSED)


def test_an_invoice_that_was_reopened_ends_once_more() -> None:
    paid = e.PaymentReceived(amount=Decimal(100), currency="EUR")
    reversed_ = e.PaymentReversed(amount=Decimal(100), currency="EUR")
    heard = [each for _, _, each in _played([paid, reversed_, paid])]
    assert heard == [
        (Announcement.STARTED,),
        (Announcement.PAID, Announcement.CLOSED),
        (),
        (Announcement.PAID, Announcement.CLOSED),
    ]


@pytest.mark.parametrize(
    ("event", "heard"),
    [
        (e.MessageAccepted(**OF_MESSAGE), [Announcement.MESSAGE_SENT]),
        (e.MessageRejected(**OF_MESSAGE), [Announcement.MESSAGE_FAILED]),
        (e.DeliveryReported(**OF_MESSAGE, delivery="failed"), [Announcement.MESSAGE_FAILED]),
        (e.StepFailed(**OF_STEP), [Announcement.MESSAGE_FAILED]),
        (e.DeliveryReported(**OF_MESSAGE, delivery="delivered"), []),
        (e.MessageRefused(**OF_MESSAGE), []),
        (e.MessageUnknown(**OF_MESSAGE), []),
        (e.StepSkipped(**OF_STEP), []),
        (e.DisputeOpened(), [Announcement.DISPUTED]),
        (e.PromiseMade(amount=Decimal(1), by=date(2026, 3, 20)), [Announcement.PROMISED]),
        (e.PromiseBroken(number=1), [Announcement.PROMISE_BROKEN]),
        (e.Escalated(stage="final"), [Announcement.ESCALATED]),
        (e.HoldPlaced(hold="h"), []),
    ],
    ids=lambda value: value.type if hasattr(value, "type") else "",
)
def test_what_is_heard_of_an_open_invoice(event: e.InvoiceEvent, heard: list[Announcement]) -> None:
    assert list(announced(event, State.ACTIVE, State.ACTIVE)) == heard


def test_a_dispute_that_is_known_is_not_announced_again() -> None:
    assert announced(e.DisputeOpened(), State.DISPUTED, State.DISPUTED) == ()


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (e.StepFailed(**OF_STEP), {"step": "reminder", "occurrence": 1, "channel": None, "reason": "no_channel_left"}),
        (
            e.MessageRejected(**OF_MESSAGE, error_class="bad_address", code="21211"),
            {"step": "reminder", "occurrence": 1, "channel": "sms", "reason": "bad_address"},
        ),
        (
            e.PromiseMade(amount=Decimal("99.50"), by=date(2026, 3, 20)),
            {"promised_amount": "99.50", "promised_on": "2026-03-20"},
        ),
        (e.PromiseBroken(number=1, outcome="partly_kept"), {"outcome": "partly_kept"}),
    ],
    ids=lambda value: value.type if hasattr(value, "type") else "",
)  # fmt: skip
def test_what_is_told_of_the_event_itself(event: e.InvoiceEvent, told: dict[str, object]) -> None:
    assert details(event) == told
