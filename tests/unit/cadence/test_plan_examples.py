"""Payment plans by example: reminders of each instalment, money to the first of them, and what a missed one does."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from cadence import events as e
from cadence.branches import PlanBranch
from cadence.document import Cadence
from cadence.facts import State
from cadence.plans import divided, owed, parse_instalments, spoken_of
from tests.unit.cadence.game import Game
from tests.unit.cadence.pieces import cadence, customer, hand_over, instalments_from, instant, send

DUE = date(2026, 3, 2)  # a Monday
NOWHERE = customer("UTC", "ZZ")  # no holidays, no summer time
TENTH = date(2026, 3, 10)  # a Tuesday


def message(template: str) -> dict[str, Any]:
    return {"template": template, "channels": ("email",)}


BRANCH: dict[str, Any] = {
    "notice": message("plan_agreed"),
    "reminders": (
        {"at": "due - 3d", "send": message("instalment_upcoming")},
        {"at": "due", "send": message("instalment_due")},
    ),
    "grace": {"default": 1, "boleto": 3},
    "missed": {"reminder": message("instalment_missed"), "queue": "calls"},
    "ends_after_missed": 2,
}


def ruler(**branch: Any) -> Cadence:
    steps = send("first", "due + 3d"), send("second", "due + 20d"), hand_over("exit", "due + 90d")
    return cadence(*steps, branches={"plan": BRANCH | branch, "dispute": {"undisputed": "collect"}})


def begun(ruled: Cadence | None = None, **more: Any) -> Game:
    return Game.begun(ruled or ruler(), instant("2026-03-02 08:00"), DUE, who=NOWHERE, **more)


def agreed(*amounts: int, first: date = TENTH, days: int = 7, **more: Any) -> e.PlanAgreed:
    return e.PlanAgreed.model_validate({"instalments": instalments_from(first, amounts, days), **more})


def paid(amount: int) -> e.PaymentReceived:
    return e.PaymentReceived(amount=Decimal(amount), currency="EUR")


def left(game: Game) -> list[int]:
    return [int(each.amount) for each in owed(game.facts)]


def march(day: int) -> date:
    return date(2026, 3, day)


def test_a_plan_silences_the_ruler_and_reminds_of_each_instalment() -> None:
    game = begun()
    game.tell(agreed(50, 50))
    assert game.facts.state is State.ON_PLAN
    game.play_until(instant("2026-03-11 08:00"))
    game.tell(paid(50))
    game.play_until(instant("2026-03-17 20:00"))
    # The seventh is a Saturday, and Monday is the next business day; the fourteenth likewise.
    assert game.sent() == [
        ("on:plan", march(2)),
        ("instalment:due-3d", march(9)),
        ("instalment:due", march(10)),
        ("instalment:due-3d", march(16)),
        ("instalment:due", march(17)),
    ]


def test_money_goes_to_the_first_instalment_and_what_is_taken_back_leaves_the_last() -> None:
    game = begun()
    game.tell(paid(10), agreed(30, 30, 30), paid(45))
    assert left(game) == [0, 15, 30]
    game.tell(e.PaymentReversed(amount=Decimal(20), currency="EUR"))
    assert left(game) == [5, 30, 30]


def test_an_instalment_that_is_paid_is_neither_reminded_of_nor_judged() -> None:
    game = begun()
    game.tell(agreed(50, 50), paid(50))
    numbers = {
        item.occurrence for item in game.agenda.items if item.step and item.step.startswith("instalment")
    }
    assert numbers == {2}
    assert [item.key for item in game.agenda.items if item.number] == ["instalment/2"]


def test_a_missed_instalment_is_reminded_of_and_opens_a_case_and_the_plan_goes_on() -> None:
    game = begun()
    game.tell(agreed(50, 50), paid(20))
    game.play_until(instant("2026-03-12 12:00"))
    assert game.facts.state is State.ON_PLAN
    assert game.sent()[-1] == ("on:instalment_missed", march(12))
    assert [case.key for case in game.facts.cases] == ["instalment_missed/1"]
    assert spoken_of(game.facts, "on:instalment_missed", 1) == (TENTH, Decimal(30))


def test_the_reminder_of_a_missed_instalment_is_not_sent_once_it_is_paid() -> None:
    game = begun()
    game.tell(agreed(50, 50))
    game.play_until(instant("2026-03-12 00:00"))
    game.tell(paid(50))
    game.play_until(instant("2026-03-12 12:00"))
    assert "on:instalment_missed" not in dict(game.sent())
    assert game.why_skipped()["on:instalment_missed"] == "overtaken"


def test_after_the_second_missed_one_the_plan_ends_and_the_ruler_goes_on() -> None:
    game = begun()
    game.tell(agreed(50, 50))
    game.play_until(instant("2026-03-20 12:00"))
    assert (game.facts.plan, game.facts.state) == (None, State.ACTIVE)
    assert [case.key for case in game.facts.cases] == [
        "instalment_missed/1",
        "instalment_missed/2",
        "plan_ended/1",
    ]
    # One voice a day: the missed instalment, then the ruler's next step.
    game.play_until(instant("2026-03-24 12:00"))
    assert game.sent()[-2:] == [("on:instalment_missed", march(19)), ("first", march(20))]


def test_a_plan_ends_with_its_last_instalment_though_none_was_missed_before() -> None:
    game = begun()
    game.tell(agreed(50, 50), paid(50))
    game.play_until(instant("2026-03-20 12:00"))
    assert game.facts.plan is None
    assert [case.key for case in game.facts.cases] == ["instalment_missed/2", "plan_ended/1"]


def test_a_plan_ends_where_what_is_left_of_it_was_missed() -> None:
    game = begun()
    game.tell(agreed(50, 50))
    game.play_until(instant("2026-03-12 12:00"))
    game.tell(e.InvoiceChanged(amount=Decimal(50), due_on=DUE, on=DUE))
    assert game.facts.plan is None
    assert game.facts.cases[-1].key == "plan_ended/1"


def test_a_plan_that_is_cancelled_lets_the_ruler_go_on_and_nothing_more_is_heard_of_it() -> None:
    game = begun()
    game.tell(agreed(50, 50))
    game.play_until(instant("2026-03-09 20:00"))
    game.tell(e.PlanEnded())
    game.play_until(instant("2026-03-30 20:00"))
    assert [step for step, _ in game.sent()] == ["on:plan", "instalment:due-3d", "first", "second"]
    assert game.facts.cases == ()


def test_a_plan_paid_in_full_closes_the_invoice() -> None:
    game = begun()
    game.tell(agreed(50, 50), paid(50), paid(50))
    assert game.facts.closed == "paid"
    assert game.agenda.items == ()


def test_what_a_plan_leaves_open_is_the_rulers_again_once_it_is_paid() -> None:
    game = begun()
    game.tell(agreed(30, 30))
    game.now = instant("2026-03-12 00:00").replace(day=9)
    game.tell(paid(60))
    assert game.facts.plan is None
    game.play_until(instant("2026-03-09 12:00"))
    assert ("first", march(9)) in game.sent()


def test_a_payment_that_bounces_after_the_last_instalment_lets_the_plan_stand_again() -> None:
    game = begun()
    game.tell(agreed(50, 50), paid(50), paid(50), e.PaymentReversed(amount=Decimal(50), currency="EUR"))
    assert (game.facts.state, left(game)) == (State.ON_PLAN, [0, 50])


def test_a_plan_that_is_paid_already_does_not_silence_what_is_owed_again() -> None:
    game = begun()
    game.tell(agreed(30, 30), paid(100), e.PaymentReversed(amount=Decimal(20), currency="EUR"))
    assert game.facts.plan is None
    game.play_until(instant("2026-03-30 20:00"))
    assert [step for step, _ in game.sent()] == ["first", "second"]


@pytest.mark.parametrize("day", ["0001-01-01", "1989-12-31", "2100-01-01"])
def test_no_instalment_is_due_where_calendars_end(day: str) -> None:
    with pytest.raises(ValueError, match="is no instalment"):
        parse_instalments(f"{day}=10")


def test_what_is_credited_lessens_the_last_instalments() -> None:
    game = begun()
    game.tell(agreed(50, 50), e.InvoiceChanged(amount=Decimal(70), due_on=DUE, on=DUE))
    assert left(game) == [50, 20]


def test_a_disputed_part_is_no_instalment_s_until_it_is_resolved() -> None:
    game = begun()
    game.tell(agreed(50, 50), e.DisputeOpened(amount=Decimal(60)))
    assert left(game) == [40, 0]
    game.play_until(instant("2026-03-10 12:00"))
    assert game.sent()[-1] == ("instalment:due", TENTH)
    assert spoken_of(game.facts, "instalment:due", 1) == (TENTH, Decimal(40))
    game.tell(paid(40))
    game.play_until(instant("2026-03-20 12:00"))
    assert (game.facts.state, game.facts.cases[1:]) == (State.DISPUTED, ())
    game.tell(e.DisputeResolved(outcome="rejected"))
    assert (game.facts.state, left(game)) == (State.ON_PLAN, [10, 50])


def test_a_missed_instalment_does_not_end_a_plan_whose_other_one_is_disputed() -> None:
    game = begun()
    game.tell(agreed(50, 50), e.DisputeOpened(amount=Decimal(60)))
    game.play_until(instant("2026-03-13 12:00"))
    assert [case.key for case in game.facts.cases] == ["dispute/1", "instalment_missed/1"]
    assert game.facts.plan is not None
    assert spoken_of(game.facts, "on:instalment_missed", 1) == (TENTH, Decimal(40))


def test_a_new_plan_takes_the_place_of_promises_and_of_the_old_plan() -> None:
    game = begun()
    game.tell(e.PromiseMade(amount=Decimal(40), by=march(20)), agreed(50, 50), agreed(100, first=march(25)))
    assert not game.facts.promises_open
    assert (left(game), game.facts.plans) == ([100], 2)
    assert [item.key for item in game.agenda.items if item.number] == ["instalment/3"]
    assert [item.key for item in game.agenda.items if item.notice] == ["on:plan/2/email"]


@pytest.mark.parametrize("silence", [e.HoldPlaced(hold="h"), e.DisputeOpened()])
def test_nobody_is_reminded_of_an_instalment_nor_misses_one_while_held_or_disputed(
    silence: e.InvoiceEvent,
) -> None:
    game = begun()
    game.tell(agreed(50, 50), silence)
    game.play_until(instant("2026-03-20 12:00"))
    assert game.sent() == [("on:plan", march(2))]
    assert game.facts.cases[1:] == ()
    game.tell(e.HoldEnded(), e.DisputeResolved(outcome="withdrawn"))
    game.perform()
    assert [instalment.missed for instalment in game.facts.plan.instalments] == [True, False]  # type: ignore[union-attr]


def test_a_reminder_whose_day_passed_in_an_outage_is_not_said_late() -> None:
    game = begun()
    game.tell(agreed(50, 50))
    game.play_until(instant("2026-03-02 12:00"))
    game.now = instant("2026-03-10 11:00")
    game.replan()
    game.play_until(instant("2026-03-10 12:00"))
    assert game.sent()[1:] == [("instalment:due", march(10))]
    assert game.why_skipped() == {"instalment:due-3d": "instalment_day_passed"}


@pytest.mark.parametrize(
    ("of_invoice", "of_plan", "judged"), [("", "", 12), ("boleto", "", 14), ("boleto", "pix", 12), ("pix", "boleto", 14)]
)  # fmt: skip
def test_an_instalment_has_the_grace_of_its_way_to_pay(of_invoice: str, of_plan: str, judged: int) -> None:
    game = begun(payment_method=of_invoice)
    game.tell(agreed(100, method=of_plan))
    (check,) = (item for item in game.agenda.items if item.number)
    assert check.at == instant(f"2026-03-{judged} 00:00")


def test_a_message_speaks_of_its_own_instalment() -> None:
    game = begun()
    game.tell(agreed(40, 60), paid(10))
    assert spoken_of(game.facts, "on:plan", 1) == (TENTH, Decimal(30))
    assert spoken_of(game.facts, "instalment:due", 2) == (march(17), Decimal(60))
    assert spoken_of(game.facts, "first", 1) is None


# The document and the log.


def test_equal_parts_leave_the_rest_to_the_last_and_keep_to_the_month() -> None:
    parts = divided(Decimal(100), "EUR", 3, "month", date(2026, 12, 31))
    assert [part.amount for part in parts] == [Decimal("33.33"), Decimal("33.33"), Decimal("33.34")]
    assert [part.due_on for part in parts] == [date(2026, 12, 31), date(2027, 1, 31), date(2027, 2, 28)]
    assert [part.due_on.day for part in divided(Decimal(9), "JPY", 2, "week", march(2))] == [2, 9]
    with pytest.raises(ValueError, match="cannot be divided by 3; agree fewer instalments"):
        divided(Decimal("0.02"), "EUR", 3, "month", DUE)


def test_parts_are_read_as_they_are_written() -> None:
    assert parse_instalments("2026-12-01=10.00, 2027-01-01=20") == (
        e.AgreedInstalment(due_on=date(2026, 12, 1), amount=Decimal(10)),
        e.AgreedInstalment(due_on=date(2027, 1, 1), amount=Decimal(20)),
    )
    for wrong in ("2026-12-01", "soon=10", "2026-12-01=-1", "2026-12-01=NaN"):
        with pytest.raises(ValueError, match="is no instalment; write a day and an amount"):
            parse_instalments(wrong)


def test_instalments_follow_one_another() -> None:
    with pytest.raises(ValidationError, match="each instalment is due after the one before it"):
        agreed(50, 50, days=0)


def test_reminders_are_counted_from_the_instalments_due_day_and_differ() -> None:
    with pytest.raises(ValidationError, match="an instalment has only a due day"):
        PlanBranch.model_validate({"reminders": [{"at": "issued + 3d", "send": message("x")}]})
    twice = [{"at": "due", "send": message("x")}, {"at": "due", "send": message("y")}]
    with pytest.raises(ValidationError, match="reminder at due is used more than once"):
        PlanBranch.model_validate({"reminders": twice})


def test_a_few_cents_short_miss_no_instalment_and_are_owed_with_the_next() -> None:
    game = begun(close_below=Decimal("0.50"))
    game.tell(agreed(50, 50), e.PaymentReceived(amount=Decimal("49.60"), currency="EUR"))
    game.play_until(instant("2026-03-13 12:00"))
    assert [each.amount for each in owed(game.facts)] == [0, 50]
    assert "instalment_missed" not in [event.type for event, _ in game.log]
    game.tell(paid(50))
    assert game.facts.closed == "paid"
