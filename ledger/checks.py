"""Checks: the design's invariants over the whole ledger, and what must never be found in Temporal's histories."""

import re
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict, computed_field
from sqlalchemy import ARRAY, Text, any_, literal, or_, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from cadence.rules import Rulebook
from ledger.invariants import (
    Tally,
    accepted_once,
    customer_agrees,
    facts_agree,
    inside_windows,
    never_suppressed,
    permits_in_order,
    steps_settled,
    within_caps,
)
from ledger.listings import listed_in_order, said_once, spoken_for
from ledger.log_reading import customer_logs, customers_logs, invoice_logs
from ledger.logs import reduced_customer
from ledger.service_tables import contacts
from ledger.tables import attempts, customers, messages

GRACE = timedelta(minutes=10)
# Shorter words than this turn up in any data by chance.
SHORTEST_NEEDLE = 5
# What a provider says it accepted: channel, our attempt's id or the message's reference, to whom, and when.
Accepted = tuple[str, str, str, object]


class Check(BaseModel):
    """One invariant: how many things were looked at, and each that broke it, by ids and numbers only.

    `known` names the exceptions that the design allows.
    """

    model_config = ConfigDict(frozen=True)

    number: int
    title: str
    checked: int
    violations: tuple[str, ...]
    known: tuple[str, ...]

    @computed_field  # type: ignore[prop-decorator] # pydantic's own way to write one
    @property
    def ok(self) -> bool:
        """Whether nothing broke it."""
        return not self.violations


async def check_invariants(
    engine: AsyncEngine,
    book: Rulebook,
    now: datetime,
    accepted: Iterable[Accepted] | None = None,
    *,
    grace: timedelta = GRACE,
) -> list[Check]:
    """Check every invariant of the design but the fifth, as of one instant of the database.

    `now` is the aware instant up to which everything must be settled; what fell due less than `grace` before
    may still be under way. `accepted` is the provider's own list, where one is at hand. Invariant 5 is about
    Temporal: see `personal_needles`.
    """
    order = Tally(
        1, "No reminder was permitted after clearing, in a hold, dispute or promise; none after its lease"
    )
    once = Tally(2, "At most one message was accepted for an invoice, step, occurrence and channel")
    settled = Tally(3, "Every step whose instant passed has exactly one final outcome, or a later date")
    windows = Tally(4, "Every contact fell inside its send window, in the customer's local time")
    agree = Tally(6, "The event log, reduced from empty, gives the stored facts")
    caps = Tally(
        7, "No person was contacted more often than the strictest cap allows, across invoices and channels"
    )
    quiet = Tally(8, "Nothing was permitted to an address that was suppressed then")
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="REPEATABLE READ")
        at_provider = await _by_message(connection, accepted or (), once)
        async for log in invoice_logs(connection):
            permits_in_order(log, order)
            listed_in_order(log, order)
            accepted_once(log, once, at_provider)
            said_once(log, once)
            steps_settled(log, settled, book, now, grace)
            spoken_for(log, settled)
            inside_windows(log, windows, book)
            facts_agree(log, agree)
            never_suppressed(log, quiet, book)
        async for logs in customers_logs(connection):
            within_caps(logs, caps, book)
        async for customer_id, stored, events in customer_logs(connection):
            customer_agrees(customer_id, stored, reduced_customer(events), agree)
    return [_check(tally) for tally in (order, once, settled, windows, agree, caps, quiet)]


def _check(tally: Tally) -> Check:
    return Check(
        number=tally.number,
        title=tally.title,
        checked=tally.checked,
        violations=tuple(tally.violations),
        known=tuple(tally.known),
    )


async def _by_message(
    connection: AsyncConnection, accepted: Iterable[Accepted], tally: Tally
) -> Counter[int]:
    """How often the provider accepted each of our messages; what is not ours is counted and named."""
    named = Counter(key for _, key, _, _ in accepted)
    keys = any_(literal(list(named), ARRAY(Text)))  # one parameter, however long the list
    found = (
        select(attempts.c.id, messages.c.reference, messages.c.id)
        .join_from(attempts, messages)
        .where(or_(attempts.c.id == keys, messages.c.reference == keys))
    )
    ours: dict[str, int] = {}
    for attempt_id, reference, message_id in await connection.execute(found):
        ours |= {attempt_id: message_id, reference: message_id}
    counted: Counter[int] = Counter()
    for key, times in named.items():
        if key in ours:
            counted[ours[key]] += times
    strangers = sum(times for key, times in named.items() if key not in ours)
    if strangers:
        tally.known.append(f"{strangers} messages at the provider are not of this ledger")
    return counted


async def personal_needles(engine: AsyncEngine) -> set[str]:
    """What must turn up in no history: names, addresses and phone numbers, also in lower case and as digits only.

    Words of fewer than five characters are left out. Personal data: search for it, never show it.
    """
    personal = ("name", "email", "phone", "whatsapp")
    known = union_all(select(*customers.c[personal]), select(*contacts.c[personal]))
    written = select(messages.c.address).where(messages.c.address.is_not(None)).distinct()
    needles: set[str] = set()
    async with engine.connect() as connection:
        for found in (known, written):
            async with connection.stream(found) as rows:
                async for row in rows:
                    for text in filter(None, row):
                        needles |= _variants(text)
    return {needle for needle in needles if len(needle) >= SHORTEST_NEEDLE}


def _variants(text: str) -> set[str]:
    digits = re.sub(r"\D", "", text) if re.fullmatch(r"\+[\d ]+", text) else ""
    return {text, text.lower(), digits}
