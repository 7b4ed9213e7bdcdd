"""The tables of the HTTP service: what came in and waits, who may call, what goes out, and work in bulk."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Numeric,
    Text,
    UniqueConstraint,
    text,
)
from sqlmodel import Field, SQLModel

from ledger.columns import belongs_to, instant, json, key


class Inbox(SQLModel, table=True):
    """A webhook that was verified and is to be processed; (source, external id) is taken once.

    `body` is the text as it came, or the form's fields as JSON. `due_at` is when it is tried (again); `outcome` is a
    code: what became of it, or while it waits why it does. No lane (replies, money, receipts) waits for another.
    """

    __tablename__ = "inbox"
    __table_args__ = (
        UniqueConstraint("source", "external_id"),
        CheckConstraint("lane IN ('replies','money','receipts')"),
        Index("inbox_waiting", "lane", "due_at", "id", postgresql_where=text("processed_at IS NULL")),
        Index("inbox_processed", "processed_at", postgresql_where=text("processed_at IS NOT NULL")),
    )
    id: int = key()
    lane: str = Field(sa_type=Text)
    source: str = Field(sa_type=Text)
    external_id: str = Field(sa_type=Text)
    body: str = Field(sa_type=Text)
    received_at: datetime = instant()
    due_at: datetime = instant()
    tries: int = 0
    processed_at: datetime | None = instant(nullable=True)
    outcome: str | None = Field(default=None, sa_type=Text)


class InvoiceReference(SQLModel, table=True):
    """Another name by which a payer or a provider knows an invoice: `kind` is creditor_reference, pix_txid or provider."""

    __tablename__ = "invoice_reference"
    kind: str = Field(primary_key=True, sa_type=Text)
    value: str = Field(primary_key=True, sa_type=Text)
    invoice_id: int = belongs_to("invoice")


class UnmatchedPayment(SQLModel, table=True):
    """Money that no invoice could be found for: an agent settles it on one, or dismisses it.

    `source` is the rail that told it; its id is unique over all rails. `of_payment` is what a reversal or a dispute
    is about; `dismissal` is why an agent put it aside. It goes to an invoice, or is shared out over a customer's.
    `meant` is what of it its sender named for which invoice, by number.
    """

    __tablename__ = "unmatched_payment"
    __table_args__ = (
        UniqueConstraint("external_id", "kind"),
        CheckConstraint("status IN ('open','claimed','settled','dismissed')"),
        Index("unmatched_open", "id", postgresql_where=text("status IN ('open','claimed')")),
        Index("unmatched_of", "of_payment", postgresql_where=text("of_payment IS NOT NULL")),
    )
    id: int = key()
    source: str = Field(sa_type=Text)
    external_id: str = Field(sa_type=Text)
    kind: str = Field(sa_type=Text)
    amount: Decimal = Field(sa_column=Column(Numeric(16, 4), nullable=False))
    currency: str = Field(sa_type=Text)
    paid_at: datetime = instant()
    method: str = Field(default="", sa_type=Text)
    references: list[dict[str, str]] = json()
    meant: list[dict[str, str]] = json()
    payer: str | None = Field(default=None, sa_type=Text)
    of_payment: str | None = Field(default=None, sa_type=Text)
    reason: str = Field(sa_type=Text)
    received_at: datetime = instant()
    status: str = Field(default="open", sa_type=Text)
    claimed_by: str | None = Field(default=None, sa_type=Text)
    settled_by: str | None = Field(default=None, sa_type=Text)
    settled_at: datetime | None = instant(nullable=True)
    dismissal: str | None = Field(default=None, sa_type=Text)
    invoice_id: int | None = belongs_to("invoice", nullable=True)
    customer_id: int | None = belongs_to("customer", nullable=True)


class Contact(SQLModel, table=True):
    """A person at a customer, by the creditor's own key; Régua writes to `billing` where a step names no other role."""

    __tablename__ = "contact"
    __table_args__ = (UniqueConstraint("customer_id", "key"),)
    id: int = key()
    customer_id: int = belongs_to("customer")
    key: str = Field(sa_type=Text)
    role: str = Field(sa_type=Text)
    name: str = Field(sa_type=Text)
    language: str | None = Field(default=None, sa_type=Text)
    email: str | None = Field(default=None, sa_type=Text)
    phone: str | None = Field(default=None, sa_type=Text, index=True)
    whatsapp: str | None = Field(default=None, sa_type=Text, index=True)


class Token(SQLModel, table=True):
    """Leave to call the service; `digest` is SHA-256 of what its holder keeps, which nobody can read again."""

    __tablename__ = "token"
    id: int = key()
    name: str = Field(sa_type=Text, unique=True)
    role: str = Field(sa_type=Text)
    permissions: list[str] | None = json(nullable=True)
    digest: str = Field(sa_type=Text, unique=True)
    created_at: datetime = instant()
    created_by: str = Field(sa_type=Text)
    expires_at: datetime = instant()
    revoked_at: datetime | None = instant(nullable=True)
    revoked_by: str | None = Field(default=None, sa_type=Text)
    last_used_at: datetime | None = instant(nullable=True)


class IdempotencyKey(SQLModel, table=True):
    """A write that a caller named, and its answer; without an answer it is under way, or was cut short."""

    __tablename__ = "idempotency_key"
    __table_args__ = (Index("idempotency_key_at", "created_at"),)
    caller: str = Field(primary_key=True, sa_type=Text)
    key: str = Field(primary_key=True, sa_type=Text)
    request_digest: str = Field(sa_type=Text)
    created_at: datetime = instant()
    status: int | None = None
    media_type: str | None = Field(default=None, sa_type=Text)
    etag: str | None = Field(default=None, sa_type=Text)
    location: str | None = Field(default=None, sa_type=Text)
    body: str | None = Field(default=None, sa_type=Text)


class WebhookEndpoint(SQLModel, table=True):
    """Where another system hears what became of invoices. The secret signs, so it is kept as it is."""

    __tablename__ = "webhook_endpoint"
    __table_args__ = (CheckConstraint("status IN ('active','paused','disabled')"),)
    id: int = key()
    url: str = Field(sa_type=Text)
    secret: str = Field(sa_type=Text)
    types: list[str] = json()
    description: str = Field(default="", sa_type=Text)
    status: str = Field(default="active", sa_type=Text)
    status_reason: str | None = Field(default=None, sa_type=Text)
    created_at: datetime = instant()
    created_by: str = Field(sa_type=Text)


class WebhookDelivery(SQLModel, table=True):
    """One announcement to one endpoint; of an invoice, they leave in the order of their ids. A test is of none.

    `told` is the mark that the endpoint's workflow was told that something waits.
    """

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        UniqueConstraint("endpoint_id", "event_id", "type"),
        CheckConstraint("state IN ('waiting','delivered','given_up')"),
        Index(
            "webhook_delivery_waiting",
            "endpoint_id",
            "invoice_id",
            "id",
            postgresql_where=text("state = 'waiting'"),
        ),
        Index("webhook_delivery_of_endpoint", "endpoint_id", "id"),
        Index("webhook_delivery_untold", "endpoint_id", "id", postgresql_where=text("NOT told")),
    )
    id: int = key()
    endpoint_id: int = Field(sa_column=Column(BigInteger, ForeignKey("webhook_endpoint.id"), nullable=False))
    event_id: int | None = belongs_to("event", nullable=True)
    invoice_id: int | None = belongs_to("invoice", nullable=True)
    type: str = Field(sa_type=Text)
    state: str = Field(default="waiting", sa_type=Text)
    created_at: datetime = instant()
    next_at: datetime = instant()
    attempts: int = 0
    last_answer: str | None = Field(default=None, sa_type=Text)
    told: bool = False
    delivered_at: datetime | None = instant(nullable=True)


class Job(SQLModel, table=True):
    """Work on many invoices or customers, chosen when it was asked for; it goes on where it was left."""

    __tablename__ = "job"
    __table_args__ = (CheckConstraint("status IN ('running','finished','cancelled')"),)
    id: int = key()
    kind: str = Field(sa_type=Text)
    filter: dict[str, Any] = json()
    order: dict[str, Any] = json()
    status: str = Field(default="running", sa_type=Text)
    created_at: datetime = instant()
    created_by: str = Field(sa_type=Text)
    finished_at: datetime | None = instant(nullable=True)


class JobItem(SQLModel, table=True):
    """One invoice of a job, by our id, or one customer where its kind is `segment`; `outcome` is a code once it was done."""

    __tablename__ = "job_item"
    __table_args__ = (Index("job_item_waiting", "job_id", postgresql_where=text("outcome IS NULL")),)
    job_id: int = Field(sa_column=Column(BigInteger, ForeignKey("job.id"), primary_key=True))
    subject_id: int = Field(sa_column=Column(BigInteger, primary_key=True))
    outcome: str | None = Field(default=None, sa_type=Text)


class Answer(SQLModel, table=True):
    """What an agent wrote to a customer about an invoice; it leaves as the message `on:answer` of this number."""

    __tablename__ = "answer"
    __table_args__ = (UniqueConstraint("invoice_id", "number"),)
    id: int = key()
    invoice_id: int = belongs_to("invoice")
    number: int
    channel: str = Field(sa_type=Text)
    text: str = Field(sa_type=Text)
    actor: str = Field(sa_type=Text)
    at: datetime = instant()


# What statements are written of.
inbox, references_table = Inbox.__table__, InvoiceReference.__table__  # type: ignore[attr-defined]
unmatched_table, answers, contacts = UnmatchedPayment.__table__, Answer.__table__, Contact.__table__  # type: ignore[attr-defined]
tokens, idempotency_keys = Token.__table__, IdempotencyKey.__table__  # type: ignore[attr-defined]
endpoints, deliveries = WebhookEndpoint.__table__, WebhookDelivery.__table__  # type: ignore[attr-defined]
jobs, job_items = Job.__table__, JobItem.__table__  # type: ignore[attr-defined]
