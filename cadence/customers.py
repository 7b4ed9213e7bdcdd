"""How each event changes what is known of a customer."""

from cadence import events as e
from cadence.agreements import Hold
from cadence.customer_facts import Assignment, ClosedAddress, Consent, CustomerFacts, Preference, Suppression
from cadence.facts import ContactFacts
from cadence.words import BILLING, Channel


def reduce_customer(facts: CustomerFacts | None, event: e.CustomerEvent) -> CustomerFacts:
    """The customer's facts after `event`; the first event must be customer_received."""
    if isinstance(event, e.CustomerReceived):
        return _customer_received(facts, event)
    if facts is None:
        message = f"a customer's log begins with customer_received, not {event.type}"
        raise ValueError(message)
    match event:
        case e.ContactReceived():
            return _contact_received(facts, event)
        case e.ChannelSuppressed() | e.SuppressionLifted():
            return _of_channel(facts, event)
        case e.ContactForbidden() | e.ContactAllowed():
            return _forbidden(facts, event)
        case e.ConsentGiven() | e.PreferenceStated():
            return _stated(facts, event)
        case e.SegmentAssigned():
            return _assigned(facts, event)
        case e.CustomerHoldPlaced() | e.CustomerHoldEnded():
            return _held(facts, event)
        case e.CustomerMerged() | e.CustomerAbsorbed():
            return facts  # what follows from it is told by events of its own


def _customer_received(facts: CustomerFacts | None, event: e.CustomerReceived) -> CustomerFacts:
    given = event.model_dump(exclude={"type"})
    if facts is None:
        return CustomerFacts(**given)
    facts = _left_behind(facts, event.addresses)
    known = {name: getattr(event, name) for name in given}
    if facts.assigned:
        known |= {"segment": facts.segment, "imported": event.segment}
    return facts.model_copy(update=known)


def _left_behind(facts: CustomerFacts, addresses: dict[Channel, str]) -> CustomerFacts:
    """Where the billing contact wanted to hear no more stays closed once they are elsewhere: it may be another's."""
    known = {(each.channel, each.address) for each in facts.closed_addresses}
    for channel, why in sorted(facts.suppressed.items()):  # JSONB does not keep the order of keys
        before = facts.addresses.get(channel)
        moved = before != addresses.get(channel)
        if before and moved and why.address is None and (channel, before) not in known:
            facts = _closed(facts, channel, before, why.reason)
    return facts


def _contact_received(facts: CustomerFacts, event: e.ContactReceived) -> CustomerFacts:
    """The billing contact is none of these: their addresses are the customer's own."""
    others = [each for each in facts.contacts if each.contact != event.contact]
    if event.role != BILLING:
        others.append(ContactFacts(**event.model_dump(exclude={"type"})))
    contacts = tuple(sorted(others, key=lambda each: each.contact))
    return facts.model_copy(update={"contacts": contacts})


def _assigned(facts: CustomerFacts, event: e.SegmentAssigned) -> CustomerFacts:
    """The file's own segment is kept beside one that was assigned, for the day on which that ends."""
    if event.by == "file":
        return facts.model_copy(update={"segment": event.segment, "imported": None, "assigned": None})
    assigned = Assignment(by=event.by, rule=event.rule, reason=event.reason)
    told = {"segment": event.segment, "imported": facts.of_file, "assigned": assigned}
    return facts.model_copy(update=told)


def _of_channel(facts: CustomerFacts, event: e.ChannelSuppressed | e.SuppressionLifted) -> CustomerFacts:
    if isinstance(event, e.ChannelSuppressed):
        return _suppressed(facts, event)
    return _lifted(facts, event.channel, event.address)


def _suppressed(facts: CustomerFacts, event: e.ChannelSuppressed) -> CustomerFacts:
    known, now = facts.suppressed.get(event.channel), facts.addresses.get(event.channel)
    if event.address is not None and event.address != now:
        return _closed(facts, event.channel, event.address, event.reason)
    if known and known.address is None:
        # A person's word outlasts anything learnt about an address, which stays closed when it is taken back.
        return facts if event.address is None else _closed(facts, event.channel, event.address, event.reason)
    if known and known.address is not None and known.address != event.address:
        facts = _closed(facts, event.channel, known.address, known.reason)
    suppression = Suppression(reason=event.reason, address=event.address)
    return facts.model_copy(update={"suppressed": facts.suppressed | {event.channel: suppression}})


def _closed(facts: CustomerFacts, channel: Channel, address: str, reason: str) -> CustomerFacts:
    """An address stays closed, whatever is said of the one that has its place now."""
    closed = ClosedAddress(channel=channel, address=address, reason=reason)
    others = (c for c in facts.closed_addresses if (c.channel, c.address) != (channel, address))
    return facts.model_copy(update={"closed_addresses": (*others, closed)})


def _lifted(facts: CustomerFacts, channel: Channel, of_contact: str | None) -> CustomerFacts:
    """A channel that may be used again, at the billing contact's address or a contact's; all others stay closed."""
    if of_contact is not None and of_contact != facts.addresses.get(channel):
        opened = (c for c in facts.closed_addresses if (c.channel, c.address) != (channel, of_contact))
        bounced = facts.suppressed.get(channel)  # said of it while it was the billing contact's
        others = facts.suppressed.keys() - ({channel} if bounced and bounced.address == of_contact else set())
        suppressed = {each: why for each, why in facts.suppressed.items() if each in others}
        return facts.model_copy(update={"closed_addresses": tuple(opened), "suppressed": suppressed})
    address = facts.addresses.get(channel)
    left = {
        each: why
        for each, why in facts.suppressed.items()
        if each != channel or why.address not in (None, address)
    }
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


def _stated(facts: CustomerFacts, event: e.ConsentGiven | e.PreferenceStated) -> CustomerFacts:
    """What they prefer now, and the latest consent for each address and wording; all of them are in the log."""
    if isinstance(event, e.PreferenceStated):
        return facts.model_copy(update={"preference": Preference(**event.model_dump(exclude={"type"}))})
    given = Consent(**event.model_dump(exclude={"type"}))
    same = (given.channel, given.address, given.wording)
    others = (c for c in facts.consents if (c.channel, c.address, c.wording) != same)
    return facts.model_copy(update={"consents": (*others, given)})
