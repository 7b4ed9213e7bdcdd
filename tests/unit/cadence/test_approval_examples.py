"""Steps that need somebody's leave: asked when they fall due, reminded, given, refused, or out of time."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from cadence import events as e
from cadence.directive import ItemKind
from cadence.facts import State
from cadence.steps import Approval, Step
from tests.unit.cadence.game import Game
from tests.unit.cadence.pieces import cadence, case, customer, hand_over, instant, send

DUE = date(2026, 3, 2)  # a Monday
NOWHERE = customer("UTC", "ZZ")  # no holidays, no summer time
ASKED_AT = instant("2026-03-12 09:00")  # due + 10d, a Thursday, when the window opens
NAME = {"step": "final", "occurrence": 1}


def begun(approval: Any = "manager", *more: dict[str, Any], **given: Any) -> Game:
    """A reminder after 3 days, a final notice that needs leave after 10, and what hangs on that."""
    ruler = cadence(
        send("first", "due + 3d"),
        send("final", "due + 10d", approval=approval, **given),
        *(more or (case("exit", "previous + 15d"),)),
    )
    return Game.begun(ruler, instant("2026-03-03 12:00"), DUE, who=NOWHERE)


def asked(approval: Any = "manager", *more: dict[str, Any], **given: Any) -> Game:
    game = begun(approval, *more, **given)
    game.play_until(ASKED_AT)
    return game


def question(game: Game) -> tuple[int, str | None]:
    """How often the case was called for, and why it is over."""
    found = next(case for case in game.facts.cases if case.reason == "approval_needed")
    return found.times, found.over


def test_a_step_that_needs_leave_asks_when_it_falls_due_and_says_nothing() -> None:
    game = begun()
    assert [(item.kind, item.at) for item in game.agenda.items if item.step == "final"] == [
        (ItemKind.ASK_APPROVAL, ASKED_AT)
    ]
    game.play_until(ASKED_AT)
    assert (game.facts.state, game.facts.awaiting) == (State.AWAITING_APPROVAL, ("final/1",))
    assert game.sent() == [("first", date(2026, 3, 5))]
    assert question(game) == (1, None)


def test_given_the_step_goes_in_the_next_window_and_the_later_ones_keep_their_distance() -> None:
    game = asked()
    game.now = instant("2026-03-13 20:00")  # Friday night
    game.tell(e.ApprovalGiven(**NAME))
    assert (game.facts.state, question(game)) == (State.ACTIVE, (1, "approval_given"))
    game.play_until(instant("2026-05-01 12:00"))
    assert game.sent()[1:] == [("final", date(2026, 3, 16))]
    done = game.facts.step("exit", 1).outcome_at
    assert done == instant("2026-03-31 09:00")


def test_refused_the_step_is_passed_over_and_the_later_ones_go_on() -> None:
    game = asked()
    game.tell(e.ApprovalRefused(**NAME, reason="new-contact"))
    assert game.why_skipped() == {"final": "approval_refused"}
    assert (game.facts.state, question(game)) == (State.ACTIVE, (1, "approval_refused"))
    game.play_until(instant("2026-05-01 12:00"))
    assert game.facts.step("exit", 1).outcome == "performed"
    assert len(game.sent()) == 1


def test_nobody_answers_is_reminded_and_then_passed_over() -> None:
    game = asked()
    assert [(item.kind, item.at) for item in game.agenda.items if item.step == "final"] == [
        (ItemKind.REMIND_APPROVAL, instant("2026-03-14 09:00")),
        (ItemKind.TIME_OUT_APPROVAL, instant("2026-03-17 09:00")),
    ]
    game.play_until(instant("2026-03-16 12:00"))
    assert question(game) == (3, None)
    game.play_until(instant("2026-03-17 09:00"))
    assert game.why_skipped() == {"final": "approval_timed_out"}
    assert question(game) == (3, "approval_timed_out")


@pytest.mark.parametrize(
    ("otherwise", "outcome", "reason"), [("send", "sent", None), ("ask", "performed", "approval_timed_out")]
)
def test_the_cadence_says_what_becomes_of_a_step_that_nobody_answered(
    otherwise: str, outcome: str, reason: str | None
) -> None:
    game = asked({"otherwise": otherwise, "remind": "1d", "within": "4d"})
    game.play_until(instant("2026-03-18 12:00"))
    step = game.facts.step("final", 1)
    assert (step.outcome, step.reason) == (outcome, reason)


def test_an_answer_that_comes_too_late_changes_nothing() -> None:
    game = asked()
    game.play_until(instant("2026-03-17 09:00"))
    before = game.facts
    game.tell(e.ApprovalGiven(**NAME), e.ApprovalRefused(**NAME))
    assert game.facts == before


def test_nobody_is_asked_about_a_step_whose_condition_is_not_true() -> None:
    game = asked(when="balance > 500")
    assert game.facts.awaiting == ()
    assert game.why_skipped() == {"final": "condition"}


def test_a_payment_makes_the_question_moot_and_a_reversal_asks_it_anew() -> None:
    game = asked()
    game.tell(e.PaymentReceived(amount=Decimal(100), currency="EUR"))
    assert (game.facts.awaiting, question(game)) == ((), (1, "invoice_closed"))
    game.tell(e.PaymentReversed(amount=Decimal(100), currency="EUR"))
    game.play_until(instant("2026-03-13 12:00"))
    assert (game.facts.awaiting, question(game)) == (("final/1",), (2, None))


@pytest.mark.parametrize(
    "pausing",
    [e.HoldPlaced(hold="h"), e.DisputeOpened(), e.PromiseMade(amount=Decimal(100), by=date(2026, 4, 20))],
)
def test_the_time_to_answer_stands_still_while_reminders_are_forbidden(pausing: e.InvoiceEvent) -> None:
    game = asked()
    game.tell(pausing)
    assert game.facts.state is not State.AWAITING_APPROVAL
    game.play_until(instant("2026-04-01 12:00"))
    assert game.facts.awaiting == ("final/1",)
    game.tell(e.ApprovalGiven(**NAME))
    game.play_until(instant("2026-04-02 12:00"))
    assert len(game.sent()) == 1


def test_escalation_past_the_step_makes_the_question_moot() -> None:
    game = asked("manager", send("last", "due + 30d", stage="last"))
    game.tell(e.Escalated(stage="last"))
    assert (game.facts.awaiting, question(game)) == ((), (1, "escalated"))


def test_a_later_due_date_withdraws_the_question_until_the_step_comes_again() -> None:
    game = asked()
    game.tell(e.DueDateExtended(due_on=date(2026, 4, 6), on=date(2026, 3, 12)))
    assert (game.facts.awaiting, question(game)) == ((), (1, "due_later"))
    game.play_until(instant("2026-04-16 12:00"))
    assert game.facts.awaiting == ("final/2",)


def test_another_cadence_withdraws_the_question_which_may_have_no_such_step() -> None:
    game = asked()
    game.migrate(cadence(send("other", "due + 30d")))
    assert (game.facts.state, game.facts.awaiting) == (State.ACTIVE, ())
    assert question(game) == (1, "cadence_changed")


def test_another_version_that_needs_leave_asks_for_it_anew() -> None:
    game = asked()
    game.migrate(game.cadence.model_copy(update={"title": "Anew"}))
    game.perform()
    assert (game.facts.awaiting, question(game)) == (("final/1",), (2, None))


def test_a_missed_reminder_is_not_given_up_for_a_step_that_may_never_be_approved() -> None:
    ruler = cadence(send("first", "due + 3d"), send("final", "due + 10d", approval="manager"))
    game = Game.begun(ruler, instant("2026-03-03 12:00"), DUE, who=NOWHERE)
    game.now = instant("2026-03-12 10:00")
    game.replan()
    game.play_until(instant("2026-03-12 12:00"))
    assert game.sent() == [("first", date(2026, 3, 12))]


def test_a_hand_over_may_need_leave_as_well() -> None:
    game = asked("manager", hand_over("exit", "previous + 1d", approval={"within": "3d"}))
    game.tell(e.ApprovalRefused(**NAME))
    game.play_until(instant("2026-03-13 12:00"))
    assert game.facts.awaiting == ("exit/1",)
    game.tell(e.ApprovalGiven(step="exit"))
    game.play_until(instant("2026-03-16 12:00"))
    assert game.facts.state is State.HANDED_OVER


def test_a_step_that_reaches_nobody_asks_for_no_leave() -> None:
    ruler = cadence(send("final", "due + 10d", "whatsapp", approval="manager"))
    nobody = customer("UTC", "ZZ", addresses={})
    game = Game.begun(ruler, instant("2026-03-03 12:00"), DUE, who=nobody)
    game.play_until(datetime.fromisoformat("2026-03-13T12:00+00:00"))
    assert [case.reason for case in game.facts.cases] == ["no_usable_channel"]


@pytest.mark.parametrize(
    ("written", "sentence"),
    [("owner", "Input should be 'manager'"), ({"remind": "5d"}, "nobody would be reminded")],
)
def test_an_approval_that_cannot_work_is_refused(written: Any, sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        Approval.model_validate(written)


def test_a_case_needs_no_leave() -> None:
    with pytest.raises(ValidationError, match="a case is for a person to decide on anyway"):
        Step.model_validate(case("call", "due + 1d", stage="overdue", approval="manager"))


def test_a_step_behind_a_question_that_runs_out_at_the_weekend_waits_for_its_window() -> None:
    ruled = cadence(send("a", "due + 1d", approval="manager"), send("b", "due + 2d"))
    game = Game.begun(ruled, instant("2026-03-02 08:00"), date(2026, 3, 2), who=customer("UTC", "ZZ"))
    game.play_until(instant("2026-03-05 12:00"))  # reminded on Thursday; the time is out on Sunday
    [behind] = [item for item in game.agenda.items if item.step == "b"]
    assert game.rules.window.is_open(behind.at)
    game.play_until(instant("2026-03-10 12:00"))
    assert game.sent() == [("b", date(2026, 3, 9))]
