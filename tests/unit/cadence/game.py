"""A ledger in memory for one invoice: it tells events, plans, settles and performs as the transactions do."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal, Self, TypeVar

from pydantic import BaseModel

from cadence import events as e
from cadence.agenda import Agenda, AgendaItem, Settled
from cadence.customer_facts import CustomerFacts
from cadence.customers import reduce_customer
from cadence.directive import ItemKind
from cadence.document import Cadence
from cadence.facts import InvoiceFacts, MessageState
from cadence.migration import Edition, change
from cadence.packs import Packs
from cadence.payers import NO_PAYER
from cadence.permit import Answer, Verdict, judge
from cadence.planner import plan
from cadence.plans import found_missing
from cadence.promises import found_on_its_day
from cadence.recipients import recipients
from cadence.reducer import reduce_all, reduce_invoice
from cadence.rules import Rules, rules_for
from cadence.words import Channel
from tests.unit.cadence.pieces import PACKS, creditor, customer

# `died`: the worker died while the provider was asked; `never_asked`: before that.
Fate = Literal["accepted", "rejected", "refused", "unknown", "died", "never_asked"]
REACHED = ("accepted", "unknown", "died")
# How long an activity waits before it asks again, after a provider that refused.
RETRY = timedelta(minutes=15)


Facts = TypeVar("Facts", bound=BaseModel)


def as_stored(facts: Facts) -> Facts:
    """The facts as the ledger gives them back: PostgreSQL's JSONB keeps no order of keys, and puts short ones first."""
    return type(facts).model_validate(_in_its_order(facts.model_dump(mode="json", exclude_defaults=True)))


def _in_its_order(value: Any) -> Any:
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: (len(key), key))
        return {key: _in_its_order(value[key]) for key in keys}
    return [_in_its_order(each) for each in value] if isinstance(value, list) else value


@dataclass(frozen=True)
class Contact:
    """A request that reached the provider, or may have."""

    at: datetime
    step: str
    occurrence: int
    channel: Channel
    reminder: bool
    fate: Fate
    cadence: Cadence


@dataclass
class Game:
    """One invoice under one cadence, played by hand: `now` moves only as told."""

    cadence: Cadence
    now: datetime
    customer: CustomerFacts = field(default_factory=customer)
    packs: Packs = PACKS
    log: list[tuple[e.InvoiceEvent, datetime]] = field(default_factory=list)
    contacts: list[Contact] = field(default_factory=list)
    settled: list[Settled] = field(default_factory=list)
    facts: InvoiceFacts = field(init=False)
    agenda: Agenda = field(init=False)

    @classmethod
    def begun(
        cls,
        ruler: Cadence,
        now: datetime,
        due_on: date,
        *,
        who: CustomerFacts | None = None,
        packs: Packs = PACKS,
        **more: Any,
    ) -> Self:
        """An invoice of 100 that arrives at `now`."""
        game = cls(ruler, now, who or customer(), packs)
        received = {"amount": Decimal(100), "currency": "EUR", "issued_on": due_on - timedelta(days=30)}
        game.tell(e.InvoiceReceived.model_validate(received | {"due_on": due_on} | more))
        return game

    @property
    def rules(self) -> Rules:
        """The contact rules as the customer's facts make them now."""
        return rules_for(self.cadence, self.customer, creditor(), self.packs)

    def tell(self, *events: e.InvoiceEvent) -> None:
        """Append events at `now`, then plan and settle, as one transaction of the ledger."""
        for event in events:
            self._append(event)
        self.replan()

    def migrate(self, after: Cadence) -> None:
        """Move the invoice to another cadence."""
        event = change(self.facts, Edition(self.cadence, 1), Edition(after, 2), self.rules)
        self._append(event)
        if not self.facts.closed:
            self.cadence = after
        self.replan()

    def tell_customer(self, event: e.CustomerEvent) -> None:
        """Change the customer's facts and plan anew."""
        self.customer = reduce_customer(self.customer, event)
        self.replan()

    def _append(self, event: e.InvoiceEvent) -> None:
        facts = self.facts if self.log else None
        self.log.append((event, self.now))
        self.facts = reduce_invoice(facts, event, self.now)

    def replan(self) -> None:
        """Plan, and write down what is settled until nothing more is."""
        self.agenda = self.planned()
        while self.agenda.settled:
            self.settled += self.agenda.settled
            for settled in self.agenda.settled:
                kind = e.StepFailed if settled.outcome == "failed" else e.StepSkipped
                self._append(
                    kind(
                        step=settled.step,
                        occurrence=settled.occurrence,
                        reason=settled.reason,
                        planned_at=settled.planned_at,
                    )
                )
            self.agenda = self.planned()

    def planned(self, now: datetime | None = None) -> Agenda:
        """What the planner says, without writing anything down."""
        return plan(self.facts, self.cadence, self.rules, now or self.now)

    def stored(self) -> InvoiceFacts | None:
        """The same, where each event found the facts as they had been stored."""
        facts: InvoiceFacts | None = None
        for event, at in self.log:
            facts = as_stored(reduce_invoice(facts, event, at))
        return facts

    def replayed(self) -> InvoiceFacts | None:
        """The facts that the log alone adds up to."""
        return reduce_all(self.log)

    @property
    def next(self) -> AgendaItem | None:
        """The item in hand."""
        return self.agenda.next

    def perform(
        self, fate: Fate = "accepted", *, found: bool = False, halted: bool = False
    ) -> Verdict | None:
        """Perform the item in hand at `now`; None where none is due. `fate` is a message's, `found` a reading's."""
        item = self.next
        if item is None or item.at > self.now:
            return None
        verdict = judge(self.facts, self.cadence, self.rules, self.customer, NO_PAYER, item.key, self.now)
        if verdict.answer is Answer.PERMIT and item.channel and item.send:
            verdict = self._may_leave(verdict, item, halted=halted)
        if verdict.answer is Answer.PERMIT:
            self._do(item, fate, found)
        else:
            self._put_off(verdict)
        self.replan()
        return verdict

    def _may_leave(self, verdict: Verdict, item: AgendaItem, *, halted: bool) -> Verdict:
        """The verdict on a message, or what else forbids it now."""
        if not halted:
            return verdict
        tomorrow = self.rules.window.local_day(self.now) + timedelta(days=1)
        return Verdict(Answer.DEFER, "halted", item, self.rules.contact_at(tomorrow))

    def merge(self) -> AgendaItem | None:
        """Another invoice's message says the item in hand as well, as `ledger.grouping` lets it; None where it may not."""
        item = self.next
        if item is None or item.step is None or item.channel is None or self.cadence.step(item.step) is None:
            return None
        record = self.facts.step(item.step, item.occurrence)
        verdict = judge(self.facts, self.cadence, self.rules, self.customer, NO_PAYER, item.key, self.now)
        if verdict.answer is not Answer.PERMIT or record.outcome or item.channel in record.messages:
            return None
        merged = Contact(
            self.now,
            item.step,
            item.occurrence,
            item.channel,
            reminder=True,
            fate="accepted",
            cadence=self.cadence,
        )
        self.contacts.append(merged)
        name = {"step": item.step, "occurrence": item.occurrence, "channel": item.channel}
        self.tell(e.StepMerged.model_validate(name | {"into": f"M{len(self.log)}"}))
        return item

    def release(self, key: str) -> None:
        """The message into which a step was merged reached nobody."""
        step, _, occurrence = key.rpartition("/")
        into = self.facts.steps[key].into or ""
        self.contacts = [
            c
            for c in self.contacts
            if (c.step, c.occurrence, c.at) != (step, int(occurrence), self.facts.steps[key].outcome_at)
        ]
        self.tell(e.StepReleased(step=step, occurrence=int(occurrence), into=into))

    def _put_off(self, verdict: Verdict) -> None:
        item = verdict.item
        if item is None or item.step is None:
            return
        name = {"step": item.step, "occurrence": item.occurrence, "reason": verdict.reason}
        if verdict.answer is Answer.SKIP:
            self._append(e.StepSkipped.model_validate(name | {"planned_at": item.at}))
        elif verdict.until:
            self._append(e.StepDeferred.model_validate(name | {"until": verdict.until}))

    def _do(self, item: AgendaItem, fate: Fate, found: bool) -> None:
        match item.kind:
            case ItemKind.SEND_EMAIL | ItemKind.SEND_SMS | ItemKind.SEND_WHATSAPP:
                self._send(item, fate)
            case ItemKind.CHECK_PROMISE:
                for event in found_on_its_day(self.facts, item.number):
                    self._append(event)
            case ItemKind.CHECK_DISPUTE:
                self._append(e.DisputeOverdue())
            case ItemKind.CHECK_INSTALMENT:
                for missing in found_missing(self.facts, self.cadence, item.number):
                    self._append(missing)
            case ItemKind.ASK_APPROVAL | ItemKind.REMIND_APPROVAL | ItemKind.TIME_OUT_APPROVAL:
                self._append(_of_approval(item))
            case ItemKind.END_HOLD:
                self._append(e.HoldEnded(hold=item.hold))
            case ItemKind.RECONCILE_MESSAGE:
                self._reconcile(item, found)
            case _:
                self._append(self._performed(item))

    def _send(self, item: AgendaItem, fate: Fate) -> None:
        assert item.step
        assert item.channel
        name: dict[str, Any] = {"step": item.step, "occurrence": item.occurrence, "channel": item.channel}
        known = self.facts.step(item.step, item.occurrence).messages.get(item.channel)
        if known and known.state is MessageState.RESERVED and self._died_asking(item):
            self._append(e.MessageUnknown(**name))
            return
        self._append(e.MessagePermitted(**name, attempt=f"a{len(self.contacts)}", **self._written_to(item)))
        if fate in REACHED:
            reminder = not item.notice
            self.contacts.append(
                Contact(self.now, item.step, item.occurrence, item.channel, reminder, fate, self.cadence)
            )
        match fate:
            case "accepted":
                self._append(e.MessageAccepted(**name))
            case "rejected":
                self._append(e.MessageRejected(**name, error_class="bad_address"))
            case "unknown":
                self._append(e.MessageUnknown(**name))
            case "refused":
                self._append(e.MessageRefused(**name))
                later = self.now + RETRY
                self._append(
                    e.StepDeferred(step=item.step, occurrence=item.occurrence, reason="refused", until=later)
                )

    def _written_to(self, item: AgendaItem) -> dict[str, Any]:
        """To whom a message goes, as `ledger.addressing` tells the log."""
        assert item.send
        assert item.channel
        consent_rule = self.rules.consent_rules.get(item.channel)
        found = recipients(item.send, item.channel, self.customer, consent_rule)
        everybody = [
            e.WrittenTo(role=each.role, address=each.address or "") for each in (found.to, *found.copies)
        ]
        return {"recipients": tuple(everybody), "left_out": dict(found.left_out)}

    def _died_asking(self, item: AgendaItem) -> bool:
        name = (item.step, item.occurrence, item.channel)
        last = [c.fate for c in self.contacts if (c.step, c.occurrence, c.channel) == name][-1:]
        return last == ["died"]

    def _reconcile(self, item: AgendaItem, found: bool) -> None:
        assert item.step
        assert item.channel
        name: dict[str, Any] = {"step": item.step, "occurrence": item.occurrence, "channel": item.channel}
        message = self.facts.step(item.step, item.occurrence).messages[item.channel]
        if message.state is MessageState.RESERVED:
            kind = e.MessageUnknown if self._died_asking(item) else e.MessageRefused
            self._append(kind(**name))
        elif found:
            self._append(e.MessageAccepted(**name))
        elif item.channel is Channel.EMAIL or (message.resent and message.readings >= 1):
            self._append(e.MessageGivenUp(**name))
        else:
            self._append(e.MessageNotFound(**name))

    def _performed(self, item: AgendaItem) -> e.StepPerformed:
        assert item.step
        step = self.cadence.step(item.step)
        closes: dict[ItemKind, Any] = {ItemKind.HAND_OVER: "handed_over", ItemKind.WRITE_OFF: "written_off"}
        queue = step.open_case.queue if step and step.open_case else self.cadence.queue
        return e.StepPerformed(
            step=item.step,
            occurrence=item.occurrence,
            closes_as=closes.get(item.kind),
            queue=None if item.kind in closes else queue,
            reason=item.why,
        )

    def play_until(self, end: datetime, fate: Fate = "accepted") -> None:
        """Perform each item at its own instant up to `end`; fail where something spins."""
        for _ in range(200):
            if self.next is None or self.next.at > end:
                self.now = max(self.now, end)
                return
            self.now = max(self.now, self.next.at)
            self.perform(fate)
        message = f"it spins at {self.now} on {self.next}"
        raise AssertionError(message)

    def sent(self) -> list[tuple[str, date]]:
        """Which steps reached the customer on which local day."""
        return [(c.step, self.rules.window.local_day(c.at)) for c in self.contacts]

    def why_skipped(self) -> dict[str, str | None]:
        """Steps that were skipped or failed, with the reason."""
        return {
            key.partition("/")[0]: step.reason
            for key, step in self.facts.steps.items()
            if step.outcome in ("skipped", "failed")
        }

    def in_doubt(self) -> bool:
        """Whether a message's fate is unknown."""
        messages = (m for step in self.facts.steps.values() for m in step.messages.values())
        return any(m.state is MessageState.UNKNOWN for m in messages)


def _of_approval(item: AgendaItem) -> e.InvoiceEvent:
    name: dict[str, Any] = {"step": item.step, "occurrence": item.occurrence}
    if item.kind is ItemKind.ASK_APPROVAL:
        return e.ApprovalAsked(**name, by="manager")
    kind = e.ApprovalReminded if item.kind is ItemKind.REMIND_APPROVAL else e.ApprovalTimedOut
    return kind(**name)
