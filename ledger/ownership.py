"""Ownership: whose an invoice is and was, and whom a key names, where customers were merged into others."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    FromClause,
    ScalarSelect,
    Select,
    Text,
    any_,
    bindparam,
    func,
    select,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.tables import customers, events_table

_INTO = customers.alias("into")
_OWN_KEYS = (
    select(customers.c.key, _INTO.c.key)
    .join_from(customers, _INTO, customers.c.merged_into == _INTO.c.id)
    .where(customers.c.key == any_(bindparam("wanted_keys", type_=ARRAY(Text))))
)


def known_as(key: str) -> ScalarSelect[int]:
    """Our id of the customer whom the creditor's `key` names: their own, or that of one who was merged into them."""
    whose = func.coalesce(customers.c.merged_into, customers.c.id)
    return select(whose).where(customers.c.key == key).scalar_subquery()


def key_of(customer_id: int) -> Select[Any]:
    """The key of a customer by our id, or of the one into whom they were merged."""
    now = select(func.coalesce(customers.c.merged_into, customers.c.id)).where(customers.c.id == customer_id)
    return select(customers.c.key).where(customers.c.id == now.scalar_subquery())


async def own_keys(connection: AsyncConnection, keys: Iterable[str]) -> dict[str, str]:
    """For each of these keys that is a merged customer's, the key of who took them over."""
    found = await connection.execute(_OWN_KEYS, {"wanted_keys": sorted(set(keys))})
    return {alias: key for alias, key in found}  # noqa: C416 - rows, not pairs


async def aliases_of(connection: AsyncConnection, customer_id: int) -> tuple[str, ...]:
    """The keys of all who were merged into a customer."""
    found = select(customers.c.key).where(customers.c.merged_into == customer_id).order_by(customers.c.key)
    return tuple((await connection.execute(found)).scalars())


def owner_at(event: FromClause, invoice_id: ColumnElement[int], owner_now: ColumnElement[int]) -> Any:
    """Whose an invoice was when an event was told: its owner now, or the one whom it left by the next move."""
    moves = events_table.alias("moves")
    left = (
        select(moves.c.payload["from_customer"].astext.cast(BigInteger))
        .where(moves.c.invoice_id == invoice_id, moves.c.type == "invoice_moved", moves.c.id > event.c.id)
        .order_by(moves.c.id)
        .limit(1)
    )
    return func.coalesce(left.scalar_subquery(), owner_now)
