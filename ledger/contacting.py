"""Contacting: how often a person was contacted, over all their invoices, when one more message asks to leave."""

from sqlalchemy import ColumnElement, and_, bindparam, select

from cadence.agenda import AgendaItem
from cadence.caps import Contact
from cadence.facts import ANSWER_STEP
from cadence.words import Channel
from ledger.driving import run
from ledger.tables import attempts, invoices, messages
from ledger.unit import Held, Unit

# What reached nobody, surely. Everything else counts, a permit that is only reserved as well.
NO_CONTACT = ("lapsed", "refused")


def counts() -> ColumnElement[bool]:
    """Which attempts are contacts. An agent's answer is none: it continues what the customer began."""
    reached = (attempts.c.state != each for each in NO_CONTACT)
    return and_(*reached, messages.c.step != ANSWER_STEP)


_THIS = and_(
    messages.c.invoice_id == bindparam("of_invoice"),
    messages.c.step == bindparam("step"),
    messages.c.occurrence == bindparam("occurrence"),
    messages.c.channel == bindparam("channel"),
)
# Built once, as the other statements of a permit are (`ledger.statements`).
_CONTACTS = (
    select(attempts.c.permitted_at, messages.c.channel)
    .join_from(attempts, messages)
    .join(invoices)
    .where(
        invoices.c.customer_id == bindparam("of_customer"),
        attempts.c.permitted_at > bindparam("since"),
        counts(),
        ~_THIS,
    )
)


async def contacts_before(unit: Unit, held: Held, item: AgendaItem) -> list[Contact]:
    """The person's contacts so far, other attempts at this very message aside: retried, it is one contact.

    Asked where some cap applies. The customer's row is locked, so whoever asks for another of their invoices waits,
    and counts this one.
    """
    longest = max(limit.looks_back for limit in unit.rules(held).law.limits)
    known = {
        "of_customer": unit.customer["id"],
        "since": unit.now - longest,
        "of_invoice": held.id,
        "step": item.step,
        "occurrence": item.occurrence,
        "channel": str(item.channel),
    }
    found = await run(unit.connection, _CONTACTS, known)
    return [Contact(row["permitted_at"], Channel(row["channel"])) for row in found]
