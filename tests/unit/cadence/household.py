"""Several invoices of one customer, in memory: one person, one clock, and caps that count all of their messages."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

from cadence import events as e
from cadence.agenda import AgendaItem
from cadence.allocation import Owing, allocate
from cadence.caps import Contact
from cadence.customer_facts import CustomerFacts
from cadence.customers import reduce_customer
from cadence.document import Cadence
from cadence.facts import ANSWER_STEP
from cadence.packs import Packs
from cadence.permit import Answer, Verdict, capped, is_capped
from cadence.words import Channel
from ledger.crediting import overdrawn
from tests.unit.cadence.game import Fate, Game, as_stored

# What reached nobody, surely; everything else is a contact, a permit that is only reserved as well.
NO_CONTACT = ("lapsed", "refused")


@dataclass
class Try:
    """One attempt at a message, as the ledger's table has it."""

    at: datetime
    step: str
    occurrence: int
    channel: Channel
    addresses: tuple[str, ...]
    state: str

    @property
    def message(self) -> tuple[str, int, Channel]:
        return self.step, self.occurrence, self.channel


@dataclass
class Member(Game):
    """One invoice of a household. `neighbours` are all of them, itself too."""

    tries: list[Try] = field(default_factory=list)
    neighbours: list["Member"] = field(default_factory=list)

    def others_than(self, item: AgendaItem) -> list[Contact]:
        """The person's contacts so far, other attempts at the same message aside."""
        return [
            Contact(each.at, each.channel)
            for member in self.neighbours
            for each in member.tries
            if each.state not in NO_CONTACT and each.step != ANSWER_STEP
            if not (member is self and each.message == (item.step, item.occurrence, item.channel))
        ]

    def _may_leave(self, verdict: Verdict, item: AgendaItem, *, halted: bool) -> Verdict:
        verdict = super()._may_leave(verdict, item, halted=halted)
        if verdict.answer is not Answer.PERMIT or not is_capped(item, self.rules):
            return verdict
        return capped(verdict, self.others_than(item), self.rules, self.now)

    def _send(self, item: AgendaItem, fate: Fate) -> None:
        assert item.step
        assert item.channel
        self._retire(item)
        told = len(self.log)
        super()._send(item, fate)
        permitted = self.log[told][0]
        if isinstance(permitted, e.MessagePermitted):
            states = {"died": "calling", "never_asked": "reserved"}
            addresses = tuple(each.address for each in permitted.recipients)
            made = (self.now, item.step, item.occurrence, item.channel, addresses)
            self.tries.append(Try(*made, states.get(fate, fate)))

    def _reconcile(self, item: AgendaItem, found: bool) -> None:
        self._retire(item)
        super()._reconcile(item, found)

    def _retire(self, item: AgendaItem) -> None:
        """Permits that were never used lapse; what was being asked is in the dark."""
        ends = {"reserved": "lapsed", "calling": "unknown"}
        for each in self.tries:
            if each.message == (item.step, item.occurrence, item.channel):
                each.state = ends.get(each.state, each.state)


@dataclass
class Part:
    """What of a payment went to the invoice in this place, and what of that was not taken back yet."""

    place: int
    left: Decimal


@dataclass
class Household:
    """One customer with several invoices. `arrived` is what truly reached them: invoice, step, occurrence, channel.

    `till` is what they paid in all, less what went back to them; `shared` the payments that were for several invoices.
    """

    said: list[e.CustomerEvent]
    packs: Packs
    now: datetime
    members: list[Member] = field(default_factory=list)
    customer: CustomerFacts = field(init=False)
    arrived: set[tuple[int, str, int, Channel]] = field(default_factory=set)
    till: Decimal = Decimal(0)
    shared: list[list[Part]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for event in self.said:
            self.customer = reduce_customer(getattr(self, "customer", None), event)

    def stored(self) -> CustomerFacts | None:
        """The customer's facts, where each event found them as they had been stored."""
        facts: CustomerFacts | None = None
        for event in self.said:
            facts = as_stored(reduce_customer(facts, event))
        return facts

    def admit(self, ruler: Cadence, due_on: date, stage: str | None = None) -> None:
        """Take in another invoice of 100, on hold where its customer is."""
        more = {"stage": stage}
        member = Member.begun(ruler, self.now, due_on, who=self.customer, packs=self.packs, **more)
        self.members.append(member)
        member.neighbours = self.members
        for hold in self.customer.holds:
            member.tell(e.HoldPlaced(hold=hold.hold, reason=hold.reason, until=hold.until))

    def move_to(self, now: datetime) -> None:
        """Move the clock of all of them, never back."""
        self.now = max(self.now, now)
        for member in self.members:
            member.now = self.now

    def sweep(self) -> None:
        """Plan all of them anew."""
        for member in self.members:
            member.replan()

    def say(self, event: e.CustomerEvent) -> None:
        """Tell something of the customer, and carry a hold, or its end, to every open invoice."""
        self.said.append(event)
        self.customer = reduce_customer(self.customer, event)
        for member in self.members:
            member.customer = self.customer
            if not member.facts.closed:
                member.tell(*_spread(event))

    def tell(self, member: Member, event: e.InvoiceEvent) -> None:
        """Tell something of one invoice, as `ledger.recording` does, and count the money that comes or goes with it."""
        self.till += _brings(event)
        member.tell(event)
        waiting = [member] if isinstance(event, e.PaymentReversed) else []
        while waiting:
            source = waiting.pop()
            for place, amount in overdrawn(source.facts):
                self.move_credit(self.members[place], source, amount)
                waiting.append(self.members[place])

    def owing(self) -> dict[str, Member]:
        """The open invoices on which something is owed, by their numbers."""
        found = {f"{place}": member for place, member in enumerate(self.members)}
        return {
            number: each for number, each in found.items() if not each.facts.closed and each.facts.balance > 0
        }

    def pay_together(self, amount: Decimal, named: dict[str, Decimal]) -> None:
        """One payment for all that is owed, of which a part may be `named` for an invoice, as `ledger.allocating` does."""
        open_ = self.owing()
        debts = [Owing(number, each.facts.due_on, each.facts.balance) for number, each in open_.items()]
        shares = allocate(amount, debts, named)
        for share in shares:
            self.tell(open_[share.number], e.PaymentReceived(amount=share.amount, currency="EUR"))
        self.shared.append([Part(int(share.number), share.amount) for share in shares])

    def take_back_together(self, parts: list[Part], amount: Decimal) -> None:
        """Take as much of `amount` back as is there of such a payment, the last share first."""
        left = amount
        for part in reversed(parts):
            taken = min(left, part.left, self.members[part.place].facts.paid)
            if taken > 0:
                part.left -= taken
                left -= taken
                self.tell(self.members[part.place], e.PaymentReversed(amount=taken, currency="EUR"))

    def move_credit(self, source: Member, target: Member, amount: Decimal) -> None:
        """What lies on one invoice to the customer's good goes to another that owes."""
        ids = self.members.index(source), self.members.index(target)
        source.tell(e.CreditMoved(amount=amount, currency="EUR", to=ids[1]))
        target.tell(e.CreditApplied(amount=amount, currency="EUR", of=ids[0]))

    def waiting(self) -> list[Member]:
        """Those with something ahead, the earliest first."""
        ahead = [(member.next.at, place) for place, member in enumerate(self.members) if member.next]
        return [self.members[place] for _, place in sorted(ahead)]

    def perform(
        self, member: Member, fate: Fate, *, lag: timedelta = timedelta(0), halted: bool = False
    ) -> Verdict | None:
        """Perform a member's next item once its instant has come; `lag` is how far behind its worker's clock is."""
        item = member.next
        assert item
        self.move_to(item.at)
        member.now = max(item.at, self.now - lag)
        name = (self.members.index(member), item.step or "", item.occurrence, item.channel or Channel.EMAIL)
        verdict = member.perform(fate, found=name in self.arrived, halted=halted)
        member.now = self.now
        return verdict

    def is_closed(self, channel: Channel, address: str) -> bool:
        """Whether the customer's own log, read again, says that nothing is to go by this channel to an address."""
        forbidden: set[str] = set()
        closed: set[str | None] = set()
        person, billing = False, None
        for event in self.said:
            match event:
                case e.CustomerReceived():
                    # Where the billing contact wanted no more stays closed: it may be another's.
                    closed |= {billing} if person and billing != event.addresses.get(channel) else set()
                    billing = event.addresses.get(channel)
                case e.ContactForbidden():
                    forbidden.add(event.reason)
                case e.ContactAllowed():
                    forbidden.discard(event.reason)
                case e.ChannelSuppressed() if event.channel == channel:
                    person = person or event.address is None
                    closed |= {event.address} - {None}
                case e.SuppressionLifted() if event.channel == channel:
                    of_billing = event.address in (None, billing)
                    person = person and not of_billing
                    closed -= {billing if of_billing else event.address}
        return bool(forbidden) or address in closed or (person and address == billing)


def _brings(event: e.InvoiceEvent) -> Decimal:
    match event:
        case e.PaymentReceived():
            return event.amount
        case e.PaymentReversed() | e.CreditRefunded():
            return -event.amount
        case _:
            return Decimal(0)


def _spread(event: e.CustomerEvent) -> list[e.InvoiceEvent]:
    match event:
        case e.CustomerHoldPlaced():
            return [e.HoldPlaced(hold=event.hold, reason=event.reason, until=event.until)]
        case e.CustomerHoldEnded():
            return [e.HoldEnded(hold=event.hold)]
        case _:
            return []
