"""One transaction on one customer: lock it and its invoices, append events, and reduce the facts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Executable, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cadence import events as e
from cadence.announcements import Announcement, announced
from cadence.creditor import Creditor
from cadence.customer_facts import CustomerFacts
from cadence.customers import reduce_customer
from cadence.directive import Directive
from cadence.document import Cadence
from cadence.facts import CaseDue, InvoiceFacts, State
from cadence.payers import NO_PAYER, PayerFacts
from cadence.permit import asks_payer
from cadence.reducer import reduce_invoice
from cadence.rules import Rulebook, Rules
from ledger import statements
from ledger.behaviour import payer_facts
from ledger.database import CustomerMoved, UnknownCustomer, UnknownInvoice
from ledger.driving import run
from ledger.tables import cadences

_published: dict[tuple[str, int], Cadence] = {}


@dataclass(frozen=True, slots=True)
class Origin:
    """Who says so, through what, and under which id it may be told again without effect."""

    actor: str
    source: str
    external_id: str | None = None
    note: str | None = None


PLANNER = Origin(actor="regua", source="planner")


@dataclass(slots=True)
class Held:
    """An invoice whose row this transaction has locked."""

    row: Mapping[str, Any]
    facts: InvoiceFacts
    cadence: Cadence
    directive: Directive
    cadence_id: int
    causes: list[str] = field(default_factory=list)
    cases: tuple[CaseDue, ...] = ()
    last_event: int = 0
    ruled: tuple[CustomerFacts, Rules] | None = None

    @property
    def id(self) -> int:
        """Our id of the invoice."""
        return int(self.row["id"])


async def published_cadence(connection: AsyncConnection, cadence_id: int) -> Cadence:
    """A published version, which never changes and so is read once a process and database."""
    key = (str(connection.engine.url), cadence_id)
    if key not in _published:
        found = select(cadences.c.document).where(cadences.c.id == cadence_id)
        document = (await connection.execute(found)).scalar_one()
        _published[key] = Cadence.model_validate(document)
    return _published[key]


class Unit:
    """The locked customer and invoices of one transaction. Locks: customer first, then invoices by id."""

    def __init__(self, connection: AsyncConnection, book: Rulebook, now: datetime) -> None:
        self.connection = connection
        self.book = book
        self.now = now
        self.customer: Mapping[str, Any] = {}
        self.customer_facts: CustomerFacts = None  # type: ignore[assignment] # set by lock()
        self.held: dict[int, Held] = {}

    @property
    def creditor(self) -> Creditor:
        """The company that is owed."""
        return self.book.creditor

    async def lock(self, customer_id: int, invoice_ids: Iterable[int] | None = None) -> None:
        """Lock a customer and some of its invoices, or all open ones where none are named; raise CustomerMoved."""
        found = await run(self.connection, statements.LOCK_CUSTOMER, {"wanted_id": customer_id})
        if not found:
            known = await self.connection.execute(statements.MERGED_INTO, {"wanted_id": customer_id})
            into = known.scalar_one_or_none()
            raise UnknownCustomer(customer_id) if into is None else CustomerMoved(into)
        self.hold_customer(found[0])
        await self.hold_invoices(invoice_ids)

    async def lock_invoice(self, invoice_id: int) -> None:
        """Lock one invoice and, before it, its customer; raise UnknownInvoice, CustomerMoved."""
        wanted = {"wanted_id": invoice_id}
        found = await run(self.connection, statements.LOCK_INVOICE, wanted)
        if not found:
            owner = (await self.connection.execute(statements.INVOICE_OWNER, wanted)).scalar_one_or_none()
            raise UnknownInvoice(invoice_id) if owner is None else CustomerMoved(owner)
        [row] = found
        self.hold_customer({name: row[label] for name, label in statements.OWNERS.items()})
        await self.adopt(row, InvoiceFacts.model_validate(row["facts"]))

    def hold_customer(self, row: Any) -> None:
        """Take a customer's row that this transaction has locked, or inserted."""
        self.customer = dict(row)
        if row["facts"]:
            self.customer_facts = CustomerFacts.model_validate(row["facts"])

    async def hold_invoices(self, invoice_ids: Iterable[int] | None) -> None:
        """Lock invoices of the locked customer, in the order of their ids."""
        of_customer = {"of_customer": self.customer["id"]}
        rows = await (
            run(self.connection, statements.LOCK_OPEN, of_customer)
            if invoice_ids is None
            else run(self.connection, statements.LOCK_NAMED, of_customer | {"wanted_ids": list(invoice_ids)})
        )
        for row in rows:
            if int(row["id"]) in self.held:
                continue
            await self.adopt(row, InvoiceFacts.model_validate(row["facts"]))

    async def adopt(self, row: Mapping[str, Any], facts: InvoiceFacts) -> Held:
        """Take a locked row into this transaction."""
        cadence_id = int(row["cadence_id"])
        cadence = await published_cadence(self.connection, cadence_id)
        directive = Directive.model_validate(row["directive"])
        held = Held(row, facts, cadence, directive, cadence_id, cases=facts.cases)
        self.held[held.id] = held
        return held

    def invoice(self, invoice_id: int) -> Held:
        """The locked invoice; raise UnknownInvoice where this transaction holds no such."""
        if invoice_id not in self.held:
            raise UnknownInvoice(invoice_id)
        return self.held[invoice_id]

    def rules(self, held: Held) -> Rules:
        """The contact rules of a locked invoice, found anew only where something was told of its customer."""
        if held.ruled is None or held.ruled[0] is not self.customer_facts:
            held.ruled = self.customer_facts, self.book.rules(held.cadence, self.customer_facts, self.now)
        return held.ruled[1]

    async def begin_invoice(
        self, number: str, cadence_id: int, event: e.InvoiceReceived, origin: Origin
    ) -> Held:
        """Write a new invoice of the locked customer, with the first event of its log."""
        facts = reduce_invoice(None, event, self.now)
        row = {
            "number": number,
            "customer_id": self.customer["id"],
            "cadence_id": cadence_id,
            "facts": facts.model_dump(mode="json", exclude_defaults=True),
            "state": str(facts.state),
            "currency": facts.currency,
            "balance": facts.balance,
            "due_on": facts.due_on,
            "version": 0,
            "directive": {"invoice_id": 0},
            "agenda_digest": "",
            "received_at": self.now,
        }
        [stored] = await run(self.connection, statements.ADD_INVOICE, row)
        held = await self.adopt(stored, facts)
        heard = announced(event, None, facts.state)
        recorded = await self._append(event, origin, self.now, held.id, facts.state, heard)
        held.last_event = recorded or 0
        held.causes.append(event.type)
        return held

    async def tell(
        self, held: Held, event: e.InvoiceEvent, origin: Origin, at: datetime | None = None
    ) -> bool:
        """Append an event to an invoice's log and reduce it; False where it had been told before."""
        at = at or self.now
        after = reduce_invoice(held.facts, event, at)
        heard = announced(event, held.facts.state, after.state)
        recorded = await self._append(event, origin, at, held.id, after.state, heard)
        if recorded is None:
            return False
        opens = held.facts.closed is not None and after.closed is None
        held.facts, held.last_event = after, recorded
        held.causes.append(event.type)
        if opens:
            await self.pause_with_customer(held, origin.actor)
        return True

    async def pause_with_customer(self, held: Held, actor: str) -> None:
        """Put an invoice that is new, or open again, under the holds of its whole customer."""
        known = {hold.hold for hold in held.facts.holds}
        for hold in self.customer_facts.holds:
            if hold.hold not in known and (hold.until is None or hold.until > self.now):
                placed = e.HoldPlaced(hold=hold.hold, reason=hold.reason, until=hold.until)
                await self.tell(held, placed, Origin(actor, "regua"))

    async def tell_customer(self, event: e.CustomerEvent, origin: Origin, at: datetime | None = None) -> bool:
        """Append an event to the customer's log, for all its open invoices; False where it had been told before."""
        if self.customer["facts"]:  # a customer of whom nothing was told yet has no invoices
            await self.hold_invoices(None)
        after = reduce_customer(self.customer_facts, event)
        if await self._append(event, origin, at or self.now, None, None) is None:
            return False
        self.customer_facts = after
        values = {"wanted_id": self.customer["id"], "facts": after.model_dump(mode="json")}
        await run(self.connection, statements.STORE_CUSTOMER, values)
        for held in self.held.values():
            held.causes.append(event.type)
        return True

    async def _append(
        self,
        event: e.Event,
        origin: Origin,
        at: datetime,
        invoice_id: int | None,
        state: State | None,
        heard: Sequence[Announcement] = (),
    ) -> int | None:
        row = {
            "invoice_id": invoice_id,
            "customer_id": self.customer["id"],
            "type": event.type,
            "payload": event.model_dump(mode="json", exclude={"type"}),
            "at": at,
            "recorded_at": self.now,
            "actor": origin.actor,
            "source": origin.source,
            "external_id": origin.external_id,
            "state": state and str(state),
            "note": origin.note,
        }
        statement: Executable = statements.ANNOUNCE_EVENT if heard else statements.APPEND_EVENT
        heard_too = {"announced": [str(each) for each in heard]} if heard else {}
        recorded = await run(self.connection, statement, row | heard_too)
        return int(recorded[0]["id"]) if recorded else None

    async def payer(self, held: Held) -> PayerFacts:
        """How the customer pays; nothing, where no condition of the cadence asks."""
        if not asks_payer(held.cadence):
            return NO_PAYER
        return await payer_facts(self.connection, int(self.customer["id"]), self.creditor.zone)
