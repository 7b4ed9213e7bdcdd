"""Signals that say how the customer of an invoice may be reached: no address is in them, only a contact's role."""

from collections.abc import Sequence
from typing import get_args

from activities.signals import code
from activities.told import Act, Told
from cadence import events as e
from cadence.reach import (
    PERSON_REASONS,
    addresses_of,
    agreeing,
    allowing,
    closing,
    forbidding,
    opening,
)
from cadence.words import Channel, ChannelReason
from ledger.recording import tell_customer
from ledger.unit import Held, Origin, Unit


async def _suppress(unit: Unit, _held: Held, told: Told) -> bool:
    """A reason that is none is taken for an opt-out: better a channel too many is closed than a STOP is lost."""
    fields, facts = told.note.fields, unit.customer_facts
    reason = fields.get("reason", "opt_out")
    forbids = next((each for each in PERSON_REASONS if each == reason), None)
    if forbids:
        return await _tell(unit, forbidding(facts, forbids), told.origin, told)
    if reason not in get_args(ChannelReason):
        reason = "opt_out"
    theirs = addresses_of(facts, fields.get("role"))
    return await _tell(unit, closing(facts, reason, _channels(fields), theirs), told.origin, told)


async def _unsuppress(unit: Unit, _held: Held, told: Told) -> bool:
    fields, facts = told.note.fields, unit.customer_facts
    theirs, origin = addresses_of(facts, fields.get("role")), _proven(told)
    if theirs is None and "channel" not in fields:
        return await _tell(unit, allowing(facts), origin, told)
    return await _tell(unit, opening(facts, _channels(fields), theirs), origin, told)


async def _consent(unit: Unit, _held: Held, told: Told) -> bool:
    fields, facts = told.note.fields, unit.customer_facts
    wording = _code_of(fields["wording"])
    theirs = addresses_of(facts, fields.get("role"))
    given = agreeing(facts, Channel(fields["channel"]), wording, told.note.at, theirs)
    return await _tell(unit, given, _proven(told), told)


def _channels(fields: dict[str, str]) -> tuple[Channel, ...]:
    """The channel that is named, or every one; raise ValueError where it is none."""
    return (Channel(fields["channel"]),) if "channel" in fields else tuple(Channel)


def _proven(told: Told) -> Origin:
    """The origin with what shows it, a code, as its note; raise KeyError or ValueError where nothing does."""
    origin = told.origin
    return Origin(origin.actor, origin.source, origin.external_id, _code_of(told.note.fields["proof"]))


def _code_of(text: str) -> str:
    if code(text) != text:
        message = "no code"
        raise ValueError(message)
    return text


async def _tell(unit: Unit, events: Sequence[e.CustomerEvent], origin: Origin, told: Told) -> bool:
    """Record them, the first under the signal's id; False where there are none, or that was told before."""
    bearer = origin
    for event in events:
        if not await tell_customer(unit, event, bearer, told.note.at):
            return False
        bearer = Origin(origin.actor, origin.source, None, origin.note)
    return bool(events)


OF_REACH: dict[str, Act] = {
    "suppress": _suppress,
    "unsuppress": _unsuppress,
    "consent_given": _consent,
}
