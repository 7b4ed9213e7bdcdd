"""The statements of the busiest paths, built once: to build one anew costs a process as much as to run it.

What changes between two uses is a parameter, so that the driver and PostgreSQL prepare each of them once as well.
"""

from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    DateTime,
    Integer,
    Text,
    any_,
    bindparam,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    text,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import insert as upsert

from ledger.service_tables import deliveries, endpoints
from ledger.tables import attempts, customers, events_table, halts, invoices, messages

# Locks and what one transaction writes (`ledger.unit`, `ledger.storing`).

# Customer first, then the invoice, in one statement: an invoice is locked as it leaves the join, and nothing leaves it
# before the customer's row is in, which is locked on its way. Whose an invoice is changes only as its customer is
# merged into another: whoever waited for the one that was merged gets no row at all, and so waits for nothing more.
_UNMERGED = customers.c.merged_into.is_(None)
INVOICE_OWNER = select(invoices.c.customer_id).where(invoices.c.id == bindparam("wanted_id"))
_OWNER_ID = INVOICE_OWNER.scalar_subquery()
_OWNER = select(customers).where(customers.c.id == _OWNER_ID, _UNMERGED).with_for_update().cte("owner")
OWNERS = {column.name: f"owner_{column.name}" for column in customers.c}
LOCK_INVOICE = (
    select(invoices, *(_OWNER.c[name].label(label) for name, label in OWNERS.items()))
    .join_from(invoices, _OWNER, invoices.c.customer_id == _OWNER.c.id)
    .where(invoices.c.id == bindparam("wanted_id"))
    .with_for_update(of=invoices)
)
LOCK_CUSTOMER = select(customers).where(customers.c.id == bindparam("wanted_id"), _UNMERGED).with_for_update()
MERGED_INTO = select(customers.c.merged_into).where(customers.c.id == bindparam("wanted_id"))
_OF_CUSTOMER = invoices.c.customer_id == bindparam("of_customer")
LOCK_OPEN = (
    select(invoices)
    .where(_OF_CUSTOMER, invoices.c.closed_at.is_(None))
    .order_by(invoices.c.id)
    .with_for_update()
)
LOCK_NAMED = (
    select(invoices)
    .where(_OF_CUSTOMER, invoices.c.id == any_(bindparam("wanted_ids", type_=ARRAY(BigInteger))))
    .order_by(invoices.c.id)
    .with_for_update()
)
# NULL never conflicts, so events without an external id are always new.
APPEND_EVENT = (
    upsert(events_table)
    .on_conflict_do_nothing(index_elements=["source", "external_id"])
    .returning(events_table.c.id)
)
# The same for an event that other systems hear of (`announced`): what they are to be told is written with it.
_APPENDED = APPEND_EVENT.values(
    {column: bindparam(column.name) for column in events_table.c if column is not events_table.c.id}
).cte("appended")
_ANNOUNCED = (
    func.unnest(bindparam("announced", type_=ARRAY(Text)))
    .table_valued("type", with_ordinality="place", name="announced")
    .render_derived()
)
_FOR_ENDPOINTS = (
    select(
        endpoints.c.id,
        _APPENDED.c.id,
        bindparam("invoice_id", type_=BigInteger),
        _ANNOUNCED.c.type,
        bindparam("recorded_at", type_=DateTime(timezone=True)).label("created_at"),
        bindparam("recorded_at", type_=DateTime(timezone=True)).label("next_at"),
        *(literal(value) for value in ("waiting", 0, False)),
    )
    .select_from(
        endpoints.join(_ANNOUNCED, endpoints.c.types.has_key(_ANNOUNCED.c.type)).join(_APPENDED, true())
    )
    .where(endpoints.c.status != "disabled")
    .order_by(_ANNOUNCED.c.place, endpoints.c.id)
    # An endpoint that is being removed must not take the event with it.
    .with_for_update(of=endpoints, key_share=True, read=True)
)
ANNOUNCE_EVENT = select(_APPENDED.c.id).add_cte(
    insert(deliveries)
    .from_select(
        [
            "endpoint_id",
            "event_id",
            "invoice_id",
            "type",
            "created_at",
            "next_at",
            "state",
            "attempts",
            "told",
        ],
        _FOR_ENDPOINTS,
    )
    .cte("announcements")
)
STORE_CUSTOMER = update(customers).where(customers.c.id == bindparam("wanted_id"))
STORE_INVOICE = update(invoices).where(invoices.c.id == bindparam("wanted_id"))
# Rows as one value, and whatever lies beyond them gone: one statement, however long the agenda is.
_AGENDA_BEYOND = text("DELETE FROM agenda WHERE invoice_id = :wanted_id AND position >= :agenda_length")
_AGENDA = text("""
    INSERT INTO agenda (invoice_id, position, key, kind, at, why, step, occurrence, channel)
    SELECT :wanted_id, item.*
    FROM jsonb_to_recordset(CAST(:agenda_items AS jsonb)) AS item(
        position int, key text, kind text, at timestamptz, why text, step text, occurrence int, channel text
    )
    ON CONFLICT (invoice_id, position) DO UPDATE SET
        key = excluded.key, kind = excluded.kind, at = excluded.at, why = excluded.why,
        step = excluded.step, occurrence = excluded.occurrence, channel = excluded.channel
""")
STORE_WITH_AGENDA = STORE_INVOICE.add_cte(
    _AGENDA_BEYOND.columns().cte("agenda_beyond"), _AGENDA.columns().cte("agenda_written")
)
LEAVE_WORD = text("""
    WITH word AS (
        INSERT INTO outbox (invoice_id, cause, created_at) VALUES (:invoice_id, :cause, :created_at) RETURNING id
    )
    SELECT pg_notify(:channel, '') FROM word
""")

# Intake.

LOCK_BY_KEY = select(customers).where(customers.c.key == bindparam("wanted_key")).with_for_update()
ADD_CUSTOMER = upsert(customers).on_conflict_do_nothing().returning(customers)
ADD_INVOICE = insert(invoices).returning(invoices)
ADD_REFERENCES = text("""
    INSERT INTO invoice_reference (kind, value, invoice_id)
    SELECT given.*, :invoice_id FROM unnest(CAST(:kinds AS text[]), CAST(:values AS text[])) AS given
    ON CONFLICT DO NOTHING RETURNING value
""")
KNOWN_INVOICE = (
    select(invoices.c.id, invoices.c.currency, customers.c.key.label("customer_key"))
    .join_from(invoices, customers)
    .where(invoices.c.number == bindparam("wanted_number"))
)

# Sending.

_HALTED = exists().where(
    or_(
        halts.c.scope == "all",
        (halts.c.scope == "channel") & (halts.c.value == bindparam("channel")),
        (halts.c.scope == "segment") & (halts.c.value == bindparam("segment")),
    )
)
_MESSAGE = (
    select(messages.c.id, messages.c.reference)
    .where(
        messages.c.invoice_id == bindparam("invoice_id"),
        messages.c.step == bindparam("step"),
        messages.c.occurrence == bindparam("occurrence"),
        messages.c.channel == bindparam("channel"),
    )
    .cte("message_so_far")
)
_ATTEMPTS = (
    select(func.count())
    .select_from(attempts)
    .where(attempts.c.message_id == _MESSAGE.c.id)
    .correlate(_MESSAGE)
    .scalar_subquery()
)
# One row, also where there is no message yet.
SO_FAR = select(_HALTED.label("halted"), _MESSAGE, _ATTEMPTS.label("attempts")).select_from(
    select(true().label("always")).subquery().outerjoin(_MESSAGE, true())
)
_RESERVED: dict[str, Any] = {
    "id": bindparam("attempt_id", type_=Text),
    "number": bindparam("number", type_=Integer),
    "state": bindparam("state", type_=Text),
    "permitted_at": bindparam("permitted_at", type_=DateTime(timezone=True)),
    "lease_until": bindparam("lease_until", type_=DateTime(timezone=True)),
    "permit_event": bindparam("permit_event", type_=BigInteger),
    "role": bindparam("role", type_=Text),
    "copies": bindparam("copies", type_=JSONB),
}
RESERVE_AGAIN = insert(attempts).values(_RESERVED | {"message_id": bindparam("at_message")})
_FIRST = (
    insert(messages)
    .values(
        {
            name: bindparam(name)
            for name in (
                "invoice_id",
                "step",
                "occurrence",
                "channel",
                "template",
                "language",
                "notice",
                "reference",
            )
        }
    )
    .returning(messages.c.id)
    .cte("first")
)
RESERVE_FIRST = (
    insert(attempts)
    .from_select([*_RESERVED, "message_id"], select(*_RESERVED.values(), _FIRST.c.id))
    .returning(attempts.c.message_id)
)
_BEGUN = (
    update(attempts)
    .where(
        attempts.c.id == bindparam("attempt_id"),
        attempts.c.state == "reserved",
        attempts.c.lease_until > bindparam("now"),
    )
    .values(state="calling", began_at=bindparam("now"))
    .returning(attempts.c.message_id)
    .cte()
)
BEGIN = (
    update(messages)
    .where(messages.c.id == select(_BEGUN.c.message_id).scalar_subquery())
    .values({name: bindparam(f"the_{name}") for name in ("subject", "html", "body", "address")})
    .returning(messages.c.id)
)

# A receipt may have proved by now that the provider took what we had lost sight of: that stays.
SETTLE = (
    update(attempts)
    .where(attempts.c.id == bindparam("wanted_id"), attempts.c.state != "accepted")
    .values({name: bindparam(name) for name in ("state", "settled_at", "code", "error_class")})
)
SETTLE_ACCEPTED = (
    update(messages)
    .where(messages.c.id == bindparam("at_message"))
    .values(provider_id=bindparam("the_provider_id"))
    .add_cte(SETTLE.cte("settled"))
)
ATTEMPTS = select(
    attempts.c.id.label("attempt_id"),
    attempts.c.state,
    attempts.c.permitted_at,
    attempts.c.role,
    attempts.c.copies,
    messages.c.id.label("message_id"),
    messages.c.invoice_id,
    messages.c.step,
    messages.c.occurrence,
    messages.c.channel,
    messages.c.reference,
    messages.c.address,
    messages.c.provider_id,
).join_from(attempts, messages)

# Receipts.

ATTEMPTS_BY_ID = ATTEMPTS.where(attempts.c.id == any_(bindparam("wanted_ids", type_=ARRAY(Text))))
ATTEMPTS_BY_PROVIDER = ATTEMPTS.where(
    messages.c.provider_id == any_(bindparam("wanted_ids", type_=ARRAY(Text)))
).order_by(attempts.c.number)
KEEP_DELIVERY = (
    update(messages)
    .where(messages.c.id == bindparam("wanted_id"))
    .values(
        delivery=bindparam("the_delivery"),
        provider_id=func.coalesce(messages.c.provider_id, bindparam("the_provider_id", type_=Text)),
    )
)
