"""What can be told of an invoice or a customer: a maker for each event, for machines that play all of them at random.

A new event gets a maker here, or a place in `TOGETHER` or `OWN`; test_happenings.py says so of one that has neither.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import permutations
from random import Random
from typing import get_args

from cadence import events as e
from cadence.customer_facts import CustomerFacts
from cadence.facts import InvoiceFacts
from cadence.words import Channel, Intent, PersonReason
from tests.unit.cadence.pieces import instalments_from

CENT = Decimal("0.01")


@dataclass(frozen=True)
class Occasion:
    """An invoice to which something happens at the aware instant `now`, and the chance that decides what."""

    facts: InvoiceFacts
    stages: tuple[str, ...]
    now: datetime
    chance: Random

    @property
    def today(self) -> date:
        return self.now.date()

    def part_of(self, whole: Decimal) -> Decimal:
        """All of an amount, half of it, or a cent."""
        return self.chance.choice([whole, max(CENT, (whole / 2).quantize(CENT)), CENT])

    def some_day(self) -> date | None:
        """A day within the week, or none."""
        days = self.chance.choice([None, 0, 3, 7])
        return None if days is None else self.today + timedelta(days=days)

    def hours_on(self) -> datetime | None:
        """An instant within a fortnight, or none."""
        hours = self.chance.choice([None, 3, 40, 300])
        return None if hours is None else self.now + timedelta(hours=hours)


Maker = Callable[[Occasion], e.InvoiceEvent | None]


def _pay(on: Occasion) -> e.InvoiceEvent:
    owed = max(on.facts.balance, Decimal(0))
    amount = on.chance.choice([Decimal(10), on.part_of(owed + 5), owed + 5, owed + 50])
    return e.PaymentReceived(amount=amount, currency=on.facts.currency, method="transfer")


def _reverse(on: Occasion) -> e.InvoiceEvent | None:
    if on.facts.paid <= 0:
        return None
    return e.PaymentReversed(amount=on.part_of(on.facts.paid), currency=on.facts.currency)


def _credit_note(on: Occasion) -> e.InvoiceEvent | None:
    left = on.facts.amount - on.facts.credited
    return e.CreditNoteIssued(amount=on.part_of(left), currency=on.facts.currency) if left > 0 else None


def _refund(on: Occasion) -> e.InvoiceEvent | None:
    credit = on.facts.credit
    return e.CreditRefunded(amount=on.part_of(credit), currency=on.facts.currency) if credit > 0 else None


def _claim(on: Occasion) -> e.InvoiceEvent | None:
    if on.facts.closed:
        return None
    costs, order = on.chance.choice([0, 40]), on.chance.choice(ORDERS)
    claimed = {"interest": on.chance.randint(0, 20), "costs": costs, "once": bool(costs), "order": order}
    return e.LateChargesClaimed.model_validate(claimed | {"currency": on.facts.currency, "regime": "test"})


ORDERS = list(permutations(("costs", "interest", "principal")))


def _waive(on: Occasion) -> e.InvoiceEvent | None:
    left = on.facts.charges.open
    if not any(left.values()):
        return None
    return e.LateChargesWaived(interest=left["interest"], costs=left["costs"], currency=on.facts.currency)


def _promise(on: Occasion) -> e.InvoiceEvent | None:
    if on.facts.closed:
        return None
    by = on.today + timedelta(days=on.chance.randint(0, 9))
    amount, method = Decimal(on.chance.choice([20, 50])), on.chance.choice(["", "boleto"])
    return e.PromiseMade(amount=amount, by=by, method=method, replaces=on.chance.random() < 0.5)


def _agree(on: Occasion) -> e.InvoiceEvent | None:
    if on.facts.closed:
        return None
    amounts = on.chance.choice([(100,), (50, 50), (30, 10, 20)])
    first = on.today + timedelta(days=on.chance.randint(0, 9))
    parts = instalments_from(first, amounts, on.chance.randint(1, 9))
    return e.PlanAgreed.model_validate({"instalments": parts})


def _dispute(on: Occasion) -> e.InvoiceEvent:
    part, confirmed = on.chance.choice([None, Decimal(10), Decimal(200)]), on.chance.random() < 0.7
    return e.DisputeOpened(amount=part, answer_by=on.some_day(), confirmed=confirmed)


def _resolve(on: Occasion) -> e.InvoiceEvent:
    outcome, credit = on.chance.choice(["rejected", "withdrawn", "upheld"]), on.chance.choice([None, 5, 90])
    return e.DisputeResolved.model_validate({"outcome": outcome, "credit": credit})


def _approve(on: Occasion) -> e.InvoiceEvent | None:
    return e.ApprovalGiven.model_validate(_waiting(on)) if on.facts.awaiting else None


def _refuse(on: Occasion) -> e.InvoiceEvent | None:
    return e.ApprovalRefused.model_validate(_waiting(on)) if on.facts.awaiting else None


def _waiting(on: Occasion) -> dict[str, object]:
    step, _, occurrence = on.chance.choice(on.facts.awaiting).rpartition("/")
    return {"step": step, "occurrence": int(occurrence)}


def _hold(on: Occasion) -> e.InvoiceEvent:
    return e.HoldPlaced(hold=f"h{on.chance.randint(1, 3)}", until=on.hours_on())


def _change(on: Occasion) -> e.InvoiceEvent:
    amount = on.facts.amount + on.chance.choice([0, 0, 25])
    due_on = on.facts.due_on + timedelta(days=on.chance.randint(-20, 40))
    return e.InvoiceChanged(amount=amount, due_on=due_on, on=on.today)


def _extend(on: Occasion) -> e.InvoiceEvent:
    due_on = on.facts.due_on + timedelta(days=on.chance.randint(1, 40))
    return e.DueDateExtended(due_on=due_on, on=on.today)


def _cancel(on: Occasion) -> e.InvoiceEvent | None:
    """Seldom: nothing much happens to an invoice afterwards."""
    return e.Cancelled() if on.chance.random() < 0.2 else None


def _reply(on: Occasion) -> e.InvoiceEvent:
    intent = on.chance.choice(get_args(Intent))
    return e.Replied(channel=on.chance.choice(list(Channel)), intent=intent)


def _answer(on: Occasion) -> e.InvoiceEvent | None:
    if on.facts.closed:
        return None
    written = sum(notice.branch == "answer" for notice in on.facts.notices)
    return e.AnswerWritten(number=written + 1, channel=on.chance.choice([Channel.SMS, Channel.WHATSAPP]))


HAPPENINGS: Mapping[type[e.InvoiceEvent], Maker] = {
    e.PaymentReceived: _pay,
    e.PaymentUnidentified: lambda _: e.PaymentUnidentified(),
    e.PaymentReversed: _reverse,
    e.CreditNoteIssued: _credit_note,
    e.CreditRefunded: _refund,
    e.LateChargesClaimed: _claim,
    e.LateChargesWaived: _waive,
    e.PromiseMade: _promise,
    e.PlanAgreed: _agree,
    e.PlanEnded: lambda _: e.PlanEnded(),
    e.DisputeOpened: _dispute,
    e.DisputeAssigned: lambda on: e.DisputeAssigned(owner="sales", answer_by=on.some_day()),
    e.DisputeResolved: _resolve,
    e.ApprovalGiven: _approve,
    e.ApprovalRefused: _refuse,
    e.HoldPlaced: _hold,
    e.HoldEnded: lambda _: e.HoldEnded(),
    e.InvoiceChanged: _change,
    e.DueDateExtended: _extend,
    e.Escalated: lambda on: e.Escalated(stage=on.chance.choice(on.stages)),
    e.Cancelled: _cancel,
    e.Replied: _reply,
    e.AnswerWritten: _answer,
    e.SignalIgnored: lambda _: e.SignalIgnored(signal="unheard_of"),
    e.DeferralLifted: lambda _: e.DeferralLifted(),
}
# What happens to two at once, or is reported of a message: each machine plays these in its own way.
TOGETHER: set[type[e.InvoiceEvent]] = {
    e.CreditMoved,
    e.CreditApplied,
    e.InvoiceMoved,
    e.CadenceChanged,
    e.DeliveryReported,
}
# What nobody tells: the ledger finds it, by planning, sending and judging.
OWN: set[type[e.InvoiceEvent]] = {
    e.InvoiceReceived,
    e.PromiseBroken,
    e.InstalmentMissed,
    e.DisputeOverdue,
    e.ApprovalAsked,
    e.ApprovalReminded,
    e.ApprovalTimedOut,
    e.StepSkipped,
    e.StepDeferred,
    e.StepPerformed,
    e.StepFailed,
    e.StepMerged,
    e.StepReleased,
    e.MessagePermitted,
    e.MessageRefused,
    e.MessageAccepted,
    e.MessageRejected,
    e.MessageUnknown,
    e.MessageNotFound,
    e.MessageGivenUp,
    e.MessageSentTwice,
}


@dataclass(frozen=True)
class Visit:
    """A customer of whom something is told at the aware instant `now`, and the chance that decides what."""

    facts: CustomerFacts
    now: datetime
    chance: Random

    def channel(self) -> Channel:
        return self.chance.choice(list(Channel))


CustomerMaker = Callable[[Visit], e.CustomerEvent | None]


def _suppress(at: Visit) -> e.CustomerEvent:
    channel = at.channel()
    others = [each.addresses[channel] for each in at.facts.contacts if channel in each.addresses]
    address = at.chance.choice([None, at.facts.addresses.get(channel), "an old one", *others])
    reason = "opt_out" if address is None else "wrong_person"
    return e.ChannelSuppressed.model_validate({"channel": channel, "reason": reason, "address": address})


def _lift(at: Visit) -> e.CustomerEvent | None:
    known = sorted(at.facts.suppressed)
    if not known:
        return None
    channel = at.chance.choice(known)
    lifted = {"channel": channel, "reason": at.facts.suppressed[channel].reason}
    return e.SuppressionLifted.model_validate(lifted)


def _forbid(at: Visit) -> e.CustomerEvent | None:
    """Seldom: nobody is sent anything afterwards."""
    reason = at.chance.choice(get_args(PersonReason))
    return e.ContactForbidden(reason=reason) if at.chance.random() < 0.3 else None


def _allow(at: Visit) -> e.CustomerEvent | None:
    return e.ContactAllowed(reason=at.facts.forbidden[0]) if at.facts.forbidden else None


def _prefer(at: Visit) -> e.CustomerEvent:
    by = at.chance.choice([None, (Channel.EMAIL, Channel.SMS), (Channel.SMS,), (Channel.WHATSAPP,)])
    hours = at.chance.choice([None, None, "10:00-12:00", "06:00-09:30"])
    days = at.chance.choice([None, None, ("mon", "wed", "sat")])
    return e.PreferenceStated.model_validate({"channels": by, "hours": hours, "days": days})


def _consent(at: Visit) -> e.CustomerEvent | None:
    channel = at.channel()
    address = at.facts.addresses.get(channel)
    if address is None:
        return None
    return e.ConsentGiven(channel=channel, address=address, wording="v1", proof_at=at.now)


def _customer_hold(at: Visit) -> e.CustomerEvent:
    until = at.chance.choice([None, at.now + timedelta(hours=40)])
    return e.CustomerHoldPlaced(hold=f"c{at.chance.randint(1, 2)}", until=until)


def _move(at: Visit) -> e.CustomerEvent:
    """Other addresses, as the creditor's next file has them."""
    known = {channel for channel in Channel if at.chance.random() < 0.8}
    addresses = {channel: f"{channel} {at.chance.randint(1, 2)}" for channel in Channel if channel in known}
    place = at.facts.model_dump(include={"segment", "language", "country", "subdivision", "zone"})
    return e.CustomerReceived.model_validate(place | {"addresses": addresses})


def _meet(at: Visit) -> e.CustomerEvent:
    """Another person at the customer, at an address of their own or at the billing contact's."""
    where = [{Channel.EMAIL: "boss"}, {Channel.SMS: "boss"}, dict(at.facts.addresses), {}]
    role = at.chance.choice(["boss", "owner", "billing"])
    return e.ContactReceived(contact=at.chance.randint(1, 2), role=role, addresses=at.chance.choice(where))


def _assign(at: Visit) -> e.CustomerEvent:
    """For the next invoice: those that are open change their cadence by an event of their own."""
    assigned = at.chance.choice([("other", "manual"), ("other", "rule"), ("test", "file")])
    return e.SegmentAssigned.model_validate({"segment": assigned[0], "by": assigned[1]})


CUSTOMER_HAPPENINGS: Mapping[type[e.CustomerEvent], CustomerMaker] = {
    e.CustomerReceived: _move,
    e.ContactReceived: _meet,
    e.ChannelSuppressed: _suppress,
    e.SuppressionLifted: _lift,
    e.ContactForbidden: _forbid,
    e.ContactAllowed: _allow,
    e.SegmentAssigned: _assign,
    e.ConsentGiven: _consent,
    e.PreferenceStated: _prefer,
    e.CustomerHoldPlaced: _customer_hold,
    e.CustomerHoldEnded: lambda _: e.CustomerHoldEnded(),
}
CUSTOMERS_TOGETHER: set[type[e.CustomerEvent]] = {e.CustomerMerged, e.CustomerAbsorbed}
