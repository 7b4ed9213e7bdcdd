"""The reducer: how each event changes the facts. Pure and total; the log reduced from empty gives the facts."""

from collections.abc import Iterable
from datetime import datetime
from functools import singledispatch

from cadence import events as e
from cadence.changes import changed, count_cases, owe_case, owe_notice, rebased, with_step
from cadence.facts import ANSWER_STEP, Hold, InvoiceFacts, MessageState, Promise, Rebase, step_key
from cadence.messages import reduce_message


def reduce_invoice(facts: InvoiceFacts | None, event: e.InvoiceEvent, at: datetime) -> InvoiceFacts:
    """The facts after `event`, which happened at the aware instant `at`; the first event makes them."""
    if facts is None:
        if not isinstance(event, e.InvoiceReceived):
            message = f"an invoice's log begins with invoice_received, not {event.type}"
            raise ValueError(message)
        return _received(event, at)
    after = (
        reduce_message(event, facts, at) if isinstance(event, e.MessageEvent) else _reduce(event, facts, at)
    )
    return _overtake_answers(after, at) if after.closed and not facts.closed else after


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


@singledispatch
def _reduce(event: e.InvoiceEvent, facts: InvoiceFacts, _at: datetime) -> InvoiceFacts:
    """Events that are part of the story and change no fact: receiving twice, a refused attempt's details."""
    return facts


@_reduce.register
def _(event: e.InvoiceChanged, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    moved_on = event.due_on != facts.due_on and event.due_on > event.on
    told = changed(facts, amount=event.amount, due_on=event.due_on, payment_method=event.payment_method)
    if moved_on:
        told = changed(told, rearmed=facts.rearmed + 1, rebases=())
    return _settle_balance(told, at)


@_reduce.register
def _(event: e.PaymentReceived, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    paid = _settle_balance(changed(facts, paid=facts.paid + event.amount), at)
    if paid.closed:
        return paid
    promise = paid.promise
    if promise and paid.paid - promise.paid_before >= promise.amount:
        paid = rebased(changed(paid, promise=None), "resumed", at)
    return owe_notice(paid, "payment", at, amount=event.amount)


@_reduce.register
def _(event: e.PaymentReversed, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    return _settle_balance(changed(facts, paid=facts.paid - event.amount), at)


@_reduce.register
def _(_event: e.PaymentUnidentified, facts: InvoiceFacts, _at: datetime) -> InvoiceFacts:
    number = count_cases(facts, "payment_unidentified") + 1
    hold = Hold(hold=f"unidentified-payment-{number}", reason="payment_unidentified")
    held = changed(facts, holds=(*facts.holds, hold))
    return owe_case(held, f"payment_unidentified/{number}", "payment_unidentified")


@_reduce.register
def _(event: e.DisputeOpened, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    if facts.disputed:
        return _confirmed(facts) if event.confirmed else facts
    number = facts.disputes + 1
    disputed = changed(facts, disputed=True, disputes=number, dispute_unconfirmed=not event.confirmed)
    reason = "dispute" if event.confirmed else "dispute_to_confirm"
    return owe_case(owe_notice(disputed, "dispute", at), f"{reason}/{number}", reason)


def _confirmed(facts: InvoiceFacts) -> InvoiceFacts:
    """The facts, once a person has confirmed what was only read from a reply; the customer was answered then."""
    if not facts.dispute_unconfirmed:
        return facts
    return owe_case(changed(facts, dispute_unconfirmed=False), f"dispute/{facts.disputes}", "dispute")


@_reduce.register
def _(event: e.DisputeResolved, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    if not facts.disputed:
        return facts
    resolved = changed(facts, disputed=False, dispute_unconfirmed=False)
    if event.outcome == "upheld":
        # The creditor agrees: what is owed is credited, whole. Disputes over a part come with the contact rules.
        return _settle_balance(changed(resolved, credited=facts.amount - facts.paid), at)
    return owe_notice(resolved, "dispute_resolved", at)


@_reduce.register
def _(event: e.HoldPlaced, facts: InvoiceFacts, _at: datetime) -> InvoiceFacts:
    hold = Hold(hold=event.hold, reason=event.reason, until=event.until)
    held = changed(facts, holds=(*(h for h in facts.holds if h.hold != event.hold), hold))
    return held if event.until else owe_case(held, f"hold/{event.hold}", "hold_without_end")


@_reduce.register
def _(event: e.HoldEnded, facts: InvoiceFacts, _at: datetime) -> InvoiceFacts:
    return changed(facts, holds=tuple(h for h in facts.holds if event.hold not in (None, h.hold)))


@_reduce.register
def _(event: e.PromiseMade, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    number = facts.promises + 1
    promise = Promise(number=number, amount=event.amount, by=event.by, at=at, paid_before=facts.paid)
    promised = changed(facts, promise=promise, promises=number)
    return owe_notice(promised, "promise", at, amount=event.amount, by=event.by)


@_reduce.register
def _(_event: e.PromiseBroken, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    promise = facts.promise
    if promise is None:
        return facts
    number = facts.broken_promises + 1
    broken = rebased(changed(facts, promise=None, broken_promises=number), "resumed", at)
    reminded = owe_notice(broken, "broken_promise", at, amount=promise.amount, by=promise.by)
    return owe_case(reminded, f"broken_promise/{number}", "broken_promise")


@_reduce.register
def _(event: e.Escalated, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    number = count_cases(facts, "escalated") + 1
    return owe_case(rebased(facts, "escalated", at, stage=event.stage), f"escalated/{number}", "escalated")


@_reduce.register
def _(_event: e.Cancelled, facts: InvoiceFacts, _at: datetime) -> InvoiceFacts:
    return facts if facts.closed else changed(facts, closed="cancelled")


@_reduce.register
def _(event: e.Replied, facts: InvoiceFacts, _at: datetime) -> InvoiceFacts:
    reason = _REPLY_CASES.get(event.intent, "replied")
    if event.intent == "wrong" and not facts.closed:
        return facts  # the dispute it opens has a case of its own
    if event.intent == "paid" and facts.closed == "paid":
        return facts
    return owe_case(facts, f"{reason}/{count_cases(facts, reason) + 1}", reason)


_REPLY_CASES = {"paid": "says_paid", "stop_unsure": "may_opt_out"}


@_reduce.register
def _(event: e.AnswerWritten, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    return owe_notice(facts, "answer", at, channel=event.channel)


def _overtake_answers(facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    """Nothing leaves after closing, an agent's answer neither, not even once it is open again: the agent must know."""
    for notice in facts.notices:
        step = facts.step(notice.step, notice.number)
        gone = any(message.state is not MessageState.REFUSED for message in step.messages.values())
        if notice.branch == "answer" and step.outcome is None and not gone:
            kind = e.StepFailed if step.messages else e.StepSkipped
            over = kind(
                step=notice.step, occurrence=notice.number, reason="invoice_closed", planned_at=notice.at
            )
            facts = _reduce(over, facts, at)
    return facts


def _owe_answer_case(facts: InvoiceFacts, number: int) -> InvoiceFacts:
    return owe_case(facts, f"answer/{number}", "answer_not_sent")


@_reduce.register
def _(event: e.StepSkipped, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    skipped = with_step(
        facts, event, outcome="skipped", reason=event.reason, outcome_at=at, planned_at=event.planned_at
    )
    return _owe_answer_case(skipped, event.occurrence) if event.step == ANSWER_STEP else skipped


@_reduce.register
def _(event: e.StepDeferred, facts: InvoiceFacts, _at: datetime) -> InvoiceFacts:
    return with_step(facts, event, deferred_until=event.until, deferred_reason=event.reason)


@_reduce.register
def _(_event: e.DeferralLifted, facts: InvoiceFacts, _at: datetime) -> InvoiceFacts:
    free = {"deferred_until": None, "deferred_reason": None}
    steps = {
        key: step.model_copy(update=free) if step.deferred_reason == "halted" else step
        for key, step in facts.steps.items()
    }
    return changed(facts, steps=steps)


@_reduce.register
def _(event: e.StepPerformed, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    done = with_step(facts, event, outcome="performed", reason=event.reason, outcome_at=at)
    if event.closes_as and not facts.closed:
        return changed(done, closed=event.closes_as)
    if event.queue:
        key = f"step/{step_key(event.step, event.occurrence)}"
        return owe_case(done, key, event.reason, event.queue)
    return done


@_reduce.register
def _(event: e.StepFailed, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    failed = with_step(
        facts, event, outcome="failed", reason=event.reason, outcome_at=at, planned_at=event.planned_at
    )
    if event.step == ANSWER_STEP:
        return _owe_answer_case(failed, event.occurrence)
    # One case for all steps that fail for the same reason: a person mends the address once.
    return owe_case(failed, f"failed/{event.reason}", event.reason)


def _settle_balance(facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    """Close what is paid within the tolerance; reopen what was closed as paid or credited and is owed again."""
    cleared = facts.balance <= facts.close_below
    if cleared and not facts.closed:
        return changed(
            facts,
            closed="credited" if facts.credited else "paid",
            promise=None,
            disputed=False,
            dispute_unconfirmed=False,
        )
    if not cleared and facts.closed in ("paid", "credited"):
        return rebased(changed(facts, closed=None), "resumed", at)
    return facts
