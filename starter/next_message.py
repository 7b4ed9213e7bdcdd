"""Says when the next message leaves: a new user who imports on a Saturday sees nothing until Monday."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncEngine

from ledger.coming import next_contact


async def next_message(engine: AsyncEngine, now: datetime) -> str:
    """A sentence on the next planned message, on its customer's clock; `now` is an aware instant."""
    contact = await next_contact(engine)
    if contact is None:
        return "No message is planned."
    if contact.at <= now:
        return "The next message leaves now."
    return f"The next message leaves on {contact.local_at:%A %Y-%m-%d at %H:%M} ({contact.zone})."
