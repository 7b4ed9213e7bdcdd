"""How each event changes what is known of a customer."""

from cadence import events as e
from cadence.facts import ClosedAddress, Consent, CustomerFacts, Hold, Preference, Suppression
from cadence.words import Channel


def reduce_customer(facts: CustomerFacts | None, event: e.CustomerEvent) -> CustomerFacts:
    """The customer's facts after `event`; the first event must be customer_received."""
    if isinstance(event, e.CustomerReceived):
        return _customer_received(facts, event)
    if facts is None:
        message = f"a customer's log begins with customer_received, not {event.type}"
        raise ValueError(message)
    match event:
        case e.ChannelSuppressed():
            return _suppressed(facts, event)
        case e.SuppressionLifted():
            return _lifted(facts, event.channel)
        case e.ContactForbidden() | e.ContactAllowed():
            return _forbidden(facts, event)
        case e.ConsentGiven():
            return _consented(facts, event)
        case e.PreferenceStated():
            stated = Preference(**event.model_dump(exclude={"type"}))
            return facts.model_copy(update={"preference": stated})
        case e.CustomerHoldPlaced() | e.CustomerHoldEnded():
            return _held(facts, event)
        case e.CustomerMerged() | e.CustomerAbsorbed():
            return facts  # what follows from it is told by events of its own


def _customer_received(facts: CustomerFacts | None, event: e.CustomerReceived) -> CustomerFacts:
    given = event.model_dump(exclude={"type"})
    if facts is None:
        return CustomerFacts(**given)
    return facts.model_copy(update={name: getattr(event, name) for name in given})


def _suppressed(facts: CustomerFacts, event: e.ChannelSuppressed) -> CustomerFacts:
    known, now = facts.suppressed.get(event.channel), facts.addresses.get(event.channel)
    if event.address is not None and event.address != now:
        return _closed(facts, event.channel, event.address, event.reason)
    if known and known.address is None:
        # A person's word outlasts anything learnt about an address.
        return facts
    if known and known.address is not None and known.address != now:
        facts = _closed(facts, event.channel, known.address, known.reason)
    suppression = Suppression(reason=event.reason, address=event.address)
    return facts.model_copy(update={"suppressed": facts.suppressed | {event.channel: suppression}})


def _closed(facts: CustomerFacts, channel: Channel, address: str, reason: str) -> CustomerFacts:
    """An address stays closed, whatever is said of the one that has its place now."""
    closed = ClosedAddress(channel=channel, address=address, reason=reason)
    others = (c for c in facts.closed_addresses if (c.channel, c.address) != (channel, address))
    return facts.model_copy(update={"closed_addresses": (*others, closed)})


def _lifted(facts: CustomerFacts, channel: Channel) -> CustomerFacts:
    """A channel that may be used again, at the address that is known now; other addresses stay closed."""
    left = {each: why for each, why in facts.suppressed.items() if each != channel}
    address = facts.addresses.get(channel)
    kept = tuple(c for c in facts.closed_addresses if (c.channel, c.address) != (channel, address))
    return facts.model_copy(update={"suppressed": left, "closed_addresses": kept})


def _held(facts: CustomerFacts, event: e.CustomerHoldPlaced | e.CustomerHoldEnded) -> CustomerFacts:
    if isinstance(event, e.CustomerHoldPlaced):
        hold = Hold(hold=event.hold, reason=event.reason, until=event.until)
        return facts.model_copy(update={"holds": (*facts.holds, hold)})
    kept = tuple(h for h in facts.holds if event.hold not in (None, h.hold))
    return facts.model_copy(update={"holds": kept})


def _forbidden(facts: CustomerFacts, event: e.ContactForbidden | e.ContactAllowed) -> CustomerFacts:
    """Each reason stands until it is lifted by its name; one that is told twice stands once."""
    others = tuple(reason for reason in facts.forbidden if reason != event.reason)
    told = (*others, event.reason) if isinstance(event, e.ContactForbidden) else others
    return facts.model_copy(update={"forbidden": told})


def _consented(facts: CustomerFacts, event: e.ConsentGiven) -> CustomerFacts:
    """The latest consent for each channel and wording; all of them are in the log."""
    given = Consent(**event.model_dump(exclude={"type"}))
    others = (c for c in facts.consents if (c.channel, c.wording) != (given.channel, given.wording))
    return facts.model_copy(update={"consents": (*others, given)})
