"""What errors teach: an address that is dead, a person who wants no more, a provider that closed its door."""

from sqlalchemy.dialects.postgresql import insert as upsert

from cadence import events as e
from cadence.words import Channel
from ledger.keys import address_fingerprint
from ledger.tables import Halt
from ledger.unit import PLANNER, Origin, Unit

halts = Halt.__table__  # type: ignore[attr-defined]

SUPPRESSING = {"opt_out": "opt_out", "bad_address": "bad_address", "recipient_limit": "recipient_limit"}


async def suppress(
    unit: Unit, channel: Channel, address: str | None, error_class: str | None, origin: Origin = PLANNER
) -> None:
    """Learn from an error class that a channel, or the `address` written to, is not to be used again.

    An opt-out is of the person, whatever the address. All else is of the address, and says nothing of one that
    has replaced it since.
    """
    reason = SUPPRESSING.get(error_class or "")
    if reason is None or not _is_news(unit, channel, address, reason):
        return
    given = None if reason == "opt_out" else unit.customer_facts.addresses[channel]
    suppressed = e.ChannelSuppressed.model_validate({"channel": channel, "reason": reason, "address": given})
    await unit.tell_customer(suppressed, Origin(origin.actor, origin.source))


def _is_news(unit: Unit, channel: Channel, address: str | None, reason: str) -> bool:
    if reason == "opt_out":
        known = unit.customer_facts.suppressed.get(channel)
        return known is None or known.address is not None
    # What is not preferred or forbidden for now is still learnt about.
    if unit.customer_facts.suppression(channel):
        return False
    known_now = unit.customer_facts.addresses.get(channel)
    return address is not None and address_fingerprint(address) == known_now


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
