"""How a customer may be reached: what forbids it, what they agreed to and prefer; it only ever narrows."""

from datetime import UTC, date, datetime
from typing import Any, get_args

import pytest
from hypothesis import given
from pydantic import ValidationError

from cadence import events as e
from cadence.customer_facts import CustomerFacts, Preference
from cadence.customers import reduce_customer
from cadence.directive import ItemKind
from cadence.document import Cadence
from cadence.payers import NO_PAYER
from cadence.permit import Answer, judge
from cadence.rules import PREFERENCE, rules_for
from cadence.why import WORDS
from cadence.words import Channel, ChannelReason, PersonReason
from tests.unit.cadence.game import Game, as_stored
from tests.unit.cadence.pieces import cadence, creditor, customer, instant, send
from tests.unit.cadence.strategies import cadences, customers, instants, wishes

DUE = date(2026, 3, 2)  # a Monday
NOWHERE = customer("UTC", "ZZ")
PERSON_REASONS = get_args(PersonReason)


def known(*events: e.CustomerEvent) -> CustomerFacts:
    facts = NOWHERE
    for event in events:
        facts = reduce_customer(facts, event)
    return facts


def at_addresses(**addresses: str) -> e.CustomerReceived:
    place = {"segment": "test", "language": "en", "country": "ZZ", "zone": "UTC"}
    return e.CustomerReceived.model_validate(place | {"addresses": addresses})


def begun(*told: e.CustomerEvent) -> Game:
    """A reminder on Tuesday the 3rd at 9:00, by SMS or else by e-mail; a promise is answered by e-mail."""
    notice = {"template": "promise_noted", "channels": ["email"]}
    ruler = cadence(send("a", "due + 1d", "sms", "email"), branches={"promise": {"notice": notice}})
    game = Game.begun(ruler, instant("2026-03-02 12:00"), DUE, who=NOWHERE)
    for event in told:
        game.tell_customer(event)
    return game


# What closes channels.


@pytest.mark.parametrize("reason", PERSON_REASONS)
def test_what_is_said_of_the_person_closes_every_channel_and_a_person_takes_over(
    reason: PersonReason,
) -> None:
    game = begun(e.ContactForbidden(reason=reason))
    assert game.rules.unusable == dict.fromkeys(Channel, reason)
    assert [(item.kind, item.why) for item in game.agenda.items] == [
        (ItemKind.OPEN_CASE, "no_usable_channel")
    ]
    game.play_until(instant("2026-04-01 12:00"))
    assert game.contacts == []
    assert [(case.reason, case.queue) for case in game.facts.cases] == [
        ("no_usable_channel", game.cadence.queue)
    ]


def test_a_notice_leaves_as_little_as_a_reminder_where_contact_is_forbidden() -> None:
    game = begun()
    game.now = instant("2026-03-02 13:00")
    game.tell(e.PromiseMade.model_validate({"amount": 100, "by": "2026-03-20"}))
    assert [item.key for item in game.agenda.items if item.notice] == ["on:promise/1/email"]
    game.tell_customer(e.ContactForbidden(reason="deceased"))
    assert [item.key for item in game.agenda.items if item.notice] == []
    assert game.why_skipped() == {"on:promise": "no_usable_channel"}


def test_contact_is_allowed_when_each_reason_is_lifted_by_its_name() -> None:
    both = (e.ContactForbidden(reason="vulnerable"), e.ContactForbidden(reason="legal_cease"))
    assert known(*both, both[0]).forbidden == ("legal_cease", "vulnerable")
    assert known(*both, e.ContactAllowed(reason="vulnerable")).unusable(Channel.SMS) == "legal_cease"
    every = [e.ContactAllowed(reason=reason) for reason in PERSON_REASONS]
    assert known(*both, *every) == NOWHERE


def test_contact_that_is_allowed_again_opens_no_channel_that_the_customer_closed() -> None:
    stop = e.ChannelSuppressed(channel=Channel.SMS, reason="opt_out")
    forbidden, allowed = e.ContactForbidden(reason="minor"), e.ContactAllowed(reason="minor")
    assert known(stop, forbidden, allowed) == known(stop)


def test_what_is_said_of_another_address_is_kept_for_the_day_it_is_the_customers() -> None:
    others = e.ChannelSuppressed(channel=Channel.SMS, reason="wrong_person", address="of another")
    facts = known(others)
    assert facts.unusable(Channel.SMS) is None
    moved = facts.model_copy(update={"addresses": facts.addresses | {Channel.SMS: "of another"}})
    assert moved.unusable(Channel.SMS) == "wrong_person"
    lifted = e.SuppressionLifted(channel=Channel.SMS, reason="wrong_person")
    assert reduce_customer(facts, lifted).closed_addresses == facts.closed_addresses
    assert reduce_customer(moved, lifted).unusable(Channel.SMS) is None


def test_an_address_that_was_closed_stays_closed_when_the_next_one_is_too() -> None:
    first = e.ChannelSuppressed(channel=Channel.SMS, reason="wrong_person", address="s1")
    facts = known(first).model_copy(update={"addresses": NOWHERE.addresses | {Channel.SMS: "s2"}})
    second = e.ChannelSuppressed(channel=Channel.SMS, reason="bad_address", address="s2")
    facts = reduce_customer(facts, second)
    assert facts.unusable(Channel.SMS) == "bad_address"
    back = facts.model_copy(update={"addresses": NOWHERE.addresses})
    assert back.unusable(Channel.SMS) == "wrong_person"


def test_a_merge_alone_changes_no_fact_of_either_customer() -> None:
    assert known(e.CustomerMerged(into=2), e.CustomerAbsorbed(customer=1)) == NOWHERE


def test_an_invoice_that_moved_is_planned_by_the_rules_of_its_new_customer() -> None:
    game = begun()
    before = game.facts
    game.tell(e.InvoiceMoved(from_customer=1, to_customer=2))
    assert game.facts == before
    game.customer = customer("Asia/Tokyo", "ZZ")
    game.replan()
    assert [item.at for item in game.agenda.items] == [instant("2026-03-03 00:00")]


@pytest.mark.parametrize("wrong_first", [True, False])
def test_an_address_stays_closed_though_the_person_had_opted_out_and_took_that_back_at_another(
    *, wrong_first: bool
) -> None:
    said = [
        e.ChannelSuppressed(channel=Channel.SMS, reason="wrong_person", address="s1"),
        e.ChannelSuppressed(channel=Channel.SMS, reason="opt_out"),
    ]
    facts = known(
        *(said if wrong_first else reversed(said)),
        at_addresses(sms="s2"),
        e.SuppressionLifted(channel=Channel.SMS, reason="opt_out"),
    )
    assert facts.unusable(Channel.SMS) is None
    assert reduce_customer(facts, at_addresses(sms="s1")).unusable(Channel.SMS) == "wrong_person"


def test_somebody_elses_number_is_closed_until_another_is_known() -> None:
    wrong = e.ChannelSuppressed(channel=Channel.SMS, reason="wrong_person", address="s1")
    moved = at_addresses(sms="s2")
    assert known(wrong).unusable(Channel.SMS) == "wrong_person"
    assert known(wrong, moved).unusable(Channel.SMS) is None
    assert known(wrong, e.SuppressionLifted(channel=Channel.SMS, reason="wrong_person")) == NOWHERE


def test_a_permit_asked_for_after_the_suppression_of_the_same_instant_is_not_given() -> None:
    game = begun()
    game.now = instant("2026-03-03 09:00")
    game.tell_customer(e.ContactForbidden(reason="legal_cease"))
    asked = judge(game.facts, game.cadence, game.rules, game.customer, NO_PAYER, "a/1/sms", game.now)
    assert asked.answer is Answer.STALE


# Consents.


def test_the_latest_consent_for_each_address_and_wording_is_kept() -> None:
    def given_at(day: int, **changes: Any) -> e.ConsentGiven:
        told = {
            "channel": "whatsapp",
            "address": "w1",
            "wording": "v1",
            "proof_at": datetime(2026, 3, day, tzinfo=UTC),
        }
        return e.ConsentGiven.model_validate(told | changes)

    facts = known(given_at(1), given_at(2, wording="v2"), given_at(3, channel="sms"), given_at(4))
    assert [(c.channel, c.wording, c.proof_at.day) for c in facts.consents] == [
        ("whatsapp", "v2", 2),
        ("sms", "v1", 3),
        ("whatsapp", "v1", 4),
    ]


# Preferences.


def test_a_preference_for_a_channel_leaves_no_other() -> None:
    game = begun(e.PreferenceStated(channels=(Channel.EMAIL,)))
    assert game.rules.unusable == {Channel.SMS: "not_preferred", Channel.WHATSAPP: "not_preferred"}
    game.play_until(instant("2026-04-01 12:00"))
    assert [contact.channel for contact in game.contacts] == [Channel.EMAIL]


def test_a_preference_for_hours_and_days_moves_a_message_into_them() -> None:
    game = begun(e.PreferenceStated(hours="14:00-15:30", days=("wed", "fri")))
    assert [item.at for item in game.agenda.items] == [instant("2026-03-04 14:00")]
    assert game.rules.window.shut_by(instant("2026-03-03 14:30")) == PREFERENCE
    assert game.rules.window.shut_by(instant("2026-03-04 15:30")) == PREFERENCE
    assert game.rules.window.shut_by(instant("2026-03-04 15:00")) is None


def test_what_waits_for_the_preferred_hour_says_so() -> None:
    game = begun(e.PreferenceStated(hours="14:00-15:00"))
    asked = judge(
        game.facts, game.cadence, game.rules, game.customer, NO_PAYER, "a/1/sms", instant("2026-03-03 10:00")
    )
    assert (asked.answer, asked.reason, asked.until) == (
        Answer.DEFER,
        PREFERENCE,
        instant("2026-03-03 14:00"),
    )


def test_a_preference_that_leaves_no_hour_leaves_no_channel_and_a_person_takes_over() -> None:
    game = begun(e.PreferenceStated(hours="05:00-06:00"))
    assert game.rules.unusable == dict.fromkeys(Channel, "no_hour_is_left")
    assert [item.kind for item in game.agenda.items] == [ItemKind.OPEN_CASE]


def test_an_empty_statement_takes_the_preference_back() -> None:
    wish = e.PreferenceStated(channels=(Channel.SMS,), hours="10:00-12:00", days=("mon",))
    assert known(wish).preference == Preference(channels=(Channel.SMS,), hours="10:00-12:00", days=("mon",))
    assert known(wish, e.PreferenceStated()) == NOWHERE


@pytest.mark.parametrize("hours", ["12:00-10:00", "10:00-10:00", "10-12", "10:00-24:00", "10:00-12:00\n", ""])
def test_hours_that_leave_no_time_are_refused(hours: str) -> None:
    with pytest.raises(ValidationError):
        e.PreferenceStated(hours=hours)


@given(ruler=cadences(), who=customers(), wish=wishes(), now=instants)
def test_a_preference_never_widens(
    ruler: Cadence, who: CustomerFacts, wish: e.PreferenceStated, now: datetime
) -> None:
    before = rules_for(ruler, who, creditor())
    after = rules_for(ruler, reduce_customer(who, wish), creditor())
    assert set(before.unusable) <= set(after.unusable)
    assert all(after.unusable[channel] == reason for channel, reason in before.unusable.items())
    opens, closes = after.window.around(now)
    if set(after.unusable) != set(Channel):
        for at in (opens, opens + (closes - opens) / 2):
            assert before.window.is_open(at)
            assert wish.days is None or f"{at.astimezone(after.window.zone):%a}".lower() in wish.days


@given(who=customers(), wish=wishes())
def test_what_was_stated_survives_the_way_into_the_ledger_and_back(
    who: CustomerFacts, wish: e.PreferenceStated
) -> None:
    facts = reduce_customer(who, wish)
    assert CustomerFacts.model_validate(facts.model_dump(mode="json")) == facts
    assert e.CUSTOMER_EVENT.validate_python(wish.model_dump(mode="json")) == wish


def test_what_follows_from_a_new_address_does_not_hang_on_how_the_ledger_keeps_what_was_said() -> None:
    """JSONB gives keys back in another order than that in which things were told."""
    stops = (e.ChannelSuppressed(channel=each, reason="opt_out") for each in (Channel.EMAIL, Channel.SMS))
    facts = known(*stops)
    assert reduce_customer(as_stored(facts), at_addresses()) == reduce_customer(facts, at_addresses())


def test_every_reason_for_which_a_channel_is_closed_has_words() -> None:
    codes = {*get_args(ChannelReason), *PERSON_REASONS, "no_address", "not_preferred", "no_hour_is_left"}
    assert codes | {PREFERENCE, "whatsapp_not_attested"} <= set(WORDS)
