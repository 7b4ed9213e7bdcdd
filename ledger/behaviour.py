"""How customers pay and react, read from the ledger in one query per customer: `payer.*` of every expression."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    Date,
    DateTime,
    Integer,
    Select,
    Text,
    bindparam,
    case,
    cast,
    func,
    select,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from cadence.payers import PayerFacts
from cadence.words import rounded
from ledger.tables import events_table, invoices, replies

_CUSTOMER = bindparam("of_customer", type_=BigInteger)
_OURS = invoices.c.customer_id == _CUSTOMER
_OPEN = invoices.c.closed_at.is_(None)
_PAID = (invoices.c.state == "paid") & invoices.c.facts.has_key("cleared_at")


def _number(name: str) -> Any:
    """The sum of a count that the invoices' facts keep; facts leave out what is zero."""
    return func.coalesce(func.sum(cast(invoices.c.facts[name].astext, Integer)), 0)


def _balances(which: Any, sign: int) -> Any:
    """The sums of the balances of some of the invoices, by currency."""
    sums = (
        select(invoices.c.currency, func.sum(sign * invoices.c.balance).label("sum"))
        .where(_OURS, which)
        .group_by(invoices.c.currency)
        .subquery()
    )
    return select(func.jsonb_object_agg(sums.c.currency, cast(sums.c.sum, Text))).scalar_subquery()


def _reactions() -> Any:
    """What they wrote, and what providers say they read, the latest of each channel."""
    wrote = select(replies.c.channel.label("channel"), replies.c.at.label("at")).where(
        replies.c.customer_id == _CUSTOMER
    )
    read = (
        select(events_table.c.payload["channel"].astext, events_table.c.at)
        .join_from(events_table, invoices, events_table.c.invoice_id == invoices.c.id)
        .where(
            _OURS,
            events_table.c.type == "delivery_reported",
            events_table.c.payload["delivery"].astext == "read",
        )
    )
    each = union_all(wrote, read).subquery()
    latest = select(each.c.channel, func.max(each.c.at).label("at")).group_by(each.c.channel).subquery()
    return select(func.jsonb_object_agg(latest.c.channel, latest.c.at)).scalar_subquery()


def _behaviour() -> Select[Any]:
    cleared_at = cast(invoices.c.facts["cleared_at"].astext, DateTime(timezone=True))
    cleared_on = cast(func.timezone(bindparam("zone", type_=Text), cleared_at), Date)
    late = case((_PAID, cleared_on - invoices.c.due_on))
    return select(
        func.count().label("invoices"),
        func.count().filter(_OPEN).label("open"),
        func.count(late).label("paid"),
        func.count().filter(late <= 0).label("paid_on_time"),
        func.round(func.avg(late), 1).label("average_days_late"),
        func.round(func.stddev_pop(late), 1).label("dispersion"),
        _number("promises").label("promises"),
        _number("kept_promises").label("promises_kept"),
        _number("broken_promises").label("promises_broken"),
        _number("disputes").label("disputes"),
        _balances(_OPEN, 1).label("owed"),
        _balances(invoices.c.balance < 0, -1).label("credit"),
        _reactions().label("reactions"),
    ).where(_OURS)


# Built once: to build it anew costs as much as to run it.
BEHAVIOUR = _behaviour()


async def payer_facts(connection: AsyncConnection, customer_id: int, zone: str) -> PayerFacts:
    """How the customer with this id of ours has paid and reacted so far; `zone` is the creditor's.

    Invoices closed as credited, written off, handed over or cancelled count, but were not paid.
    """
    found = await connection.execute(BEHAVIOUR, {"of_customer": customer_id, "zone": zone})
    row: Mapping[str, Any] = found.mappings().one()
    sums = {
        name: {currency: rounded(Decimal(sum_), currency) for currency, sum_ in (row[name] or {}).items()}
        for name in ("owed", "credit")
    }
    # In UTC, so that what is equal is shown alike.
    reactions = {
        channel: datetime.fromisoformat(at).astimezone(UTC)
        for channel, at in (row["reactions"] or {}).items()
    }
    return PayerFacts.model_validate(dict(row) | sums | {"reactions": reactions})
