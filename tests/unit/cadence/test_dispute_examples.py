"""Disputes over all or a part, their deadlines and ends, and due dates that were extended: what each brings."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from cadence import events as e
from cadence.directive import ItemKind
from cadence.disputes import asked, forbids
from cadence.facts import State
from tests.unit.cadence.game import Game
from tests.unit.cadence.pieces import cadence, case, customer, instant, send

DUE = date(2026, 3, 2)  # a Monday
NOWHERE = customer("UTC", "ZZ")  # no holidays, no summer time


def message(template: str) -> dict[str, Any]:
    return {"template": template, "channels": ("email",)}


def begun(undisputed: str = "collect", *steps: dict[str, Any], **notices: Any) -> Game:
    ruler = cadence(
        *(steps or (send("first", "due + 3d"), send("second", "due + 10d"), case("call", "due + 15d"))),
        branches={"dispute": {"undisputed": undisputed} | notices},
    )
    return Game.begun(ruler, instant("2026-03-03 12:00"), DUE, who=NOWHERE)


def part(amount: int = 30, **more: Any) -> e.DisputeOpened:
    return e.DisputeOpened(amount=Decimal(amount), **more)


def paid(amount: int) -> e.PaymentReceived:
    return e.PaymentReceived(amount=Decimal(amount), currency="EUR")


def reasons(game: Game) -> list[str]:
    return [due.reason for due in game.facts.cases]


# What is asked for meanwhile.


def test_reminders_go_on_for_what_is_not_disputed_where_the_cadence_says_so() -> None:
    game = begun()
    game.tell(part())
    assert (game.facts.state, asked(game.facts, game.cadence)) == (State.DISPUTED, Decimal(70))
    game.play_until(instant("2026-03-13 12:00"))
    assert game.sent() == [("first", date(2026, 3, 5)), ("second", date(2026, 3, 12))]


def test_all_reminders_wait_where_the_cadence_says_nothing() -> None:
    game = begun("wait")
    game.tell(part())
    game.play_until(instant("2026-05-01 12:00"))
    assert (game.sent(), asked(game.facts, game.cadence)) == ([], Decimal(100))


@pytest.mark.parametrize("disputed", [e.DisputeOpened(), part(100), part(200)])
def test_nothing_is_asked_for_where_all_is_disputed(disputed: e.DisputeOpened) -> None:
    game = begun()
    game.tell(disputed)
    assert forbids(game.facts, game.cadence)
    game.play_until(instant("2026-05-01 12:00"))
    assert game.sent() == []


def test_a_payment_that_leaves_the_disputed_part_alone_silences_and_keeps_the_dispute() -> None:
    game = begun()
    game.tell(part(), paid(70))
    assert (game.facts.state, game.facts.balance) == (State.DISPUTED, Decimal(30))
    assert forbids(game.facts, game.cadence)
    game.tell(paid(30))
    assert (game.facts.state, game.facts.dispute) == (State.PAID, None)


def test_a_reversal_makes_the_undisputed_part_be_asked_for_again() -> None:
    game = begun()
    game.tell(part(), paid(70), e.PaymentReversed(amount=Decimal(50), currency="EUR"))
    assert asked(game.facts, game.cadence) == Decimal(50)
    assert not forbids(game.facts, game.cadence)


def test_a_condition_sees_what_is_asked_for_and_not_what_is_disputed() -> None:
    game = begun("collect", send("first", "due + 3d", when="balance > 50"))
    game.tell(part(60))
    game.play_until(instant("2026-03-06 12:00"))
    assert (game.sent(), game.why_skipped()) == ([], {"first": "condition"})


def test_a_hold_silences_the_undisputed_part_too() -> None:
    game = begun()
    game.tell(part(), e.HoldPlaced(hold="h"))
    game.play_until(instant("2026-05-01 12:00"))
    assert game.sent() == []


@pytest.mark.parametrize(
    ("undisputed", "opened", "template"),
    [
        ("collect", part(), "dispute_received_part"),
        ("collect", e.DisputeOpened(), "dispute_received"),
        ("wait", part(), "dispute_received"),
    ],
)
def test_the_notice_says_what_is_true_of_the_reminders(
    undisputed: str, opened: e.DisputeOpened, template: str
) -> None:
    given = {"notice": message("dispute_received"), "partial_notice": message("dispute_received_part")}
    game = begun(undisputed, **given)
    game.tell(opened)
    assert game.next is not None
    assert game.next.send is not None
    assert game.next.send.template == template


# Who answers, and until when.


def test_a_dispute_that_is_not_answered_in_time_opens_one_case_for_each_deadline() -> None:
    game = begun()
    game.tell(e.DisputeOpened(owner="sales", answer_by=date(2026, 3, 9)))
    assert game.next is not None
    # The creditor is in Sao Paulo, where the 9th ends three hours later than at Greenwich.
    assert (game.next.kind, game.next.at) == (ItemKind.CHECK_DISPUTE, instant("2026-03-10 03:00"))
    game.play_until(instant("2026-03-12 12:00"))
    assert reasons(game) == ["dispute", "dispute_overdue"]
    game.tell(e.DisputeAssigned(owner="legal", answer_by=date(2026, 3, 9)))
    game.play_until(instant("2026-03-13 12:00"))
    assert reasons(game) == ["dispute", "dispute_overdue"]
    game.tell(e.DisputeAssigned(owner="legal", answer_by=date(2026, 3, 16)))
    game.play_until(instant("2026-03-20 12:00"))
    assert reasons(game) == ["dispute", "dispute_overdue", "dispute_overdue"]
    assert game.facts.dispute is not None
    assert game.facts.dispute.owner == "legal"


def test_an_answer_in_time_needs_no_case() -> None:
    game = begun()
    game.tell(e.DisputeOpened(answer_by=date(2026, 3, 9)), e.DisputeResolved(outcome="rejected"))
    game.play_until(instant("2026-03-30 12:00"))
    assert "dispute_overdue" not in reasons(game)


def test_confirming_a_dispute_that_was_read_from_a_reply_says_how_much_of_it_is_disputed() -> None:
    game = begun()
    game.tell(e.DisputeOpened(reason="reply", confirmed=False))
    assert forbids(game.facts, game.cadence)
    game.tell(part(owner="sales"))
    assert game.facts.dispute is not None
    assert (game.facts.dispute.number, game.facts.dispute.owner) == (1, "sales")
    assert asked(game.facts, game.cadence) == Decimal(70)
    game.tell(part(90))
    assert asked(game.facts, game.cadence) == Decimal(70)


def test_confirming_a_dispute_keeps_who_deals_with_it_and_minds_a_new_deadline() -> None:
    game = begun()
    game.tell(e.DisputeOpened(reason="reply", confirmed=False))
    game.tell(e.DisputeAssigned(owner="sales", answer_by=date(2026, 3, 4)))
    game.play_until(instant("2026-03-06 12:00"))
    assert reasons(game) == ["dispute_to_confirm", "dispute_overdue"]
    game.tell(part())
    assert game.facts.dispute is not None
    assert (game.facts.dispute.owner, game.facts.dispute.answer_by) == ("sales", date(2026, 3, 4))
    assert reasons(game) == ["dispute_to_confirm", "dispute_overdue", "dispute"]


def test_a_deadline_that_is_set_when_a_dispute_is_confirmed_has_its_own_case() -> None:
    game = begun()
    game.tell(e.DisputeOpened(reason="reply", confirmed=False))
    game.tell(e.DisputeAssigned(answer_by=date(2026, 3, 4)))
    game.play_until(instant("2026-03-06 12:00"))
    game.tell(part(answer_by=date(2026, 3, 10)))
    game.play_until(instant("2026-03-12 12:00"))
    assert reasons(game).count("dispute_overdue") == 2


# How it ends.


def test_upheld_credits_the_disputed_part_and_the_ruler_goes_on_for_the_rest() -> None:
    game = begun("wait", upheld_notice=message("dispute_upheld"), resolved_notice=message("dispute_resolved"))
    game.tell(part(), e.DisputeResolved(outcome="upheld"))
    assert (game.facts.balance, game.facts.credited, game.facts.dispute) == (Decimal(70), Decimal(30), None)
    game.play_until(instant("2026-03-06 12:00"))
    assert game.sent() == [("on:dispute_upheld", date(2026, 3, 3)), ("first", date(2026, 3, 5))]


def test_upheld_may_credit_less_than_was_disputed_and_never_more() -> None:
    for credit, balance in ((20, 80), (90, 70)):
        game = begun()
        game.tell(part(), e.DisputeResolved(outcome="upheld", credit=Decimal(credit)))
        assert game.facts.balance == Decimal(balance)


def test_upheld_credits_the_disputed_part_though_it_was_paid_and_the_customer_has_credit() -> None:
    game = begun()
    game.tell(part(30), paid(90))
    assert game.facts.disputed_amount == Decimal(10)
    game.tell(e.DisputeResolved(outcome="upheld"))
    facts = game.facts
    assert (facts.state, facts.credited, facts.credit) == (State.CREDITED, Decimal(30), Decimal(20))
    assert reasons(game) == ["dispute", "overpaid"]


def test_upheld_credits_what_is_open_where_nobody_named_a_part() -> None:
    game = begun()
    game.tell(e.DisputeOpened(), paid(60), e.DisputeResolved(outcome="upheld", credit=Decimal(90)))
    assert (game.facts.state, game.facts.credited, game.facts.credit) == (
        State.CREDITED,
        Decimal(40),
        Decimal(0),
    )


def test_what_was_credited_already_is_not_credited_again() -> None:
    game = begun()
    given_up = e.CreditNoteIssued(amount=Decimal(80), currency="EUR")
    game.tell(part(60), given_up, e.DisputeResolved(outcome="upheld"))
    assert (game.facts.credited, game.facts.balance) == (Decimal(100), Decimal(0))


def test_a_second_dispute_is_credited_beside_the_first() -> None:
    game = begun()
    game.tell(part(30), e.DisputeResolved(outcome="upheld"), part(20), e.DisputeResolved(outcome="upheld"))
    assert (game.facts.balance, game.facts.disputes) == (Decimal(50), 2)


# Due dates that were extended.


def test_an_extension_arms_the_steps_after_the_due_date_again() -> None:
    game = begun()
    game.play_until(instant("2026-03-06 12:00"))
    game.tell(e.DueDateExtended(due_on=date(2026, 3, 23), reason="goods-late", on=date(2026, 3, 6)))
    game.play_until(instant("2026-04-03 12:00"))
    assert game.sent() == [
        ("first", date(2026, 3, 5)), ("first", date(2026, 3, 26)), ("second", date(2026, 4, 2)),
    ]  # fmt: skip
    assert game.facts.extended_from == DUE


@pytest.mark.parametrize("due_on", [date(2026, 3, 2), date(2026, 2, 1)])
def test_an_extension_that_is_not_later_changes_nothing(due_on: date) -> None:
    game = begun()
    before = game.facts
    game.tell(e.DueDateExtended(due_on=due_on, on=date(2026, 3, 3)))
    assert game.facts == before


def test_an_extension_during_a_dispute_or_a_promise_leaves_both_in_force() -> None:
    game = begun()
    game.tell(part(), e.PromiseMade(amount=Decimal(70), by=date(2026, 3, 5)))
    game.tell(e.DueDateExtended(due_on=date(2026, 3, 23), on=date(2026, 3, 3)))
    assert game.facts.trusts
    assert game.facts.dispute is not None


def test_a_closed_invoice_is_not_extended() -> None:
    game = begun()
    game.tell(paid(100), e.DueDateExtended(due_on=date(2026, 3, 23), on=date(2026, 3, 3)))
    assert (game.facts.due_on, game.facts.state) == (DUE, State.PAID)


def test_a_new_due_date_of_the_books_ends_the_extension() -> None:
    game = begun()
    extended = e.DueDateExtended(due_on=date(2026, 3, 23), on=date(2026, 3, 3))
    changed = {"amount": Decimal(90), "on": date(2026, 3, 3)}
    game.tell(extended, e.InvoiceChanged(due_on=date(2026, 3, 23), **changed))
    assert game.facts.extended_from == DUE
    game.tell(e.InvoiceChanged(due_on=date(2026, 4, 1), **changed))
    assert game.facts.due_on == date(2026, 4, 1)
    assert game.facts.extended_from is None
