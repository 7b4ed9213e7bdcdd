"""Promises by example: several at a time, money to the first of them, grace by the way to pay, and their ends."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from cadence import events as e
from cadence.branches import PromiseBranch
from cadence.document import Cadence
from cadence.facts import State
from cadence.payers import NO_PAYER
from cadence.permit import condition_facts
from tests.unit.cadence.game import Game
from tests.unit.cadence.pieces import cadence, customer, instant, send

DUE = date(2026, 3, 2)  # a Monday
NOWHERE = customer("UTC", "ZZ")  # no holidays, no summer time
GRACE = {"default": 1, "boleto": 3, "transfer": 2}


def march(day: int) -> date:
    return date(2026, 3, day)


def ruler(grace: Any = 0) -> Cadence:
    reminder = {"template": "promise_broken", "channels": ("email",)}
    noted = {"template": "promise_noted", "channels": ("email",)}
    branches = {"promise": {"grace": grace, "notice": noted}, "broken_promise": {"reminder": reminder}}
    return cadence(send("first", "due + 3d"), send("second", "due + 10d"), branches=branches)


def begun(grace: Any = 0, **more: Any) -> Game:
    return Game.begun(ruler(grace), instant("2026-03-02 08:00"), DUE, who=NOWHERE, **more)


def promise(amount: int, day: int, **more: Any) -> e.PromiseMade:
    return e.PromiseMade(amount=Decimal(amount), by=march(day), **more)


def paid(amount: int) -> e.PaymentReceived:
    return e.PaymentReceived(amount=Decimal(amount), currency="EUR")


def taken_back(amount: int) -> e.PaymentReversed:
    return e.PaymentReversed(amount=Decimal(amount), currency="EUR")


def counts(game: Game) -> tuple[int, int, int]:
    facts = game.facts
    return facts.kept_promises, facts.partly_kept_promises, facts.broken_promises


def missing(game: Game) -> dict[int, Decimal]:
    return {each.number: each.missing for each in game.facts.promises_open}


def test_money_goes_to_the_promise_of_the_first_day_whichever_was_made_first() -> None:
    game = begun()
    game.tell(promise(40, 20), promise(30, 10), paid(35))
    assert counts(game) == (1, 0, 0)
    assert missing(game) == {1: 35}
    assert game.facts.state is State.PROMISED


def test_the_ruler_goes_on_when_the_last_promise_that_silenced_it_is_kept() -> None:
    game = begun()
    game.tell(promise(40, 20), promise(30, 10))
    game.now = instant("2026-03-09 10:00")
    game.tell(paid(70))
    game.play_until(instant("2026-03-09 12:00"))
    assert counts(game) == (2, 0, 0)
    assert ("first", march(9)) in game.sent()


def test_money_taken_back_leaves_the_promise_to_which_it_went_last() -> None:
    game = begun()
    game.tell(promise(30, 10), promise(40, 20), paid(50), taken_back(25))
    assert counts(game) == (1, 0, 0)
    assert missing(game) == {2: 40}


@pytest.mark.parametrize(
    ("came", "found"), [(0, (0, 0, 1)), (10, (0, 1, 0)), (30, (1, 0, 0))], ids=["broken", "partly", "kept"]
)
def test_a_promise_is_kept_partly_kept_or_broken(came: int, found: tuple[int, int, int]) -> None:
    game = begun()
    game.tell(promise(30, 10), *([paid(came)] if came else []))
    game.play_until(instant("2026-03-11 00:00"))
    assert counts(game) == found
    assert game.facts.promises_open == ()


@pytest.mark.parametrize(
    ("of_invoice", "of_promise", "judged"),
    [("", "", march(13)), ("boleto", "", march(17)), ("boleto", "pix", march(13)), ("pix", "transfer", march(16))],
)  # fmt: skip
def test_money_has_as_many_business_days_to_show_as_its_way_takes(
    of_invoice: str, of_promise: str, judged: date
) -> None:
    game = begun(GRACE, payment_method=of_invoice)
    game.tell(promise(30, 12, method=of_promise))  # a Thursday
    (check,) = (item for item in game.agenda.items if item.key == "promise/1")
    assert check.at == instant(f"{judged} 00:00").replace(day=judged.day + 1)


def test_a_promise_is_judged_at_the_end_of_the_day_where_the_customer_is() -> None:
    game = Game.begun(ruler(), instant("2026-03-02 08:00"), DUE, who=customer("Pacific/Auckland", "NZ"))
    game.tell(promise(30, 12))
    assert next(i.at for i in game.agenda.items if i.number) == instant("2026-03-12 11:00")


def test_after_a_broken_promise_the_others_are_judged_but_reminders_go_on_beside_them() -> None:
    game = begun()
    game.tell(promise(30, 4), promise(70, 20))
    game.play_until(instant("2026-03-07 00:00"))
    assert game.facts.state is State.ACTIVE
    assert [step for step, _ in game.sent()][2:] == ["on:broken_promise", "first"]
    game.play_until(instant("2026-03-21 00:00"))
    assert counts(game) == (0, 0, 2)
    assert [case.key for case in game.facts.cases] == ["broken_promise/1", "broken_promise/2"]


def test_a_promise_made_after_a_broken_one_is_believed_again() -> None:
    game = begun()
    game.tell(promise(30, 4), promise(30, 20))
    game.play_until(instant("2026-03-05 08:00"))
    game.tell(promise(40, 12))
    assert game.facts.state is State.PROMISED
    game.play_until(instant("2026-03-12 23:00"))
    assert "first" not in dict(game.sent())


def test_each_promise_is_confirmed_while_it_is_open() -> None:
    game = begun()
    game.tell(promise(30, 10), promise(40, 20))
    assert [item.key for item in game.agenda.items if item.notice] == [
        f"on:promise/{n}/email" for n in (1, 2)
    ]


def test_a_promise_that_replaces_the_open_ones_leaves_them_neither_kept_nor_broken() -> None:
    game = begun()
    game.tell(promise(30, 4), promise(70, 6), promise(100, 20, replaces=True))
    assert missing(game) == {3: 100}
    game.play_until(instant("2026-03-19 00:00"))
    assert counts(game) == (0, 0, 0)


def test_whoever_pays_all_that_is_owed_has_kept_every_promise() -> None:
    game = begun(close_below=Decimal("0.50"))
    game.tell(promise(60, 10), promise(40, 20), e.PaymentReceived(amount=Decimal("99.60"), currency="EUR"))
    assert (game.facts.closed, counts(game)) == ("paid", (2, 0, 0))


def test_conditions_know_how_promises_ended() -> None:
    game = begun()
    game.tell(promise(30, 4), promise(10, 3), paid(20))
    game.play_until(instant("2026-03-05 00:00"))
    known = condition_facts(game.facts, game.customer, NO_PAYER, game.rules, "overdue", game.now)
    assert [known[f"{end}promises"] for end in ("kept_", "partly_kept_", "broken_")] == [1, 1, 0]


def test_a_grace_by_way_to_pay_says_what_holds_for_all_others() -> None:
    assert PromiseBranch.model_validate({"grace": 2}).grace == {"default": 2}
    with pytest.raises(ValidationError, match="says nothing of other ways to pay; add default"):
        PromiseBranch.model_validate({"grace": {"boleto": 3}})
    with pytest.raises(ValidationError, match="less than or equal to 10"):
        PromiseBranch.model_validate({"grace": {"default": 1, "boleto": 11}})


def test_a_promise_that_lacks_a_few_cents_is_kept() -> None:
    game = begun(close_below=Decimal("0.50"))
    game.tell(promise(60, 6), e.PaymentReceived(amount=Decimal("59.60"), currency="EUR"))
    assert (game.facts.kept_promises, game.facts.promises_open) == (1, ())
