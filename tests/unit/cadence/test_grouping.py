"""Steps that another invoice's message said as well: they are over, and count as heard, unless it reached nobody."""

from datetime import date, timedelta
from decimal import Decimal

from cadence import events as e
from cadence.account import OpenItem, totals
from cadence.words import Channel
from tests.unit.cadence.game import Game
from tests.unit.cadence.pieces import cadence, customer, instant, send

DUE = date(2026, 3, 2)
NOWHERE = customer("UTC", "ZZ")
RULER = cadence(send("first", "due + 1d"), send("second", "due + 8d"), group_by="customer")


def at_first() -> Game:
    """A game that stands at its first message."""
    game = Game.begun(RULER, instant("2026-03-02 08:00"), DUE, who=NOWHERE)
    assert game.next is not None
    game.now = game.next.at
    return game


def test_a_merged_step_is_over_and_the_next_one_is_due() -> None:
    game = at_first()
    assert game.merge() is not None
    assert game.facts.steps["first/1"].outcome == "merged"
    assert game.next is not None
    assert game.next.step == "second"
    assert game.facts.state == "active"
    assert game.replayed() == game.facts


def test_the_step_after_a_merged_one_counts_from_the_merge() -> None:
    ruler = cadence(send("first", "due + 1d"), send("second", "previous + 5d"), group_by="customer")
    game = Game.begun(ruler, instant("2026-03-02 08:00"), DUE, who=NOWHERE)
    assert game.next is not None
    game.now = game.next.at
    game.merge()
    assert game.next is not None
    assert game.next.at == instant("2026-03-09 09:00")  # 3 March and five days, which is a Sunday


def test_a_day_on_which_a_step_was_merged_is_taken() -> None:
    ruler = cadence(send("first", "due + 1d"), send("second", "due + 1d", missed="send"), group_by="customer")
    game = Game.begun(ruler, instant("2026-03-02 08:00"), DUE, who=NOWHERE)
    assert game.next is not None
    game.now = game.next.at
    game.merge()
    assert game.next is not None
    assert game.next.at == game.now + timedelta(days=1)


def test_a_step_whose_message_reached_nobody_is_open_again() -> None:
    game = at_first()
    game.merge()
    game.release("first/1")
    assert game.next is not None
    assert game.next.step == "first"
    game.play_until(game.now)
    assert game.sent() == [("first", date(2026, 3, 3))]


def test_what_is_released_of_another_message_changes_nothing() -> None:
    game = at_first()
    game.merge()
    game.tell(e.StepReleased(step="first", into="another"))
    assert game.facts.steps["first/1"].outcome == "merged"


def test_a_step_merged_again_by_a_fallback_is_of_the_newest_message() -> None:
    game = at_first()
    game.merge()
    game.tell(e.StepMerged(step="first", channel=Channel.SMS, into="newest"))
    assert game.facts.steps["first/1"].into == "newest"


def test_totals_are_by_currency() -> None:
    owed = [("1", "EUR"), ("2", "BRL"), ("3", "EUR")]
    items = [OpenItem(f"I-{amount}", DUE, Decimal(amount), code) for amount, code in owed]
    assert totals(items) == {"BRL": 2, "EUR": 4}
