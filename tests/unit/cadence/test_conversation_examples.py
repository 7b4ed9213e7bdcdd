"""What customers write and agents answer: what it holds back, whom it calls, and when an answer leaves."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from cadence import events as e
from cadence.words import Channel
from tests.unit.cadence.game import Game
from tests.unit.cadence.pieces import cadence, customer, instant, send

DUE = date(2026, 3, 2)  # a Monday
NOWHERE = customer("UTC", "ZZ")  # no holidays, no summer time
NOTICES = {"dispute": {"notice": {"template": "dispute_received", "channels": ("email",)}}}


def begun(now: str = "2026-03-03 12:00", **more: Any) -> Game:
    ruler = cadence(send("first", "due + 3d"), send("second", "due + 10d"), branches=NOTICES)
    return Game.begun(ruler, instant(now), DUE, who=NOWHERE, **more)


def answered(game: Game, channel: Channel = Channel.SMS, number: int = 1) -> None:
    game.tell(e.AnswerWritten(number=number, channel=channel))


def unconfirmed(game: Game) -> bool:
    return game.facts.dispute is not None and not game.facts.dispute.confirmed


def reasons(game: Game) -> list[str]:
    return [case.reason for case in game.facts.cases]


def paid(amount: int) -> e.PaymentReceived:
    return e.PaymentReceived(amount=Decimal(amount), currency="EUR")


# Replies.


@pytest.mark.parametrize(
    ("intent", "reason"), [("other", "replied"), ("help", "replied"), ("paid", "says_paid"), ("stop_unsure", "may_opt_out")]
)  # fmt: skip
def test_each_reply_opens_a_case_of_its_own(intent: Any, reason: str) -> None:
    game = begun()
    game.tell(e.Replied(channel=Channel.SMS, intent=intent), e.Replied(channel=Channel.SMS, intent=intent))
    assert reasons(game) == [reason, reason]


def test_that_it_was_paid_needs_nobody_once_it_was() -> None:
    game = begun()
    game.tell(paid(100), e.Replied(channel=Channel.SMS, intent="paid"))
    assert reasons(game) == []
    game.tell(e.Replied(channel=Channel.SMS, intent="wrong"))
    assert reasons(game) == ["replied"]


def test_a_reply_written_before_intents_were_read_is_one_for_a_person() -> None:
    assert e.INVOICE_EVENT.validate_python({"type": "replied", "channel": "sms"}) == e.Replied(
        channel=Channel.SMS
    )


def test_a_dispute_read_from_a_reply_stops_reminders_and_is_confirmed_by_a_person() -> None:
    game = begun()
    game.tell(e.DisputeOpened(reason="reply", confirmed=False))
    game.play_until(instant("2026-03-20 12:00"))
    assert game.sent() == [("on:dispute", date(2026, 3, 3))]
    assert (game.facts.state, unconfirmed(game), reasons(game)) == (
        "disputed",
        True,
        ["dispute_to_confirm"],
    )

    game.tell(e.DisputeOpened(reason="wrong-amount"))
    assert (unconfirmed(game), game.facts.disputes) == (False, 1)
    assert reasons(game) == ["dispute_to_confirm", "dispute"]
    game.play_until(instant("2026-03-25 12:00"))
    assert len(game.sent()) == 1, "the customer was answered when it was opened"


def test_a_dispute_that_was_none_is_withdrawn_and_reminders_go_on() -> None:
    game = begun()
    game.tell(e.DisputeOpened(reason="reply", confirmed=False), e.DisputeResolved(outcome="withdrawn"))
    assert (game.facts.disputed, unconfirmed(game)) == (False, False)
    game.play_until(instant("2026-03-20 12:00"))
    assert [step for step, _ in game.sent()] == ["first", "second"]


def test_a_reply_neither_confirms_nor_counts_a_dispute_that_is_open() -> None:
    game = begun()
    game.tell(e.DisputeOpened(), e.DisputeOpened(reason="reply", confirmed=False))
    assert (game.facts.disputes, unconfirmed(game), reasons(game)) == (1, False, ["dispute"])


# Answers.


@pytest.mark.parametrize(
    "stopped_by",
    [
        e.DisputeOpened(),
        e.HoldPlaced(hold="h"),
        e.PromiseMade(amount=Decimal(100), by=date(2026, 3, 9)),
        paid(40),
    ],
)
def test_an_answer_leaves_at_once_whatever_stops_reminders(stopped_by: e.InvoiceEvent) -> None:
    game = begun()
    game.tell(stopped_by)
    answered(game)
    item = next(item for item in game.agenda.items if item.step == "on:answer")
    assert (item.at, item.channel, item.notice) == (game.now, Channel.SMS, True)
    game.play_until(game.now)
    assert ("on:answer", date(2026, 3, 3)) in game.sent()


def test_an_answer_written_at_night_waits_for_the_morning() -> None:
    game = begun("2026-03-03 22:00")
    answered(game, Channel.WHATSAPP)
    assert game.agenda.items[0].at == instant("2026-03-04 09:00")


def test_each_answer_leaves_also_when_another_was_written_since() -> None:
    game = begun("2026-03-03 22:00")
    answered(game, Channel.SMS, 1)
    answered(game, Channel.WHATSAPP, 2)
    game.play_until(instant("2026-03-04 12:00"))
    assert [(c.step, c.occurrence, c.channel) for c in game.contacts] == [
        ("on:answer", 1, Channel.SMS),
        ("on:answer", 2, Channel.WHATSAPP),
    ]


def test_a_reminder_leaves_the_day_of_an_answer_alone() -> None:
    game = begun("2026-03-05 08:00")
    answered(game)
    game.play_until(instant("2026-03-07 12:00"))
    assert game.sent() == [("on:answer", date(2026, 3, 5)), ("first", date(2026, 3, 6))]


@pytest.mark.parametrize("fate", ["rejected", "refused"])
def test_an_answer_that_cannot_leave_by_its_channel_takes_no_other_and_is_a_case(fate: Any) -> None:
    game = begun()
    answered(game)
    game.perform(fate)
    game.tell_customer(e.ChannelSuppressed(channel=Channel.SMS, reason="opt_out"))
    assert "answer_not_sent" in reasons(game)
    game.play_until(game.now + timedelta(hours=8))
    assert game.contacts == []


def test_an_opt_out_after_the_answer_was_written_is_a_case() -> None:
    game = begun("2026-03-03 22:00")
    answered(game)
    game.tell_customer(e.ChannelSuppressed(channel=Channel.SMS, reason="opt_out"))
    assert (game.why_skipped(), reasons(game)) == ({"on:answer": "no_usable_channel"}, ["answer_not_sent"])


def test_an_answer_that_closing_overtakes_is_a_case_and_does_not_leave_when_it_is_open_again() -> None:
    game = begun("2026-03-03 22:00")
    answered(game)
    game.tell(paid(100))
    assert (game.facts.closed, reasons(game)) == ("paid", ["answer_not_sent"])
    game.tell(e.PaymentReversed(amount=Decimal(100), currency="EUR"))
    game.play_until(instant("2026-03-04 18:00"))
    assert "on:answer" not in dict(game.sent())


def test_an_answer_that_left_before_closing_is_none_for_anybody() -> None:
    game = begun()
    answered(game)
    game.perform()
    game.tell(paid(100))
    assert reasons(game) == []
