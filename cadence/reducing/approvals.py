"""What asking for leave does to a step, what the answer does, and when nobody need answer any more."""

from datetime import datetime
from typing import Any, Literal

from cadence import events as e
from cadence.changes import changed, owe_case, with_step
from cadence.facts import Approval, CaseDue, InvoiceFacts, step_key
from cadence.reducing.dispatch import reduce_event

REASON, QUEUE = "approval_needed", "approvals"


@reduce_event.register
def _(event: e.ApprovalAsked, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    step = facts.step(event.step, event.occurrence)
    if facts.closed or step.outcome or step.approval:
        return facts
    asked = with_step(facts, event, approval=Approval(asked_at=at), deferred_until=None, deferred_reason=None)
    return owe_case(asked, _case_key(step_key(event.step, event.occurrence)), REASON, QUEUE)


@reduce_event.register
def _(event: e.ApprovalReminded, facts: InvoiceFacts, _at: datetime) -> InvoiceFacts:
    known = _waiting(event, facts)
    if known is None:
        return facts
    told = with_step(facts, event, approval=known.model_copy(update={"reminded": known.reminded + 1}))
    return owe_case(told, _case_key(step_key(event.step, event.occurrence)), REASON, QUEUE)


@reduce_event.register
def _(event: e.ApprovalGiven, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    return _answered(event, facts, "given", at)


@reduce_event.register
def _(event: e.ApprovalRefused, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    return _answered(event, facts, "refused", at)


@reduce_event.register
def _(event: e.ApprovalTimedOut, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    return _answered(event, facts, "timed_out", at)


def _answered(
    event: Any, facts: InvoiceFacts, answer: Literal["given", "refused", "timed_out"], at: datetime
) -> InvoiceFacts:
    known = _waiting(event, facts)
    if known is None:
        return facts
    return with_step(facts, event, approval=known.model_copy(update={"answer": answer, "answered_at": at}))


def _waiting(event: Any, facts: InvoiceFacts) -> Approval | None:
    key = step_key(event.step, event.occurrence)
    return facts.steps[key].approval if key in facts.awaiting else None


def withdrawn(facts: InvoiceFacts) -> InvoiceFacts:
    """The facts without what was asked and not answered: it is asked anew where the step comes, or falls due, again."""
    steps = {key: facts.steps[key].model_copy(update={"approval": None}) for key in facts.awaiting}
    return changed(facts, steps=facts.steps | steps) if steps else facts


def put_questions_away(before: InvoiceFacts, after: InvoiceFacts) -> InvoiceFacts:
    """Withdraw what nobody need answer now that the invoice is closed or due later, and mark the cases of the rest.

    What was not answered is asked anew, should the invoice open again, or the step come again.
    """
    if after.closed is not None or after.rearmed != before.rearmed:
        after = withdrawn(after)
    waiting = {_case_key(key) for key in after.awaiting}
    if not any(_is_to_be_marked(case, waiting) for case in after.cases):
        return after
    cases = (
        case.model_copy(update={"over": _outcome(case, before, after)})
        if _is_to_be_marked(case, waiting)
        else case
        for case in after.cases
    )
    return changed(after, cases=tuple(cases))


def _is_to_be_marked(case: CaseDue, waiting: set[str]) -> bool:
    return case.reason == REASON and case.over is None and case.key not in waiting


def _outcome(case: CaseDue, before: InvoiceFacts, after: InvoiceFacts) -> str:
    step = after.steps[case.key.removeprefix("approval/")]
    if step.approval and step.approval.answer:
        return f"approval_{step.approval.answer}"
    if step.reason or after.closed:
        return step.reason or "invoice_closed"
    return "due_later" if after.rearmed != before.rearmed else "cadence_changed"


def _case_key(key: str) -> str:
    return f"approval/{key}"
