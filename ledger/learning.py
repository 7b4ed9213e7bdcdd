"""What errors teach: an address that is dead, a person who wants no more, a provider that closed its door."""

from collections.abc import Iterator

from sqlalchemy.dialects.postgresql import insert as upsert

from cadence import events as e
from cadence.customer_facts import CustomerFacts
from cadence.words import BILLING, Channel
from ledger.keys import address_fingerprint
from ledger.tables import halts
from ledger.unit import PLANNER, Origin, Unit

SUPPRESSING = {"opt_out": "opt_out", "bad_address": "bad_address", "recipient_limit": "recipient_limit"}


async def suppress(
    unit: Unit,
    channel: Channel,
    address: str | None,
    role: str,
    error_class: str | None,
    origin: Origin = PLANNER,
) -> None:
    """Learn from an error class that a channel, or the `address` of the `role` written to, is not to be used again.

    An opt-out of the billing contact is of the person, whatever the address; another contact's closes the address
    they were written to at. All else is of the address, and says nothing of one that has replaced it since.
    """
    reason = SUPPRESSING.get(error_class or "")
    if reason is None or address is None:
        return
    fingerprint = address_fingerprint(address)
    of_person = reason == "opt_out" and is_billing(unit, channel, fingerprint, role)
    if not _is_news(unit, channel, fingerprint, reason, of_person=of_person):
        return
    given = None if of_person else fingerprint
    suppressed = e.ChannelSuppressed.model_validate({"channel": channel, "reason": reason, "address": given})
    await unit.tell_customer(suppressed, Origin(origin.actor, origin.source))


def is_billing(unit: Unit, channel: Channel, address: str, role: str) -> bool:
    """Whether what was written to a `role` at an address (a fingerprint) reached the billing contact."""
    return role == BILLING or address == unit.customer_facts.addresses.get(channel)


def _is_news(unit: Unit, channel: Channel, address: str, reason: str, *, of_person: bool) -> bool:
    facts = unit.customer_facts
    if of_person:
        known = facts.suppressed.get(channel)
        return known is None or known.address is not None
    # What is not preferred or forbidden for now is still learnt about.
    if facts.closed(channel, address):
        return False
    return reason == "opt_out" or address in _known_addresses(facts, channel)


def _known_addresses(facts: CustomerFacts, channel: Channel) -> Iterator[str | None]:
    yield facts.addresses.get(channel)
    yield from (contact.addresses.get(channel) for contact in facts.contacts)


async def halt_by_itself(unit: Unit, channel: Channel) -> None:
    """The provider closed its door on us: stop the channel at once, until a person has seen to it."""
    halt = {
        "scope": "channel",
        "value": str(channel),
        "at": unit.now,
        "actor": "regua",
        "reason": "account",
    }
    await unit.connection.execute(upsert(halts).values(halt).on_conflict_do_nothing())
