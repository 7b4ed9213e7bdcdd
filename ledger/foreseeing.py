"""Foreseeing: what caps will do to the messages ahead, worked out by whoever looks.

It is not stored with the agenda: each message to a person changes it for all their invoices, and most of those are
not planned anew for it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
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
from cadence.foreseeing import CapForeseen, Said, caps_ahead
from cadence.rules import Rulebook, Rules
from cadence.words import Channel
from ledger.contacting import attempts, counts, messages
from ledger.unit import agenda_table, customers, invoices, published_cadence
from ledger.views import AgendaLine

Line = TypeVar("Line", bound=AgendaLine)

_LIMITED = (
    select(invoices.c.id, invoices.c.number, invoices.c.customer_id, invoices.c.cadence_id, customers.c.facts)
    .join_from(invoices, customers)
    .where(invoices.c.number == any_(bindparam("wanted_numbers", type_=ARRAY(Text))))
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
    """An invoice whose customer some rule protects from being contacted too often."""

    id: int
    number: str
    customer_id: int
    rules: Rules


async def with_caps(
    connection: AsyncConnection, book: Rulebook, lines: Sequence[tuple[str, Line]]
) -> list[Line]:
    """Agenda lines, each given with its invoice's number, with the cap that will defer it where one will."""
    limited = await _limited(connection, book, {number for number, _ in lines})
    ahead = await _ahead(connection, limited) if limited else {}
    if not ahead:
        return [line for _, line in lines]
    longest = max(limit.looks_back for each in limited for limit in each.rules.law.limits)
    first = min(items[0].at for items in ahead.values())
    said = await _said(connection, {each.customer_id for each in limited}, first - longest)
    caps: dict[tuple[Any, ...], CapForeseen] = {}
    for each in limited:
        items = ahead.get(each.id, [])
        found = caps_ahead(items, _met(said[each.customer_id], each.id), each.rules)
        caps |= {(each.number, *_place(item)): found[item.key] for item in items if item.key in found}
    return [
        line.model_copy(update={"cap_foreseen": caps.get((number, *_place(line)))}) for number, line in lines
    ]


async def caps_of(
    connection: AsyncConnection, invoice_id: int, customer_id: int, items: Sequence[AgendaItem], rules: Rules
) -> Mapping[str, CapForeseen]:
    """The caps that will defer `items` of one invoice, by the items' keys. Asks only where some rule sets a limit."""
    if not items or not rules.law.limits:
        return {}
    since = min(item.at for item in items) - max(limit.looks_back for limit in rules.law.limits)
    said = await _said(connection, {customer_id}, since)
    return caps_ahead(items, _met(said[customer_id], invoice_id), rules)


def _place(line: AgendaItem | AgendaLine) -> tuple[Any, ...]:
    return line.step, line.occurrence, line.channel, line.at


async def _limited(connection: AsyncConnection, book: Rulebook, numbers: set[str]) -> list[_Limited]:
    rows = (await connection.execute(_LIMITED, {"wanted_numbers": sorted(numbers)})).all()
    found = []
    for row in rows:
        cadence = await published_cadence(connection, row.cadence_id)
        rules = book.rules(cadence, CustomerFacts.model_validate(row.facts))
        if rules.law.limits:
            found.append(_Limited(row.id, row.number, row.customer_id, rules))
    return found


async def _ahead(connection: AsyncConnection, limited: Sequence[_Limited]) -> dict[int, list[AgendaItem]]:
    rows = await connection.execute(_AHEAD, {"wanted_ids": [each.id for each in limited]})
    found: dict[int, list[AgendaItem]] = {}
    for row in rows:
        channel = row.channel and Channel(row.channel)
        item = AgendaItem(row.key, ItemKind(row.kind), row.at, row.why, row.step, row.occurrence, channel)
        found.setdefault(row.invoice_id, []).append(item)
    return found


async def _said(
    connection: AsyncConnection, customer_ids: Collection[int], since: datetime
) -> Mapping[int, list[Any]]:
    """The contacts with each person after `since`, by our ids of the customers."""
    known = {"of_customers": sorted(customer_ids), "since": since}
    found: dict[int, list[Any]] = {each: [] for each in customer_ids}
    for row in await connection.execute(_SAID, known):
        found[row.customer_id].append(row)
    return found


def _met(said: Iterable[Any], invoice_id: int) -> list[Said]:
    """The contacts with one person, as an invoice of theirs meets them."""
    return [
        Said(
            Contact(row.permitted_at, Channel(row.channel)),
            step_key(row.step, row.occurrence) if row.invoice_id == invoice_id else None,
        )
        for row in said
    ]
