"""How a customer may be reached, told by people: judged by where the customer stands, as the acts of `starter.acts` are.

What closes or opens a channel, what forbids all contact, what the customer agreed to, and what they prefer.
"""

from collections.abc import Sequence
from datetime import datetime

from cadence import events as e
from cadence.customer_facts import Preference
from cadence.reach import OF_THE_PERSON, PERSON_REASONS, At, agreeing, allowing, closing, forbidding, opening
from cadence.spans import WEEKDAYS, Weekday
from cadence.words import Channel, ChannelReason, DayHours, PersonReason
from starter.acts import happened
from starter.session import Refusal
from starter.standing import CustomerStanding
from starter.whose import Whose

BILLED = Whose()


def suppress(
    stands: CustomerStanding,
    _now: datetime,
    *,
    reason: ChannelReason | PersonReason,
    channel: Channel | None = None,
    whose: Whose = BILLED,
) -> Sequence[e.CustomerEvent]:
    """Use a channel no more (every channel if None), or contact the customer no more, where the reason says so.

    It is said of the billing contact, or of the contacts or the address that `whose` names.
    """
    facts = stands.facts
    if reason in PERSON_REASONS:
        if channel is not None or whose != BILLED:
            raise Refusal(
                f"{reason} is said of the person and closes every channel; "
                "name no channel, role or address with it",
                code="whole_person",
                field="channel" if channel else "role" if whose.role else "address",
            )
        events = forbidding(facts, reason)
        if not events:
            raise Refusal(
                f"{stands.key} is not to be contacted already ({reason})", code="suppressed_already"
            )
        return events
    named = tuple(Channel) if channel is None else (channel,)
    theirs = whose.addresses(facts, stands.key)
    return _close(stands, reason, named) if theirs is None else _close_at(stands, reason, named, theirs)


def _close_at(
    stands: CustomerStanding, reason: str, named: Sequence[Channel], theirs: Sequence[At]
) -> Sequence[e.CustomerEvent]:
    """Close addresses, whoever's they are."""
    meant = _reached_by(stands, named, theirs)
    events = closing(stands.facts, reason, named, theirs)
    if not events:
        raise Refusal(
            f"that contact of {stands.key} is not written to by {_listed(_channels(meant))} already",
            code="suppressed_already",
        )
    return events


def _reached_by(stands: CustomerStanding, named: Sequence[Channel], theirs: Sequence[At]) -> list[At]:
    meant = [(each, address) for each, address in theirs if each in named]
    if not meant:
        raise Refusal(
            f"that contact of {stands.key} has no address for {_listed(named)}; "
            f"they are reached by {_listed(_channels(theirs))}",
            code="no_address",
            field="channel",
        )
    return meant


def _channels(theirs: Sequence[At]) -> list[Channel]:
    return [each for each in Channel if each in dict(theirs)]


def _close(stands: CustomerStanding, reason: str, named: Sequence[Channel]) -> Sequence[e.CustomerEvent]:
    facts = stands.facts
    if reason not in OF_THE_PERSON and not any(channel in facts.addresses for channel in named):
        raise Refusal(
            f"{stands.key} has no address for {_listed(named)}; {reason} is said of an address",
            code="no_address",
            field="channel",
        )
    events = closing(facts, reason, named)
    if not events:
        raise Refusal(
            f"{stands.key} is not written to by {_listed(named)} already", code="suppressed_already"
        )
    return events


def unsuppress(
    stands: CustomerStanding, _now: datetime, *, channel: Channel | None = None, whose: Whose = BILLED
) -> Sequence[e.CustomerEvent]:
    """Use a channel again; without one, lift what forbids all contact, and leave each channel as it is.

    With `whose`, the addresses that it names are used again: by this channel, or by every one of theirs.
    """
    facts = stands.facts
    theirs = whose.addresses(facts, stands.key)
    if theirs is not None:
        return _open_at(stands, tuple(Channel) if channel is None else (channel,), theirs)
    if channel is None:
        if not facts.forbidden:
            raise Refusal(
                f"nothing forbids to contact {stands.key}; a channel that is closed is opened by its name",
                code="not_suppressed",
            )
        return allowing(facts)
    events = opening(facts, (channel,))
    if not events:
        raise Refusal(f"{stands.key} has no suppression of {channel} to lift", code="not_suppressed")
    return events


def _open_at(
    stands: CustomerStanding, named: Sequence[Channel], theirs: Sequence[At]
) -> Sequence[e.CustomerEvent]:
    meant = _reached_by(stands, named, theirs)
    events = opening(stands.facts, named, theirs)
    if not events:
        raise Refusal(
            f"that contact of {stands.key} has no suppression of {_listed(_channels(meant))} to lift",
            code="not_suppressed",
        )
    return events


def consent(
    stands: CustomerStanding,
    now: datetime,
    *,
    channel: Channel,
    wording: str,
    at: datetime | None = None,
    whose: Whose = BILLED,
) -> Sequence[e.CustomerEvent]:
    """The customer agreed to a channel, under a version of the wording (a code), at the aware instant `at` or now.

    It holds for the address that is known now: the billing contact's, or those that `whose` names. Raises Refusal
    where none is.
    """
    theirs = whose.addresses(stands.facts, stands.key)
    if theirs is not None:
        _reached_by(stands, (channel,), theirs)
    elif channel not in stands.facts.addresses:
        raise Refusal(
            f"{stands.key} has no address for {channel}, and a consent is to one; tell the address first",
            code="no_address",
            field="channel",
        )
    return agreeing(stands.facts, channel, wording, happened(at, now), theirs)


def prefer(
    stands: CustomerStanding,
    _now: datetime,
    *,
    channels: Sequence[Channel] | None = None,
    hours: DayHours | None = None,
    days: Sequence[Weekday] | None = None,
) -> Sequence[e.CustomerEvent]:
    """Reach the customer by these channels, in these hours and on these days only; without any, as rules allow.

    What is stated replaces what was stated before, whole.
    """
    wish = Preference(
        channels=None if channels is None else tuple(each for each in Channel if each in channels),
        hours=hours,
        days=None if days is None else tuple(day for day in WEEKDAYS if day in days),
    )
    addresses = stands.facts.addresses
    if wish.channels is not None and addresses and not any(each in addresses for each in wish.channels):
        raise Refusal(
            f"{stands.key} has no address for {_listed(wish.channels)}; tell the address first, or another channel",
            code="no_address",
            field="channels",
        )
    return [] if wish == stands.facts.preference else [e.PreferenceStated(**wish.model_dump())]


def _listed(channels: Sequence[Channel]) -> str:
    return ", ".join(channels)
