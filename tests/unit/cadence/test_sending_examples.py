"""One step's messages by example: fallback, silence, refusals, unknown fates, opt-outs and halts."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from cadence import events as e
from cadence.directive import ItemKind
from cadence.facts import MessageState
from cadence.words import Channel
from tests.unit.cadence.game import Fate, Game
from tests.unit.cadence.pieces import cadence, customer, hand_over, instant, send

DUE = date(2026, 3, 2)  # a Monday
NOWHERE = customer("UTC", "ZZ")


def begun(*channels: str, **more: Any) -> Game:
    """The first reminder is due on Tuesday the 3rd at 9:00, a second one in ten days."""
    ruler = cadence(send("a", "due + 1d", *channels, **more), send("b", "due + 11d"))
    game = Game.begun(ruler, instant("2026-03-02 12:00"), DUE, who=NOWHERE)
    game.now = instant("2026-03-03 09:00")
    game.replan()
    return game


def report(channel: str, delivery: str) -> e.DeliveryReported:
    return e.DeliveryReported.model_validate({"step": "a", "channel": channel, "delivery": delivery})


def opted_out(channel: Channel) -> e.ChannelSuppressed:
    return e.ChannelSuppressed(channel=channel, reason="opt_out")


def on_step_a(game: Game) -> list[tuple[str, str, str]]:
    """What is ahead for step `a`: its key, its day and hour, and why."""
    return [(i.key, f"{i.at:%d %H:%M}", i.why) for i in game.agenda.items if i.step == "a"]


def channels_used(game: Game) -> list[str]:
    return [str(contact.channel) for contact in game.contacts]


def cases(game: Game) -> list[str]:
    return [case.reason for case in game.facts.cases]


def the_next_falls_due(game: Game) -> None:
    assert game.next is not None
    game.now = max(game.now, game.next.at)


# Fallback.


def test_a_rejected_message_goes_on_to_the_next_channel_at_once() -> None:
    game = begun("email", "sms")
    game.perform("rejected")
    assert on_step_a(game) == [("a/1/sms", "03 09:00", "fallback")]


def test_a_bounce_opens_the_step_again_and_goes_on_to_the_next_channel() -> None:
    game = begun("email", "sms")
    game.perform()
    assert on_step_a(game) == []
    game.now = instant("2026-03-03 19:30")
    game.tell(report("email", "failed"))
    assert on_step_a(game) == [("a/1/sms", "04 09:00", "fallback")]


def test_a_bounce_after_the_next_step_spoke_is_a_failure_and_a_case() -> None:
    game = begun("email", "sms")
    game.play_until(instant("2026-03-13 12:00"))
    game.tell(report("email", "failed"))
    assert on_step_a(game) == []
    assert (game.why_skipped(), cases(game)) == ({"a": "fallback_overtaken"}, ["fallback_overtaken"])


def test_a_step_that_failed_on_every_channel_is_a_case() -> None:
    game = begun("email", "sms")
    game.perform("rejected")
    game.perform("rejected")
    assert (game.why_skipped(), cases(game)) == ({"a": "all_channels_failed"}, ["all_channels_failed"])


def test_silence_on_whatsapp_goes_on_to_the_next_channel_after_four_hours() -> None:
    game = begun("whatsapp", "sms")
    game.perform()
    assert on_step_a(game) == [("a/1/sms", "03 13:00", "silence")]


@pytest.mark.parametrize("delivery", ["delivered", "read"])
def test_a_delivery_ends_the_silence(delivery: str) -> None:
    game = begun("whatsapp", "sms")
    game.perform()
    game.tell(report("whatsapp", delivery))
    assert on_step_a(game) == []


def test_that_the_provider_sent_it_does_not_end_the_silence() -> None:
    game = begun("whatsapp", "sms")
    game.perform()
    game.tell(report("whatsapp", "sent"))
    assert on_step_a(game) == [("a/1/sms", "03 13:00", "silence")]


def test_a_fallback_after_silence_stays_in_hand_while_it_is_sent() -> None:
    game = begun("whatsapp", "sms")
    game.perform()
    the_next_falls_due(game)
    before = game.next
    game.tell(e.MessagePermitted(step="a", occurrence=1, channel=Channel.SMS, attempt="a2"))
    assert game.next == before


@pytest.mark.parametrize("fate", ["refused", "never_asked"])
def test_a_fallback_after_silence_is_tried_again_where_it_was_not_taken(fate: Fate) -> None:
    game = begun("whatsapp", "sms")
    game.perform()
    the_next_falls_due(game)
    game.perform(fate)
    the_next_falls_due(game)
    game.perform()
    assert channels_used(game) == ["whatsapp", "sms"]
    assert game.facts.step("a", 1).messages[Channel.SMS].state is MessageState.ACCEPTED


def test_a_fallback_that_falls_into_the_evening_waits_for_the_next_window() -> None:
    game = begun("whatsapp", "sms")
    game.now = instant("2026-03-03 16:00")
    game.perform()
    assert on_step_a(game) == [("a/1/sms", "04 09:00", "silence")]


def test_a_fallback_is_not_held_back_by_a_condition_that_was_true_at_the_first_permit() -> None:
    game = begun("whatsapp", "sms", when="balance > 50")
    game.perform()
    game.tell(e.PaymentReceived(amount=Decimal(60), currency="EUR"))
    the_next_falls_due(game)
    game.perform()
    assert channels_used(game) == ["whatsapp", "sms"]
    assert game.facts.step("a", 1).outcome == "sent"


def test_a_silent_fallback_a_day_later_leaves_the_day_to_itself() -> None:
    hanging = send("a", "due + 1d", "whatsapp", "sms", fallback={"whatsapp": "silence 1d"})
    ruler = cadence(hanging, send("b", "previous + 1d"))
    game = Game.begun(ruler, instant("2026-03-02 12:00"), DUE, who=NOWHERE)
    game.play_until(instant("2026-03-06 12:00"))
    assert [(step, day.day) for step, day in game.sent()] == [("a", 3), ("a", 4), ("b", 5)]


def test_every_channel_failing_one_beside_the_other_is_a_case() -> None:
    game = begun("whatsapp", "sms")
    game.perform()
    the_next_falls_due(game)
    name = {"step": "a", "channel": "sms"}
    game.tell(e.MessagePermitted.model_validate(name | {"attempt": "x"}))
    game.tell(report("whatsapp", "failed"))
    game.tell(e.MessageRejected.model_validate(name))
    assert (game.why_skipped(), cases(game)) == ({"a": "all_channels_failed"}, ["all_channels_failed"])


# Refusals and halts.


def test_a_refused_message_is_tried_again_on_its_channel() -> None:
    game = begun("email", "sms")
    game.perform("refused")
    assert on_step_a(game) == [("a/1/email", "03 09:15", "planned")]


def test_the_invoice_is_not_handed_over_before_a_final_notice_that_the_provider_refused() -> None:
    weekend = (send("final", "due + 5d", missed="send"), hand_over("exit", "due + 6d"))
    game = Game.begun(cadence(*weekend), instant("2026-03-02 12:00"), DUE, who=NOWHERE)
    game.now = instant("2026-03-09 09:00")  # both rolled to this Monday
    game.perform("refused")
    game.now = instant("2026-03-09 09:30")
    game.replan()
    game.perform()
    assert [step for step, _ in game.sent()] == ["final"]


@pytest.mark.parametrize("channels", [("email",), ("whatsapp", "sms")])
def test_a_halt_puts_a_message_off_to_the_next_day_and_lifting_it_brings_it_back(
    channels: tuple[str, ...],
) -> None:
    game = begun(*channels)
    if len(channels) > 1:
        game.perform()
        the_next_falls_due(game)
    before = on_step_a(game)
    game.perform(halted=True)
    assert [(key, why) for key, _, why in on_step_a(game)] == [(key, why) for key, _, why in before]
    assert on_step_a(game)[0][1] == "04 09:00"
    game.tell(e.DeferralLifted())
    assert on_step_a(game) == before


# Unknown fates.


def test_an_unknown_sms_is_sent_once_more_after_two_readings_five_minutes_apart() -> None:
    game = begun("sms", "email")
    game.perform("unknown")
    readings = []
    while game.in_doubt() and len(game.contacts) == 1:
        the_next_falls_due(game)
        readings.append(game.now)
        game.perform()
    assert len(readings) == 2
    assert readings[1] - readings[0] >= timedelta(minutes=5)
    assert [key for key, _, _ in on_step_a(game)] == ["a/1/sms/again"]
    game.perform("unknown")
    while game.in_doubt():
        the_next_falls_due(game)
        game.perform()
    assert channels_used(game) == ["sms", "sms"]
    assert (on_step_a(game), cases(game)) == ([], ["delivery_unknown"])


def test_a_message_that_a_reading_finds_is_not_sent_again() -> None:
    game = begun("sms", "email")
    game.perform("unknown")
    the_next_falls_due(game)
    game.perform(found=True)
    assert (on_step_a(game), game.facts.step("a", 1).outcome) == ([], "sent")


@pytest.mark.parametrize("readings", [0, 1, 2])
def test_a_receipt_settles_an_unknown_message_whenever_it_comes_before_the_second_sending(
    readings: int,
) -> None:
    game = begun("sms", "email")
    game.perform("unknown")
    for _ in range(readings):
        the_next_falls_due(game)
        game.perform()
    game.tell(report("sms", "delivered"))
    assert on_step_a(game) == []
    assert game.facts.step("a", 1).outcome == "sent"


def test_a_message_that_a_dead_worker_was_sending_is_looked_for_although_its_step_was_armed_again() -> None:
    game = begun("sms")
    game.perform("died")
    game.tell(e.InvoiceChanged(amount=Decimal(100), due_on=date(2026, 3, 20), on=DUE))
    assert on_step_a(game)[0][0].startswith("reconcile/a/1/sms")


def test_an_unknown_email_is_never_sent_again_and_a_case_after_a_day() -> None:
    game = begun("email", "sms")
    game.perform("unknown")
    assert [(i.kind, i.at - game.now) for i in game.agenda.items if i.step == "a"] == [
        (ItemKind.RECONCILE_MESSAGE, timedelta(hours=24))
    ]
    the_next_falls_due(game)
    game.perform()
    assert (channels_used(game), on_step_a(game), cases(game)) == (["email"], [], ["delivery_unknown"])


def test_a_receipt_after_a_case_was_opened_still_says_that_it_was_sent() -> None:
    game = begun("email")
    game.perform("unknown")
    the_next_falls_due(game)
    game.perform()
    game.tell(report("email", "delivered"))
    assert game.facts.step("a", 1).outcome == "sent"


def test_a_failure_reported_beside_an_unknown_message_opens_no_third_channel() -> None:
    game = begun("whatsapp", "sms", "email")
    game.perform()
    the_next_falls_due(game)
    game.perform("unknown")
    game.tell(e.MessageGivenUp.model_validate({"step": "a", "channel": "sms"}))
    game.tell(report("whatsapp", "failed"))
    assert (on_step_a(game), cases(game)) == ([], ["delivery_unknown"])


# Channels that cannot be used.


def test_an_opt_out_moves_the_step_to_its_next_channel() -> None:
    game = begun("email", "sms")
    game.tell_customer(opted_out(Channel.EMAIL))
    assert on_step_a(game) == [("a/1/sms", "03 09:00", "planned")]


def test_a_step_without_a_usable_channel_is_a_case() -> None:
    game = begun("email")
    game.tell_customer(opted_out(Channel.EMAIL))
    game.perform()
    assert (game.contacts, cases(game)) == ([], ["no_usable_channel"])


def test_an_opt_out_while_a_message_may_be_on_its_way_opens_no_other_channel() -> None:
    game = begun("sms", "email")
    game.tell(e.MessagePermitted.model_validate({"step": "a", "channel": "sms", "attempt": "x"}))
    game.tell_customer(opted_out(Channel.SMS))
    assert not [item for item in game.agenda.items if item.step == "a" and item.channel is not Channel.SMS]


def test_an_opt_out_before_the_second_sending_of_an_unknown_message_is_a_case() -> None:
    game = begun("sms", "email")
    game.perform("unknown")
    for _ in range(2):
        the_next_falls_due(game)
        game.perform()
    game.tell_customer(opted_out(Channel.SMS))
    assert (on_step_a(game), cases(game)) == ([], ["delivery_unknown"])
