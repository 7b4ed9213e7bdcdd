"""Reports over a whole ledger, as rows of plain values in an order that depends on the calendar alone."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Numeric, func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from ledger.ownership import owner_at
from ledger.tables import attempts, cases_table, customers, events_table, invoices, messages
from ledger.together import carrier

Row = dict[str, Any]
_PERMITS = events_table.alias("permits")


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
            func.coalesce(attempts.c.error_class, _reported("error_class"), "").label("error_class"),
            func.coalesce(attempts.c.code, _reported("code"), "").label("code"),
            messages.c.id.label("message_id"),
            _PERMITS.c.payload.label("permit"),
        )
        .join_from(attempts, messages, attempts.c.message_id == messages.c.id)
        .join(_PERMITS, _PERMITS.c.id == attempts.c.permit_event)
        .join(invoices, messages.c.invoice_id == invoices.c.id)
        .join(customers, invoices.c.customer_id == customers.c.id)
        .where(attempts.c.began_at.is_not(None))
        .order_by(
            attempts.c.began_at, invoices.c.number, messages.c.step, messages.c.channel, attempts.c.number
        )
    )
    return await _rows(engine, wanted)


def _reported(field: str) -> Any:
    """What the receipt said by which a message failed, if it did."""
    payload = events_table.c.payload
    return (
        select(payload[field].astext)
        .where(
            events_table.c.invoice_id == messages.c.invoice_id,
            events_table.c.type == "delivery_reported",
            payload["delivery"].astext == "failed",
            payload["step"].astext == messages.c.step,
            payload["occurrence"].as_integer() == messages.c.occurrence,
            payload["channel"].astext == messages.c.channel,
            messages.c.delivery == "failed",
        )
        .order_by(events_table.c.id)
        .limit(1)
        .scalar_subquery()
    )


# What a story tells of an invoice beside its messages and cases.
TOLD = (
    "payment_received", "payment_unidentified", "payment_reversed", "dispute_opened", "dispute_assigned",
    "dispute_overdue", "dispute_resolved", "due_date_extended",
    "approval_asked", "approval_given", "approval_refused", "approval_timed_out",
    "hold_placed", "hold_ended", "promise_made", "promise_broken", "plan_agreed", "instalment_missed",
    "plan_ended", "escalated", "cancelled", "replied",
    "channel_suppressed", "suppression_lifted", "contact_forbidden", "contact_allowed", "preference_stated",
    "step_merged", "step_released", "segment_assigned", "cadence_changed", "invoice_moved",
    "credit_note_issued", "credit_moved", "credit_applied", "credit_refunded", "late_charges_claimed",
    "late_charges_waived",
)  # fmt: skip


async def happened(engine: AsyncEngine) -> Sequence[Row]:
    """What else happened to each invoice: money, disputes, promises, holds, replies, lost channels, hard ends.

    What a customer said for all invoices stands at each that was open then.
    """
    payload = events_table.c.payload
    closing = (events_table.c.type == "step_performed") & payload["closes_as"].astext.is_not(None)
    own = events_table.c.invoice_id == invoices.c.id
    open_then = (invoices.c.received_at <= events_table.c.at) & (
        invoices.c.closed_at.is_(None) | (invoices.c.closed_at >= events_table.c.at)
    )
    shared = events_table.c.invoice_id.is_(None) & open_then
    shared &= events_table.c.customer_id == owner_at(events_table, invoices.c.id, invoices.c.customer_id)
    wanted = (
        select(
            events_table.c.at,
            invoices.c.number.label("invoice"),
            customers.c.facts["zone"].astext.label("zone"),
            invoices.c.currency,
            events_table.c.type.label("what"),
            payload.label("how"),
            carrier().label("carrier"),
        )
        .join_from(events_table, invoices, own | shared)
        .join(customers, invoices.c.customer_id == customers.c.id)
        .where(events_table.c.type.in_(TOLD) | closing)
        .order_by(events_table.c.at, invoices.c.number, events_table.c.id)
    )
    return await _rows(engine, wanted)


async def cases_opened(engine: AsyncEngine) -> Sequence[Row]:
    """Every case: when it was opened first, for whom, and why."""
    columns = (cases_table.c.opened_at, invoices.c.number.label("invoice"), cases_table.c.queue)
    wanted = select(*columns, cases_table.c.reason).join_from(cases_table, invoices)
    return await _rows(engine, wanted.order_by(cases_table.c.opened_at, invoices.c.number, cases_table.c.key))


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
            customers.c.facts["zone"].astext.label("zone"),
            invoices.c.currency,
            invoices.c.facts["amount"].astext.cast(Numeric).label("amount"),
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
