"""Whose addresses are meant, where something is said of them: a role's, one address, or the billing contact."""

from collections.abc import Collection
from dataclasses import dataclass

from cadence.customer_facts import CustomerFacts
from cadence.reach import At, addresses_of
from cadence.recipients import known_addresses
from cadence.words import BILLING, Channel
from ledger.keys import address_fingerprint
from starter import cells as read
from starter.session import Refusal


@dataclass(frozen=True, slots=True)
class Whose:
    """A contact's role, or an address in full (personal data: never log it); neither is the billing contact."""

    role: str | None = None
    address: str | None = None

    def __post_init__(self) -> None:
        """Raise Refusal where both are named."""
        if self.role is not None and self.address is not None:
            raise Refusal("name the role or the address, not both", code="role_and_address", field="address")

    def addresses(self, facts: CustomerFacts, key: str) -> list[At] | None:
        """The addresses, as fingerprints, with their channels; None where it is simply the billing contact.

        Raises Refusal where no contact has the role, and where the address is nobody's and never was closed.
        """
        if self.address is not None:
            return _by_address(facts, key, self.address)
        found = addresses_of(facts, self.role)
        if found == []:
            roles = ", ".join(sorted({BILLING, *(each.role for each in facts.contacts)}))
            raise Refusal(
                f"{key} has no contact with the role {self.role} and an address; choose one of: {roles}",
                code="no_contact",
                field="role",
            )
        return found


def _by_address(facts: CustomerFacts, key: str, text: str) -> list[At]:
    try:
        address = read.email(text.strip()) if "@" in text else read.phone(text, None)
    except ValueError as error:
        raise Refusal(str(error), code="invalid_address", field="address") from None
    mark = address_fingerprint(address)
    found = [(channel, mark) for channel in Channel if channel in _known(facts, mark)]
    if not found:
        raise Refusal(
            f"no contact of {key} has that address; check it, or tell the contact first",
            code="unknown_address",
            field="address",
        )
    return found


def _known(facts: CustomerFacts, mark: str) -> Collection[Channel]:
    """By which channels an address is known: whoever has it now, or had it when it was closed."""
    closed = {channel for channel in Channel if facts.closed(channel, mark)}
    return closed | known_addresses(facts).get(mark, set())
