"""Merging: two customers in the books who are one person. All that was the one's goes to the other, for good."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cadence import events as e
from cadence.agreements import Hold
from cadence.customer_facts import CustomerFacts
from cadence.words import BILLING
from ledger import statements
from ledger.access import Ledger
from ledger.customer_intake import tell_contact
from ledger.database import LedgerError, UnknownCustomer
from ledger.ownership import own_keys
from ledger.service_tables import contacts
from ledger.spoken_for import finish
from ledger.tables import customers, invoices, replies
from ledger.unit import Held, Origin, Unit

# What a role, or a key, that the other customer has already becomes.
FORMER = "former-"
# Through what the customer who stays is told what the other had said.
MERGE = "merge"


@dataclass(frozen=True, slots=True)
class Merged:
    """What goes, or went, from one customer to another, by the creditor's keys; the invoices by their numbers.

    `told` are the codes of the events by which the customer who stays is held to what is stricter. `segment` is the
    one that stays; `segment_ended` the one that a person had given to who goes, where it is another: it does not come
    along. `recorded` is False where the two had been merged before, and for a preview.
    """

    customer: str
    into: str
    open_invoices: tuple[str, ...]
    closed_invoices: tuple[str, ...]
    contacts: int
    replies: int
    told: tuple[str, ...]
    recorded: bool
    segment: str | None = None
    segment_ended: str | None = None


@dataclass(slots=True)
class _Pair:
    """Both customers, locked in the order of their keys, as all who lock more than one do."""

    gone: Unit
    stays: Unit

    @property
    def ids(self) -> tuple[int, int]:
        return int(self.gone.customer["id"]), int(self.stays.customer["id"])

    @property
    def keys(self) -> tuple[str, str]:
        return self.gone.customer["key"], self.stays.customer["key"]


async def merge(ledger: Ledger, key: str, into: str, reason: str, origin: Origin, now: datetime) -> Merged:
    """Merge the customer `key` into `into` (the creditor's keys) for a `reason` (a code), in one transaction.

    Invoices, contacts and what the customer wrote go over; the stricter of both holds; the key becomes an alias.
    There is no way back. Told again, it changes nothing. Raises UnknownCustomer, and LedgerError where a customer
    is to be merged into itself, or either was merged into a third.
    """
    async with ledger.engine.begin() as connection:
        if await _merged_before(connection, key, into):
            return Merged(key, into, (), (), 0, 0, (), recorded=False)
        pair = await _locked(Unit(connection, ledger.book, now), key, into)
        plan = await _what_moves(connection, pair, recorded=True)
        await _tell(pair, reason, origin)
        await finish(pair.stays)
    return plan


async def preview_merge(ledger: Ledger, key: str, into: str, now: datetime) -> Merged:
    """What `merge` would move, and what the customer who stays would be held to; nothing is changed."""
    async with ledger.engine.begin() as connection:
        if await _merged_before(connection, key, into):
            return Merged(key, into, (), (), 0, 0, (), recorded=False)
        pair = await _locked(Unit(connection, ledger.book, now), key, into)
        return await _what_moves(connection, pair, recorded=False)


async def _merged_before(connection: AsyncConnection, key: str, into: str) -> bool:
    """Whether this very merge was done before; raise LedgerError where it cannot be done."""
    if key == into:
        raise LedgerError("merge_into_itself", f"{key!r} cannot be merged into itself; name two customers")
    owners = await own_keys(connection, (key, into))
    if into in owners:
        raise LedgerError(
            "merged_already",
            f"{into!r} was merged into {owners[into]!r} itself; merge into {owners[into]!r}",
        )
    if owners.get(key, into) != into:
        raise LedgerError(
            "merged_already",
            f"{key!r} was merged into {owners[key]!r} before, and that cannot be undone; merge {owners[key]!r}",
        )
    return key in owners


async def _locked(first: Unit, key: str, into: str) -> _Pair:
    units = {name: Unit(first.connection, first.book, first.now) for name in (key, into)}
    for name in sorted(units):
        found = await first.connection.execute(statements.LOCK_BY_KEY, {"wanted_key": name})
        row = found.mappings().one_or_none()
        if row is None:
            raise UnknownCustomer(name)
        if row["merged_into"] is not None:
            raise LedgerError(
                "merged_already", f"{name!r} was merged by somebody else at this moment; look at both again"
            )
        units[name].hold_customer(row)
    pair = _Pair(units[key], units[into])
    # Nobody else has any of them while both customers are locked; in the order of ids all the same.
    every = select(invoices.c.id).where(invoices.c.customer_id.in_(pair.ids)).order_by(invoices.c.id)
    await first.connection.execute(every.with_for_update())
    return pair


async def _what_moves(connection: AsyncConnection, pair: _Pair, *, recorded: bool) -> Merged:
    gone, _ = pair.ids
    owed = select(invoices.c.number, invoices.c.closed_at).where(invoices.c.customer_id == gone)
    rows = (await connection.execute(owed.order_by(invoices.c.number))).all()
    known = select(func.count()).where(contacts.c.customer_id == gone)
    wrote = select(func.count()).where(replies.c.customer_id == gone)
    stricter = _stricter(pair.gone.customer_facts, pair.stays.customer_facts, pair.stays.now)
    return Merged(
        *pair.keys,
        tuple(row.number for row in rows if row.closed_at is None),
        tuple(row.number for row in rows if row.closed_at is not None),
        (await connection.execute(known)).scalar_one(),
        (await connection.execute(wrote)).scalar_one(),
        tuple(event.type for event in stricter),
        recorded=recorded,
        segment=pair.stays.customer_facts.segment,
        segment_ended=_segment_ended(pair.gone.customer_facts, pair.stays.customer_facts),
    )


def _segment_ended(gone: CustomerFacts, stays: CustomerFacts) -> str | None:
    """A person's word on one of the two is none on the other: whoever wants it for both says it again."""
    by_hand = gone.assigned is not None and gone.assigned.by == "manual"
    return gone.segment if by_hand and gone.segment != stays.segment else None


def _stricter(gone: CustomerFacts, stays: CustomerFacts, now: datetime) -> list[e.CustomerEvent]:
    """What the one who stays is held to beside their own: every word of the other's that only takes away.

    What was said of an address is said of that address still. A consent comes along where it was given for an
    address that both have; a preference never does: it says how one of the two wants to be reached.
    """
    return [
        *_closed(gone, stays),
        *(e.ContactForbidden(reason=reason) for reason in gone.forbidden if reason not in stays.forbidden),
        *(
            e.ConsentGiven(**given.model_dump())
            for given in gone.consents
            if given not in stays.consents and given.address == stays.addresses.get(given.channel)
        ),
        *(
            e.CustomerHoldPlaced(**hold.model_dump())
            for hold in gone.holds
            if (hold.until is None or hold.until > now) and hold.hold not in {h.hold for h in stays.holds}
        ),
    ]


def _closed(gone: CustomerFacts, stays: CustomerFacts) -> Iterator[e.CustomerEvent]:
    said = [(channel, why.reason, why.address) for channel, why in gone.suppressed.items()]
    # Where the person was who said it, another of their contacts may be.
    said += [
        (channel, why.reason, gone.addresses[channel])
        for channel, why in gone.suppressed.items()
        if why.address is None and gone.addresses.get(channel) not in (None, stays.addresses.get(channel))
    ]
    said += [(each.channel, each.reason, each.address) for each in gone.closed_addresses]
    known = {(channel, why.address) for channel, why in stays.suppressed.items()}
    known |= {(each.channel, each.address) for each in stays.closed_addresses}
    for channel, reason, address in said:
        if (channel, address) not in known:
            told = {"channel": channel, "reason": reason, "address": address}
            yield e.ChannelSuppressed.model_validate(told)


async def _tell(pair: _Pair, reason: str, origin: Origin) -> None:
    gone, stays = pair.ids
    before = pair.stays.customer_facts
    stricter = _stricter(pair.gone.customer_facts, before, pair.stays.now)
    coming = await _move_contacts(pair.stays.connection, gone, stays)
    moved = await _move_rows(pair)
    await pair.gone.tell_customer(e.CustomerMerged(into=stays, reason=reason), origin)
    await pair.stays.tell_customer(e.CustomerAbsorbed(customer=gone, reason=reason), origin)
    for event in stricter:
        await pair.stays.tell_customer(event, Origin(origin.actor, MERGE))
    for contact in coming:
        await tell_contact(pair.stays, contact["id"], contact, Origin(origin.actor, MERGE))
    await pair.stays.hold_invoices(moved)
    for invoice_id in moved:
        held = pair.stays.invoice(invoice_id)
        await pair.stays.tell(held, e.InvoiceMoved(from_customer=gone, to_customer=stays), origin)
    for held in list(pair.stays.held.values()):
        # Each invoice is under its own customer's holds already: the other's are new to it.
        holds = before.holds if held.id in moved else pair.gone.customer_facts.holds
        await _pause(pair.stays, held, holds, Origin(origin.actor, MERGE))


async def _pause(unit: Unit, held: Held, holds: Iterable[Hold], origin: Origin) -> None:
    for hold in holds if held.facts.closed is None else ():
        if hold.until is None or hold.until > unit.now:
            await unit.tell(held, e.HoldPlaced(**hold.model_dump()), origin)


async def _move_rows(pair: _Pair) -> list[int]:
    """Everything that names the customer who goes names the other from now on; the invoices that went, by our ids."""
    connection, (gone, stays) = pair.stays.connection, pair.ids
    was = customers.c.id == gone
    aliases = customers.c.merged_into == gone
    await connection.execute(update(customers).where(was | aliases).values(merged_into=stays))
    await connection.execute(update(replies).where(replies.c.customer_id == gone).values(customer_id=stays))
    move = update(invoices).where(invoices.c.customer_id == gone).values(customer_id=stays)
    return sorted((await connection.execute(move.returning(invoices.c.id))).scalars())


async def _move_contacts(connection: AsyncConnection, gone: int, stays: int) -> list[Mapping[str, Any]]:
    """The contacts that come, as they are stored now. Those of the one who stays keep their roles and keys; a clash
    gives the newcomer a free one.
    """
    known = (await connection.execute(select(contacts).where(contacts.c.customer_id == stays))).all()
    roles, keys = {each.role for each in known} | {BILLING}, {each.key for each in known}
    coming = select(contacts).where(contacts.c.customer_id == gone).order_by(contacts.c.id)
    moved: list[Mapping[str, Any]] = []
    for each in (await connection.execute(coming)).mappings().all():
        values = {"customer_id": stays, "role": _free(each["role"], roles), "key": _free(each["key"], keys)}
        roles.add(values["role"])
        keys.add(values["key"])
        await connection.execute(update(contacts).where(contacts.c.id == each["id"]).values(values))
        moved.append({**each, **values})
    return moved


def _free(word: str, taken: Iterable[str]) -> str:
    """`word`, or the first of `former-word`, `former-word-2`, ... that nobody has."""
    if word not in taken:
        return word
    count, free = 1, FORMER + word
    while free in taken:
        count += 1
        free = f"{FORMER}{word}-{count}"
    return free
