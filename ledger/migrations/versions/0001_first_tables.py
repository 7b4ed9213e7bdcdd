"""The first tables: cadences, customers, invoices, their log and agenda, messages, cases and the outbox."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# In the order in which they are made: each refers to earlier ones only.
TABLES = (
    "cadence_version",
    "customer",
    "invoice",
    "event",
    "agenda",
    "message",
    "attempt",
    "case",
    "case_note",
    "reply",
    "outbox",
    "halt",
)


def upgrade() -> None:
    _cadences_and_customers()
    _invoices()
    _events()
    _agenda()
    _messages()
    _attempts()
    _cases()
    _replies()
    _switches()


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
    op.execute("DROP FUNCTION event_is_append_only()")


def _text(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _number(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _json(name: str) -> sa.Column[Any]:
    return sa.Column(name, JSONB(), nullable=False)


def _instant(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _create(table: str, *parts: Any) -> None:
    key = sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False)
    op.create_table(table, key, *parts, sa.PrimaryKeyConstraint("id"))


def _belongs_to(table: str, *, nullable: bool = False) -> tuple[sa.Column[Any], sa.ForeignKeyConstraint]:
    name = f"{table.removesuffix('_version')}_id"
    column = sa.Column(name, sa.BigInteger(), nullable=nullable)
    return column, sa.ForeignKeyConstraint([name], [f"{table}.id"])


def _index(table: str, *columns: str) -> None:
    for column in columns:
        op.create_index(f"ix_{table}_{column}", table, [column])


def _cadences_and_customers() -> None:
    _create(
        "cadence_version",
        _text("name"),
        _number("version"),
        _text("digest"),
        _json("document"),
        _instant("published_at"),
        sa.UniqueConstraint("name", "version"),
    )
    _create(
        "customer",
        _text("key"),
        _text("name"),
        _text("email", nullable=True),
        _text("phone", nullable=True),
        _text("whatsapp", nullable=True),
        _json("facts"),
        sa.UniqueConstraint("key"),
    )
    _index("customer", "email", "phone", "whatsapp")


def _invoices() -> None:
    _create(
        "invoice",
        _text("number"),
        *_belongs_to("customer"),
        *_belongs_to("cadence_version"),
        _json("facts"),
        _text("state"),
        _text("currency"),
        sa.Column("balance", sa.Numeric(16, 4), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        _number("version"),
        _json("directive"),
        _text("agenda_digest"),
        _instant("next_at", nullable=True),
        _instant("received_at"),
        _instant("closed_at", nullable=True),
        sa.UniqueConstraint("number"),
    )
    _index("invoice", "customer_id", "cadence_id")
    op.create_index("invoice_state", "invoice", ["state"])
    still_open = sa.text("closed_at IS NULL")
    op.create_index("invoice_open_next", "invoice", ["next_at"], postgresql_where=still_open)


def _events() -> None:
    _create(
        "event",
        *_belongs_to("invoice", nullable=True),
        *_belongs_to("customer"),
        _text("type"),
        _json("payload"),
        _instant("at"),
        _instant("recorded_at"),
        _text("actor"),
        _text("source"),
        _text("external_id", nullable=True),
        _text("state", nullable=True),
        _text("note", nullable=True),
        sa.UniqueConstraint("source", "external_id"),
    )
    _index("event", "invoice_id", "customer_id")
    op.execute(
        """
        CREATE FUNCTION event_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'the event log is append-only: % is refused', TG_OP
                USING HINT = 'record a new event that corrects the old one';
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER event_is_append_only BEFORE UPDATE OR DELETE ON event "
        "FOR EACH STATEMENT EXECUTE FUNCTION event_is_append_only()"
    )


def _agenda() -> None:
    invoice_id, of_invoice = _belongs_to("invoice")
    op.create_table(
        "agenda",
        invoice_id,
        _number("position"),
        _text("key"),
        _text("kind"),
        _instant("at"),
        _text("why"),
        _text("step", nullable=True),
        _number("occurrence"),
        _text("channel", nullable=True),
        of_invoice,
        sa.PrimaryKeyConstraint("invoice_id", "position"),
    )
    _index("agenda", "at")


def _messages() -> None:
    _create(
        "message",
        *_belongs_to("invoice"),
        _text("step"),
        _number("occurrence"),
        _text("channel"),
        _text("template"),
        _text("language"),
        sa.Column("notice", sa.Boolean(), nullable=False),
        _text("reference"),
        _text("provider_id", nullable=True),
        _text("delivery", nullable=True),
        _text("address", nullable=True),
        _text("subject", nullable=True),
        _text("html", nullable=True),
        _text("body", nullable=True),
        sa.UniqueConstraint("invoice_id", "step", "occurrence", "channel"),
        sa.UniqueConstraint("reference"),
    )
    _index("message", "invoice_id", "provider_id")


def _attempts() -> None:
    op.create_table(
        "attempt",
        _text("id"),
        *_belongs_to("message"),
        _number("number"),
        _text("state"),
        _instant("permitted_at"),
        _instant("lease_until"),
        _instant("began_at", nullable=True),
        _instant("settled_at", nullable=True),
        sa.Column("permit_event", sa.BigInteger(), nullable=False),
        _text("code", nullable=True),
        _text("error_class", nullable=True),
        sa.CheckConstraint(
            "state IN ('reserved','calling','refused','accepted','rejected','unknown','lapsed')"
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    _index("attempt", "message_id")
    pending = sa.text("state IN ('reserved','calling')")
    op.create_index("attempt_calling", "attempt", ["lease_until"], postgresql_where=pending)


def _cases() -> None:
    _create(
        "case",
        *_belongs_to("invoice"),
        _text("key"),
        _text("queue"),
        _text("reason"),
        _text("status"),
        _text("claimed_by", nullable=True),
        _instant("opened_at"),
        _instant("closed_at", nullable=True),
        sa.UniqueConstraint("invoice_id", "key"),
    )
    _index("case", "invoice_id")
    op.create_index("case_open", "case", ["queue", "status"])
    _create("case_note", *_belongs_to("case"), _instant("at"), _text("actor"), _text("text"))
    _index("case_note", "case_id")


def _replies() -> None:
    _create(
        "reply",
        *_belongs_to("customer", nullable=True),
        _text("channel"),
        _text("sender"),
        _text("body"),
        _instant("at"),
        _text("external_id"),
        sa.UniqueConstraint("external_id"),
    )
    _index("reply", "customer_id")


def _switches() -> None:
    _create(
        "outbox",
        *_belongs_to("invoice"),
        _text("cause"),
        _instant("created_at"),
        _instant("relayed_at", nullable=True),
    )
    _index("outbox", "invoice_id")
    waiting = sa.text("relayed_at IS NULL")
    op.create_index("outbox_waiting", "outbox", ["id"], postgresql_where=waiting)
    op.create_table(
        "halt",
        _text("scope"),
        _text("value"),
        _instant("at"),
        _text("actor"),
        _text("reason"),
        sa.PrimaryKeyConstraint("scope", "value"),
    )
