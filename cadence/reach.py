"""Reach: what a word on how a customer may be reached adds to what is known. What is known already is no news."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import get_args

from cadence import events as e
from cadence.customer_facts import Consent, CustomerFacts
from cadence.words import BILLING, Channel, PersonReason

# A channel, and an address (a fingerprint) that it reaches.
At = tuple[Channel, str]
PERSON_REASONS: tuple[PersonReason, ...] = get_args(PersonReason)
# What is said of the person; all else is said of an address, and of none that replaces it.
OF_THE_PERSON = ("opt_out", "complaint")


def addresses_of(facts: CustomerFacts, role: str | None) -> list[At] | None:
    """The addresses of the contacts with a role; None where that is simply the billing contact."""
    if role in (None, BILLING):
        return None
    return [at for each in facts.contacts if each.role == role for at in each.addresses.items()]


def forbidding(facts: CustomerFacts, reason: PersonReason) -> list[e.CustomerEvent]:
    """Contact the customer no more, by any channel."""
    return [] if reason in facts.forbidden else [e.ContactForbidden(reason=reason)]


def allowing(facts: CustomerFacts) -> list[e.CustomerEvent]:
    """Lift what forbids all contact; each channel stays as it is."""
    return [e.ContactAllowed(reason=reason) for reason in facts.forbidden]


def closing(
    facts: CustomerFacts, reason: str, named: Collection[Channel], theirs: Sequence[At] | None = None
) -> list[e.CustomerEvent]:
    """Use channels no more for a reason of `ChannelReason`: for the billing contact, or for the addresses of `theirs`."""
    if theirs is None:
        meant = [
            (each, None if reason in OF_THE_PERSON else facts.addresses.get(each))
            for each in named
            if _is_news(facts, each, reason)
        ]
    else:
        meant = [
            (each, address) for each, address in theirs if each in named and not facts.closed(each, address)
        ]
    told = ({"channel": channel, "reason": reason, "address": address} for channel, address in meant)
    return [e.ChannelSuppressed.model_validate(each) for each in told]


def _is_news(facts: CustomerFacts, channel: Channel, reason: str) -> bool:
    """A word of the person's outlasts what is said of an address, and is not said twice."""
    known = facts.suppressed.get(channel)
    if reason in OF_THE_PERSON:
        return known is None or known.address is not None
    return channel in facts.addresses and facts.suppression(channel) is None


def opening(
    facts: CustomerFacts, named: Collection[Channel], theirs: Sequence[At] | None = None
) -> list[e.CustomerEvent]:
    """Use channels again: the billing contact's, or at the addresses of `theirs`."""
    if theirs is None:
        told = [
            {"channel": each, "reason": known.reason}
            for each in named
            if (known := facts.suppressed.get(each) or facts.suppression(each))
        ]
    else:
        told = [
            {"channel": each, "reason": reason, "address": address}
            for each, address in theirs
            if each in named and (reason := facts.closed(each, address))
        ]
    return [e.SuppressionLifted.model_validate(each) for each in told]


def agreeing(
    facts: CustomerFacts, channel: Channel, wording: str, at: datetime, theirs: Sequence[At] | None = None
) -> list[e.CustomerEvent]:
    """They agreed to a channel under a version of the wording (a code), at the aware instant `at`, for what is its
    address now: the billing contact's, or those of `theirs`.
    """
    known = facts.addresses.items() if theirs is None else theirs
    given = [
        Consent(channel=channel, address=address, wording=wording, proof_at=at)
        for each, address in known
        if each == channel
    ]
    return [e.ConsentGiven(**each.model_dump()) for each in given if each not in facts.consents]
