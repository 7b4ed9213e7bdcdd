"""Moving a running invoice to another cadence: nothing twice, nothing hurried, nobody's next message a final notice."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadence import events as e
from cadence.document import Cadence
from cadence.facts import step_key
from cadence.migration import Difference, Edition, change, differences, foresee
from cadence.words import Channel
from tests.unit.cadence.game import Game
from tests.unit.cadence.pieces import cadence, case, instant, send
from tests.unit.cadence.strategies import cadences, customers, due_dates

DUE_ON = date(2026, 3, 2)
STAGES = ("courtesy", "overdue", "final")


def ruler(*steps: dict[str, Any], **more: Any) -> Cadence:
    return cadence(*steps, stages=STAGES, **more)


def usual(**more: Any) -> Cadence:
    """Four messages: three days before, three, ten and thirty after."""
    return ruler(
        send("upcoming", "due - 3d", stage="courtesy"),
        send("first", "due + 3d"),
        send("second", "due + 10d"),
        send("notice", "due + 30d", stage="final"),
        **more,
    )


def played(days: int, under: Cadence | None = None, arrives: int = -20) -> Game:
    """An invoice that arrived `arrives` days after its due date, played to noon of the day `days` after it."""
    due = instant(f"{DUE_ON} 15:00")
    game = Game.begun(under or usual(), due + timedelta(days=arrives), DUE_ON)
    game.play_until(due + timedelta(days=days))
    return game


def ahead(game: Game) -> list[tuple[str | None, date]]:
    return [(item.step, game.rules.window.local_day(item.at)) for item in game.agenda.items]


def test_the_same_steps_keep_their_days() -> None:
    game = played(4)
    before = game.agenda
    game.migrate(usual(title="With another title"))
    assert game.agenda == before


def test_a_late_arrival_keeps_its_pace() -> None:
    game = played(63, arrives=60)
    before = ahead(game)
    assert [step for step, _ in game.sent()] == ["first"]
    assert [step for step, _ in before] == ["second", "notice"]
    game.migrate(usual(title="With another title"))
    assert ahead(game) == before


def test_what_was_done_is_not_repeated_and_what_was_missed_before_it_is_passed_over() -> None:
    game = played(11)
    game.migrate(
        ruler(
            send("upcoming", "due - 3d", stage="courtesy"),
            send("first", "due + 3d"),
            send("call", "due + 7d"),
            send("second", "due + 10d"),
            send("third", "due + 20d"),
        )
    )
    assert game.why_skipped() == {"call": "before_migration"}
    assert ahead(game) == [("third", date(2026, 3, 23))]  # the 22nd is a Sunday


def test_whoever_is_far_behind_goes_on_from_the_first_step_not_done_and_not_from_the_final_notice() -> None:
    gentle = ruler(send("first", "due + 3d"), send("last", "due + 90d"))
    game = played(40, gentle)
    game.migrate(usual())
    # The 11th is a Saturday, and the 13th a holiday in one of the states where the customer may live.
    assert ahead(game) == [("second", date(2026, 4, 14)), ("notice", date(2026, 5, 4))]
    assert game.why_skipped() == {"upcoming": "before_migration"}


def test_other_step_ids_begin_at_the_first_overdue_step_of_the_stage_that_was_reached() -> None:
    other = ruler(
        send("o1", "due + 2d"), send("o2", "due + 8d"), send("f1", "due + 20d", stage="final"),
        send("f2", "due + 40d", stage="final"),
    )  # fmt: skip
    early = played(12)
    early.migrate(other)
    assert [step for step, _ in ahead(early)] == ["o1", "o2", "f1", "f2"]
    final = played(35)
    final.migrate(other)
    assert [step for step, _ in ahead(final)] == ["f1", "f2"]
    assert final.why_skipped() == {"o1": "before_migration", "o2": "before_migration"}


def test_a_stage_that_the_new_cadence_does_not_know_is_the_nearest_earlier_one() -> None:
    game = played(35)
    game.migrate(
        cadence(send("o1", "due + 2d"), send("x1", "due + 60d", stage="exit"), stages=("overdue", "exit"))
    )
    assert [step for step, _ in ahead(game)] == ["o1", "x1"]


def test_an_escalation_that_was_not_carried_out_yet_is_carried_over() -> None:
    game = played(4)
    game.tell(e.Escalated(stage="final"))
    assert [step for step, _ in ahead(game)] == ["notice"]
    when = ahead(game)[0][1]
    game.migrate(usual(title="With another title"))
    assert ahead(game) == [("notice", when)]
    game.play_until(game.now + timedelta(days=5))
    assert game.sent()[-1][0] == "notice"


def test_an_escalation_that_was_carried_out_is_no_reason_to_hurry() -> None:
    game = played(4)
    game.tell(e.Escalated(stage="final"))
    game.play_until(game.now + timedelta(days=3))
    assert game.sent()[-1][0] == "notice"
    game.migrate(
        ruler(*[step.model_dump() for step in usual().steps], send("last", "due + 60d", stage="final"))
    )
    assert ahead(game) == [("last", date(2026, 5, 4))]


def test_a_message_in_doubt_by_a_channel_that_the_new_version_dropped_leads_to_no_other() -> None:
    game = Game.begun(ruler(send("first", "due + 1d", "sms")), instant("2026-02-20 12:00"), DUE_ON)
    game.now = instant("2026-03-03 15:00")
    game.perform("unknown")
    game.migrate(ruler(send("first", "due + 1d", "email")))
    assert [(str(item.kind), item.channel) for item in game.agenda.items] == [
        ("reconcile_message", Channel.SMS)
    ]
    game.now += timedelta(minutes=10)
    game.perform(found=True)
    assert game.agenda.items == ()


def test_a_step_that_became_a_case_waits_for_the_fate_of_its_message() -> None:
    game = Game.begun(ruler(send("first", "due + 1d", "sms")), instant("2026-02-20 12:00"), DUE_ON)
    game.now = instant("2026-03-03 15:00")
    game.perform("unknown")
    game.migrate(ruler(case("first", "due + 1d")))
    assert [str(item.kind) for item in game.agenda.items] == ["reconcile_message"]


def test_a_closed_invoice_stays_as_it_is() -> None:
    game = played(4)
    game.tell(e.Cancelled())
    facts = game.facts
    game.migrate(usual(title="With another title"))
    assert (game.facts, game.agenda.items) == (facts, ())


def test_the_difference_says_what_goes_comes_and_moves() -> None:
    game = played(4)
    after = ruler(
        send("upcoming", "due - 3d", stage="courtesy"), send("first", "due + 3d"), send("second", "due + 14d"),
        send("extra", "due + 20d"),
    )  # fmt: skip
    event = change(game.facts, Edition(game.cadence, 1), Edition(after, 2), game.rules)
    agenda = foresee(game.facts, event, after, game.rules, game.now)
    told = [(each.kind, each.step) for each in differences(game.agenda, agenda)]
    assert told == [("moves", "second"), ("comes", "extra"), ("goes", "notice")]
    before = game.agenda
    game.migrate(after)
    assert differences(before, game.agenda) == differences(before, agenda)
    assert differences(before, before) == ()


def test_a_difference_names_its_kind() -> None:
    at = instant("2026-03-02 12:00")
    assert [Difference("s", 1, was, becomes).kind for was, becomes in ((at, None), (None, at), (at, at))] == [
        "goes", "comes", "moves",
    ]  # fmt: skip


days = st.integers(-60, 120)


@given(
    before=cadences(), after=cadences(), who=customers(), due_on=due_dates, arrives=days, later=st.integers(0, 90),
    fate=st.sampled_from(["accepted", "rejected", "unknown"]), escalated=st.sampled_from([None, None, *STAGES]),
)  # fmt: skip
def test_any_change_at_any_time_repeats_nothing_and_hurries_nobody(
    before: Cadence,
    after: Cadence,
    who: Any,
    due_on: date,
    arrives: int,
    later: int,
    fate: Any,
    escalated: str | None,
) -> None:
    now = datetime.fromisoformat(f"{due_on}T12:00+00:00") + timedelta(days=arrives)
    game = Game.begun(before, now, due_on, who=who)
    game.play_until(now + timedelta(days=later), fate)
    if escalated and not game.facts.closed:
        game.tell(e.Escalated(stage=escalated))
    done = {key for key, step in game.facts.steps.items() if step.outcome or step.permitted_at}
    sent, event = len(game.contacts), change(game.facts, Edition(before, 1), Edition(after, 2), game.rules)
    game.migrate(after)
    if game.facts.closed:
        assert not game.agenda.items
        return

    assert game.planned() == game.agenda
    assert game.replayed() == game.facts
    _goes_on_from_the_first_open_step(game, event, done)
    game.play_until(game.now + timedelta(days=365))
    said = [(c.step, c.occurrence, c.channel) for c in game.contacts]
    assert len(said) == len(set(said)) or fate == "unknown"
    again = {step_key(c.step, c.occurrence) for c in game.contacts[sent:] if c.reminder}
    assert fate != "accepted" or not again & {key for key in done if _is_finished(game, key)}


def _is_finished(game: Game, key: str) -> bool:
    """Whether a step was said for good: no rule of silence leads on to its next channel."""
    step, record = game.cadence.step(key.rpartition("/")[0]), game.facts.steps[key]
    listening = step and step.send and any(step.send.silence(channel) for channel in record.messages)
    return record.outcome == "sent" and not listening


def _goes_on_from_the_first_open_step(game: Game, event: e.CadenceChanged, done: set[str]) -> None:
    """No overdue step of the stage reached is jumped over, but for milder ones than what was done already."""
    after = game.cadence
    order = [step.id for step in after.steps]
    was_done = [index for index, step in enumerate(order) if step_key(step, 1) in done]
    reached = after.stages.index(event.stage) if event.stage in after.stages else 0
    furthest = max(was_done, default=-1)
    for index, step in enumerate(after.steps):
        record = game.facts.step(step.id, 1)
        if record.reason != "before_migration":
            continue
        milder = index < furthest or after.stages.index(step.stage) < reached
        due = step.at.anchor == "due" and step.at.count > 0
        assert milder or not due, f"{step.id} was jumped over"


@pytest.mark.parametrize("days", [1, 4, 11, 33])
def test_migrating_twice_is_as_once(days: int) -> None:
    game = played(days)
    game.migrate(usual(title="With another title"))
    once = game.agenda
    game.migrate(usual(title="With another title"))
    assert game.agenda == once
