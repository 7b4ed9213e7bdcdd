"""The ledger's tables. Instants are aware UTC; money is exact; facts are what the event log adds up to."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Text,
    UniqueConstraint,
    text,
)
from sqlmodel import Field, SQLModel

from cadence.words import BILLING
from ledger.columns import belongs_to, instant, json, key, money


class CadenceVersion(SQLModel, table=True):
    """A published cadence document; never changed, an invoice keeps the version it started with."""

    __tablename__ = "cadence_version"
    __table_args__ = (UniqueConstraint("name", "version"),)
    id: int = key()
    name: str = Field(sa_type=Text)
    version: int
    digest: str = Field(sa_type=Text)
    document: dict[str, Any] = json()
    published_at: datetime = instant()
    published_by: str | None = Field(default=None, sa_type=Text)


class Customer(SQLModel, table=True):
    """Who owes. `key` is the creditor's own id of the customer; `facts` its events, reduced.

    `merged_into` is who took over all that was this one's, and is never merged itself: the key is an alias of theirs.
    """

    __tablename__ = "customer"
    id: int = key()
    key: str = Field(sa_type=Text, unique=True)
    name: str = Field(sa_type=Text)
    email: str | None = Field(default=None, sa_type=Text, index=True)
    phone: str | None = Field(default=None, sa_type=Text, index=True)
    whatsapp: str | None = Field(default=None, sa_type=Text, index=True)
    facts: dict[str, Any] = json()
    merged_into: int | None = belongs_to("customer", nullable=True)


class Invoice(SQLModel, table=True):
    """An invoice. `number` is the creditor's own; `facts`, `state` and `balance` follow from its events."""

    __tablename__ = "invoice"
    __table_args__ = (
        Index("invoice_open_next", "next_at", postgresql_where=text("closed_at IS NULL")),
        Index("invoice_state", "state"),
    )
    id: int = key()
    number: str = Field(sa_type=Text, unique=True)
    customer_id: int = belongs_to("customer")
    cadence_id: int = belongs_to("cadence_version")
    facts: dict[str, Any] = json()
    state: str = Field(sa_type=Text)
    currency: str = Field(sa_type=Text)
    balance: Decimal = money()
    due_on: date
    version: int = 0
    directive: dict[str, Any] = json()
    agenda_digest: str = Field(default="", sa_type=Text)
    next_at: datetime | None = instant(nullable=True)
    received_at: datetime = instant()
    closed_at: datetime | None = instant(nullable=True)


class Event(SQLModel, table=True):
    """The append-only log. `id` is the ledger's order; `at` is when it happened, `recorded_at` when it was told."""

    __tablename__ = "event"
    __table_args__ = (UniqueConstraint("source", "external_id"),)
    id: int = key()
    invoice_id: int | None = belongs_to("invoice", nullable=True)
    customer_id: int = belongs_to("customer")
    type: str = Field(sa_type=Text)
    payload: dict[str, Any] = json()
    at: datetime = instant()
    recorded_at: datetime = instant()
    actor: str = Field(sa_type=Text)
    source: str = Field(sa_type=Text)
    external_id: str | None = Field(default=None, sa_type=Text)
    state: str | None = Field(default=None, sa_type=Text)
    note: str | None = Field(default=None, sa_type=Text)


class AgendaRow(SQLModel, table=True):
    """A dated item an invoice has ahead, as last planned."""

    __tablename__ = "agenda"
    invoice_id: int = Field(sa_column=Column(BigInteger, ForeignKey("invoice.id"), primary_key=True))
    position: int = Field(primary_key=True)
    key: str = Field(sa_type=Text)
    kind: str = Field(sa_type=Text)
    at: datetime = instant(index=True)
    why: str = Field(sa_type=Text)
    step: str | None = Field(default=None, sa_type=Text)
    occurrence: int = 1
    channel: str | None = Field(default=None, sa_type=Text)


class Message(SQLModel, table=True):
    """One message, unique for invoice, step, occurrence and channel, as the customer was to see it.

    `reference` is short, random and unique; the message carries it, so that a provider's list can be searched.
    """

    __tablename__ = "message"
    __table_args__ = (UniqueConstraint("invoice_id", "step", "occurrence", "channel"),)
    id: int = key()
    invoice_id: int = belongs_to("invoice")
    step: str = Field(sa_type=Text)
    occurrence: int
    channel: str = Field(sa_type=Text)
    template: str = Field(sa_type=Text)
    language: str = Field(sa_type=Text)
    notice: bool
    reference: str = Field(sa_type=Text, unique=True)
    provider_id: str | None = Field(default=None, sa_type=Text, index=True)
    delivery: str | None = Field(default=None, sa_type=Text)
    address: str | None = Field(default=None, sa_type=Text)
    subject: str | None = Field(default=None, sa_type=Text)
    html: str | None = Field(default=None, sa_type=Text)
    body: str | None = Field(default=None, sa_type=Text)


class Attempt(SQLModel, table=True):
    """One attempt to hand a message to a provider, under one permit.

    States: reserved, calling, refused, accepted, rejected, unknown. `permit_event` is the permit's place in
    the log, by which the order of payment and permit is told.
    """

    __tablename__ = "attempt"
    __table_args__ = (
        CheckConstraint("state IN ('reserved','calling','refused','accepted','rejected','unknown','lapsed')"),
        Index("attempt_calling", "lease_until", postgresql_where=text("state IN ('reserved','calling')")),
    )
    id: str = Field(sa_column=Column(Text, primary_key=True))
    message_id: int = belongs_to("message")
    number: int
    state: str = Field(sa_type=Text)
    permitted_at: datetime = instant()
    lease_until: datetime = instant()
    began_at: datetime | None = instant(nullable=True)
    settled_at: datetime | None = instant(nullable=True)
    permit_event: int = Field(sa_type=BigInteger)
    role: str = Field(default=BILLING, sa_type=Text)
    copies: list[str] = json()
    code: str | None = Field(default=None, sa_type=Text)
    error_class: str | None = Field(default=None, sa_type=Text)


class ListedInvoice(SQLModel, table=True):
    """An invoice that an attempt's message speaks of beside its own: its step, and what the message says is owed."""

    __tablename__ = "listed_invoice"
    attempt_id: str = Field(sa_column=Column(Text, ForeignKey("attempt.id"), primary_key=True))
    invoice_id: int = Field(
        sa_column=Column(BigInteger, ForeignKey("invoice.id"), primary_key=True, index=True)
    )
    step: str = Field(sa_type=Text)
    occurrence: int
    due_on: date
    balance: Decimal = money()
    currency: str = Field(sa_type=Text)


class Case(SQLModel, table=True):
    """Work for an agent. `key` is unique within its invoice, so that one cause opens one case."""

    __tablename__ = "case"
    __table_args__ = (UniqueConstraint("invoice_id", "key"), Index("case_open", "queue", "status"))
    id: int = key()
    invoice_id: int = belongs_to("invoice")
    key: str = Field(sa_type=Text)
    queue: str = Field(sa_type=Text)
    reason: str = Field(sa_type=Text)
    status: str = Field(default="open", sa_type=Text)
    claimed_by: str | None = Field(default=None, sa_type=Text)
    opened_at: datetime = instant()
    closed_at: datetime | None = instant(nullable=True)


class CaseNote(SQLModel, table=True):
    """What an agent wrote on a case."""

    __tablename__ = "case_note"
    id: int = key()
    case_id: int = belongs_to("case")
    at: datetime = instant()
    actor: str = Field(sa_type=Text)
    text: str = Field(sa_type=Text)


class Reply(SQLModel, table=True):
    """What a customer wrote back, where nobody but agents reads it."""

    __tablename__ = "reply"
    __table_args__ = (Index("reply_sender", "sender", "at"),)
    id: int = key()
    customer_id: int | None = belongs_to("customer", nullable=True)
    channel: str = Field(sa_type=Text)
    sender: str = Field(sa_type=Text)
    body: str = Field(sa_type=Text)
    at: datetime = instant()
    external_id: str = Field(sa_type=Text, unique=True)
    intent: str | None = Field(default=None, sa_type=Text)


class Outbox(SQLModel, table=True):
    """Asks the relay to tell an invoice's workflow; it reads the current directive itself, `cause` is for people."""

    __tablename__ = "outbox"
    __table_args__ = (Index("outbox_waiting", "id", postgresql_where=text("relayed_at IS NULL")),)
    id: int = key()
    invoice_id: int = belongs_to("invoice")
    cause: str = Field(sa_type=Text)
    created_at: datetime = instant()
    relayed_at: datetime | None = instant(nullable=True)


class Halt(SQLModel, table=True):
    """A switch that stops sending at the permit: scope `all`, `channel` or `segment`, and its value."""

    __tablename__ = "halt"
    scope: str = Field(primary_key=True, sa_type=Text)
    value: str = Field(primary_key=True, sa_type=Text)
    at: datetime = instant()
    actor: str = Field(sa_type=Text)
    reason: str = Field(sa_type=Text)


# What statements are written of.
customers, invoices, cadences = Customer.__table__, Invoice.__table__, CadenceVersion.__table__  # type: ignore[attr-defined]
events_table, agenda_table, outbox = Event.__table__, AgendaRow.__table__, Outbox.__table__  # type: ignore[attr-defined]
messages, attempts, replies = Message.__table__, Attempt.__table__, Reply.__table__  # type: ignore[attr-defined]
listed, halts = ListedInvoice.__table__, Halt.__table__  # type: ignore[attr-defined]
cases_table, notes = Case.__table__, CaseNote.__table__  # type: ignore[attr-defined]
