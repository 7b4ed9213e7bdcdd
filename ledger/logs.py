"""Logs: all that the ledger holds of one invoice, its customer's events and its attempts among it, for checking."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cadence import events as e
from cadence.customer_facts import CustomerFacts
from cadence.customers import reduce_customer
from cadence.directive import Directive
from cadence.document import Cadence
from cadence.facts import InvoiceFacts, StepFacts
from cadence.reducer import reduce_invoice
from cadence.rules import Rulebook, Rules


@dataclass(frozen=True, slots=True)
class Logged:
    """One event and its place in the ledger's order."""

    id: int
    event: Any
    at: datetime


@dataclass(frozen=True, slots=True)
class Tried:
    """One attempt, with the message it was for."""

    id: str
    message_id: int
    step: str
    occurrence: int
    channel: str
    notice: bool
    state: str
    permitted_at: datetime
    lease_until: datetime
    began_at: datetime | None
    permit_event: int


@dataclass(frozen=True, slots=True)
class Owner:
    """A customer whose an invoice was, with that customer's events; `until` is the event by which it moved on."""

    customer_id: int
    until: int | None
    events: Sequence[Logged]


@dataclass(frozen=True, slots=True)
class Listed:
    """A step of an invoice that an attempt on another one listed: what became of that attempt, and of its message.

    `carrier` is what is known of the step that the message was for, and `goes_on` whether that may still send.
    """

    step: str
    occurrence: int
    channel: str
    message_id: int
    reference: str
    state: str
    delivery: str | None
    permitted_at: datetime
    permit_event: int
    carrier: StepFacts
    goes_on: bool


@dataclass(frozen=True, slots=True)
class InvoiceLog:
    """All that the ledger holds of one invoice, for checking; `stored` and the row are what the events must give.

    `cadence` is the one it follows now, `editions` every published version by name and number.
    """

    row: Mapping[str, Any]
    stored: InvoiceFacts
    cadence: Cadence
    editions: Mapping[tuple[str, int], Cadence]
    events: Sequence[Logged]
    owners: Sequence[Owner]
    attempts: Sequence[Tried]
    listed: Sequence[Listed]
    cases: frozenset[str]

    @property
    def name(self) -> str:
        """How a violation names it: by the creditor's own number, which every command takes."""
        return f"invoice {self.row['number']}"

    @property
    def directive(self) -> Directive:
        """What its workflow was told last."""
        return Directive.model_validate(self.row["directive"])

    def owner(self, event_id: int) -> Owner:
        """Whose the invoice was at that place of the log: customers may be merged."""
        return next(owner for owner in self.owners if owner.until is None or event_id < owner.until)

    def rules_of(self, attempt: Tried, book: Rulebook) -> Rules | None:
        """The contact rules as they were at its permit; None where the customer was not known yet."""
        event_id = attempt.permit_event
        customer = self.customer_before(event_id)
        if customer is None:
            return None
        return book.rules(self.cadence_before(event_id), customer, attempt.permitted_at)

    def customer_before(self, event_id: int) -> CustomerFacts | None:
        """What was known of its customer then; None where nothing was."""
        return reduced_customer(logged for logged in self.owner(event_id).events if logged.id < event_id)

    def permit_of(self, attempt: Tried) -> e.MessagePermitted | None:
        """The permit under which an attempt was made, as the log has it."""
        found = (logged.event for logged in self.events if logged.id == attempt.permit_event)
        return next((event for event in found if isinstance(event, e.MessagePermitted)), None)

    def cadence_before(self, event_id: int) -> Cadence:
        """The cadence that the invoice followed then."""
        for logged in self.events:
            if logged.id >= event_id and isinstance(logged.event, e.CadenceChanged):
                return self.editions[logged.event.before, logged.event.before_version]
        return self.cadence

    def rules(self, book: Rulebook, now: datetime) -> Rules:
        """The contact rules now."""
        customer = reduced_customer(self.owners[-1].events)
        assert customer is not None  # the ledger takes in no invoice without its customer
        return book.rules(self.cadence, customer, now)


def replayed(log: Iterable[Logged]) -> Iterator[tuple[Logged, InvoiceFacts | None, InvoiceFacts]]:
    """An invoice's events one by one, with the facts before and after each."""
    facts: InvoiceFacts | None = None
    for logged in log:
        before, facts = facts, reduce_invoice(facts, logged.event, logged.at)
        yield logged, before, facts


def reduced_customer(log: Iterable[Logged]) -> CustomerFacts | None:
    """The facts that a customer's logged events add up to."""
    facts: CustomerFacts | None = None
    for logged in log:
        facts = reduce_customer(facts, logged.event)
    return facts
