"""What becomes of steps, and of an agent's answers, that are no longer to be sent."""

from datetime import datetime

from cadence import events as e
from cadence.changes import changed, owe_case, with_step
from cadence.facts import ANSWER_STEP, InvoiceFacts, MessageState, step_key
from cadence.reducing.dispatch import reduce_event


def overtake_answers(facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    """Nothing leaves after closing, an agent's answer neither, not even once it is open again: the agent must know."""
    for notice in facts.notices:
        step = facts.step(notice.step, notice.number)
        gone = any(message.state is not MessageState.REFUSED for message in step.messages.values())
        if notice.branch == "answer" and step.outcome is None and not gone:
            kind = e.StepFailed if step.messages else e.StepSkipped
            over = kind(
                step=notice.step, occurrence=notice.number, reason="invoice_closed", planned_at=notice.at
            )
            facts = reduce_event(over, facts, at)
    return facts


def _owe_answer_case(facts: InvoiceFacts, number: int) -> InvoiceFacts:
    return owe_case(facts, f"answer/{number}", "answer_not_sent")


@reduce_event.register
def _(event: e.StepSkipped, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    skipped = with_step(
        facts, event, outcome="skipped", reason=event.reason, outcome_at=at, planned_at=event.planned_at
    )
    return _owe_answer_case(skipped, event.occurrence) if event.step == ANSWER_STEP else skipped


@reduce_event.register
def _(event: e.StepDeferred, facts: InvoiceFacts, _at: datetime) -> InvoiceFacts:
    return with_step(facts, event, deferred_until=event.until, deferred_reason=event.reason)


@reduce_event.register
def _(_event: e.DeferralLifted, facts: InvoiceFacts, _at: datetime) -> InvoiceFacts:
    free = {"deferred_until": None, "deferred_reason": None}
    steps = {
        key: step.model_copy(update=free) if step.deferred_reason == "halted" else step
        for key, step in facts.steps.items()
    }
    return changed(facts, steps=steps)


@reduce_event.register
def _(event: e.StepMerged, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    first = facts.step(event.step, event.occurrence).permitted_at or at
    free = {"deferred_until": None, "deferred_reason": None}
    return with_step(
        facts, event, outcome="merged", into=event.into, outcome_at=at, permitted_at=first, **free
    )


@reduce_event.register
def _(event: e.StepReleased, facts: InvoiceFacts, _at: datetime) -> InvoiceFacts:
    known = facts.step(event.step, event.occurrence)
    if (known.outcome, known.into) != ("merged", event.into):
        return facts
    return with_step(facts, event, outcome=None, into=None, outcome_at=None)


@reduce_event.register
def _(event: e.StepPerformed, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    done = with_step(facts, event, outcome="performed", reason=event.reason, outcome_at=at)
    if event.closes_as and not facts.closed:
        return changed(done, closed=event.closes_as)
    if event.queue:
        key = f"step/{step_key(event.step, event.occurrence)}"
        return owe_case(done, key, event.reason, event.queue)
    return done


@reduce_event.register
def _(event: e.StepFailed, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    failed = with_step(
        facts, event, outcome="failed", reason=event.reason, outcome_at=at, planned_at=event.planned_at
    )
    if event.step == ANSWER_STEP:
        return _owe_answer_case(failed, event.occurrence)
    # One case for all steps that fail for the same reason: a person mends the address once.
    return owe_case(failed, f"failed/{event.reason}", event.reason)
