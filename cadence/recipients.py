"""Recipients: which of a customer's contacts a message goes to, and who gets it in copy."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from cadence.customer_facts import CustomerFacts
from cadence.sends import Answering, Send
from cadence.words import BILLING, Channel, Language

# Why a role that a document names is not among those written to, where its contacts' addresses are not the reason.
NO_CONTACT = "no_contact"


class Recipient(NamedTuple):
    """Who is written to: the role, our id of the contact (None for the billing contact) and the fingerprint."""

    role: str
    contact: int | None
    address: str | None
    language: Language


@dataclass(frozen=True, slots=True)
class Recipients:
    """Everybody to whom one message goes; `left_out` says why of a role that its document names beside them."""

    to: Recipient
    copies: tuple[Recipient, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)


def reached(customer: CustomerFacts, role: str, channel: Channel) -> Recipient:
    """The contact of a role whom a channel reaches; where nobody has an address for it, the billing contact.

    Of several, the first who may be written to. Somebody who may not be is still the one who is meant: what
    they want no more is not said to another in their place.
    """
    found = [each for each in customer.contacts if each.role == role and channel in each.addresses]
    open_ = (each for each in found if not customer.closed(channel, each.addresses[channel]))
    contact = next(open_, found[0] if found else None)
    if contact is None:
        return Recipient(BILLING, None, customer.addresses.get(channel), customer.language)
    language = contact.language or customer.language
    return Recipient(role, contact.contact, contact.addresses[channel], language)


def addresses_with_contacts(customer: CustomerFacts) -> dict[str, set[Channel]]:
    """The addresses (fingerprints) of the customer and their contacts, with their channels; none without contacts.

    Asked with every plan: most customers have no contact beside the billing contact, whose address nobody names.
    """
    return known_addresses(customer) if customer.contacts else {}


def known_addresses(customer: CustomerFacts) -> dict[str, set[Channel]]:
    """Every address that is known of the customer and their contacts, a fingerprint, and by which channels."""
    found: dict[str, set[Channel]] = {}
    for addresses in (customer.addresses, *(each.addresses for each in customer.contacts)):
        for channel, address in addresses.items():
            found.setdefault(address, set()).add(channel)
    return found


def _at(customer: CustomerFacts, channel: Channel, address: str) -> Recipient:
    """Whose address it is: the billing contact's, where it is no other contact's."""
    found = (each for each in customer.contacts if each.addresses.get(channel) == address)
    contact = next(found, None)
    if contact is None or customer.addresses.get(channel) == address:
        return Recipient(BILLING, None, address, customer.language)
    return Recipient(contact.role, contact.contact, address, contact.language or customer.language)


def recipients(
    send: Send, channel: Channel, customer: CustomerFacts, consent_rule: str | None = None
) -> Recipients:
    """To whom a message goes by a channel, each address once; a copy goes to nobody who is closed to it.

    `consent_rule` is the contact rule by which the channel needs a consent, if one does.
    """
    if isinstance(send, Answering) and send.address is not None:
        return Recipients(_at(customer, channel, send.address))
    to = reached(customer, send.to, channel)
    copies: list[Recipient] = []
    left_out = {} if to.role == send.to else {send.to: NO_CONTACT}
    for role in send.cc:
        copy = reached(customer, role, channel)
        if copy.role != role or copy.address is None:
            left_out[role] = NO_CONTACT
        elif reason := customer.unusable_at(channel, copy.address, consent_rule):
            left_out[role] = reason
        elif copy.address not in (to.address, *(each.address for each in copies)):
            copies.append(copy)
    return Recipients(to, tuple(copies), left_out)
