"""What holds of every plan: for any facts, total, deterministic, explained, and the same until something happens."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from cadence import events as e
from cadence.agenda import AgendaItem
from cadence.customer_facts import CustomerFacts
from cadence.directive import ItemKind
from cadence.document import Cadence
from cadence.facts import InvoiceFacts, MessageState, StepFacts
from cadence.planner import plan
from cadence.plans import is_of_plan
from cadence.reducer import reduce_invoice
from cadence.rules import Rules, rules_for
from cadence.timing import blocked_until, silenced_until
from cadence.words import BILLING, Channel
from tests.unit.cadence.game import Game
from tests.unit.cadence.pieces import PACKS, cadence, creditor, instalments_from, send
from tests.unit.cadence.strategies import (
    STAGES,
    cadences,
    customers,
    days_apart,
    due_dates,
    instants,
    office_hours,
    windows,
)

SENDS = (ItemKind.SEND_EMAIL, ItemKind.SEND_SMS, ItemKind.SEND_WHATSAPP)
moments = st.tuples(due_dates, st.integers(-40, 120), st.times())


def at(moment: tuple[date, int, time]) -> datetime:
    due_on, days, clock = moment
    return datetime.combine(due_on + timedelta(days=days), clock, UTC)


@dataclass(frozen=True)
class Chance:
    """What an event is made of, drawn all at once."""

    then: datetime
    today: date
    amount: Decimal
    name: dict[str, Any]
    channel: Channel

    @property
    def message(self) -> dict[str, Any]:
        """The message that the event is about."""
        return self.name | {"channel": self.channel}


def claimed(interest: Decimal, costs: Decimal) -> e.LateChargesClaimed:
    """Late charges, in the house's order."""
    order = ("costs", "interest", "principal")
    return e.LateChargesClaimed(interest=interest, costs=costs, currency="EUR", regime="test", order=order)


# Any event at all, likely or not, about steps that exist or not.
EVENTS: tuple[Callable[[Chance], e.InvoiceEvent], ...] = (
    lambda c: e.PaymentReceived(amount=c.amount, currency="EUR"),
    lambda c: e.PaymentReversed(amount=c.amount, currency="EUR"),
    lambda _: e.PaymentUnidentified(),
    lambda c: e.CreditNoteIssued(amount=c.amount, currency="EUR"),
    lambda c: e.CreditMoved(amount=c.amount, currency="EUR", to=2),
    lambda c: e.CreditApplied(amount=c.amount, currency="EUR", of=2),
    lambda c: e.CreditRefunded(amount=c.amount, currency="EUR"),
    lambda c: claimed(c.amount, c.amount / 2),
    lambda c: e.LateChargesWaived(interest=c.amount, costs=Decimal(0), currency="EUR"),
    lambda c: e.PromiseMade(amount=c.amount, by=c.then.date()),
    lambda _: e.PromiseBroken(number=1),
    lambda c: e.PlanAgreed.model_validate(
        {"instalments": instalments_from(c.then.date(), [c.amount, c.amount])}
    ),
    lambda c: e.InstalmentMissed(number=c.name["occurrence"]),
    lambda _: e.PlanEnded(),
    lambda c: e.HoldPlaced(hold="a", until=c.then),
    lambda _: e.HoldPlaced(hold="b"),
    lambda _: e.HoldEnded(),
    lambda _: e.Escalated(stage="final"),
    lambda _: e.Escalated(stage="nowhere"),
    lambda _: e.DisputeOpened(),
    lambda _: e.DisputeOpened(reason="reply", confirmed=False),
    lambda c: e.Replied(channel=c.channel, intent="paid"),
    lambda c: e.AnswerWritten(number=c.name["occurrence"], channel=c.channel),
    lambda _: e.DisputeResolved(outcome="rejected"),
    lambda _: e.DisputeResolved(outcome="upheld"),
    lambda c: e.InvoiceChanged(amount=c.amount, due_on=c.then.date(), on=c.today),
    lambda _: e.Cancelled(),
    lambda c: e.StepDeferred(**c.name, reason="x", until=c.then),
    lambda c: e.StepSkipped(**c.name, reason="x", planned_at=c.then),
    lambda c: e.StepPerformed(**c.name),
    lambda c: e.MessagePermitted(**c.message, attempt="x"),
    lambda c: e.MessageAccepted(**c.message),
    lambda c: e.MessageRefused(**c.message),
    lambda c: e.MessageRejected(**c.message),
    lambda c: e.MessageUnknown(**c.message),
    lambda c: e.MessageNotFound(**c.message),
    lambda c: e.MessageGivenUp(**c.message),
    lambda c: e.MessageSentTwice(**c.message),
    lambda c: e.DeliveryReported(**c.message, delivery="failed"),
)
NAMES = [
    {"step": step, "occurrence": n}
    for step in (
        "s0",
        "s1",
        "s2",
        "on:promise",
        "on:answer",
        "instalment:due",
        "on:instalment_missed",
        "gone",
    )
    for n in (1, 2)
]
chances = st.tuples(
    st.sampled_from(EVENTS), st.integers(0, 100), st.integers(-40, 40), st.integers(1, 150), st.sampled_from(NAMES),
    st.sampled_from(list(Channel)),
)  # fmt: skip
happenings = st.lists(chances, max_size=12)
stages = st.sampled_from([None, *STAGES, "nowhere"])
# Made once, for to make a strategy takes longer than to draw from it.
rulers, debtors = cadences(), customers()


@st.composite
def lives(draw: st.DrawFn) -> tuple[InvoiceFacts, Cadence, Rules, datetime]:
    """Facts that any events, in any order, may leave; more than a ledger would ever allow."""
    ruler, moment = draw(rulers), draw(moments)
    now = at(moment)
    received = {
        "amount": 100,
        "currency": "EUR",
        "issued_on": moment[0] - timedelta(days=20),
        "due_on": moment[0],
    }
    stage = draw(stages)
    facts = reduce_invoice(None, e.InvoiceReceived.model_validate(received | {"stage": stage}), now)
    for event, hours, days, amount, name, channel in draw(happenings):
        now += timedelta(hours=hours)
        chance = Chance(now + timedelta(days=days), now.date(), Decimal(amount), name, channel)
        facts = reduce_invoice(facts, event(chance), now)
    return facts, ruler, rules_for(ruler, draw(debtors), creditor(), PACKS), now


@given(lives())
def test_any_facts_give_an_agenda_and_the_same_facts_the_same_one(
    life: tuple[InvoiceFacts, Cadence, Rules, datetime],
) -> None:
    facts, ruler, rules, now = life
    agenda = plan(facts, ruler, rules, now)
    assert plan(facts.model_copy(deep=True), ruler, rules, now) == agenda
    assert [item.at for item in agenda.items] == sorted(item.at for item in agenda.items)
    assert all(item.why and item.at.tzinfo for item in agenda.items)


@given(lives())
def test_no_item_comes_twice_and_no_step_is_both_ahead_and_settled(
    life: tuple[InvoiceFacts, Cadence, Rules, datetime],
) -> None:
    agenda = plan(*life)
    assert max(Counter(item.key for item in agenda.items).values(), default=1) == 1
    told = [
        (item.step, item.occurrence) for item in agenda.items if item.kind is not ItemKind.RECONCILE_MESSAGE
    ]
    steps = Counter(name for name in told if name[0])
    assert max(steps.values(), default=1) == 1
    assert not set(steps) & {(settled.step, settled.occurrence) for settled in agenda.settled}


@given(lives())
def test_a_closed_invoice_has_no_agenda(life: tuple[InvoiceFacts, Cadence, Rules, datetime]) -> None:
    facts, ruler, rules, now = life
    agenda = plan(facts.model_copy(update={"closed": "paid"}), ruler, rules, now)
    assert (agenda.items, agenda.settled) == ((), ())


@given(lives())
def test_every_message_is_planned_for_an_open_window_and_reminders_after_what_stops_them(
    life: tuple[InvoiceFacts, Cadence, Rules, datetime],
) -> None:
    facts, ruler, rules, _ = life
    for item in plan(*life).items:
        if item.kind in SENDS:
            stops = silenced_until if is_of_plan(item.step or "") else blocked_until
            until = stops(facts, ruler, rules)
            assert rules.window.is_open(item.at), f"{item.key} at {item.at}"
            assert item.notice or until is None or item.at >= until
            closed = rules.closed_for(item.send) if item.send else rules.closed_to(BILLING)
            assert item.channel not in closed or _was_begun(facts, item)


def _was_begun(facts: InvoiceFacts, item: AgendaItem) -> bool:
    assert item.step
    assert item.channel
    message = facts.step(item.step, item.occurrence).messages.get(item.channel)
    return message is not None and message.state is MessageState.RESERVED


@given(lives())
def test_what_is_settled_and_written_down_is_settled_for_good(
    life: tuple[InvoiceFacts, Cadence, Rules, datetime],
) -> None:
    facts, ruler, rules, now = life
    agenda = plan(facts, ruler, rules, now)
    assert len({(s.step, s.occurrence) for s in agenda.settled}) == len(agenda.settled)
    for settled in agenda.settled:
        kind = e.StepFailed if settled.outcome == "failed" else e.StepSkipped
        name = {"step": settled.step, "occurrence": settled.occurrence, "reason": settled.reason}
        facts = reduce_invoice(facts, kind.model_validate(name | {"planned_at": settled.planned_at}), now)
    again = plan(facts, ruler, rules, now)
    assert again.settled == ()
    assert again.items == agenda.items


@given(lives(), st.floats(0, 1))
def test_planning_again_before_the_next_window_is_over_changes_nothing(
    life: tuple[InvoiceFacts, Cadence, Rules, datetime], share: float
) -> None:
    facts, ruler, rules, now = life
    agenda = plan(facts, ruler, rules, now)
    item = agenda.next
    assume(item is not None)
    assert item is not None
    last = rules.window.around(item.at)[1] - timedelta(seconds=1) if item.kind in SENDS else item.at
    later = now + max(last - now, timedelta(0)) * share
    again = plan(facts, ruler, rules, later).next
    assert again is not None
    assert again.told() == item.told()


@given(ruler=cadences(office_hours()), who=customers(), moment=moments)
def test_left_alone_every_step_ends_once_and_none_speaks_twice_a_day(
    ruler: Cadence, who: CustomerFacts, moment: tuple[date, int, time]
) -> None:
    game = Game.begun(ruler, at(moment), moment[0], who=who)
    game.play_until(game.now + timedelta(days=3 * 365))
    assert game.agenda.items == ()
    assert all(step.outcome for step in game.facts.steps.values())
    ended = {key.partition("/")[0] for key in game.facts.steps}
    assert game.facts.closed or ended == {step.id for step in ruler.steps}
    assert game.replayed() == game.facts


@given(ruler=cadences(windows()), who=customers(), moment=moments, halted=st.integers(0, 5))
def test_performing_consumes_an_item_or_gives_it_a_later_instant(
    ruler: Cadence, who: CustomerFacts, moment: tuple[date, int, time], halted: int
) -> None:
    game = Game.begun(ruler, at(moment), moment[0], who=who)
    for turn in range(12):
        item = game.next
        if item is None:
            break
        game.now = max(game.now, item.at)
        game.perform("refused" if turn % 3 else "accepted", halted=turn < halted)
        again = game.next
        assert again is None or again.key != item.key or again.at > item.at


@given(moment=moments, gaps=st.lists(st.integers(1, 20), min_size=1, max_size=4), late=st.integers(60, 300))
def test_a_late_arrival_begins_at_the_first_overdue_step_and_keeps_every_distance(
    moment: tuple[date, int, time], gaps: list[int], late: int
) -> None:
    """Every day is open here, for companies by any law as well, so that distances show exactly."""
    days = [sum(gaps[: n + 1]) for n in range(len(gaps))]
    everyday = {
        "days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
        "opens": "00:00",
        "closes": "23:59",
    }
    open_daily = {"window": everyday, "calendar": {"country": "ZZ", "roll": "none"}, "debtors": "business"}
    ruler = cadence(*(send(f"s{day}", f"due + {day}d") for day in days), **open_daily)
    game = Game.begun(ruler, at((moment[0], late, moment[2])), moment[0])
    arrived_on = game.rules.window.local_day(game.now)
    game.play_until(game.now + timedelta(days=200))
    shift = {step: (day - arrived_on).days for step, day in game.sent()}
    assert shift[f"s{days[0]}"] <= 1
    assert [shift[f"s{day}"] - shift[f"s{days[0]}"] for day in days] == [day - days[0] for day in days]


@given(ruler=cadences(office_hours()), who=customers(), moment=moments, outage=days_apart(20))
def test_the_morning_after_an_outage_brings_one_reminder_at_most(
    ruler: Cadence, who: CustomerFacts, moment: tuple[date, int, time], outage: timedelta
) -> None:
    game = Game.begun(ruler, at((moment[0], -15, moment[2])), moment[0], who=who)
    game.play_until(game.now + timedelta(days=abs(moment[1])))
    before = len(game.contacts)
    game.now += outage
    game.replan()
    game.play_until(game.now + timedelta(hours=12))
    days = Counter(day for _, day in game.sent()[before:])
    steps = {step for step, _ in game.sent()[before:]}
    assert len(steps) <= len(days)


@given(who=customers(), due_on=due_dates, now=instants)
def test_a_step_that_was_done_never_comes_back(who: CustomerFacts, due_on: date, now: datetime) -> None:
    ruler = cadence(send("s0", "due + 1d"), send("s1", "due + 5d"))
    game = Game.begun(ruler, now, due_on, who=who)
    done = StepFacts(outcome="sent", outcome_at=now, permitted_at=now)
    facts = game.facts.model_copy(update={"steps": {"s0/1": done}})
    for days in (0, 1, 30, 400):
        agenda = plan(facts, ruler, game.rules, now + timedelta(days=days))
        assert "s0" not in {item.step for item in agenda.items} | {settled.step for settled in agenda.settled}
