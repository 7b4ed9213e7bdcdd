"""What is known of a customer, and how they may be reached."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from cadence.events.base import Fact
from cadence.spans import Weekday
from cadence.words import Channel, ChannelReason, DayHours, Language, PersonReason, Slug


class CustomerReceived(Fact):
    """The customer as the creditor's files give it. Addresses are fingerprints, never the addresses.

    `zone_assumed` is that nobody gave the zone: it is the main one of a country that has several.
    """

    type: Literal["customer_received"] = "customer_received"
    segment: Slug
    language: Language
    country: str
    subdivision: str | None = None
    zone: str
    zone_assumed: bool = False
    addresses: dict[Channel, str] = Field(default_factory=dict)


class ContactReceived(Fact):
    """A person at the customer, by our id, as the creditor's books give them; addresses are fingerprints.

    The billing contact is told as the customer's own addresses (`customer_received`).
    """

    type: Literal["contact_received"] = "contact_received"
    contact: int
    role: Slug
    language: Language | None = None
    addresses: dict[Channel, str] = Field(default_factory=dict)


class CustomerMerged(Fact):
    """All that was this customer's went to another, by our id `into`; their key is from now on an alias of the other's."""

    type: Literal["customer_merged"] = "customer_merged"
    into: int
    reason: Slug = "unspecified"


class CustomerAbsorbed(Fact):
    """All that was another customer's, by our id, came to this one; what is stricter of theirs follows as events."""

    type: Literal["customer_absorbed"] = "customer_absorbed"
    customer: int
    reason: Slug = "unspecified"


class SegmentAssigned(Fact):
    """The customer comes into a segment: by a person for a `reason`, by a rule (its number from 1), or as the file says.

    `takes_effect` is from when on: for the open invoices too, or from the next invoice.
    """

    type: Literal["segment_assigned"] = "segment_assigned"
    segment: Slug
    by: Literal["rule", "manual", "file"]
    rule: int | None = None
    takes_effect: Literal["now", "next_invoice"] = "next_invoice"
    reason: Slug | None = None


class ChannelSuppressed(Fact):
    """The customer is not to be reached by this channel: for good, or (`address`) at that address only."""

    type: Literal["channel_suppressed"] = "channel_suppressed"
    channel: Channel
    reason: ChannelReason
    address: str | None = None


class SuppressionLifted(Fact):
    """A channel may be used again, which was not for `reason`: by the customer's own word, or a person's.

    With `address` it is that address alone which is open again, a contact's beside the billing contact's.
    """

    type: Literal["suppression_lifted"] = "suppression_lifted"
    channel: Channel
    reason: ChannelReason
    address: str | None = None


class ContactForbidden(Fact):
    """The customer is not to be contacted by any channel, with reminders and notices alike; people take over."""

    type: Literal["contact_forbidden"] = "contact_forbidden"
    reason: PersonReason


class ContactAllowed(Fact):
    """What forbade all contact is over; a person says so."""

    type: Literal["contact_allowed"] = "contact_allowed"
    reason: PersonReason


class ConsentGiven(Fact):
    """The customer agreed to be reached at an address (a fingerprint), under a version of the `wording`, at `proof_at`."""

    type: Literal["consent_given"] = "consent_given"
    channel: Channel
    address: str
    wording: Slug
    proof_at: datetime


class PreferenceStated(Fact):
    """How the customer wants to be reached, by their own clock; None is any, and all None takes the wish back."""

    type: Literal["preference_stated"] = "preference_stated"
    channels: tuple[Channel, ...] | None = None
    hours: DayHours | None = None
    days: tuple[Weekday, ...] | None = None
