"""How each event changes what is known of a customer."""

from cadence import events as e
from cadence.facts import Consent, CustomerFacts, Hold, Preference, Suppression


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
            left = {channel: why for channel, why in facts.suppressed.items() if channel != event.channel}
            return facts.model_copy(update={"suppressed": left})
        case e.ContactForbidden() | e.ContactAllowed():
            return _forbidden(facts, event)
        case e.ConsentGiven():
            return _consented(facts, event)
        case e.PreferenceStated():
            stated = Preference(**event.model_dump(exclude={"type"}))
            return facts.model_copy(update={"preference": stated})
        case e.CustomerHoldPlaced():
            hold = Hold(hold=event.hold, reason=event.reason, until=event.until)
            return facts.model_copy(update={"holds": (*facts.holds, hold)})
        case e.CustomerHoldEnded():
            kept = tuple(h for h in facts.holds if event.hold not in (None, h.hold))
            return facts.model_copy(update={"holds": kept})


def _customer_received(facts: CustomerFacts | None, event: e.CustomerReceived) -> CustomerFacts:
    given = event.model_dump(exclude={"type"})
    if facts is None:
        return CustomerFacts(**given)
    return facts.model_copy(update={name: getattr(event, name) for name in given})


def _suppressed(facts: CustomerFacts, event: e.ChannelSuppressed) -> CustomerFacts:
    known = facts.suppressed.get(event.channel)
    if known and known.address is None:
        # A person's word outlasts anything learnt about an address.
        return facts
    suppression = Suppression(reason=event.reason, address=event.address)
    return facts.model_copy(update={"suppressed": facts.suppressed | {event.channel: suppression}})


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
