"""What the read side gives: frozen models, one for each thing that people look at. Personal data: never log them."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, computed_field

from cadence.appropriation import PartStands
from cadence.customer_facts import Preference
from cadence.foreseeing import CapForeseen
from cadence.payers import PayerFacts
from ledger.references import Reference


class View(BaseModel):
    """What each of them is."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


class InvoiceLine(View):
    """An invoice in a list. `customer` is the creditor's own key; `next_at` and `next_kind` its next agenda item."""

    number: str
    customer: str
    customer_name: str
    segment: str
    cadence: str
    cadence_version: int
    state: str
    currency: str
    amount: Decimal
    balance: Decimal
    due_on: date
    next_at: datetime | None
    next_kind: str | None
    received_at: datetime
    closed_at: datetime | None


class InvoiceStatus(View):
    """Where an invoice stands, without a word about who owes it: what other systems need back."""

    number: str
    state: str
    currency: str
    amount: Decimal
    paid: Decimal
    credited: Decimal
    balance: Decimal
    due_on: date
    next_at: datetime | None
    next_kind: str | None
    closed_at: datetime | None


class ConsentLine(View):
    """A consent that was given; `holds` while the address to which it was given is the one that is known."""

    channel: str
    wording: str
    proof_at: datetime
    holds: bool


class CustomerCard(View):
    """Who owes, and how they may be reached. `suppressed` says per channel why it is not to be used.

    `forbidden` are the reasons for which no channel at all is.
    """

    key: str
    name: str
    email: str | None
    phone: str | None
    whatsapp: str | None
    segment: str
    language: str
    country: str
    subdivision: str | None
    zone: str
    zone_assumed: bool
    suppressed: dict[str, str]
    forbidden: tuple[str, ...]
    preference: Preference
    consents: tuple[ConsentLine, ...]


class ContactCard(View):
    """A person at the customer, by the creditor's own key. `suppressed` says per channel why it is not to be used.

    Without a `language` it is the customer's.
    """

    key: str
    role: str
    name: str
    language: str | None
    email: str | None
    phone: str | None
    whatsapp: str | None
    suppressed: dict[str, str]


class CustomerLine(View):
    """A customer in a list."""

    key: str
    name: str
    segment: str
    language: str
    country: str
    zone: str
    on_hold: bool
    open_invoices: int


class HoldLine(View):
    """A pause: why (a code), and when it ends by itself."""

    hold: str
    reason: str
    until: datetime | None


class CustomerView(View):
    """A customer and their contacts: how they may be reached and have paid, holds, invoices by state, what is open.

    `merged_keys` are those of customers who were merged into this one, whom they still name.
    """

    card: CustomerCard
    contacts: tuple[ContactCard, ...]
    merged_keys: tuple[str, ...]
    holds: tuple[HoldLine, ...]
    invoices: dict[str, int]
    open_balance: dict[str, Decimal]
    payer: PayerFacts


class EventLine(View):
    """One event: when it happened and when it was told, who says so and through what. `state` is what followed.

    Where it names a message on another invoice, its payload says whose: `carrier` is that invoice's number.
    """

    id: int
    at: datetime
    recorded_at: datetime
    type: str
    payload: dict[str, Any]
    actor: str
    source: str
    external_id: str | None
    state: str | None
    note: str | None


class AttemptLine(View):
    """One attempt to hand a message to a provider."""

    id: str
    number: int
    state: str
    permitted_at: datetime
    began_at: datetime | None
    settled_at: datetime | None
    code: str | None
    error_class: str | None


class MessageLine(View):
    """One message and its attempts, in their order."""

    id: int
    invoice: str
    customer: str
    step: str
    occurrence: int
    channel: str
    template: str
    language: str
    notice: bool
    reference: str
    provider_id: str | None
    delivery: str | None
    attempts: tuple[AttemptLine, ...] = ()


class MessageSeen(MessageLine):
    """One message as the customer saw it; `html` and `subject` only for e-mail, all empty before it left."""

    address: str | None
    subject: str | None
    html: str | None
    body: str | None


class AgendaLine(View):
    """A dated item that an invoice has ahead, and why then (a code); `cap_foreseen` is what will probably defer it."""

    at: datetime
    kind: str
    why: str
    step: str | None
    occurrence: int
    channel: str | None
    cap_foreseen: CapForeseen | None = None


class UpcomingContact(AgendaLine):
    """A message that falls due, with the invoice it is about."""

    invoice: str
    customer: str
    customer_name: str
    segment: str
    language: str
    zone: str
    currency: str
    balance: Decimal

    @computed_field  # type: ignore[prop-decorator] # pydantic's own way to write one
    @property
    def local_at(self) -> datetime:
        """The instant on the customer's clock."""
        return self.at.astimezone(ZoneInfo(self.zone))


class NoteLine(View):
    """What was written or done on a case."""

    at: datetime
    actor: str
    text: str


class CaseLine(View):
    """Work for an agent. `status` is open, claimed or closed; a case may outlive its invoice's closing."""

    id: int
    invoice: str
    customer: str
    queue: str
    reason: str
    status: str
    claimed_by: str | None
    opened_at: datetime
    closed_at: datetime | None
    currency: str
    balance: Decimal
    invoice_state: str
    invoice_closed_at: datetime | None
    notes: tuple[NoteLine, ...] = ()


class ReplyLine(View):
    """What the customer wrote back, and what it was read as (`cadence.words.Intent`)."""

    at: datetime
    channel: str
    intent: str | None = None
    body: str


class InvoiceStory(View):
    """Everything there is to know of one invoice; `events` holds the customer's own as well, in the ledger's order.

    `workflow_id` is that of the Temporal workflow which keeps time for it. `parts` is how money was shared out over
    costs, interest and principal, where late charges were claimed; else it is empty.
    """

    invoice: InvoiceLine
    workflow_id: str
    paid: Decimal
    credited: Decimal
    parts: tuple[PartStands, ...]
    references: tuple[Reference, ...]
    customer: CustomerCard
    events: tuple[EventLine, ...]
    messages: tuple[MessageLine, ...]
    agenda: tuple[AgendaLine, ...]
    cases: tuple[CaseLine, ...]
    replies: tuple[ReplyLine, ...]


class Totals(View):
    """What the ledger holds: invoices by state, open cases by queue, attempts by state."""

    invoices: dict[str, int]
    cases: dict[str, int]
    attempts: dict[str, int]
