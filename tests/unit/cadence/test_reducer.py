"""The reducer: what each fact changes, in any order, any number of times."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadence import events as e
from cadence.customer_facts import CustomerFacts
from cadence.customers import reduce_customer
from cadence.facts import InvoiceFacts, MessageState, State
from cadence.messages import RANK
from cadence.reducer import reduce_all, reduce_invoice
from cadence.words import Channel

T0 = datetime(2026, 3, 2, 12, tzinfo=UTC)
DUE = date(2026, 3, 2)
RECEIVED = e.InvoiceReceived(
    amount=Decimal(100), currency="EUR", issued_on=date(2026, 2, 1), due_on=DUE, close_below=Decimal("0.50")
)
CUSTOMER = e.CustomerReceived.model_validate(
    {
        "segment": "smb",
        "language": "en",
        "country": "PT",
        "zone": "Europe/Lisbon",
        "addresses": {"sms": "one"},
    }
)
SMS: dict[str, Any] = {"step": "a", "channel": Channel.SMS}
EMAIL: dict[str, Any] = {"step": "a", "channel": Channel.EMAIL}


def after(*events: e.InvoiceEvent) -> InvoiceFacts:
    """The facts after an invoice of 100 arrived and these events followed, a minute apart."""
    facts = reduce_all((event, T0 + timedelta(minutes=n)) for n, event in enumerate([RECEIVED, *events]))
    assert facts is not None
    return facts


def paid(amount: str) -> e.PaymentReceived:
    return e.PaymentReceived(amount=Decimal(amount), currency="EUR")


def taken_back(amount: str) -> e.PaymentReversed:
    return e.PaymentReversed(amount=Decimal(amount), currency="EUR")


def reported(delivery: str, name: dict[str, Any] = SMS) -> e.DeliveryReported:
    return e.DeliveryReported.model_validate(name | {"delivery": delivery})


def sent(name: dict[str, Any] = SMS) -> tuple[e.InvoiceEvent, e.InvoiceEvent]:
    return (e.MessagePermitted(**name, attempt="x"), e.MessageAccepted(**name))


# Money.


@given(amounts=st.lists(st.decimals("0.01", "200", places=2), max_size=6), back=st.integers(0, 6))
def test_the_balance_is_exact_and_decides_whether_the_invoice_is_paid(
    amounts: list[Decimal], back: int
) -> None:
    reversals = [taken_back(str(amount)) for amount in amounts[:back]]
    facts = after(*(paid(str(amount)) for amount in amounts), *reversals)
    assert facts.balance == 100 - sum(amounts[back:])
    assert (facts.closed == "paid") is (facts.balance <= Decimal("0.50"))


def test_a_payment_during_a_hold_or_a_dispute_closes_the_invoice() -> None:
    assert after(e.HoldPlaced(hold="h"), e.DisputeOpened(), paid("100")).state is State.PAID


def test_a_balance_within_the_tolerance_counts_as_paid() -> None:
    assert after(paid("99.50")).closed == "paid"
    assert after(paid("99.49")).closed is None


def test_a_reversal_reopens_what_was_paid_and_not_what_was_cancelled() -> None:
    assert after(paid("100"), taken_back("100")).closed is None
    assert after(e.Cancelled(), paid("100"), taken_back("100")).closed == "cancelled"


def test_a_dispute_that_is_upheld_credits_what_was_left() -> None:
    facts = after(paid("40"), e.DisputeOpened(), e.DisputeResolved(outcome="upheld"))
    assert (facts.closed, facts.credited, facts.balance) == ("credited", Decimal(60), Decimal(0))


def test_an_amount_lowered_to_what_was_paid_closes_and_raised_again_reopens() -> None:
    lower = e.InvoiceChanged(amount=Decimal(40), due_on=DUE, on=DUE)
    higher = e.InvoiceChanged(amount=Decimal(140), due_on=DUE, on=DUE)
    assert after(paid("40"), lower).closed == "paid"
    assert after(paid("40"), lower, higher).balance == 100
    assert after(paid("40"), lower, higher).closed is None


def test_money_without_a_name_stops_reminders_and_is_a_case() -> None:
    facts = after(e.PaymentUnidentified(), e.PaymentUnidentified())
    assert (facts.state, len(facts.holds), len(facts.cases)) == (State.ON_HOLD, 2, 2)
    assert facts.paid == 0


# Promises.


def promise(amount: str) -> e.PromiseMade:
    return e.PromiseMade(amount=Decimal(amount), by=date(2026, 3, 20))


def test_a_promise_is_kept_by_what_is_paid_after_it() -> None:
    assert after(paid("30"), promise("50"), paid("40")).state is State.PROMISED
    kept = after(paid("30"), promise("50"), paid("40"), paid("10"))
    assert (kept.promises_open, kept.kept_promises, kept.state) == ((), 1, State.SCHEDULED)


def test_a_promise_kept_is_not_broken_afterwards() -> None:
    assert after(promise("50"), paid("50"), e.PromiseBroken(number=1)).broken_promises == 0


def test_closing_ends_a_promise_and_a_dispute() -> None:
    facts = after(promise("50"), e.DisputeOpened(), paid("100"), taken_back("100"))
    assert (facts.promises_open, facts.disputed) == ((), False)


# Holds and disputes.


def test_one_hold_ends_by_name_and_all_end_without_one() -> None:
    held = (e.HoldPlaced(hold="a"), e.HoldPlaced(hold="b"))
    assert [hold.hold for hold in after(*held, e.HoldEnded(hold="a")).holds] == ["b"]
    assert after(*held, e.HoldEnded()).holds == ()


def test_a_hold_placed_again_replaces_itself() -> None:
    again = after(e.HoldPlaced(hold="a"), e.HoldPlaced(hold="a", until=T0))
    assert [hold.until for hold in again.holds] == [T0]


def test_a_dispute_told_twice_is_one_dispute() -> None:
    facts = after(e.DisputeOpened(), e.DisputeOpened())
    assert (facts.disputes, len(facts.notices), len(facts.cases)) == (1, 1, 1)


def test_the_strictest_word_names_the_state() -> None:
    everything = (promise("50"), e.HoldPlaced(hold="a"), e.DisputeOpened())
    assert after(*everything).state is State.DISPUTED
    assert after(*everything[:2]).state is State.ON_HOLD
    assert after(*everything[:1]).state is State.PROMISED
    assert after().state is State.SCHEDULED
    assert after(*sent()).state is State.ACTIVE


# Due dates.


@pytest.mark.parametrize(("due_on", "rearmed"), [(date(2026, 4, 1), 1), (date(2026, 3, 5), 0), (DUE, 0)])
def test_only_a_due_date_moved_past_the_day_it_was_told_arms_the_steps_again(
    due_on: date, rearmed: int
) -> None:
    changed = e.InvoiceChanged(amount=Decimal(100), due_on=due_on, on=date(2026, 3, 10))
    assert after(changed).rearmed == rearmed


def test_neither_a_reversal_nor_a_broken_promise_arms_anything_again() -> None:
    facts = after(promise("50"), e.PromiseBroken(number=1), paid("100"), taken_back("100"))
    assert (facts.rearmed, [rebase.kind for rebase in facts.rebases]) == (
        0,
        ["arrived", "resumed", "resumed"],
    )


# Messages and receipts.


@given(st.permutations(["queued", "sent", "delivered", "read", "delivered", "sent"]))
def test_receipts_in_any_order_end_at_the_highest(deliveries: Sequence[str]) -> None:
    message = after(*sent(), *(reported(d) for d in deliveries)).step("a", 1).messages[Channel.SMS]
    assert (message.delivery, message.state) == ("read", MessageState.ACCEPTED)


@given(st.lists(st.sampled_from(["queued", "sent", "delivered", "failed", "read"]), max_size=8))
def test_a_receipt_never_moves_a_delivery_down_and_a_repeated_one_changes_nothing(
    deliveries: list[str],
) -> None:
    facts, ranks = after(*sent()), [-1]
    for delivery in deliveries:
        facts = reduce_invoice(facts, reported(delivery), T0 + timedelta(hours=1))
        assert reduce_invoice(facts, reported(delivery), T0 + timedelta(hours=2)) == facts
        ranks.append(RANK[facts.step("a", 1).messages[Channel.SMS].delivery])
    assert ranks == sorted(ranks)


@pytest.mark.parametrize("ending", [e.MessageUnknown(**SMS), e.MessageGivenUp(**SMS)])
def test_a_receipt_finds_a_lost_answer(ending: e.InvoiceEvent) -> None:
    facts = after(sent()[0], ending, reported("sent"))
    assert facts.step("a", 1).outcome == "sent"
    assert facts.step("a", 1).messages[Channel.SMS].state is MessageState.ACCEPTED


def test_a_reported_failure_opens_the_step_again() -> None:
    assert after(*sent(), reported("failed")).step("a", 1).outcome is None


def test_a_failure_beside_another_message_that_was_accepted_leaves_the_step_sent() -> None:
    assert after(*sent(), *sent(EMAIL), reported("failed")).step("a", 1).outcome == "sent"


def test_two_empty_readings_free_a_message_once() -> None:
    gone = (sent()[0], e.MessageUnknown(**SMS), e.MessageNotFound(**SMS), e.MessageNotFound(**SMS))
    freed = after(*gone).step("a", 1).messages[Channel.SMS]
    assert (freed.state, freed.resent) == (MessageState.REFUSED, True)
    assert after(*gone, *gone).step("a", 1).messages[Channel.SMS].state is MessageState.UNKNOWN


def test_the_first_permit_of_a_step_stays_its_permit() -> None:
    facts = after(*sent(), reported("failed"), *sent(EMAIL))
    assert facts.step("a", 1).permitted_at == T0 + timedelta(minutes=1)


def test_a_closed_providers_account_is_one_case() -> None:
    refused = e.MessageRefused(**SMS, error_class="account")
    assert [case.reason for case in after(refused, refused).cases] == ["provider_account"]


def test_lifting_a_halt_frees_what_it_deferred_and_nothing_else() -> None:
    halted = e.StepDeferred(step="a", reason="halted", until=T0)
    spaced = e.StepDeferred(step="b", reason="spacing", until=T0)
    facts = after(halted, spaced, e.DeferralLifted())
    assert (facts.step("a", 1).deferred_until, facts.step("b", 1).deferred_until) == (None, T0)


# The log.


def test_a_log_begins_with_the_invoice() -> None:
    with pytest.raises(ValueError, match="begins with invoice_received, not cancelled"):
        reduce_invoice(None, e.Cancelled(), T0)


def test_facts_survive_the_way_into_the_ledger_and_back() -> None:
    facts = after(
        *sent(), promise("50"), e.HoldPlaced(hold="h", until=T0), e.Escalated(stage="x"), reported("failed")
    )
    stored = facts.model_dump(mode="json", exclude_defaults=True)
    assert InvoiceFacts.model_validate(stored) == facts


# Customers.


def known(*events: e.CustomerEvent) -> CustomerFacts:
    facts = reduce_customer(None, CUSTOMER)
    for event in events:
        facts = reduce_customer(facts, event)
    return facts


def test_a_customers_log_begins_with_the_customer() -> None:
    with pytest.raises(ValueError, match="begins with customer_received, not channel_suppressed"):
        reduce_customer(None, e.ChannelSuppressed(channel=Channel.SMS, reason="opt_out"))


def test_an_opt_out_outlasts_a_new_number_and_a_bad_number_does_not() -> None:
    moved = CUSTOMER.model_copy(update={"addresses": {Channel.SMS: "two"}})
    bad = e.ChannelSuppressed(channel=Channel.SMS, reason="bad_address", address="one")
    stop = e.ChannelSuppressed(channel=Channel.SMS, reason="opt_out")
    assert known(bad).unusable(Channel.SMS) == "bad_address"
    assert known(bad, moved).unusable(Channel.SMS) is None
    assert known(stop, bad, moved).unusable(Channel.SMS) == "opt_out"


def test_receiving_a_customer_again_keeps_what_was_learnt() -> None:
    stop = e.ChannelSuppressed(channel=Channel.SMS, reason="opt_out")
    hold = e.CustomerHoldPlaced(hold="h")
    assert known(stop, hold, CUSTOMER) == known(stop, hold)
    assert known(stop, hold, e.CustomerHoldEnded()).holds == ()


@pytest.mark.parametrize("delivery", ["delivered", "failed"])
@pytest.mark.parametrize("answer", [e.MessageAccepted, e.MessageUnknown])
def test_a_receipt_that_overtakes_the_provider_s_answer_stands(answer: Any, delivery: Any) -> None:
    of: dict[str, Any] = {"step": "first", "occurrence": 1, "channel": "sms"}
    facts = reduce_invoice(None, RECEIVED, T0)
    facts = reduce_invoice(facts, e.MessagePermitted(**of, attempt="a"), T0)
    told = reduce_invoice(facts, e.DeliveryReported(**of, delivery=delivery), T0)
    assert reduce_invoice(told, answer(**of), T0) == told
