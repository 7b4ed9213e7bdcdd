"""Several invoices of one customer played at random, as the ledger plays them: caps and opt-outs hold whatever happens."""

from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from cadence import events as e
from cadence.caps import Contact
from cadence.document import Cadence
from cadence.marks import marks
from cadence.packs import ContactRule, Pack, Packs
from cadence.permit import Answer, Verdict
from tests.unit.cadence.counting import is_over, is_shut
from tests.unit.cadence.game import REACHED, Fate
from tests.unit.cadence.happenings import CUSTOMER_HAPPENINGS, HAPPENINGS, Occasion, Visit
from tests.unit.cadence.household import Household, Member
from tests.unit.cadence.pieces import ADDRESSES, PACKS
from tests.unit.cadence.purse import Purse
from tests.unit.cadence.strategies import STAGES, cadences, contacts, days_apart, due_dates, office_hours

ENDS: list[Fate] = ["accepted", "accepted", "accepted", "rejected", "refused", "unknown"]
DEATHS: list[Fate] = ["died", "never_asked"]
# Wherever a shipped law has caps, and where none has: there the creditor's own count alone.
PLACES = (
    ("America/Bogota", "CO"),
    ("America/Santiago", "CL"),
    ("America/Guayaquil", "EC"),
    ("America/New_York", "US"),
    ("Europe/Lisbon", "PT"),
)
# How far the clocks of two workers may be apart.
LAG = timedelta(milliseconds=5)
# More than any household here can have ahead of it.
MOST_PERFORMED = 500

some = st.randoms(use_true_random=False)
caps = st.fixed_dictionaries(
    {"most": st.integers(1, 3)},
    optional={"channels": st.sampled_from([["sms"], ["email"], ["sms", "whatsapp"]])},
).flatmap(
    lambda cap: st.sampled_from([{"per": "day"}, {"per": "week"}, {"per": "month"}, {"within": "5d"}, {"within": "40d"}])
    .map(lambda period: {"cap": cap | period})
)  # fmt: skip
aparts = st.sampled_from(["20h", "3d"]).map(lambda least: {"apart": {"least": least}})
limits = st.lists(caps | aparts | st.just({"one_channel_per": "week"}), max_size=2)


def own_rules(*asked: dict[str, Any]) -> Packs:
    """The shipped packs, and the creditor's own with these rules."""
    told = {"text": "Our own.", "source": "The creditor.", "effective_from": "2000-01-01"}
    rules = [told | {"id": f"own-{number}"} | each for number, each in enumerate(asked)]
    own = (Pack.model_validate({"name": "own", "title": "Our own", "rules": rules}),) if rules else ()
    return Packs((*PACKS.packs, *own))


class HouseholdLife(Purse):
    """The world around one customer, whose invoices fall due close together."""

    @initialize(
        ruler=cadences(office_hours()), place=st.sampled_from(PLACES), own=limits, due_on=due_dates, count=st.integers(1, 3),
        met=contacts(),
    )  # fmt: skip
    def import_them(
        self,
        ruler: Cadence,
        place: tuple[str, str],
        own: list[dict[str, Any]],
        due_on: date,
        count: int,
        met: list[e.ContactReceived],
    ) -> None:
        zone, country = place
        received = e.CustomerReceived.model_validate(
            {"segment": "test", "language": "en", "country": country, "zone": zone, "addresses": ADDRESSES}
        )
        now = datetime.combine(due_on, time(12), UTC) - timedelta(days=12)
        # Where a consent is needed there is one, until the customer moves: else there would be nothing to count.
        known = [ADDRESSES, *(each.addresses for each in met)]
        agreed = [
            e.ConsentGiven(channel=channel, address=address, wording="v0", proof_at=now)
            for addresses in known
            for channel, address in addresses.items()
        ]
        said: list[e.CustomerEvent] = [received, *met, *agreed]
        self.home, self.due_on = Household(said, own_rules(*own), now), due_on
        for _ in range(count):
            self.home.admit(ruler, due_on)

    @precondition(lambda self: len(self.home.members) < 4)
    @rule(ruler=cadences(office_hours()), days=st.integers(-2, 9), stage=st.sampled_from([None, *STAGES]))
    def another_invoice_comes(self, ruler: Cadence, days: int, stage: str | None) -> None:
        self.home.admit(ruler, self.due_on + timedelta(days=days), stage)

    # Time and the workers.

    @precondition(lambda self: self.home.waiting())
    @rule(fate=st.sampled_from(ENDS + DEATHS), lost=st.booleans(), pick=st.integers(0, 3))
    def a_worker_performs_an_item(self, fate: Fate, lost: bool, pick: int) -> None:
        """Mostly the one that is next; another where its worker came first."""
        waiting = self.home.waiting()
        self._perform(waiting[pick % len(waiting) if pick > 1 else 0], fate, lost=lost)

    @precondition(lambda self: len(self.home.waiting()) > 1)
    @rule(fate=st.sampled_from(ENDS + DEATHS))
    def two_workers_perform_at_once(self, fate: Fate) -> None:
        """The second to get the customer's lock has a clock that is behind the first one's."""
        first, second, *_ = self.home.waiting()
        assert second.next
        self.home.move_to(second.next.at + LAG)
        self._perform(first, fate)
        if second.next:
            self._perform(second, "accepted", lag=LAG)

    @precondition(lambda self: self.home.waiting())
    @rule(fate=st.sampled_from(ENDS))
    def all_that_is_due_by_then_is_performed(self, fate: Fate) -> None:
        first = self.home.waiting()[0].next
        assert first
        self.home.move_to(first.at)
        self._play_until(self.home.now, fate)

    def _play_until(self, end: datetime, fate: Fate) -> None:
        for _ in range(MOST_PERFORMED):
            due = [each for each in self.home.waiting() if each.next and each.next.at <= end]
            if not due:
                return
            self._perform(due[0], fate)
        message = f"it spins at {self.home.now} on {[each.next for each in self.home.waiting()]}"
        raise AssertionError(message)

    def _perform(
        self, member: Member, fate: Fate, *, lost: bool = False, lag: timedelta = timedelta(0), halted: bool = False
    ) -> None:  # fmt: skip
        item, tried = member.next, len(member.tries)
        assert item
        before = member.others_than(item)
        verdict = self.home.perform(member, fate, lag=lag, halted=halted)
        assert verdict
        if len(member.tries) > tried:
            self._check_contact(member, before)
            if fate in REACHED and not (lost and fate != "accepted"):
                self.home.arrived.add((self.home.members.index(member), *member.tries[-1].message))
        if verdict.answer is Answer.DEFER:
            asked_at = max(item.at, self.home.now - lag)
            self._check_deferral(member, verdict, before, asked_at)
        again = member.next
        died = fate in DEATHS and len(member.tries) > tried
        if again and again.key == item.key and not died:
            assert again.at > item.at, f"{item.key} spins"

    def _check_contact(self, member: Member, before: list[Contact]) -> None:
        """Invariants 7 and 8, by counting, and by reading what the customer said."""
        made = member.tries[-1]
        one, zone = Contact(made.at, made.channel), self.home.customer.zone
        for address in made.addresses:
            assert address, f"{made} went nowhere"
            assert not self.home.is_closed(one.channel, address), (
                f"{made} went to somebody who wanted no more"
            )
        for each in self._law(member):
            assert not is_shut(each, one.at, zone), f"{made} went outside {each.id}"
            if made.step != "on:answer":
                assert not is_over(each, before, one, zone), f"{made} is over {each.id}: {before}"

    def _check_deferral(
        self, member: Member, verdict: Verdict, before: list[Contact], asked_at: datetime
    ) -> None:
        """It names the rule, which is true by the worker's own clock; and then there is room, as far as anybody can tell."""
        item, until, zone = verdict.item, verdict.until, self.home.customer.zone
        assert item
        assert until
        assert until > member.now - LAG
        law = self._law(member)
        asked = next((each for each in law if each.id == verdict.reason), None)
        own = ("spacing", "window_closed", "halted", "customer-preference")
        assert asked or verdict.reason in own, f"{verdict.reason} is no rule of this customer"
        if asked is None or asked.hours or asked.closed_on:
            return
        assert item.channel
        now, then = (Contact(at, item.channel) for at in (asked_at, until))
        assert any(is_over(each, before, now, zone) for each in law), f"{verdict} without need"
        assert not any(is_over(each, before, then, zone) for each in law), f"{verdict} is too early"
        assert member.rules.window.is_open(until)

    def _law(self, member: Member) -> tuple[ContactRule, ...]:
        return member.rules.law.rules

    @rule(hours=st.integers(1, 30) | days_apart(9).map(lambda span: span.days * 24), swept=st.booleans())
    def time_passes(self, hours: int, *, swept: bool) -> None:
        """As in an outage: nothing is performed, and a sweep plans anew at its end, or has not come yet."""
        self.home.move_to(self.home.now + timedelta(hours=hours))
        if swept:
            self.home.sweep()

    @precondition(lambda self: self.home.waiting())
    @rule()
    def a_halt_puts_it_off(self) -> None:
        self._perform(self.home.waiting()[0], "accepted", halted=True)

    # What happens to one of the invoices, or to the customer.

    @rule(kind=st.sampled_from(list(HAPPENINGS)), pick=st.integers(0, 3), chance=some)
    def something_happens(self, kind: type[e.InvoiceEvent], pick: int, chance: Random) -> None:
        member = self.home.members[pick % len(self.home.members)]
        event = HAPPENINGS[kind](Occasion(member.facts, STAGES, self.home.now, chance))
        if event:
            self.home.tell(member, event)

    @rule(ruler=cadences(office_hours()), pick=st.integers(0, 3))
    def its_cadence_changes(self, ruler: Cadence, pick: int) -> None:
        self.home.members[pick % len(self.home.members)].migrate(ruler)

    @rule(kind=st.sampled_from(list(CUSTOMER_HAPPENINGS)), chance=some)
    def something_is_said_of_the_customer(self, kind: type[e.CustomerEvent], chance: Random) -> None:
        event = CUSTOMER_HAPPENINGS[kind](Visit(self.home.customer, self.home.now, chance))
        if event:
            self.home.say(event)

    @rule(chance=some)
    def somebody_wants_no_more(self, chance: Random) -> None:
        """By itself as well: among all that is said of customers it hardly came before a message to that very address."""
        told = CUSTOMER_HAPPENINGS[e.ChannelSuppressed](Visit(self.home.customer, self.home.now, chance))
        assert told is not None
        self.home.say(told)

    @precondition(lambda self: self.home.arrived)
    @rule(chance=some, delivery=st.sampled_from(["queued", "sent", "delivered", "failed", "read"]))
    def a_receipt_comes(self, chance: Random, delivery: str) -> None:
        place, step, occurrence, channel = chance.choice(sorted(self.home.arrived))
        name = {"step": step, "occurrence": occurrence, "channel": channel, "delivery": delivery}
        self.home.members[place].tell(e.DeliveryReported.model_validate(name))

    # What holds after each of them.

    @invariant()
    def events_and_facts_agree(self) -> None:
        for member in self.home.members:
            assert member.replayed() == member.facts

    @invariant()
    def no_message_reached_them_twice(self) -> None:
        for member in self.home.members:
            accepted = [each.message for each in member.tries if each.state == "accepted"]
            assert len(set(accepted)) == len(accepted)

    @invariant()
    def nothing_is_both_skipped_and_sent(self) -> None:
        for member in self.home.members:
            for key, step in member.facts.steps.items():
                assert not (step.outcome == "skipped" and step.messages), f"{key}: {step}"

    def teardown(self) -> None:
        """Whatever caps ask, every step that could be performed comes to an end."""
        if not hasattr(self, "home"):
            return
        assert self.home.stored() == self.home.customer
        self.home.say(e.CustomerHoldEnded())
        for member in self.home.members:
            member.tell(e.HoldEnded(), e.DisputeResolved(outcome="withdrawn"))
        self._play_until(self.home.now + timedelta(days=5 * 365), "accepted")
        for member in self.home.members:
            if not member.facts.closed:
                ruler = marks(member.facts, member.cadence, member.rules)
                assert [mark.step.id for mark in ruler if mark.open] == []


HouseholdLife.TestCase.settings = settings(
    stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)
test_caps_and_opt_outs_hold_over_all_invoices_of_a_customer = HouseholdLife.TestCase
