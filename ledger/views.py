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


class _View(BaseModel):
    model_config = ConfigDict(frozen=True, from_attributes=True)


class InvoiceLine(_View):
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


class InvoiceStatus(_View):
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


class ConsentLine(_View):
    """A consent that was given; `holds` while the address to which it was given is the one that is known."""

    channel: str
    wording: str
    proof_at: datetime
    holds: bool


class CustomerCard(_View):
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


class ContactCard(_View):
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


class CustomerLine(_View):
    """A customer in a list."""

    key: str
    name: str
    segment: str
    language: str
    country: str
    zone: str
    on_hold: bool
    open_invoices: int


class HoldLine(_View):
    """A pause: why (a code), and when it ends by itself."""

    hold: str
    reason: str
    until: datetime | None


class CustomerView(_View):
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


class EventLine(_View):
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


class AttemptLine(_View):
    """One attempt to hand a message to a provider."""

    id: str
    number: int
    state: str
    permitted_at: datetime
    began_at: datetime | None
    settled_at: datetime | None
    code: str | None
    error_class: str | None


class MessageLine(_View):
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


class AgendaLine(_View):
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


class ContactsOnDay(_View):
    """How many messages fall due on a day of the customers' own calendars, by one channel."""

    day: date
    channel: str
    contacts: int


class NoteLine(_View):
    """What was written or done on a case."""

    at: datetime
    actor: str
    text: str


class CaseLine(_View):
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


class ReplyLine(_View):
    """What the customer wrote back, and what it was read as (`cadence.words.Intent`)."""

    at: datetime
    channel: str
    intent: str | None = None
    body: str


class InvoiceStory(_View):
    """Everything there is to know of one invoice; `events` holds the customer's own as well, in the ledger's order.

    `workflow_id` is that of the Temporal workflow which keeps time for it. `parts` is how money was shared out over costs,
    interest and principal, where late charges were claimed; else it is empty.
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


class Totals(_View):
    """What the ledger holds: invoices by state, open cases by queue, attempts by state."""

    invoices: dict[str, int]
    cases: dict[str, int]
    attempts: dict[str, int]


_NO_FAILURE = ("done", "same", "would_change", "waiting")


class JobLine(_View):
    """Work on many invoices or customers and how far it has come; `outcomes` counts them by what became of each.

    `failed` counts those to which it could not be done, such as one that was closed meanwhile. Of `segment`, `same`
    counts the customers who are in their segment, and `would_change` in a dry run those who would leave it.
    """

    id: int
    kind: str
    filter: dict[str, Any]
    order: dict[str, Any]
    status: str
    created_at: datetime
    created_by: str
    finished_at: datetime | None
    outcomes: dict[str, int]

    @computed_field  # type: ignore[prop-decorator] # pydantic's own way to write one
    @property
    def total(self) -> int:
        """All its invoices, or customers."""
        return sum(self.outcomes.values())

    @computed_field  # type: ignore[prop-decorator] # pydantic's own way to write one
    @property
    def done(self) -> int:
        """Those to which it was done."""
        return self.outcomes.get("done", 0)

    @computed_field  # type: ignore[prop-decorator] # pydantic's own way to write one
    @property
    def failed(self) -> int:
        """Those to which it could not be done."""
        return sum(count for outcome, count in self.outcomes.items() if outcome not in _NO_FAILURE)

    @computed_field  # type: ignore[prop-decorator] # pydantic's own way to write one
    @property
    def percent(self) -> int:
        """How much of it is over, rounded down."""
        return 100 * (self.total - self.outcomes.get("waiting", 0)) // self.total if self.total else 100
