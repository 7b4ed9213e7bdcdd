"""Addressing: the very addresses of a message's recipients, read in its permit's transaction."""

from dataclasses import dataclass

from sqlalchemy import any_, bindparam, select
from sqlalchemy.types import ARRAY, BigInteger

from cadence import events as e
from cadence.agenda import AgendaItem
from cadence.recipients import Recipient, Recipients, recipients
from cadence.words import Channel
from ledger.service_tables import contacts
from ledger.unit import Held, Unit

# The column that holds the address of a channel, of a customer and of a contact alike.
COLUMN = {Channel.EMAIL: "email", Channel.SMS: "phone", Channel.WHATSAPP: "whatsapp"}
_NAMED = select(contacts).where(contacts.c.id == any_(bindparam("wanted_ids", type_=ARRAY(BigInteger))))


@dataclass(frozen=True, slots=True)
class Addressed:
    """Where a message goes: `address`, and `copies` beside it. Personal data: never log it."""

    found: Recipients
    address: str
    copies: tuple[str, ...]

    @property
    def told(self) -> dict[str, object]:
        """What the log keeps of it: roles and fingerprints."""
        everybody = (self.found.to, *self.found.copies)
        return {
            "recipients": tuple(
                e.WrittenTo(role=each.role, address=each.address or "") for each in everybody
            ),
            "left_out": dict(self.found.left_out),
        }


async def addressed(unit: Unit, held: Held, item: AgendaItem) -> Addressed:
    """Everybody to whom an item's message goes. The customer's row is locked, so that no address changes meanwhile."""
    assert item.send is not None, "a send item carries its document"
    assert item.channel is not None, "a message goes by a channel"
    consent_rule = unit.rules(held).consent_rules.get(item.channel)
    found = recipients(item.send, item.channel, unit.customer_facts, consent_rule)
    addresses = await _addresses(unit, found, COLUMN[item.channel])
    return Addressed(
        found, addresses[found.to.contact], tuple(addresses[each.contact] for each in found.copies)
    )


async def _addresses(unit: Unit, found: Recipients, column: str) -> dict[int | None, str]:
    """By our ids of the contacts; None is the billing contact, whose addresses are the customer's own."""
    known: dict[int | None, str] = {None: unit.customer[column]}
    everybody: tuple[Recipient, ...] = (found.to, *found.copies)
    if ids := [each.contact for each in everybody if each.contact is not None]:
        rows = (await unit.connection.execute(_NAMED, {"wanted_ids": ids})).mappings()
        known |= {row["id"]: row[column] for row in rows}
    return known
