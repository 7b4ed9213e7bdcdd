"""The permit's pure half: one answer to each request, with the rule that decided."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from cadence import events as e
from cadence.conditions import CONDITION_FACTS
from cadence.payers import NO_PAYER, PAYER_NAMES, PayerFacts, payer_terms
from cadence.permit import Answer, Verdict, condition_facts, judge
from tests.unit.cadence.game import Game
from tests.unit.cadence.pieces import cadence, creditor, customer, instant, send

DUE = date(2026, 3, 2)  # a Monday
NOWHERE = customer("UTC", "ZZ")
KEY = "a/1/email"
TUESDAY = instant("2026-03-03 09:00")


def begun(**more: Any) -> Game:
    ruler = cadence(send("a", "due + 1d", "email", "sms", **more), send("b", "due + 10d"))
    return Game.begun(ruler, instant("2026-03-02 12:00"), DUE, who=NOWHERE)


def asked(game: Game, now: datetime, key: str = KEY, payer: PayerFacts = NO_PAYER) -> Verdict:
    return judge(game.facts, game.cadence, game.rules, game.customer, payer, key, now)


def test_an_item_whose_instant_has_come_is_permitted() -> None:
    verdict = asked(begun(), TUESDAY)
    assert (verdict.answer, verdict.reason) == (Answer.PERMIT, "planned")
    assert verdict.item is not None
    assert verdict.item.key == KEY


def test_before_its_window_it_is_deferred_to_the_opening() -> None:
    verdict = asked(begun(), instant("2026-03-03 03:00"))
    assert (verdict.answer, verdict.reason, verdict.until) == (Answer.DEFER, "window_closed", TUESDAY)


def test_after_its_window_it_is_deferred_to_the_next_one() -> None:
    verdict = asked(begun(), instant("2026-03-03 18:00"))
    assert (verdict.answer, verdict.until) == (Answer.DEFER, instant("2026-03-04 09:00"))


def test_a_second_reminder_on_one_day_is_deferred_for_spacing() -> None:
    ruler = cadence(send("a", "due + 5d"), send("b", "due + 6d"))  # a Saturday and a Sunday
    game = Game.begun(ruler, instant("2026-03-02 12:00"), DUE, who=NOWHERE)
    game.play_until(instant("2026-03-09 10:00"))
    verdict = asked(game, game.now, "b/1/email")
    assert (verdict.answer, verdict.reason, verdict.until) == (
        Answer.DEFER,
        "spacing",
        instant("2026-03-10 09:00"),
    )


STOPPING: list[e.InvoiceEvent] = [
    e.PaymentReceived(amount=Decimal(100), currency="EUR"),
    e.PaymentUnidentified(),
    e.DisputeOpened(),
    e.HoldPlaced(hold="h"),
    e.Cancelled(),
]


@pytest.mark.parametrize("event", STOPPING, ids=lambda event: str(event.type))
def test_what_stops_reminders_makes_the_item_stale(event: e.InvoiceEvent) -> None:
    game = begun()
    game.tell(event)
    verdict = asked(game, TUESDAY)
    assert (verdict.answer, verdict.reason) == (Answer.STALE, "not_on_the_agenda")


@pytest.mark.parametrize(
    "event",
    [
        e.PromiseMade(amount=Decimal(100), by=date(2026, 3, 10)),
        e.HoldPlaced(hold="h", until=instant("2026-03-12 12:00")),
    ],
    ids=lambda event: str(event.type),
)
def test_a_pause_with_an_end_defers_until_after_it(event: e.InvoiceEvent) -> None:
    game = begun()
    game.tell(event)
    verdict = asked(game, TUESDAY)
    assert verdict.answer is not Answer.PERMIT
    assert verdict.until is None or verdict.until >= instant("2026-03-11 00:00")


def test_an_item_that_is_not_on_the_agenda_is_stale() -> None:
    assert asked(begun(), TUESDAY, "a/2/email").answer is Answer.STALE
    assert asked(begun(), TUESDAY, "a/1/sms").answer is Answer.STALE


def test_a_message_that_was_accepted_is_stale() -> None:
    game = begun()
    game.play_until(TUESDAY)
    assert asked(game, TUESDAY).answer is Answer.STALE


@pytest.mark.parametrize(
    ("condition", "answer", "reason"),
    [
        ("balance >= 100", Answer.PERMIT, "planned"),
        ("balance < 100", Answer.SKIP, "condition"),
        ("balance > 'many'", Answer.SKIP, "condition_failed"),
        ("payer.paid_late == 2", Answer.PERMIT, "planned"),
        ("days_overdue == 1 and country == 'ZZ' and stage == 'overdue'", Answer.PERMIT, "planned"),
    ],
)
def test_a_condition_is_judged_when_its_step_is_due(condition: str, answer: Answer, reason: str) -> None:
    verdict = asked(begun(when=condition), TUESDAY, payer=PayerFacts(invoices=3, paid=2))
    assert (verdict.answer, verdict.reason) == (answer, reason)


def test_a_condition_sees_the_balance_of_this_moment() -> None:
    game = begun(when="balance > 50")
    game.tell(e.PaymentReceived(amount=Decimal(60), currency="EUR"))
    assert asked(game, TUESDAY).answer is Answer.SKIP


def test_days_overdue_are_counted_where_the_creditor_is() -> None:
    game = begun()
    late_evening = instant("2026-03-04 02:00")  # still the 3rd in São Paulo
    told = condition_facts(game.facts, game.customer, NO_PAYER, game.rules, "overdue", late_evening)
    assert creditor().zone == "America/Sao_Paulo"
    assert told["days_overdue"] == 1


def test_every_documented_fact_is_told_and_no_other() -> None:
    game = begun()
    told = condition_facts(game.facts, game.customer, NO_PAYER, game.rules, "overdue", TUESDAY)
    documented = {name.partition(".")[0] for name in CONDITION_FACTS}
    assert set(told) == documented
    terms = vars(told["payer"])
    families = {"owed", "credit", "quiet"}
    plain = {f"payer.{name}" for name in terms if name not in families}
    within = {f"payer.{family}.{name}" for family in families for name in vars(terms[family])}
    assert plain | within == PAYER_NAMES
    assert plain == {name for name in CONDITION_FACTS if name.count(".") == 1}


def test_who_is_not_asked_about_reads_like_a_payer_who_never_did_anything() -> None:
    assert payer_terms(NO_PAYER, TUESDAY) == payer_terms(PayerFacts(), TUESDAY)
