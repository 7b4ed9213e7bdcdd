"""The reducer: how each event changes the facts. Pure and total; the log reduced from empty gives the facts."""

from collections.abc import Iterable
from datetime import datetime
from functools import singledispatch
from typing import Any

from cadence import events as e
from cadence.facts import (
    CaseDue,
    CustomerFacts,
    Hold,
    InvoiceFacts,
    MessageFacts,
    MessageState,
    Notice,
    Promise,
    Rebase,
    StepFacts,
    Suppression,
    step_key,
)

RANK = {None: -1, "queued": 0, "sent": 1, "delivered": 2, "failed": 2, "read": 3}


def reduce_invoice(facts: InvoiceFacts | None, event: e.InvoiceEvent, at: datetime) -> InvoiceFacts:
    """The facts after `event`, which happened at the aware instant `at`; the first event makes them."""
    if facts is None:
        if not isinstance(event, e.InvoiceReceived):
            message = f"an invoice's log begins with invoice_received, not {event.type}"
            raise ValueError(message)
        return _received(event, at)
    return _reduce(event, facts, at)


def reduce_all(log: Iterable[tuple[e.InvoiceEvent, datetime]]) -> InvoiceFacts | None:
    """The facts that a whole log adds up to."""
    facts: InvoiceFacts | None = None
    for event, at in log:
        facts = reduce_invoice(facts, event, at)
    return facts


def _received(event: e.InvoiceReceived, at: datetime) -> InvoiceFacts:
    return InvoiceFacts(
        **event.model_dump(exclude={"type", "stage"}),
        arrived_at=at,
        rebases=(Rebase(kind="arrived", at=at, stage=event.stage),),
    )


def _with(facts: InvoiceFacts, **changes: Any) -> InvoiceFacts:
    return facts.model_copy(update=changes)


@singledispatch
def _reduce(event: e.InvoiceEvent, facts: InvoiceFacts, _at: datetime) -> InvoiceFacts:
    """Events that are part of the story and change no fact: receiving twice, a refused attempt's details."""
    return facts


@_reduce.register
def _(event: e.InvoiceChanged, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    moved_on = event.due_on != facts.due_on and event.due_on > event.on
    changed = _with(facts, amount=event.amount, due_on=event.due_on, payment_method=event.payment_method)
    if moved_on:
        changed = _with(changed, rearmed=facts.rearmed + 1, rebases=())
    return _settle_balance(changed, at)


@_reduce.register
def _(event: e.PaymentReceived, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    paid = _settle_balance(_with(facts, paid=facts.paid + event.amount), at)
    if paid.closed:
        return paid
    promise = paid.promise
    if promise and paid.paid - promise.paid_before >= promise.amount:
        paid = _resume(_with(paid, promise=None), at)
    return _owe_notice(paid, "payment", at, amount=event.amount)


@_reduce.register
def _(event: e.PaymentReversed, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    return _settle_balance(_with(facts, paid=facts.paid - event.amount), at)


@_reduce.register
def _(_event: e.PaymentUnidentified, facts: InvoiceFacts, _at: datetime) -> InvoiceFacts:
    number = _count(facts, "payment_unidentified") + 1
    hold = Hold(hold=f"unidentified-payment-{number}", reason="payment_unidentified")
    held = _with(facts, holds=(*facts.holds, hold))
    return _owe_case(held, f"payment_unidentified/{number}", "payment_unidentified")


@_reduce.register
def _(event: e.DisputeOpened, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    if facts.disputed:
        return facts
    number = facts.disputes + 1
    disputed = _with(facts, disputed=True, disputes=number)
    return _owe_case(_owe_notice(disputed, "dispute", at), f"dispute/{number}", "dispute")


@_reduce.register
def _(event: e.DisputeResolved, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    if not facts.disputed:
        return facts
    resolved = _with(facts, disputed=False)
    if event.outcome == "upheld":
        # The creditor agrees: what is owed is credited, whole. Disputes over a part come with the contact rules.
        return _settle_balance(_with(resolved, credited=facts.amount - facts.paid), at)
    return _owe_notice(resolved, "dispute_resolved", at)


@_reduce.register
def _(event: e.HoldPlaced, facts: InvoiceFacts, _at: datetime) -> InvoiceFacts:
    hold = Hold(hold=event.hold, reason=event.reason, until=event.until)
    held = _with(facts, holds=(*(h for h in facts.holds if h.hold != event.hold), hold))
    return held if event.until else _owe_case(held, f"hold/{event.hold}", "hold_without_end")


@_reduce.register
def _(event: e.HoldEnded, facts: InvoiceFacts, _at: datetime) -> InvoiceFacts:
    return _with(facts, holds=tuple(h for h in facts.holds if event.hold not in (None, h.hold)))


@_reduce.register
def _(event: e.PromiseMade, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    number = facts.promises + 1
    promise = Promise(number=number, amount=event.amount, by=event.by, at=at, paid_before=facts.paid)
    promised = _with(facts, promise=promise, promises=number)
    return _owe_notice(promised, "promise", at, amount=event.amount, by=event.by)


@_reduce.register
def _(_event: e.PromiseBroken, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    promise = facts.promise
    if promise is None:
        return facts
    number = facts.broken_promises + 1
    broken = _resume(_with(facts, promise=None, broken_promises=number), at)
    reminded = _owe_notice(broken, "broken_promise", at, amount=promise.amount, by=promise.by)
    return _owe_case(reminded, f"broken_promise/{number}", "broken_promise")


@_reduce.register
def _(event: e.Escalated, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    rebase = Rebase(kind="escalated", at=at, stage=event.stage, done=_done(facts))
    number = _count(facts, "escalated") + 1
    return _owe_case(_with(facts, rebases=(*facts.rebases, rebase)), f"escalated/{number}", "escalated")


@_reduce.register
def _(_event: e.Cancelled, facts: InvoiceFacts, _at: datetime) -> InvoiceFacts:
    return facts if facts.closed else _with(facts, closed="cancelled")


@_reduce.register
def _(event: e.Replied, facts: InvoiceFacts, _at: datetime) -> InvoiceFacts:
    return _owe_case(facts, f"replied/{_count(facts, 'replied') + 1}", "replied")


@_reduce.register
def _(event: e.StepSkipped, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    return _step(
        facts, event, outcome="skipped", reason=event.reason, outcome_at=at, planned_at=event.planned_at
    )


@_reduce.register
def _(event: e.StepDeferred, facts: InvoiceFacts, _at: datetime) -> InvoiceFacts:
    return _step(facts, event, deferred_until=event.until, deferred_reason=event.reason)


@_reduce.register
def _(_event: e.DeferralLifted, facts: InvoiceFacts, _at: datetime) -> InvoiceFacts:
    free = {"deferred_until": None, "deferred_reason": None}
    steps = {
        key: step.model_copy(update=free) if step.deferred_reason == "halted" else step
        for key, step in facts.steps.items()
    }
    return _with(facts, steps=steps)


@_reduce.register
def _(event: e.StepPerformed, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    done = _step(facts, event, outcome="performed", reason=event.reason, outcome_at=at)
    if event.closes_as and not facts.closed:
        return _with(done, closed=event.closes_as)
    if event.queue:
        key = f"step/{step_key(event.step, event.occurrence)}"
        return _owe_case(done, key, event.reason, event.queue)
    return done


@_reduce.register
def _(event: e.StepFailed, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    failed = _step(
        facts, event, outcome="failed", reason=event.reason, outcome_at=at, planned_at=event.planned_at
    )
    # One case for all steps that fail for the same reason: a person mends the address once.
    return _owe_case(failed, f"failed/{event.reason}", event.reason)


@_reduce.register
def _(event: e.MessagePermitted, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    step = facts.step(event.step, event.occurrence)
    attempts = step.messages[event.channel].attempts + 1 if event.channel in step.messages else 1
    permitted = _message(facts, event, state=MessageState.RESERVED, at=at, permitted_at=at, attempts=attempts)
    first = step.permitted_at or at
    return _step(permitted, event, permitted_at=first, deferred_until=None, deferred_reason=None)


@_reduce.register
def _(event: e.MessageRefused, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    refused = _reopened(_message(facts, event, state=MessageState.REFUSED, at=at), event)
    return _owe_mending(refused, event)


@_reduce.register
def _(event: e.MessageAccepted, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    # A receipt can overtake the provider's answer; what it said, a failure even, stands.
    overtaken = _known_message(facts, event, at).state in (MessageState.ACCEPTED, MessageState.FAILED)
    return facts if overtaken else _accepted(facts, event, at)


@_reduce.register
def _(event: e.MessageRejected, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    rejected = _reopened(_message(facts, event, state=MessageState.REJECTED, at=at), event)
    return _owe_mending(rejected, event)


@_reduce.register
def _(event: e.MessageUnknown, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    if _known_message(facts, event, at).state is not MessageState.RESERVED:
        return facts
    return _message(facts, event, state=MessageState.UNKNOWN, at=at)


@_reduce.register
def _(event: e.MessageNotFound, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    message = _known_message(facts, event, at)
    if message.state is not MessageState.UNKNOWN:
        return facts
    readings = message.readings + 1
    if readings < 2 or message.resent:
        return _message(facts, event, at=at, readings=readings)
    # Two successful empty readings: it may be sent once more, and only once.
    lost = _message(facts, event, state=MessageState.REFUSED, at=at, readings=0, resent=True)
    return _reopened(lost, event)


@_reduce.register
def _(event: e.MessageGivenUp, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    given_up = _message(facts, event, state=MessageState.GIVEN_UP, at=at)
    settled = _step(given_up, event, outcome="unknown", reason="delivery_unknown", outcome_at=at)
    key = f"unknown/{step_key(event.step, event.occurrence)}/{event.channel}"
    return _owe_case(settled, key, "delivery_unknown")


@_reduce.register
def _(event: e.DeliveryReported, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    message = _known_message(facts, event, at)
    lost = message.state is MessageState.REFUSED and message.resent
    if lost or message.state in (MessageState.UNKNOWN, MessageState.RESERVED, MessageState.GIVEN_UP):
        # A receipt proves that the provider took it: the attempt's lost answer is found.
        facts = _accepted(facts, event, at)
        message = _known_message(facts, event, at)
    if RANK[event.delivery] <= RANK[message.delivery] or message.state is not MessageState.ACCEPTED:
        return facts
    if event.delivery != "failed":
        return _message(facts, event, delivery=event.delivery)
    failed = _message(facts, event, state=MessageState.FAILED, delivery="failed", at=at)
    return _owe_mending(_reopened(failed, event), event)


def _owe_mending(
    facts: InvoiceFacts, event: e.MessageRefused | e.MessageRejected | e.DeliveryReported
) -> InvoiceFacts:
    """Our own text, set-up or account is at fault: somebody must mend it, while the next channel does its work."""
    if event.error_class == "account":
        return _owe_case(facts, f"account/{event.channel}", "provider_account")
    if event.error_class in ("content", "template"):
        return _owe_case(facts, f"configuration/{event.channel}", "configuration")
    return facts


def _reopened(facts: InvoiceFacts, event: e.MessageEvent) -> InvoiceFacts:
    """Open a step again of which no message reached or may reach the customer: the planner goes on with it."""
    step = facts.step(event.step, event.occurrence)
    if step.outcome != "sent" or any(m.state in _MAY_REACH for m in step.messages.values()):
        return facts
    return _step(facts, event, outcome=None, reason=None, outcome_at=None)


_MAY_REACH = (MessageState.ACCEPTED, MessageState.UNKNOWN, MessageState.RESERVED, MessageState.GIVEN_UP)


def _accepted(facts: InvoiceFacts, event: e.MessageEvent, at: datetime) -> InvoiceFacts:
    accepted = _message(facts, event, state=MessageState.ACCEPTED, at=at, accepted_at=at)
    return _step(accepted, event, outcome="sent", reason=None, outcome_at=at)


def _known_message(facts: InvoiceFacts, event: e.MessageEvent, at: datetime) -> MessageFacts:
    step = facts.step(event.step, event.occurrence)
    return step.messages.get(event.channel) or MessageFacts(state=MessageState.RESERVED, at=at)


def _message(facts: InvoiceFacts, event: e.MessageEvent, **changes: Any) -> InvoiceFacts:
    step = facts.step(event.step, event.occurrence)
    known = step.messages.get(event.channel) or MessageFacts(state=MessageState.RESERVED, at=changes["at"])
    messages = step.messages | {event.channel: known.model_copy(update=changes)}
    return _step(facts, event, messages=messages)


def _step(facts: InvoiceFacts, event: Any, **changes: Any) -> InvoiceFacts:
    key = step_key(event.step, event.occurrence)
    step = facts.steps.get(key, StepFacts()).model_copy(update=changes)
    return _with(facts, steps=facts.steps | {key: step})


def _settle_balance(facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    """Close what is paid within the tolerance; reopen what was closed as paid or credited and is owed again."""
    cleared = facts.balance <= facts.close_below
    if cleared and not facts.closed:
        return _with(facts, closed="credited" if facts.credited else "paid", promise=None, disputed=False)
    if not cleared and facts.closed in ("paid", "credited"):
        return _resume(_with(facts, closed=None), at)
    return facts


def _done(facts: InvoiceFacts) -> tuple[str, ...]:
    # By the first permit where there is one: a bounce that opens a step again must not move the later ones.
    # Sorted, because JSONB does not keep the order of keys.
    return tuple(sorted(key for key, step in facts.steps.items() if step.permitted_at or step.outcome))


def _resume(facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    return _with(facts, rebases=(*facts.rebases, Rebase(kind="resumed", at=at, done=_done(facts))))


def _owe_notice(facts: InvoiceFacts, branch: Any, at: datetime, **more: Any) -> InvoiceFacts:
    number = 1 + sum(notice.branch == branch for notice in facts.notices)
    return _with(facts, notices=(*facts.notices, Notice(branch=branch, number=number, at=at, **more)))


def _owe_case(facts: InvoiceFacts, key: str, reason: str, queue: str | None = None) -> InvoiceFacts:
    known = next((case for case in facts.cases if case.key == key), None)
    if known is None:
        return _with(facts, cases=(*facts.cases, CaseDue(key=key, reason=reason, queue=queue)))
    again = known.model_copy(update={"times": known.times + 1})
    return _with(facts, cases=tuple(again if case is known else case for case in facts.cases))


def _count(facts: InvoiceFacts, reason: str) -> int:
    return sum(case.reason == reason for case in facts.cases)


def reduce_customer(facts: CustomerFacts | None, event: e.CustomerEvent) -> CustomerFacts:
    """The customer's facts after `event`; the first event must be customer_received."""
    if isinstance(event, e.CustomerReceived):
        return _customer_received(facts, event)
    if facts is None:
        message = f"a customer's log begins with customer_received, not {event.type}"
        raise ValueError(message)
    match event:
        case e.ChannelSuppressed():
            return _suppressed(facts, event)
        case e.CustomerHoldPlaced():
            hold = Hold(hold=event.hold, reason=event.reason, until=event.until)
            return facts.model_copy(update={"holds": (*facts.holds, hold)})
        case e.CustomerHoldEnded():
            kept = tuple(h for h in facts.holds if event.hold not in (None, h.hold))
            return facts.model_copy(update={"holds": kept})


def _customer_received(facts: CustomerFacts | None, event: e.CustomerReceived) -> CustomerFacts:
    given = event.model_dump(exclude={"type"})
    if facts is None:
        return CustomerFacts(**given)
    return facts.model_copy(update={name: getattr(event, name) for name in given})


def _suppressed(facts: CustomerFacts, event: e.ChannelSuppressed) -> CustomerFacts:
    known = facts.suppressed.get(event.channel)
    if known and known.address is None:
        # A person's word outlasts anything learnt about an address.
        return facts
    suppression = Suppression(reason=event.reason, address=event.address)
    return facts.model_copy(update={"suppressed": facts.suppressed | {event.channel: suppression}})
