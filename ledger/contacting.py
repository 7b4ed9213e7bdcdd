"""Contacting: how often a person was contacted, over all their invoices, when one more message asks to leave."""

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import ColumnElement, and_, select

from cadence.agenda import AgendaItem
from cadence.caps import Contact, room
from cadence.facts import ANSWER_STEP
from cadence.permit import Answer, Verdict
from cadence.rules import Rules
from cadence.words import Channel
from ledger.tables import Attempt, Message
from ledger.unit import Held, Unit, invoices

messages, attempts = Message.__table__, Attempt.__table__  # type: ignore[attr-defined]

# No cap looks further back than a month of the calendar.
LONGEST_PERIOD = timedelta(days=62)
# What reached nobody, surely. Everything else counts, a permit that is only reserved as well.
NO_CONTACT = ("lapsed", "refused")


def counts() -> ColumnElement[bool]:
    """Which attempts are contacts. An agent's answer is none: it continues what the customer began."""
    return and_(attempts.c.state.not_in(NO_CONTACT), messages.c.step != ANSWER_STEP)


async def capped(unit: Unit, held: Held, rules: Rules, verdict: Verdict) -> Verdict:
    """The verdict, or a deferral until the strictest cap has room for one more contact with this person.

    The customer's row is locked, so whoever asks for another of their invoices waits, and counts this one.
    """
    item = verdict.item
    if item is None or item.channel is None or item.step == ANSWER_STEP or not rules.law.limits:
        return verdict
    found = room(rules.law.limits, await _contacts(unit, held, item), item.channel, unit.now, rules.window)
    if found.rule is None:
        return verdict
    return replace(verdict, answer=Answer.DEFER, reason=found.rule, until=found.at)


async def _contacts(unit: Unit, held: Held, item: AgendaItem) -> list[Contact]:
    """The person's contacts so far, other attempts at this very message aside: retried, it is one contact."""
    this = (messages.c.invoice_id == held.id) & (messages.c.step == item.step)
    this &= (messages.c.occurrence == item.occurrence) & (messages.c.channel == str(item.channel))
    found = await unit.connection.execute(
        select(attempts.c.permitted_at, messages.c.channel)
        .join_from(attempts, messages)
        .join(invoices)
        .where(
            invoices.c.customer_id == unit.customer["id"],
            attempts.c.permitted_at > unit.now - LONGEST_PERIOD,
            counts(),
            ~this,
        )
    )
    return [Contact(row.permitted_at, Channel(row.channel)) for row in found]
