"""Whom a message reaches by the roles its step names, and which addresses stay closed whoever has them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from cadence import events as e
from cadence.customer_facts import CustomerFacts
from cadence.customers import reduce_customer
from cadence.recipients import recipients
from cadence.rules import rules_for
from cadence.sends import Answering, Send
from cadence.why import recipients_told
from cadence.words import Channel
from tests.unit.cadence.game import Game
from tests.unit.cadence.pieces import ADDRESSES, cadence, creditor, customer

NOW = datetime(2026, 3, 10, 8, tzinfo=UTC)
DIRECTOR = e.ContactReceived(contact=1, role="director", language="fr", addresses={Channel.EMAIL: "director"})
OWNER = e.ContactReceived(contact=2, role="owner", addresses={Channel.EMAIL: "owner"})

ANY_STEP = {"id": "a", "at": "due", "stage": "overdue", "send": {"template": "x", "channels": ["email"]}}


def known(*events: e.CustomerEvent) -> CustomerFacts:
    facts = customer()
    for event in events:
        facts = reduce_customer(facts, event)
    return facts


def send(**changes: Any) -> Send:
    return Send.model_validate({"template": "overdue_first", "channels": ["email"], **changes})


def closed_to(facts: CustomerFacts, role: str) -> Mapping[Channel, str]:
    return rules_for(cadence(ANY_STEP), facts, creditor()).closed_to(role)


def stop(address: str | None, reason: str = "opt_out") -> e.ChannelSuppressed:
    told = {"channel": Channel.EMAIL, "reason": reason, "address": address}
    return e.ChannelSuppressed.model_validate(told)


def test_a_message_goes_to_the_contact_of_its_role_in_their_own_language() -> None:
    found = recipients(send(to="director", cc=["owner"]), Channel.EMAIL, known(DIRECTOR, OWNER))
    assert (found.to.role, found.to.contact, found.to.language) == ("director", 1, "fr")
    assert [(each.role, each.address, each.language) for each in found.copies] == [("owner", "owner", "en")]
    assert found.left_out == {}


def test_where_nobody_has_the_role_the_billing_contact_is_written_to_and_why_says_so() -> None:
    found = recipients(send(to="director"), Channel.EMAIL, known())
    assert (found.to.role, found.to.contact) == ("billing", None)
    told = recipients_told(found.to.role, (), found.left_out)
    assert told == "no contact director; written to billing"


def test_a_contact_without_an_address_for_the_channel_is_none() -> None:
    found = recipients(send(to="director", channels=["sms"]), Channel.SMS, known(DIRECTOR))
    assert found.to.role == "billing"
    assert found.left_out == {"director": "no_contact"}


def test_a_contact_that_is_known_no_more_by_that_role_is_not_written_to() -> None:
    moved = DIRECTOR.model_copy(update={"role": "owner"})
    assert recipients(send(to="director"), Channel.EMAIL, known(DIRECTOR, moved)).to.role == "billing"
    billing = DIRECTOR.model_copy(update={"role": "billing"})
    assert known(DIRECTOR, billing).contacts == ()


def test_a_suppressed_copy_is_left_out_and_said() -> None:
    found = recipients(send(cc=["owner", "director"]), Channel.EMAIL, known(DIRECTOR, OWNER, stop("owner")))
    assert [each.role for each in found.copies] == ["director"]
    told = recipients_told("billing", ["director"], found.left_out)
    assert (
        told
        == "written to billing, director in copy; owner not: the customer asked not to be written to by it"
    )


def test_an_address_gets_a_message_once_whatever_roles_it_has() -> None:
    same = OWNER.model_copy(update={"addresses": {Channel.EMAIL: ADDRESSES[Channel.EMAIL]}})
    assert recipients(send(cc=["owner"]), Channel.EMAIL, known(same)).copies == ()


def test_a_contacts_stop_closes_their_address_and_not_the_billing_contacts() -> None:
    facts = known(DIRECTOR, stop("director"))
    assert closed_to(facts, "director")[Channel.EMAIL] == "opt_out"
    assert Channel.EMAIL not in closed_to(facts, "billing")
    assert Channel.EMAIL not in closed_to(facts, "nobody")


@pytest.mark.parametrize(
    ("stopped", "expected"), [("director", "no_usable_channel"), (None, "planned"), ("owner", "planned")]
)
def test_a_step_is_planned_by_what_reaches_the_contact_that_it_names(
    stopped: str | None, expected: str
) -> None:
    letter = {"template": "x", "channels": ["email"], "to": "director"}
    ruler = cadence({"id": "letter", "at": "due", "stage": "overdue", "send": letter})
    game = Game.begun(ruler, NOW, NOW.date(), who=known(DIRECTOR, stop(stopped)))
    assert game.next is not None
    assert game.next.why == expected


def test_the_billing_contacts_stop_does_not_silence_another_contact() -> None:
    facts = known(DIRECTOR, stop(None))
    assert facts.unusable(Channel.EMAIL) == "opt_out"
    assert Channel.EMAIL not in closed_to(facts, "director")


@pytest.mark.parametrize("address", [None, ADDRESSES[Channel.EMAIL]])
def test_an_address_that_is_closed_is_closed_for_whomever_it_is(address: str | None) -> None:
    same = DIRECTOR.model_copy(update={"addresses": {Channel.EMAIL: ADDRESSES[Channel.EMAIL]}})
    facts = known(same, stop(address))
    assert closed_to(facts, "director")[Channel.EMAIL] == "opt_out"
    elsewhere = e.CustomerReceived(
        **facts.model_dump(include={"segment", "language", "country", "zone"}),
        addresses={Channel.EMAIL: "another"},
    )
    moved = reduce_customer(facts, elsewhere)
    assert closed_to(moved, "director")[Channel.EMAIL] == "opt_out"


def test_a_contacts_stop_is_taken_back_at_their_address_alone() -> None:
    lifted = e.SuppressionLifted(channel=Channel.EMAIL, reason="opt_out", address="director")
    facts = known(DIRECTOR, stop("director"), stop(None), lifted)
    assert facts.closed(Channel.EMAIL, "director") is None
    assert facts.unusable(Channel.EMAIL) == "opt_out"


def test_what_forbids_all_contact_closes_every_role() -> None:
    facts = known(DIRECTOR, e.ContactForbidden(reason="legal_cease"))
    assert closed_to(facts, "director") == dict.fromkeys(Channel, "legal_cease")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"channels": ["sms"], "cc": ["owner"]}, "only an e-mail can go to others in copy"),
        ({"channels": ["email", "sms"], "cc": ["owner"]}, "only an e-mail can go to others in copy"),
        ({"cc": ["owner", "owner"]}, "a role is named twice"),
        ({"cc": ["billing"]}, "a role is named twice"),
        ({"to": "owner", "cc": ["owner"]}, "a role is named twice"),
    ],
)
def test_copies_that_make_no_sense_are_refused_with_a_sentence(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        send(**wrong)


def test_an_answer_goes_to_the_address_that_wrote_and_to_nobody_in_its_place() -> None:
    answer = Answering(template="answer", channels=(Channel.EMAIL,), address="director")
    (to,) = {recipients(answer, Channel.EMAIL, known(DIRECTOR, OWNER)).to}
    assert (to.role, to.contact, to.address, to.language) == ("director", 1, "director", "fr")
    for facts, reason in (
        (known(DIRECTOR), None),
        (known(DIRECTOR, stop("director")), "opt_out"),
        (known(DIRECTOR, stop(None)), None),
        (known(OWNER), "no_address"),
    ):
        rules = rules_for(cadence(ANY_STEP), facts, creditor())
        assert rules.closed_for(answer).get(Channel.EMAIL) == reason
