"""What a customer's events add up to: who they are, and how they may be reached."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from cadence.agreements import Hold
from cadence.facts import ContactFacts
from cadence.frozen import Frozen
from cadence.spans import Weekday
from cadence.words import Channel, DayHours, Language, PersonReason, Slug


class Suppression(Frozen):
    """Why a channel is not to be used; with `address`, only as long as that is the address."""

    reason: str
    address: str | None = None


class ClosedAddress(Frozen):
    """An address, as a fingerprint, that is not to be used: one that the customer had before, or may have again."""

    channel: Channel
    address: str
    reason: str


class Preference(Frozen):
    """How a customer wants to be reached, by their own clock; None is any."""

    channels: tuple[Channel, ...] | None = None
    hours: DayHours | None = None
    days: tuple[Weekday, ...] | None = None


class Consent(Frozen):
    """That a customer agreed to be reached at an address, under which version of the wording, and when."""

    channel: Channel
    address: str
    wording: Slug
    proof_at: datetime


class Assignment(Frozen):
    """What gave a customer their segment: a person, for a `reason`, or a rule by its number from 1."""

    by: Literal["manual", "rule"]
    rule: int | None = None
    reason: str | None = None


class CustomerFacts(Frozen):
    """What a customer's events add up to; addresses are fingerprints. `forbidden` closes every channel.

    `addresses` and `suppressed` are the billing contact's; `contacts` are all others, by their ids.

    `zone_assumed` is that nobody gave `zone`: it is the main one of a country that has several, and any may be meant.

    `imported` is the segment of the creditor's file, where `assigned` gave them another one.

    `suppressed` holds what was said last of each channel; `closed_addresses` what was said of other addresses.
    """

    segment: str
    language: Language
    country: str
    subdivision: str | None = None
    zone: str
    zone_assumed: bool = False
    addresses: dict[Channel, str] = Field(default_factory=dict)
    suppressed: dict[Channel, Suppression] = Field(default_factory=dict)
    closed_addresses: tuple[ClosedAddress, ...] = ()
    forbidden: tuple[PersonReason, ...] = ()
    preference: Preference = Preference()
    consents: tuple[Consent, ...] = ()
    holds: tuple[Hold, ...] = ()
    imported: str | None = None
    assigned: Assignment | None = None
    contacts: tuple[ContactFacts, ...] = ()

    @property
    def of_file(self) -> str:
        """The segment that the creditor's file gives."""
        return self.imported or self.segment

    def unusable(self, channel: Channel) -> str | None:
        """Why the billing contact cannot be reached by `channel`; None where it can."""
        return self.unusable_at(channel, self.addresses.get(channel))

    def unusable_at(
        self, channel: Channel, address: str | None, consent_rule: str | None = None
    ) -> str | None:
        """Why nothing is to be sent by `channel` to an address, whichever contact's it is; None where it may be.

        `consent_rule` is the contact rule by which the channel needs a consent, if one does.
        """
        if self.forbidden:
            return self.forbidden[0]
        if address is None:
            return "no_address"
        if closed := self.closed(channel, address):
            return closed
        preferred = self.preference.channels
        if preferred is not None and channel not in preferred:
            return "not_preferred"
        return None if consent_rule is None or self.agreed(channel, address) else consent_rule

    def agreed(self, channel: Channel, address: str) -> bool:
        """Whether somebody agreed to be reached by `channel` at an address."""
        return any((given.channel, given.address) == (channel, address) for given in self.consents)

    def closed(self, channel: Channel, address: str) -> str | None:
        """Why an address is closed; None where it is not. What the billing contact said holds where they are now."""
        if address == self.addresses.get(channel):
            suppression = self.suppression(channel)
            return suppression.reason if suppression else None
        before = self.suppressed.get(channel)
        if before is not None and before.address == address:
            return before.reason
        known = (each for each in self.closed_addresses if (each.channel, each.address) == (channel, address))
        return next((each.reason for each in known), None)

    def suppression(self, channel: Channel) -> Suppression | None:
        """What keeps `channel` from being used: for good, or at the address that is known now."""
        if not self.suppressed and not self.closed_addresses:
            return None
        found, address = self.suppressed.get(channel), self.addresses.get(channel)
        if found is not None and found.address in (None, address):
            return found
        closed = (
            each for each in self.closed_addresses if (each.channel, each.address) == (channel, address)
        )
        return next((Suppression(reason=each.reason, address=each.address) for each in closed), None)
