"""The contacts of a customer as people see them: who they are, and how each may be reached."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from cadence.customer_facts import CustomerFacts
from ledger.addressing import COLUMN
from ledger.keys import address_fingerprint
from ledger.service_tables import contacts
from ledger.views import ContactCard


async def contacts_of(
    connection: AsyncConnection, customer_id: int, facts: CustomerFacts
) -> tuple[ContactCard, ...]:
    """The contacts of a customer, by our id, whose facts are these; ordered by role and key."""
    theirs = select(contacts).where(contacts.c.customer_id == customer_id)
    rows = await connection.execute(theirs.order_by(contacts.c.role, contacts.c.key))
    return tuple(_card(dict(row), facts) for row in rows.mappings())


def _card(row: dict[str, Any], facts: CustomerFacts) -> ContactCard:
    addresses = {channel: row[column] for channel, column in COLUMN.items() if row[column]}
    reasons = {
        str(channel): facts.unusable_at(channel, address_fingerprint(address))
        for channel, address in addresses.items()
    }
    suppressed = {channel: reason for channel, reason in reasons.items() if reason}
    return ContactCard.model_validate(row | {"suppressed": suppressed})
