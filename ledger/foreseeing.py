"""Foreseeing: what caps will do to the messages ahead, worked out by whoever looks.

It is not stored with the agenda: each message to a person changes it for all their invoices, and most of those are
not planned anew for it. What all of a customer's invoices have ahead is played through together.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import ARRAY, BigInteger, Text, any_, bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cadence.agenda import AgendaItem
from cadence.caps import Contact
from cadence.customer_facts import CustomerFacts
from cadence.directive import ItemKind
from cadence.facts import step_key
from cadence.foreseeing import Ahead, CapForeseen, Said, caps_ahead
from cadence.rules import Rulebook, Rules
from cadence.words import Channel
from ledger.contacting import counts
from ledger.tables import agenda_table, attempts, customers, invoices, messages
from ledger.unit import Held, Unit, published_cadence
from ledger.views import AgendaLine

Line = TypeVar("Line", bound=AgendaLine)

_OPEN = (
    select(*invoices.c[("id", "number", "customer_id", "cadence_id", "due_on")], customers.c.facts)
    .join_from(invoices, customers)
    .where(
        invoices.c.customer_id == any_(bindparam("of_customers", type_=ARRAY(BigInteger))),
        invoices.c.closed_at.is_(None),
    )
)
_OWNERS = select(invoices.c.customer_id).where(
    invoices.c.number == any_(bindparam("wanted_numbers", type_=ARRAY(Text)))
)
_AHEAD = (
    select(agenda_table)
    .where(agenda_table.c.invoice_id == any_(bindparam("wanted_ids", type_=ARRAY(BigInteger))))
    .order_by(agenda_table.c.invoice_id, agenda_table.c.position)
)
_SAID = (
    select(
        invoices.c.customer_id,
        messages.c.invoice_id,
        messages.c.step,
        messages.c.occurrence,
        messages.c.channel,
        attempts.c.permitted_at,
    )
    .join_from(attempts, messages)
    .join(invoices)
    .where(
        invoices.c.customer_id == any_(bindparam("of_customers", type_=ARRAY(BigInteger))),
        attempts.c.permitted_at > bindparam("since"),
        counts(),
    )
)


@dataclass(frozen=True, slots=True)
class _Limited:
    """An open invoice whose customer some rule protects from being contacted too often."""

    number: str
    customer_id: int
    ahead: Ahead


async def with_caps(
    connection: AsyncConnection, book: Rulebook, lines: Sequence[tuple[str, Line]]
) -> list[Line]:
    """Agenda lines, each given with its invoice's number, with the cap that will defer it where one will.

    Whatever else the same customers have ahead, on all their open invoices, is counted.
    """
    asked = await connection.execute(_OWNERS, {"wanted_numbers": sorted({number for number, _ in lines})})
    limited = await _limited(connection, book, set(asked.scalars()))
    caps = await _caps(connection, limited)
    named = {
        (each.number, *_place(item)): caps[each.ahead.invoice, item.key]
        for each in limited
        for item in each.ahead.items
        if (each.ahead.invoice, item.key) in caps
    }
    return [
        line.model_copy(update={"cap_foreseen": named.get((number, *_place(line)))}) for number, line in lines
    ]


async def caps_of(unit: Unit, held: Held, items: Sequence[AgendaItem]) -> Mapping[str, CapForeseen]:
    """The caps that will defer `items`, a locked invoice's agenda as it is planned now, by the items' keys.

    Asks only where some rule sets a limit.
    """
    rules, customer_id = unit.rules(held), int(unit.customer["id"])
    if not items or not rules.law.limits:
        return {}
    own = Ahead(held.id, items, held.cadence, rules, held.facts.due_on)
    others = await _limited(unit.connection, unit.book, {customer_id})
    known = [each for each in others if each.ahead.invoice != held.id]
    caps = await _caps(unit.connection, [*known, _Limited(held.row["number"], customer_id, own)])
    return {item.key: caps[held.id, item.key] for item in items if (held.id, item.key) in caps}


def _place(line: AgendaItem | AgendaLine) -> tuple[Any, ...]:
    return line.step, line.occurrence, line.channel, line.at


async def _caps(
    connection: AsyncConnection, limited: Sequence[_Limited]
) -> Mapping[tuple[int, str], CapForeseen]:
    instants = [item.at for each in limited for item in each.ahead.items]
    if not instants:
        return {}
    longest = max(limit.looks_back for each in limited for limit in each.ahead.rules.law.limits)
    said = await _said(connection, {each.customer_id for each in limited}, min(instants) - longest)
    found: dict[tuple[int, str], CapForeseen] = {}
    for customer_id, told in said.items():
        found |= caps_ahead([each.ahead for each in limited if each.customer_id == customer_id], told)
    return found


async def _limited(
    connection: AsyncConnection, book: Rulebook, customer_ids: Collection[int]
) -> list[_Limited]:
    rows = (await connection.execute(_OPEN, {"of_customers": sorted(customer_ids)})).all()
    rules: dict[tuple[int, int], Rules] = {}
    for row in rows:
        cadence = await published_cadence(connection, row.cadence_id)
        if (row.customer_id, row.cadence_id) not in rules:
            known = CustomerFacts.model_validate(row.facts)
            rules[row.customer_id, row.cadence_id] = book.rules(cadence, known)
    capped = [row for row in rows if rules[row.customer_id, row.cadence_id].law.limits]
    items = await _ahead(connection, [row.id for row in capped])
    return [
        _Limited(
            row.number,
            row.customer_id,
            Ahead(
                row.id,
                items.get(row.id, ()),
                await published_cadence(connection, row.cadence_id),
                rules[row.customer_id, row.cadence_id],
                row.due_on,
            ),
        )
        for row in capped
    ]


async def _ahead(connection: AsyncConnection, invoice_ids: list[int]) -> dict[int, list[AgendaItem]]:
    found: dict[int, list[AgendaItem]] = {}
    rows = await connection.execute(_AHEAD, {"wanted_ids": invoice_ids}) if invoice_ids else ()
    for row in rows:
        channel = row.channel and Channel(row.channel)
        item = AgendaItem(row.key, ItemKind(row.kind), row.at, row.why, row.step, row.occurrence, channel)
        found.setdefault(row.invoice_id, []).append(item)
    return found


async def _said(
    connection: AsyncConnection, customer_ids: Collection[int], since: datetime
) -> Mapping[int, list[Said]]:
    """The contacts with each person after `since`, by our ids of the customers."""
    known = {"of_customers": sorted(customer_ids), "since": since}
    found: dict[int, list[Said]] = {each: [] for each in customer_ids}
    for row in await connection.execute(_SAID, known):
        contact = Contact(row.permitted_at, Channel(row.channel))
        found[row.customer_id].append(Said(contact, row.invoice_id, step_key(row.step, row.occurrence)))
    return found
