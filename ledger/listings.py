"""The design's invariants over what one invoice's message says of another, each a function that adds to a tally."""

from collections import Counter

from cadence.facts import step_key
from cadence.messages import MAY_REACH
from ledger.invariants import Tally, forbidden
from ledger.logs import InvoiceLog, Listed, replayed


def listed_in_order(log: InvoiceLog, tally: Tally) -> None:
    """Invariant 1: what another invoice's message says of this one is a reminder of this one, too."""
    for each in log.listed:
        tally.checked += 1
        earlier = [after for logged, _, after in replayed(log.events) if logged.id < each.permit_event]
        reason = (
            forbidden(earlier[-1], log.cadence_before(each.permit_event), each.permitted_at, each.step)
            if earlier
            else "before it was received"
        )
        if reason:
            told = step_key(each.step, each.occurrence)
            tally.violations.append(f"{log.name}: {told} was listed in message {each.reference} {reason}")


def said_once(log: InvoiceLog, tally: Tally) -> None:
    """Invariant 2: what a message on another invoice said is said by no message of its own; one that failed said nothing."""
    # By its message, which may have gone twice: that is known of the invoice whose it is.
    told = {
        (each.message_id, (each.step, each.occurrence, each.channel))
        for each in log.listed
        if each.state == "accepted" and each.delivery != "failed"
    }
    said = Counter(place for _, place in told)
    own = Counter(
        (each.step, each.occurrence, each.channel) for each in log.attempts if each.state == "accepted"
    )
    for place, times in said.items():
        tally.checked += 1
        if times + own[place] > 1:
            step, occurrence, channel = place
            which = f"{log.name}: {step_key(step, occurrence)} by {channel}"
            counted = f"was accepted {times + own[place]} times, other invoices' messages counted"
            tally.violations.append(f"{which} {counted}")


def spoken_for(log: InvoiceLog, tally: Tally) -> None:
    """Invariant 3: a merged step was listed in a message that the provider took, or may have taken, and that reached
    somebody or may yet: a step whose carrier goes no further is open again, or it is forgotten.
    """
    taken = {each.reference for each in log.listed if each.state in ("accepted", "unknown")}
    by_place = {(each.step, each.occurrence, each.reference): each for each in log.listed}
    for key, step in log.stored.steps.items():
        if step.outcome != "merged":
            continue
        name, _, occurrence = key.rpartition("/")
        said = by_place.get((name, int(occurrence), step.into or ""))
        told = f"{log.name}: {key} was merged into message {step.into}"
        if said is None or step.into not in taken:
            tally.violations.append(f"{told}, which never left")
        elif not log.stored.closed and not _may_reach(said):
            tally.violations.append(f"{told}, which reached nobody and is sent no more: it is forgotten")


def _may_reach(said: Listed) -> bool:
    states = {message.state for message in said.carrier.messages.values()}
    return said.carrier.outcome == "sent" or not states.isdisjoint(MAY_REACH) or said.goes_on
