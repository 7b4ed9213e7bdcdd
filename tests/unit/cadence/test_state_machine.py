"""One invoice played at random, as the ledger plays it: whatever happens, the design's invariants hold after it."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import permutations
from random import Random
from typing import Any, get_args

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from cadence import events as e
from cadence.agenda import AgendaItem
from cadence.customer_facts import CustomerFacts
from cadence.disputes import forbids
from cadence.document import Cadence
from cadence.facts import MessageState
from cadence.marks import marks
from cadence.permit import Answer
from cadence.plans import is_of_plan
from cadence.words import BILLING, Channel, PartOrder, PersonReason
from tests.unit.cadence.game import Contact, Fate, Game
from tests.unit.cadence.happenings import CUSTOMER_HAPPENINGS, Visit
from tests.unit.cadence.pieces import instalments_from
from tests.unit.cadence.soundness import SENDS, SoundLife
from tests.unit.cadence.strategies import STAGES, cadences, customers, days_apart, due_dates, wishes

FATES = st.sampled_from(["accepted", "accepted", "accepted", "rejected", "refused", "unknown"])
ORDERS: list[Any] = list(permutations(("costs", "interest", "principal")))


class InvoiceLife(SoundLife):
    """The world around one invoice. `arrived` holds what truly reached a customer, which readings find."""

    @initialize(
        ruler=cadences(), who=customers(), due_on=due_dates, days=st.integers(-70, 30), minute=st.integers(0, 1439),
        stage=st.sampled_from([None, None, None, *STAGES]),
    )  # fmt: skip
    def import_it(
        self, ruler: Cadence, who: CustomerFacts, due_on: object, days: int, minute: int, stage: str | None
    ) -> None:
        day = datetime.fromisoformat(f"{due_on}").replace(tzinfo=UTC)
        now = day - timedelta(days=days, minutes=-minute)
        self.game = Game.begun(ruler, now, day.date(), who=who, stage=stage)
        self.arrived: set[tuple[str, int, Channel]] = set()
        self.answers = 0
        self.begun_before = set()

    # Time and the workflow.

    @rule(fate=FATES, lost=st.booleans())
    def perform_what_comes_next(self, fate: Fate, lost: bool) -> None:
        item, game = self._perform(fate, lost=lost), self.game
        if item is None:
            return
        again = game.next
        assert again is None or (again.key, again.at) != (item.key, item.at), f"{item.key} spins"
        if again and again.key == item.key:
            assert again.at > item.at, f"{item.key} was put off to an earlier instant"

    @precondition(lambda self: self.game.next is not None and self.game.next.kind in SENDS)
    @rule(fate=st.sampled_from(["died", "never_asked"]), lost=st.booleans())
    def a_worker_dies(self, fate: Fate, lost: bool) -> None:
        """The item stays on the agenda, for Temporal gives it to another worker."""
        self._perform(fate, lost=lost)

    def _perform(self, fate: Fate, *, lost: bool) -> AgendaItem | None:
        game, item = self.game, self.game.next
        if item is None:
            return None
        game.now = max(game.now, item.at)
        held = [hold for hold in game.facts.holds if hold.until is None or hold.until > game.now]
        stopped = forbids(game.facts, game.cadence) or held or game.facts.trusts
        stopped = stopped or (game.facts.plan is not None and not is_of_plan(item.step or ""))
        name = (item.step or "", item.occurrence, item.channel or Channel.EMAIL)
        before = len(game.contacts)
        verdict = game.perform(fate, found=name in self.arrived)
        if len(game.contacts) > before and verdict and verdict.answer is Answer.PERMIT:
            sent = game.contacts[-1]
            closed = game.rules.closed_to(item.send.to if item.send else BILLING)
            assert sent.channel not in closed, f"{item.key} went: {closed}"
            assert game.rules.window.is_open(sent.at), f"{item.key} went at {sent.at}"
            assert not (sent.reminder and stopped), f"{item.key} went while {game.facts.state}"
            self._left(sent, name, lost=lost and fate != "accepted")
        return item

    def _left(self, sent: Contact, name: tuple[str, int, Channel], *, lost: bool) -> None:
        in_doubt = [c for c in self.game.contacts[:-1] if self._is_in_doubt(c, sent)]
        assert not in_doubt, f"{name} was sent while {in_doubt} is unknown"
        if not lost:
            assert name not in self.arrived, f"{name} reached the customer twice"
            self.arrived.add(name)

    def _is_in_doubt(self, earlier: Contact, sent: Contact) -> bool:
        if (earlier.step, earlier.occurrence) != (
            sent.step,
            sent.occurrence,
        ) or earlier.channel == sent.channel:
            return False
        message = self.game.facts.step(earlier.step, earlier.occurrence).messages[earlier.channel]
        return message.state in (MessageState.UNKNOWN, MessageState.GIVEN_UP, MessageState.RESERVED)

    @precondition(lambda self: self.game.next is not None and self.game.next.kind in SENDS)
    @rule()
    def the_customers_other_message_says_it_too(self) -> None:
        game, item = self.game, self.game.next
        assert item is not None
        game.now = max(game.now, item.at)
        held = [hold for hold in game.facts.holds if hold.until is None or hold.until > game.now]
        stopped = game.facts.disputed or held or game.facts.trusts
        merged = game.merge()
        assert not (merged and stopped), f"{item.key} was merged while {game.facts.state}"
        assert merged is None or item.key not in {each.key for each in game.agenda.items}

    @rule(pick=st.integers(0, 50))
    def that_message_reached_nobody(self, pick: int) -> None:
        facts = self.game.facts
        merged = sorted(key for key, step in facts.steps.items() if step.outcome == "merged")
        if merged and not facts.closed:
            self.game.release(merged[pick % len(merged)])

    @rule(hours=st.integers(1, 30))
    def some_hours_pass(self, hours: int) -> None:
        """As in an outage: nothing is performed, and a sweep plans anew at its end."""
        self._pass(timedelta(hours=hours))

    @rule(days=days_apart(12))
    def some_days_pass(self, days: timedelta) -> None:
        self._pass(days)

    def _pass(self, length: timedelta) -> None:
        self.game.now += length
        self.game.replan()

    @precondition(lambda self: self.game.next is not None and self.game.next.kind in SENDS)
    @rule()
    def a_halt_puts_it_off(self) -> None:
        game, item = self.game, self.game.next
        assert item is not None
        game.now = max(game.now, item.at)
        game.perform(halted=True)
        again = game.next
        assert again is None or (again.key, again.at) != (item.key, item.at), f"{item.key} spins while halted"

    @rule()
    def a_halt_is_lifted(self) -> None:
        self.game.tell(e.DeferralLifted())

    # What customers do.

    @rule(amount=st.sampled_from([10, 45, 60, 100]))
    def pay(self, amount: int) -> None:
        before = self.game.facts
        self.game.tell(e.PaymentReceived(amount=Decimal(amount), currency="EUR"))
        after = self.game.facts
        if not after.closed:
            assert before.promised - after.promised == min(Decimal(amount), before.promised)

    @precondition(lambda self: self.game.facts.paid > 0)
    @rule()
    def take_it_back(self) -> None:
        self.game.tell(e.PaymentReversed(amount=self.game.facts.paid, currency="EUR"))

    @precondition(lambda self: self.game.facts.credit > 0)
    @rule(moved=st.booleans(), all_of_it=st.booleans())
    def credit_goes(self, *, moved: bool, all_of_it: bool) -> None:
        """To another invoice, or back to the customer."""
        share = {"amount": self.game.facts.credit if all_of_it else Decimal(1), "currency": "EUR"}
        self.game.tell(
            e.CreditMoved.model_validate(share | {"to": 2}) if moved else e.CreditRefunded(**share)
        )

    @precondition(lambda self: self.game.facts.balance > 0)
    @rule(amount=st.sampled_from([10, 45, 100]))
    def credit_comes(self, amount: int) -> None:
        """From another invoice, or what had gone there comes back."""
        of = min(self.game.facts.balance, Decimal(amount))
        self.game.tell(e.CreditApplied(amount=of, currency="EUR", of=2))

    @rule(
        days=st.integers(0, 9), amount=st.sampled_from([20, 50]), method=st.sampled_from(["", "boleto"]),
        replaces=st.booleans(),
    )  # fmt: skip
    def promise(self, days: int, amount: int, method: str, *, replaces: bool) -> None:
        by = self.game.rules.window.local_day(self.game.now) + timedelta(days=days)
        if not self.game.facts.closed:
            self.game.tell(e.PromiseMade(amount=Decimal(amount), by=by, method=method, replaces=replaces))

    @precondition(lambda self: not self.game.facts.closed)
    @rule(
        days=st.integers(0, 9),
        apart=st.integers(1, 9),
        amounts=st.sampled_from([(100,), (50, 50), (30, 10, 20)]),
    )
    def agree_a_plan(self, days: int, apart: int, amounts: tuple[int, ...]) -> None:
        first = self.game.rules.window.local_day(self.game.now) + timedelta(days=days)
        self.game.tell(e.PlanAgreed.model_validate({"instalments": instalments_from(first, amounts, apart)}))

    @rule()
    def cancel_the_plan(self) -> None:
        self.game.tell(e.PlanEnded())

    @rule(part=st.sampled_from([None, 10, 50, 200]), days=st.none() | st.integers(0, 9))
    def dispute(self, part: int | None, days: int | None) -> None:
        amount = None if part is None else Decimal(part)
        self.game.tell(e.DisputeOpened(amount=amount, answer_by=self._in(days)))

    @rule(days=st.none() | st.integers(0, 9))
    def assign_the_dispute(self, days: int | None) -> None:
        self.game.tell(e.DisputeAssigned(owner="sales", answer_by=self._in(days)))

    def _in(self, days: int | None) -> date | None:
        game = self.game
        today = game.now.astimezone(game.rules.creditor_zone).date()
        return None if days is None else today + timedelta(days=days)

    @rule(intent=st.sampled_from(["paid", "wrong", "stop_unsure", "help", "other"]))
    def reply(self, intent: str) -> None:
        game = self.game
        game.tell(e.Replied.model_validate({"channel": "sms", "intent": intent}))
        if intent == "paid" and not game.facts.closed:
            until = game.rules.end_of(game.rules.window.local_day(game.now), 3)
            game.tell(e.HoldPlaced(hold="says_paid", reason="says_paid", until=until))
        if intent == "wrong" and not game.facts.closed:
            game.tell(e.DisputeOpened(reason="reply", confirmed=False))

    @precondition(lambda self: not self.game.facts.closed)
    @rule(channel=st.sampled_from([Channel.SMS, Channel.WHATSAPP]))
    def an_agent_answers(self, channel: Channel) -> None:
        self.answers += 1
        self.game.tell(e.AnswerWritten(number=self.answers, channel=channel))

    @rule(outcome=st.sampled_from(["rejected", "withdrawn", "upheld"]), credit=st.sampled_from([None, 5, 90]))
    def resolve(self, outcome: str, credit: int | None) -> None:
        less = None if credit is None else Decimal(credit)
        self.game.tell(e.DisputeResolved.model_validate({"outcome": outcome, "credit": less}))

    @rule(channel=st.sampled_from(list(Channel)))
    def opt_out(self, channel: Channel) -> None:
        self.game.tell_customer(e.ChannelSuppressed(channel=channel, reason="opt_out"))

    @rule(channel=st.sampled_from(list(Channel)), lifted=st.booleans())
    def an_address_is_somebody_elses(self, channel: Channel, *, lifted: bool) -> None:
        address = self.game.customer.addresses.get(channel, "old")
        told = e.ChannelSuppressed(channel=channel, reason="wrong_person", address=address)
        self.game.tell_customer(told)
        if lifted:
            self.game.tell_customer(e.SuppressionLifted(channel=channel, reason="wrong_person"))

    @rule(reason=st.sampled_from(get_args(PersonReason)), allowed=st.booleans())
    def contact_is_forbidden(self, reason: PersonReason, *, allowed: bool) -> None:
        self.game.tell_customer(e.ContactForbidden(reason=reason))
        if allowed:
            self.game.tell_customer(e.ContactAllowed(reason=reason))

    @rule(known=st.sets(st.sampled_from(list(Channel))), channel=st.sampled_from(list(Channel)))
    def they_are_merged_into_another(self, known: set[Channel], channel: Channel) -> None:
        """Other addresses, and the stricter of both; what was said of the old ones is said of them still."""
        gone = self.game.customer
        addresses = {each: f"merged {each}" for each in Channel if each in known}
        self.game.customer = gone.model_copy(update={"addresses": addresses})
        self.game.tell(e.InvoiceMoved(from_customer=1, to_customer=2))
        self.game.tell_customer(e.CustomerAbsorbed(customer=1))
        told = e.ChannelSuppressed(
            channel=channel, reason="wrong_person", address=gone.addresses.get(channel)
        )
        before = self.game.agenda
        self.game.tell_customer(told)
        known_here = [addresses.get(channel), *(each.addresses.get(channel) for each in gone.contacts)]
        another = told.address not in (None, *known_here)
        assert not another or self.game.agenda == before, "another's address says nothing of this one"

    @rule(by=st.sampled_from(["manual", "rule", "file"]), segment=st.sampled_from(["test", "other"]))
    def they_come_into_a_segment(self, by: str, segment: str) -> None:
        told = {"by": by, "segment": segment, "rule": 1 if by == "rule" else None}
        before = self.game.agenda
        self.game.tell_customer(e.SegmentAssigned.model_validate(told))
        assert self.game.agenda == before, "a segment moves nothing by itself"

    @rule(chance=st.randoms(use_true_random=False))
    def somebody_else_there_is_met(self, chance: Random) -> None:
        visit = Visit(self.game.customer, self.game.now, chance)
        met = CUSTOMER_HAPPENINGS[e.ContactReceived](visit)
        assert met is not None
        self.game.tell_customer(met)

    @rule(wish=wishes())
    def prefer(self, wish: e.PreferenceStated) -> None:
        self.game.tell_customer(wish)

    @rule(
        pick=st.integers(0, 50), delivery=st.sampled_from(["queued", "sent", "delivered", "failed", "read"])
    )
    def a_receipt_comes(self, pick: int, delivery: str) -> None:
        if not self.arrived:
            return
        step, occurrence, channel = sorted(self.arrived)[pick % len(self.arrived)]
        name = {"step": step, "occurrence": occurrence, "channel": channel, "delivery": delivery}
        self.game.tell(e.DeliveryReported.model_validate(name))

    # What the creditor does.

    @rule(hours=st.none() | st.integers(1, 24 * 15))
    def hold(self, hours: int | None) -> None:
        until = self.game.now + timedelta(hours=hours) if hours else None
        self.game.tell(e.HoldPlaced(hold=f"h{hours}", until=until))

    @precondition(lambda self: self.game.facts.credited < self.game.facts.amount)
    @rule(amount=st.sampled_from([10, 45, 100]))
    def credit_note(self, amount: int) -> None:
        left = self.game.facts.amount - self.game.facts.credited
        self.game.tell(e.CreditNoteIssued(amount=min(left, Decimal(amount)), currency="EUR"))

    @precondition(lambda self: not self.game.facts.closed)
    @rule(interest=st.integers(0, 20), costs=st.sampled_from([0, 40]), order=st.sampled_from(ORDERS))
    def claim_late_charges(self, interest: int, costs: int, order: PartOrder) -> None:
        claimed = e.LateChargesClaimed(
            interest=Decimal(interest), costs=Decimal(costs), currency="EUR", once=bool(costs), regime="test", order=order
        )  # fmt: skip
        self.game.tell(claimed)

    @precondition(lambda self: any(self.game.facts.charges.open.values()))
    @rule()
    def waive_late_charges(self) -> None:
        left = self.game.facts.charges.open
        self.game.tell(e.LateChargesWaived(interest=left["interest"], costs=left["costs"], currency="EUR"))
        assert not any(self.game.facts.charges.open.values())

    @rule()
    def resume(self) -> None:
        self.game.tell(e.HoldEnded())

    @rule(stage=st.sampled_from(STAGES))
    def escalate(self, stage: str) -> None:
        self.game.tell(e.Escalated(stage=stage))

    @rule(ruler=cadences())
    def change_the_cadence(self, ruler: Cadence) -> None:
        self.begun_before |= {
            key for key, step in self.game.facts.steps.items() if step.messages or step.outcome
        }
        self.game.migrate(ruler)

    @rule(days=st.integers(-20, 60))
    def move_the_due_date(self, days: int) -> None:
        game = self.game
        today = game.rules.creditor_zone.fromutc(game.now.replace(tzinfo=game.rules.creditor_zone)).date()
        moved = {"amount": Decimal(100), "due_on": game.facts.due_on + timedelta(days=days), "on": today}
        game.tell(e.InvoiceChanged.model_validate(moved))

    @precondition(lambda self: self.game.facts.awaiting)
    @rule(pick=st.integers(0, 5), given=st.booleans())
    def a_manager_answers(self, pick: int, *, given: bool) -> None:
        waiting = self.game.facts.awaiting
        step, _, occurrence = waiting[pick % len(waiting)].rpartition("/")
        name = {"step": step, "occurrence": int(occurrence)}
        kind = e.ApprovalGiven if given else e.ApprovalRefused
        self.game.tell(kind.model_validate(name))

    @rule(days=st.integers(-5, 40))
    def give_longer_to_pay(self, days: int) -> None:
        today = self._in(0)
        assert today is not None
        self.game.tell(e.DueDateExtended(due_on=self.game.facts.due_on + timedelta(days=days), on=today))

    def teardown(self) -> None:
        """The log alone gives the facts, and every step that could be performed comes to an end."""
        if not hasattr(self, "game"):
            return
        game = self.game
        assert game.replayed() == game.facts
        assert game.stored() == game.facts
        game.tell(e.HoldEnded(), e.DisputeResolved(outcome="withdrawn"))
        game.play_until(game.now + timedelta(days=5 * 365))
        if not game.facts.closed:
            ruler = marks(game.facts, game.cadence, game.rules)
            assert [m.step.id for m in ruler if m.open] == []
        doubtful = (MessageState.UNKNOWN, MessageState.RESERVED, MessageState.REFUSED)
        if not game.facts.closed:
            assert not [
                m for s in game.facts.steps.values() for m in s.messages.values() if m.state in doubtful[:2]
            ]


InvoiceLife.TestCase.settings = settings(
    stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
test_an_invoice_keeps_its_invariants_whatever_happens = InvoiceLife.TestCase
