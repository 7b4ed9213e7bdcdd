"""The planner by example: outages, late arrival, escalation, moved dates, promises and reversals, day by day."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from cadence import events as e
from cadence.document import Cadence
from cadence.planner import plan
from cadence.reducer import reduce_invoice
from tests.unit.cadence.game import Game
from tests.unit.cadence.pieces import cadence, case, customer, hand_over, instant, send

DUE = date(2026, 3, 2)  # a Monday
NOWHERE = customer("UTC", "ZZ")  # no holidays, no summer time
THREE = (
    send("first", "due + 3d"),
    send("second", "due + 10d"),
    send("final", "due + 30d", stage="final", missed="send"),
    hand_over("exit", "due + 45d", stage="exit"),
)


def begun(ruler: Cadence, now: str = "2026-03-02 08:00", **more: Any) -> Game:
    return Game.begun(ruler, instant(now), DUE, who=NOWHERE, **more)


def march(day: int, month: int = 3) -> date:
    return date(2026, month, day)


def after_outage(ruler: Cadence, back: str) -> Game:
    game = begun(ruler)
    game.now = instant(back)
    game.replan()
    return game


def days(game: Game) -> dict[str | None, date]:
    return {item.step: game.rules.window.local_day(item.at) for item in game.agenda.items}


def test_steps_go_at_the_opening_of_the_window_on_their_days() -> None:
    game = begun(cadence(*THREE))
    game.play_until(instant("2026-05-30 12:00"))
    assert game.sent() == [("first", march(5)), ("second", march(12)), ("final", march(1, 4))]
    assert {contact.at.hour for contact in game.contacts} == {9}
    assert game.facts.closed == "handed_over"


def test_a_step_on_a_weekend_goes_on_the_next_business_day() -> None:
    game = begun(cadence(send("a", "due + 5d")))
    game.play_until(instant("2026-03-20 12:00"))
    assert game.sent() == [("a", march(9))]


# Missed steps.


def test_what_hangs_on_a_step_that_came_too_late_stands_where_it_stood_before_that_was_written_down() -> None:
    # Both are of one day, so the second was planned for the next; then nobody worked for a week.
    late = send("second", "due", missed={"skip_after": "1d"})
    game = begun(cadence(send("first", "due"), late, hand_over("exit", "previous + 10d", stage="exit")))
    game.play_until(instant("2026-03-02 12:00"))
    game.now = instant("2026-03-09 12:00")
    foreseen = plan(game.facts, game.cadence, game.rules, game.now)
    assert [settled.step for settled in foreseen.settled] == ["second"]
    game.replan()
    assert game.agenda.items == foreseen.items
    assert days(game)["exit"] == march(13)


def test_a_three_day_outage_gives_neither_three_reminders_at_once_nor_loses_the_final_notice() -> None:
    ruler = cadence(send("a", "due + 1d"), send("b", "due + 2d"), send("c", "due + 3d", missed="send"))
    game = after_outage(ruler, "2026-03-06 11:00")
    game.play_until(instant("2026-03-20 12:00"))
    assert game.sent() == [("c", march(6))]
    assert game.why_skipped() == {"a": "collapsed", "b": "collapsed"}


def test_steps_that_are_sent_late_go_one_a_day() -> None:
    ruler = cadence(*(send(f"s{n}", f"due + {n}d", missed="send") for n in (1, 2, 3)))
    game = after_outage(ruler, "2026-03-06 11:00")
    game.play_until(instant("2026-03-20 12:00"))
    assert game.sent() == [("s1", march(6)), ("s2", march(9)), ("s3", march(10))]


def test_a_missed_step_alone_is_sent_late_although_it_collapses() -> None:
    game = after_outage(cadence(send("a", "due + 1d"), send("b", "due + 20d")), "2026-03-06 11:00")
    game.play_until(instant("2026-03-06 12:00"))
    assert game.sent() == [("a", march(6))]


@pytest.mark.parametrize(("back", "reason"), [("2026-03-04 12:00", None), ("2026-03-06 12:00", "too_late")])
def test_skip_after_gives_a_missed_step_that_long(back: str, reason: str | None) -> None:
    game = after_outage(cadence(send("a", "due + 1d", missed={"skip_after": "2d"})), back)
    assert game.why_skipped().get("a") == reason
    assert bool(game.next) is (reason is None)


def test_skip_after_is_judged_by_the_window_in_which_the_step_would_go() -> None:
    ruler = cadence(send("a", "due + 4d", missed={"skip_after": "2d"}))
    saturday = after_outage(ruler, "2026-03-07 12:00")
    monday = after_outage(ruler, "2026-03-09 09:00")
    assert saturday.why_skipped() == monday.why_skipped() == {"a": "too_late"}


def test_ask_turns_a_missed_step_into_a_case() -> None:
    game = after_outage(cadence(send("a", "due + 1d", missed="ask")), "2026-03-06 12:00")
    game.play_until(game.now)
    assert game.sent() == []
    assert [(c.key, c.reason) for c in game.facts.cases] == [("step/a/1", "missed_step")]


def test_a_case_that_was_missed_is_opened_late_beside_a_reminder() -> None:
    game = after_outage(cadence(send("a", "due + 1d"), case("call", "due + 2d")), "2026-03-06 12:00")
    game.play_until(game.now)
    assert (game.sent(), len(game.facts.cases)) == ([("a", march(6))], 1)


def test_a_step_does_not_collapse_into_one_that_is_itself_too_late() -> None:
    ruler = cadence(send("a", "due + 3d"), send("b", "due + 4d", missed={"skip_after": "1d"}))
    game = after_outage(ruler, "2026-03-12 12:00")
    game.play_until(game.now)
    assert game.sent() == [("a", march(12))]


def test_of_two_alternatives_the_one_that_applies_is_not_lost_in_an_outage() -> None:
    ruler = cadence(
        send("here", "due + 2d", when="country == 'ZZ'"),
        send("elsewhere", "due + 2d", when="country != 'ZZ'"),
    )
    game = after_outage(ruler, "2026-03-06 12:00")
    game.play_until(instant("2026-03-12 12:00"))
    assert [step for step, _ in game.sent()] == ["here"]


def test_a_hold_that_ends_treats_what_it_covered_as_missed() -> None:
    game = begun(cadence(send("a", "due + 1d"), send("b", "due + 3d"), send("c", "due + 20d")))
    game.tell(e.HoldPlaced(hold="h", until=instant("2026-03-10 12:00")))
    game.play_until(instant("2026-03-11 12:00"))
    assert game.sent() == [("b", march(10))]
    assert game.contacts[0].at >= instant("2026-03-10 12:00")


# Late arrival and stages.


def test_an_invoice_sixty_days_overdue_begins_at_the_first_overdue_step_and_keeps_the_distances() -> None:
    game = begun(cadence(send("soon", "due - 3d", stage="courtesy"), *THREE), "2026-05-01 12:00")
    game.play_until(instant("2026-08-01 12:00"))
    assert game.sent() == [("first", march(1, 5)), ("second", march(8, 5)), ("final", march(28, 5))]
    assert game.why_skipped() == {"soon": "before_arrival"}
    assert game.rules.window.local_day(game.log[-1][1]) == march(12, 6)


def test_a_late_arrival_keeps_its_distances_when_the_first_message_leaves_at_the_very_instant_of_arrival() -> (
    None
):
    game = begun(cadence(*THREE), "2026-05-01 12:00")
    game.perform()
    assert game.sent() == [("first", march(1, 5))]
    assert days(game)["second"] == march(8, 5)


def test_a_late_arrival_keeps_the_distances_of_a_step_that_hangs_on_the_one_before() -> None:
    ruler = cadence(send("due", "due"), send("a", "previous + 5d"), send("z", "due + 30d", missed="send"))
    game = begun(ruler, "2026-05-06 12:00")
    assert (days(game)["a"], days(game)["z"]) == (march(6, 5), march(1, 6))  # 31 May is a Sunday


def test_an_invoice_may_arrive_at_a_stage_and_later_steps_keep_their_distance() -> None:
    game = begun(cadence(*THREE), "2026-05-01 12:00", stage="final")
    assert game.why_skipped() == {"first": "earlier_stage", "second": "earlier_stage"}
    assert days(game) == {"final": march(1, 5), "exit": march(18, 5)}  # 16 May is a Saturday


def test_a_stage_that_is_not_yet_due_waits_for_its_own_day() -> None:
    game = begun(cadence(*THREE), "2026-03-10 12:00", stage="final")
    assert days(game)["final"] == march(1, 4)


# Escalation.


def test_escalation_skips_the_steps_between_opens_a_case_and_speaks_in_the_next_window() -> None:
    game = begun(cadence(*THREE))
    game.play_until(instant("2026-03-06 19:00"))
    game.tell(e.Escalated(stage="final"))
    assert game.why_skipped() == {"second": "escalated"}
    assert days(game) == {"final": march(9), "exit": march(24)}
    assert [case.reason for case in game.facts.cases] == ["escalated"]


def test_escalation_performed_at_its_own_instant_does_not_drag_the_next_step_along() -> None:
    game = begun(cadence(*THREE), "2026-03-03 12:00")
    game.tell(e.Escalated(stage="final"))
    game.perform()
    assert game.sent() == [("final", march(3))]
    assert days(game) == {"exit": march(18)}


def test_escalation_on_the_day_of_a_reminder_waits_for_the_next_day() -> None:
    game = begun(cadence(*THREE))
    game.play_until(instant("2026-03-05 12:00"))
    game.tell(e.Escalated(stage="final"))
    assert days(game)["final"] == march(6)


def test_escalation_does_not_go_back_to_the_stages_before_that_of_arrival() -> None:
    steps = send("first", "due + 1d", stage="courtesy"), case("last", "previous + 1d", stage="final")
    ruler = cadence(*steps, stages=("courtesy", "overdue", "final"))
    game = Game.begun(ruler, instant("2026-03-05 00:00"), DUE, stage="overdue")
    before = game.next
    game.tell(e.Escalated(stage="courtesy"))
    assert game.why_skipped() == {"first": "earlier_stage"}
    assert game.next == before == game.planned().next


def test_escalation_past_a_step_that_was_put_off_leaves_what_follows_where_it_was_foreseen() -> None:
    last = case("formal", "previous + 2d", stage="final"), hand_over("exit", "due + 20d", stage="exit")
    game = begun(cadence(send("first", "due + 1d"), *last), "2026-03-03 12:00")
    game.tell(e.StepDeferred(step="first", until=instant("2026-03-09 09:00"), reason="contact_cap"))
    escalated = e.Escalated(stage="final")
    facts = reduce_invoice(game.facts, escalated, game.now)
    foreseen = plan(facts, game.cadence, game.rules, game.now)
    assert [settled.step for settled in foreseen.settled] == ["first"]
    game.tell(escalated)
    assert game.agenda.items == foreseen.items
    # "formal" would have come on the 11th: all that follows comes eight days earlier, and the 14th is a Saturday.
    assert days(game) == {"formal": march(3), "exit": march(16)}


def test_escalation_while_disputed_waits_for_the_end_of_the_dispute() -> None:
    game = begun(cadence(*THREE))
    game.tell(e.DisputeOpened(), e.Escalated(stage="final"))
    assert game.agenda.items == ()
    game.now = instant("2026-03-04 12:00")
    game.tell(e.DisputeResolved(outcome="rejected"))
    assert days(game)["final"] == march(4)


# What `previous` counts from.


def test_previous_counts_from_the_first_permit() -> None:
    game = begun(cadence(send("a", "due + 1d"), send("b", "previous + 5d")))
    game.now = instant("2026-03-05 11:00")
    game.replan()
    game.perform()
    assert days(game) == {"b": march(10)}


def test_previous_counts_from_the_first_permit_although_a_bounce_sends_it_again() -> None:
    game = begun(cadence(send("a", "due + 1d", "email", "sms"), send("b", "previous + 5d")))
    game.play_until(instant("2026-03-04 12:00"))
    game.tell(e.DeliveryReported.model_validate({"step": "a", "channel": "email", "delivery": "failed"}))
    game.perform()
    assert days(game) == {"b": march(9)}  # the 8th is a Sunday


def test_previous_counts_from_the_planned_day_of_a_step_that_was_skipped() -> None:
    game = begun(cadence(send("a", "due + 1d", when="balance > 500"), send("b", "previous + 5d")))
    game.now = instant("2026-03-03 17:00")
    game.perform()
    assert game.why_skipped() == {"a": "condition"}
    assert days(game) == {"b": march(9)}


# A moved due date, reversals and promises.


def moved(to: date, on: datetime) -> e.InvoiceChanged:
    return e.InvoiceChanged(amount=Decimal(100), due_on=to, on=on.date())


def test_a_due_date_moved_past_today_arms_the_steps_after_due_again() -> None:
    game = begun(cadence(send("soon", "due - 3d", stage="courtesy"), *THREE), "2026-02-20 08:00")
    game.play_until(instant("2026-03-13 12:00"))
    game.tell(moved(march(1, 4), game.now))
    assert [(i.step, i.occurrence) for i in game.agenda.items] == [
        ("first", 2),
        ("second", 2),
        ("final", 2),
        ("exit", 2),
    ]
    game.play_until(instant("2026-04-14 12:00"))
    assert game.sent()[-2:] == [("first", march(6, 4)), ("second", march(13, 4))]


def test_a_due_date_moved_within_the_past_arms_nothing_again() -> None:
    game = begun(cadence(*THREE))
    game.play_until(instant("2026-03-13 12:00"))
    game.tell(moved(march(6), game.now))
    assert [(i.step, i.occurrence) for i in game.agenda.items] == [("final", 1), ("exit", 1)]


def test_a_reversal_goes_on_from_the_next_step_and_keeps_the_distances() -> None:
    game = begun(cadence(*THREE))
    game.play_until(instant("2026-03-05 12:00"))
    game.tell(e.PaymentReceived(amount=Decimal(100), currency="EUR"))
    assert (game.facts.closed, game.agenda.items) == ("paid", ())
    game.now = instant("2026-04-20 12:00")
    game.tell(e.PaymentReversed(amount=Decimal(100), currency="EUR"))
    game.perform()
    assert game.sent() == [("first", march(5)), ("second", march(20, 4))]
    assert days(game)["final"] - march(20, 4) == timedelta(days=21)  # 20 days later is a Sunday


def test_a_broken_promise_reminds_goes_on_from_the_next_step_and_speaks_once_a_day() -> None:
    reminder = {"template": "promise_broken", "channels": ("email",)}
    game = begun(cadence(*THREE, branches={"broken_promise": {"reminder": reminder}}))
    game.play_until(instant("2026-03-06 12:00"))
    game.tell(e.PromiseMade(amount=Decimal(100), by=march(16)))
    assert game.agenda.items[0].key == "promise/1"
    # An outage: the promise is checked late, in the middle of a window.
    game.now = instant("2026-03-19 11:00")
    game.play_until(instant("2026-03-20 12:00"))
    assert game.sent() == [("first", march(5)), ("on:broken_promise", march(19)), ("second", march(20))]
    assert game.facts.cases[0].reason == "broken_promise"


def test_nothing_asks_for_money_between_a_promise_and_its_end() -> None:
    game = begun(cadence(*THREE))
    game.tell(e.PromiseMade(amount=Decimal(100), by=march(25)))
    game.play_until(instant("2026-03-26 23:59"))
    assert game.sent() == []


@pytest.mark.parametrize("missed", ["ask", "collapse", "send", {"skip_after": "1h"}])
def test_a_step_whose_day_was_taken_by_another_is_sent_the_day_after_and_was_not_missed(missed: Any) -> None:
    game = begun(
        cadence(send("sat", "due + 5d"), send("sun", "due + 6d", missed=missed), send("tue", "due + 8d"))
    )
    game.play_until(instant("2026-03-20 12:00"))
    assert game.sent() == [("sat", march(9)), ("sun", march(10)), ("tue", march(11))]
