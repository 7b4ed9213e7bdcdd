"""What holds of an invoice after whatever happened to it: the design's invariants, as a state machine asks them."""

from collections import Counter
from datetime import timedelta
from decimal import Decimal
from itertools import groupby

from hypothesis.stateful import RuleBasedStateMachine, invariant

from cadence.directive import ItemKind
from cadence.disputes import asked, forbids
from cadence.facts import MessageState
from cadence.plans import is_of_plan, owed, to_come
from cadence.timing import blocked_until, silenced_until
from tests.unit.cadence.game import Game

SENDS = (ItemKind.SEND_EMAIL, ItemKind.SEND_SMS, ItemKind.SEND_WHATSAPP)
AN_INSTANT = timedelta(seconds=1)


class SoundLife(RuleBasedStateMachine):
    """The invariants of one invoice. `begun_before` are its steps begun under a cadence that may have asked nobody."""

    game: Game
    begun_before: set[str]

    @invariant()
    def what_is_asked_for_is_owed_and_not_disputed(self) -> None:
        facts, cadence = self.game.facts, self.game.cadence
        assert facts.disputed_amount >= 0
        assert facts.credited >= 0
        if not facts.closed and not forbids(facts, cadence):
            assert 0 < asked(facts, cadence) <= facts.balance

    @invariant()
    def nothing_leaves_that_needs_leave_and_has_none(self) -> None:
        for key, step in self.game.facts.steps.items():
            if key in self.begun_before:
                continue
            document = self.game.cadence.step(key.rpartition("/")[0])
            if document and document.approval and (step.messages or step.outcome == "performed"):
                answer = step.approval.answer if step.approval else None
                late = step.outcome == "performed" and step.reason in ("missed_step", "no_usable_channel")
                assert (
                    late
                    or answer == "given"
                    or (answer == "timed_out" and document.approval.otherwise != "skip")
                ), f"{key}: {step}"

    @invariant()
    def what_waits_for_leave_has_an_open_case_and_what_does_not_has_none(self) -> None:
        facts = self.game.facts
        waiting = {f"approval/{key}" for key in facts.awaiting}
        assert {
            case.key for case in facts.cases if case.reason == "approval_needed" and not case.over
        } == waiting
        assert not (facts.closed and waiting)

    @invariant()
    def a_deadline_that_passed_has_its_case(self) -> None:
        dispute, cases = self.game.facts.dispute, {case.key for case in self.game.facts.cases}
        if dispute and dispute.overdue:
            assert f"dispute_overdue/{dispute.number}/{dispute.answer_by}" in cases

    @invariant()
    def the_agenda_is_sound(self) -> None:
        items = self.game.agenda.items
        assert [item.at for item in items] == sorted(item.at for item in items)
        assert max(Counter(item.key for item in items).values(), default=1) == 1
        per_step = Counter((item.step, item.occurrence) for item in items if item.kind in SENDS)
        assert max(per_step.values(), default=1) == 1
        assert not (self.game.facts.closed and items)

    @invariant()
    def planning_again_changes_nothing(self) -> None:
        game, item = self.game, self.game.next
        assert game.planned() == game.agenda
        if item is None:
            return
        late = max(game.now, item.at)
        if item.channel and item.kind in SENDS:
            late = max(late, game.rules.window.around(item.at)[1] - AN_INSTANT)
        for later in (max(game.now, item.at), late):
            again = game.planned(later).next
            assert again is not None, f"at {later} {item} is gone"
            assert again.told() == item.told(), f"at {later} {again} instead of {item}"

    @invariant()
    def no_reminder_is_planned_before_it_may_go(self) -> None:
        game = self.game
        known = game.facts, game.cadence, game.rules
        for item in game.agenda.items:
            if item.kind in SENDS:
                until = silenced_until(*known) if is_of_plan(item.step or "") else blocked_until(*known)
                assert game.rules.window.is_open(item.at), f"{item.key} at {item.at} is outside its window"
                assert item.notice or until is None or item.at >= until

    @invariant()
    def what_is_owed_of_a_plan_is_never_more_than_what_is_owed(self) -> None:
        facts = self.game.facts
        left = [each.amount for each in owed(facts)]
        assert all(amount >= 0 for amount in left)
        assert sum(left) <= max(facts.balance, Decimal(0))
        # One of which all that is owed is a disputed part waits for that.
        waits = facts.dispute is not None and facts.disputed_amount >= facts.balance
        assert facts.closed or facts.plan is None or waits or to_come(facts), (
            "a plan of which nothing is to come stands"
        )

    @invariant()
    def customers_are_contacted_in_their_own_hours(self) -> None:
        for contact in self.game.contacts:
            window = contact.cadence.window
            local = contact.at.astimezone(self.game.rules.window.zone)
            assert f"{local:%a}".lower() in window.days
            assert not self.game.rules.calendar.is_holiday(local.date())
            assert window.opens <= local.time() < window.closes

    @invariant()
    def the_parts_of_the_debt_add_up(self) -> None:
        facts = self.game.facts
        charges = facts.charges
        assert facts.principal + sum(charges.open.values()) == facts.balance
        assert 0 <= charges.settled <= charges.claimed
        assert facts.principal >= 0 or charges.settled == charges.claimed

    @invariant()
    def credit_is_never_nobodys(self) -> None:
        facts = self.game.facts
        assert not facts.credit or any(case.reason == "overpaid" for case in facts.cases)

    @invariant()
    def one_step_speaks_on_a_day_at_most(self) -> None:
        day = self.game.rules.window.local_day
        reminders = [c for c in self.game.contacts if c.reminder]
        for local, contacts in groupby(reminders, lambda c: day(c.at)):
            spoke = {(c.step, c.occurrence) for c in contacts}
            assert len(spoke) == 1, f"{spoke} on {local}"

    @invariant()
    def nothing_is_both_skipped_and_sent(self) -> None:
        for key, step in self.game.facts.steps.items():
            assert not (step.outcome == "skipped" and step.messages), f"{key}: {step}"

    @invariant()
    def an_answer_leaves_by_its_own_channel_or_a_case_says_that_it_did_not(self) -> None:
        facts = self.game.facts
        cases = {case.key for case in facts.cases}
        for notice in facts.notices:
            step = facts.step(notice.step, notice.number)
            if notice.branch == "answer":
                assert set(step.messages) <= {notice.channel}
                assert step.outcome not in ("skipped", "failed") or f"answer/{notice.number}" in cases

    @invariant()
    def a_failure_is_never_forgotten(self) -> None:
        for key, step in self.game.facts.steps.items():
            if step.outcome == "sent":
                assert any(m.state is MessageState.ACCEPTED for m in step.messages.values()), f"{key}: {step}"
