"""One transaction on one customer: lock, append events, reduce, plan anew, and leave word for the relay."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Executable, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cadence import events as e
from cadence.agenda import Agenda, Settled
from cadence.announcements import Announcement, announced
from cadence.creditor import Creditor
from cadence.customer_facts import CustomerFacts
from cadence.customers import reduce_customer
from cadence.directive import Directive
from cadence.document import Cadence
from cadence.facts import CaseDue, InvoiceFacts, State
from cadence.payers import NO_PAYER, PayerFacts
from cadence.permit import asks_payer, forecast
from cadence.planner import plan
from cadence.reducer import reduce_invoice
from cadence.rules import Rulebook, Rules
from ledger import statements
from ledger.behaviour import payer_facts
from ledger.case_keeping import keep_cases
from ledger.database import CustomerMoved, UnknownCustomer, UnknownInvoice
from ledger.driving import run
from ledger.tables import cadences

OUTBOX_CHANNEL = "regua_outbox"
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

    async def finish(self, *, told: int | None = None) -> None:
        """Plan anew what changed, and write it down. `told` is the invoice whose workflow learns it by return."""
        for held in self.held.values():
            if held.causes:
                await self._store(held, by_return=held.id == told)
                held.causes.clear()

    async def _store(self, held: Held, *, by_return: bool) -> None:
        agenda = await self._plan(held)
        directive = self._directive(held, agenda)
        values = {
            "wanted_id": held.id,
            "facts": held.facts.model_dump(mode="json", exclude_defaults=True),
            "state": str(held.facts.state),
            "balance": held.facts.balance,
            "due_on": held.facts.due_on,
            "closed_at": (held.row["closed_at"] or self.now) if held.facts.closed else None,
        }
        if held.cadence_id != held.row["cadence_id"]:
            values["cadence_id"] = held.cadence_id
        if directive != held.directive:
            values |= {
                "version": directive.version,
                "directive": directive.model_dump(mode="json"),
                "next_at": directive.item.at if directive.item else None,
            }
        if asks_payer(held.cadence):
            # What conditions know of the payer includes what was told just now.
            await run(self.connection, statements.STORE_INVOICE, values)
        planned = await self._planned(held, agenda)
        statement = statements.STORE_WITH_AGENDA if planned else statements.STORE_INVOICE
        await run(self.connection, statement, values | planned)
        held.row = {**held.row, "agenda_digest": planned.get("agenda_digest", held.row["agenda_digest"])}
        due = [case for case in held.facts.cases if case not in held.cases]
        await keep_cases(self.connection, held.id, held.cadence, due, self.now)
        held.cases = held.facts.cases
        if directive != held.directive and not by_return:
            await self.leave_word(held.id, held.causes[0])
        held.directive = directive

    async def _plan(self, held: Held) -> Agenda:
        agenda = plan(held.facts, held.cadence, self.rules(held), self.now)
        while agenda.settled:
            for settled in agenda.settled:
                await self.tell(held, _settling_event(settled), PLANNER)
            agenda = plan(held.facts, held.cadence, self.rules(held), self.now)
        return agenda

    def _directive(self, held: Held, agenda: Agenda) -> Directive:
        """What the workflow is to be told; the version rises only where something in it changed."""
        wanted = Directive(
            invoice_id=held.id,
            version=held.directive.version,
            state=str(held.facts.state),
            item=agenda.next.told() if agenda.next else None,
            closed=held.facts.closed is not None,
        )
        if wanted == held.directive:
            return wanted
        return wanted.model_copy(update={"version": held.directive.version + 1})

    async def payer(self, held: Held) -> PayerFacts:
        """How the customer pays; nothing, where no condition of the cadence asks."""
        if not asks_payer(held.cadence):
            return NO_PAYER
        return await payer_facts(self.connection, int(self.customer["id"]), self.creditor.zone)

    async def _planned(self, held: Held, agenda: Agenda) -> dict[str, str | int]:
        """The agenda as `statements.STORE_WITH_AGENDA` takes it; nothing, where it is stored already."""
        known = held.facts, held.cadence, self.rules(held), self.customer_facts, await self.payer(held)
        items = json.dumps(
            [
                {
                    "position": position,
                    "key": item.key,
                    "kind": item.kind,
                    "at": item.at.isoformat(),
                    "why": forecast(item, *known),
                    "step": item.step,
                    "occurrence": item.occurrence,
                    "channel": item.channel,
                }
                for position, item in enumerate(agenda.items)
            ]
        )
        digest = hashlib.sha256(items.encode()).hexdigest()[:16]
        if digest == held.row["agenda_digest"]:
            return {}
        return {"agenda_digest": digest, "agenda_length": len(agenda.items), "agenda_items": items}

    async def leave_word(self, invoice_id: int, cause: str) -> None:
        """Ask the relay to tell the invoice's workflow its current directive."""
        word = {"invoice_id": invoice_id, "cause": cause, "created_at": self.now, "channel": OUTBOX_CHANNEL}
        await run(self.connection, statements.LEAVE_WORD, word)


def _settling_event(settled: Settled) -> e.StepSkipped | e.StepFailed:
    kind = e.StepFailed if settled.outcome == "failed" else e.StepSkipped
    return kind(
        step=settled.step, occurrence=settled.occurrence, reason=settled.reason, planned_at=settled.planned_at
    )
