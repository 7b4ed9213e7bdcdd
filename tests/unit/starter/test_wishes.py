"""How a customer may be reached, judged by where they stand: the events, or a sentence that says why not."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cadence import events as e
from cadence.customers import reduce_customer
from cadence.reach import PERSON_REASONS
from cadence.words import Channel
from ledger.keys import address_fingerprint
from starter import wishes
from starter.session import Refusal
from starter.standing import CustomerStanding
from starter.whose import Whose
from tests.unit.cadence.pieces import customer

NOW = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)


def stands(*told: e.CustomerEvent, **facts: Any) -> CustomerStanding:
    known = customer("UTC", "ZZ", **facts)
    for event in told:
        known = reduce_customer(known, event)
    return CustomerStanding(7, "C-7", known, 2)


def refused(act: Callable[..., Sequence[e.CustomerEvent]], given: CustomerStanding, **more: Any) -> str:
    """The code of a refusal, whose sentence names the customer and no option."""
    with pytest.raises(Refusal) as caught:
        act(given, NOW, **more)
    assert "--" not in str(caught.value)
    return caught.value.code


def test_an_opt_out_is_of_the_person_and_a_bad_address_of_the_address() -> None:
    assert wishes.suppress(stands(), NOW, reason="opt_out", channel=Channel.SMS) == [
        e.ChannelSuppressed(channel=Channel.SMS, reason="opt_out")
    ]
    assert wishes.suppress(stands(), NOW, reason="wrong_person", channel=Channel.SMS) == [
        e.ChannelSuppressed(channel=Channel.SMS, reason="wrong_person", address="s1")
    ]


def test_without_a_channel_each_is_closed_that_is_open() -> None:
    stop = e.ChannelSuppressed(channel=Channel.SMS, reason="opt_out")
    told = wishes.suppress(stands(stop), NOW, reason="opt_out")
    assert told == [e.ChannelSuppressed(channel=each, reason="opt_out") for each in ("email", "whatsapp")]
    addressed = stands(addresses={"email": "e1"})
    assert wishes.suppress(addressed, NOW, reason="bad_address") == [
        e.ChannelSuppressed(channel=Channel.EMAIL, reason="bad_address", address="e1")
    ]


@pytest.mark.parametrize("reason", PERSON_REASONS)
def test_what_is_said_of_the_person_names_no_channel_and_is_said_once(reason: Any) -> None:
    assert wishes.suppress(stands(), NOW, reason=reason) == [e.ContactForbidden(reason=reason)]
    assert refused(wishes.suppress, stands(), reason=reason, channel=Channel.SMS) == "whole_person"
    told = stands(e.ContactForbidden(reason=reason))
    assert refused(wishes.suppress, told, reason=reason) == "suppressed_already"


def test_what_is_closed_already_and_what_has_no_address_is_refused() -> None:
    stop = e.ChannelSuppressed(channel=Channel.SMS, reason="opt_out")
    for reason in ("opt_out", "complaint", "bad_address"):
        code = refused(wishes.suppress, stands(stop), reason=reason, channel=Channel.SMS)
        assert code == "suppressed_already"
    nobody = stands(addresses={})
    assert refused(wishes.suppress, nobody, reason="wrong_person", channel=Channel.SMS) == "no_address"
    assert refused(wishes.suppress, nobody, reason="bad_address") == "no_address"


DIRECTOR = "director@example.com"
AT = address_fingerprint(DIRECTOR)
A_DIRECTOR = e.ContactReceived(contact=1, role="director", addresses={Channel.EMAIL: AT})


@pytest.mark.parametrize("whose", [Whose(role="director"), Whose(address=f" {DIRECTOR} ")])
def test_a_contacts_address_is_closed_and_opened_again_by_their_role_or_by_itself(whose: Whose) -> None:
    known = stands(A_DIRECTOR)
    (closed,) = wishes.suppress(known, NOW, reason="opt_out", whose=whose)
    assert closed == e.ChannelSuppressed(channel=Channel.EMAIL, reason="opt_out", address=AT)
    told = stands(A_DIRECTOR, closed)
    assert told.facts.unusable(Channel.EMAIL) is None
    assert refused(wishes.suppress, told, reason="complaint", whose=whose) == "suppressed_already"
    (opened,) = wishes.unsuppress(told, NOW, channel=Channel.EMAIL, whose=whose)
    assert opened == e.SuppressionLifted(channel=Channel.EMAIL, reason="opt_out", address=AT)
    assert stands(A_DIRECTOR, closed, opened).facts == known.facts
    assert refused(wishes.unsuppress, known, whose=whose) == "not_suppressed"


def test_an_address_that_bounced_is_opened_again_though_it_is_another_contacts_now() -> None:
    bounced = e.ChannelSuppressed(channel=Channel.EMAIL, reason="bad_address", address=AT)
    was_billing = stands(bounced, A_DIRECTOR, addresses={"email": AT})
    moved = reduce_customer(
        was_billing.facts,
        e.CustomerReceived(
            **was_billing.facts.model_dump(
                include=set(e.CustomerReceived.model_fields) - {"addresses", "type"}
            ),
            addresses={Channel.EMAIL: "elsewhere"},
        ),
    )
    now = CustomerStanding(7, "C-7", moved, 0)
    (opened,) = wishes.unsuppress(now, NOW, whose=Whose(role="director"))
    assert reduce_customer(moved, opened).closed(Channel.EMAIL, AT) is None


def test_whose_is_meant_must_be_known_and_be_one() -> None:
    known = stands(A_DIRECTOR)
    for whose, code in (
        (Whose(role="owner"), "no_contact"),
        (Whose(address="nobody@example.com"), "unknown_address"),
        (Whose(address="12"), "invalid_address"),
    ):
        assert refused(wishes.suppress, known, reason="opt_out", whose=whose) == code
        assert refused(wishes.unsuppress, known, whose=whose) == code
    director = Whose(role="director")
    assert (
        refused(wishes.suppress, known, reason="opt_out", channel=Channel.SMS, whose=director) == "no_address"
    )
    assert refused(wishes.suppress, known, reason="minor", whose=director) == "whole_person"
    with pytest.raises(Refusal, match="not both"):
        Whose("director", DIRECTOR)


def test_a_channel_is_opened_by_its_name_and_a_person_as_a_whole() -> None:
    stop = e.ChannelSuppressed(channel=Channel.SMS, reason="opt_out")
    both = stands(stop, e.ContactForbidden(reason="minor"), e.ContactForbidden(reason="vulnerable"))
    assert wishes.unsuppress(both, NOW, channel=Channel.SMS) == [
        e.SuppressionLifted(channel=Channel.SMS, reason="opt_out")
    ]
    assert wishes.unsuppress(both, NOW) == [
        e.ContactAllowed(reason="minor"),
        e.ContactAllowed(reason="vulnerable"),
    ]
    assert refused(wishes.unsuppress, stands(stop)) == "not_suppressed"
    assert refused(wishes.unsuppress, both, channel=Channel.EMAIL) == "not_suppressed"


def test_a_consent_was_given_now_or_before_and_is_kept_once() -> None:
    asked = {"channel": Channel.WHATSAPP, "wording": "terms-2026"}
    (given,) = wishes.consent(stands(), NOW, **asked)  # type: ignore[arg-type]
    assert given == e.ConsentGiven(channel=Channel.WHATSAPP, address="w1", wording="terms-2026", proof_at=NOW)
    assert wishes.consent(stands(given), NOW, **asked) == []  # type: ignore[arg-type]
    assert refused(wishes.consent, stands(), **asked, at=NOW + timedelta(seconds=1)) == "future"
    assert refused(wishes.consent, stands(addresses={"email": "e1"}), **asked) == "no_address"


@pytest.mark.parametrize("whose", [Whose(role="director"), Whose(address=f" {DIRECTOR} ")])
def test_a_contact_consents_for_their_own_address(whose: Whose) -> None:
    known, asked = stands(A_DIRECTOR), {"wording": "v1", "whose": whose}
    (given,) = wishes.consent(known, NOW, channel=Channel.EMAIL, **asked)  # type: ignore[arg-type]
    assert given == e.ConsentGiven(channel=Channel.EMAIL, address=AT, wording="v1", proof_at=NOW)
    assert refused(wishes.consent, known, channel=Channel.SMS, **asked) == "no_address"


def test_a_preference_replaces_the_one_before_and_is_told_once() -> None:
    first = wishes.prefer(stands(), NOW, channels=[Channel.SMS, Channel.EMAIL], days=["fri", "mon"])
    assert first == [e.PreferenceStated(channels=(Channel.EMAIL, Channel.SMS), days=("mon", "fri"))]
    told = stands(*first)
    assert wishes.prefer(told, NOW, channels=[Channel.EMAIL, Channel.SMS], days=["mon", "fri"]) == []
    assert wishes.prefer(told, NOW, hours="10:00-12:00") == [e.PreferenceStated(hours="10:00-12:00")]
    assert wishes.prefer(told, NOW) == [e.PreferenceStated()]
    assert wishes.prefer(stands(), NOW) == []


def test_nobody_is_reached_by_a_channel_without_an_address() -> None:
    by_email = stands(addresses={"email": "e1"})
    assert refused(wishes.prefer, by_email, channels=[Channel.SMS]) == "no_address"
    assert wishes.prefer(by_email, NOW, channels=[Channel.SMS, Channel.EMAIL])
