"""Reports over a whole ledger, as rows of plain values in an order that depends on the calendar alone."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from ledger.sending import attempts, messages
from ledger.unit import cases_table, customers, events_table, invoices

Row = dict[str, Any]


async def attempts_made(engine: AsyncEngine) -> Sequence[Row]:
    """Every attempt that reached a provider: when, to whom, what, how it went there and what became of it."""
    wanted = (
        select(
            attempts.c.began_at.label("at"),
            invoices.c.number.label("invoice"),
            customers.c.key.label("customer"),
            customers.c.facts["zone"].astext.label("zone"),
            messages.c.step,
            messages.c.occurrence,
            messages.c.channel,
            messages.c.language,
            messages.c.template,
            attempts.c.state.label("outcome"),
            messages.c.delivery,
            func.coalesce(attempts.c.error_class, "").label("error_class"),
            func.coalesce(attempts.c.code, "").label("code"),
            messages.c.id.label("message_id"),
        )
        .join_from(attempts, messages, attempts.c.message_id == messages.c.id)
        .join(invoices, messages.c.invoice_id == invoices.c.id)
        .join(customers, invoices.c.customer_id == customers.c.id)
        .where(attempts.c.began_at.is_not(None))
        .order_by(
            attempts.c.began_at, invoices.c.number, messages.c.step, messages.c.channel, attempts.c.number
        )
    )
    return await _rows(engine, wanted)


async def put_off(engine: AsyncEngine) -> Sequence[Row]:
    """Every step that was skipped, deferred or failed, when that was decided, and by which rule."""
    kinds = ("step_skipped", "step_deferred", "step_failed")
    payload = events_table.c.payload
    wanted = (
        select(
            events_table.c.at,
            invoices.c.number.label("invoice"),
            customers.c.key.label("customer"),
            payload["step"].astext.label("step"),
            payload["occurrence"].astext.label("occurrence"),
            events_table.c.type.label("what"),
            payload["reason"].astext.label("why"),
            func.coalesce(payload["until"].astext, "").label("until"),
        )
        .join_from(events_table, invoices, events_table.c.invoice_id == invoices.c.id)
        .join(customers, invoices.c.customer_id == customers.c.id)
        .where(events_table.c.type.in_(kinds))
        .order_by(events_table.c.at, invoices.c.number, payload["step"].astext, events_table.c.type)
    )
    return await _rows(engine, wanted)


async def invoices_ended(engine: AsyncEngine) -> Sequence[Row]:
    """Every invoice: where it stands, when it closed, what is owed, how many messages and cases it took."""
    accepted = (
        select(func.count())
        .select_from(attempts.join(messages, attempts.c.message_id == messages.c.id))
        .where(messages.c.invoice_id == invoices.c.id, attempts.c.state == "accepted")
        .scalar_subquery()
    )
    opened = select(func.count()).where(cases_table.c.invoice_id == invoices.c.id).scalar_subquery()
    wanted = (
        select(
            invoices.c.number.label("invoice"),
            customers.c.key.label("customer"),
            customers.c.facts["segment"].astext.label("segment"),
            customers.c.facts["language"].astext.label("language"),
            invoices.c.state,
            invoices.c.closed_at,
            invoices.c.currency,
            invoices.c.balance,
            invoices.c.due_on,
            accepted.label("messages"),
            opened.label("cases"),
        )
        .join_from(invoices, customers)
        .order_by(invoices.c.number)
    )
    return await _rows(engine, wanted)


async def messages_written(engine: AsyncEngine) -> Sequence[Row]:
    """Every message as it was written for its customer. Personal data: for the owner's own folder."""
    wanted = select(messages).where(messages.c.body.is_not(None)).order_by(messages.c.id)
    return await _rows(engine, wanted)


async def _rows(engine: AsyncEngine, wanted: Any) -> Sequence[Row]:
    async with engine.connect() as connection:
        return [dict(row) for row in (await connection.execute(wanted)).mappings().all()]
