"""How facts change: the few moves of which the reducers are made."""

from datetime import datetime
from typing import Any, Literal

from cadence.facts import CaseDue, InvoiceFacts, Notice, Rebase, StepFacts, step_key


def changed(facts: InvoiceFacts, **changes: Any) -> InvoiceFacts:
    """The facts with some fields replaced."""
    return facts.model_copy(update=changes)


def with_step(facts: InvoiceFacts, event: Any, **changes: Any) -> InvoiceFacts:
    """The facts with some fields of the event's step replaced; a step not heard of yet begins empty."""
    key = step_key(event.step, event.occurrence)
    step = facts.steps.get(key, StepFacts()).model_copy(update=changes)
    return changed(facts, steps=facts.steps | {key: step})


def _done(facts: InvoiceFacts) -> tuple[str, ...]:
    # By the first permit where there is one: a bounce that opens a step again must not move the later ones.
    # Sorted, because JSONB does not keep the order of keys.
    return tuple(sorted(key for key, step in facts.steps.items() if step.permitted_at or step.outcome))


def rebased(
    facts: InvoiceFacts, kind: Literal["escalated", "resumed", "migrated"], at: datetime, **more: Any
) -> InvoiceFacts:
    """Let the ruler go on from `at`, from the first step that is not done by now."""
    rebase = Rebase(kind=kind, at=at, done=_done(facts), **more)
    return changed(facts, rebases=(*facts.rebases, rebase))


def owe_notice(facts: InvoiceFacts, branch: Any, at: datetime, **more: Any) -> InvoiceFacts:
    """The facts, with one more notice of `branch` owed to the customer since `at`."""
    number = 1 + sum(notice.branch == branch for notice in facts.notices)
    return changed(facts, notices=(*facts.notices, Notice(branch=branch, number=number, at=at, **more)))


def owe_case(facts: InvoiceFacts, key: str, reason: str, queue: str | None = None) -> InvoiceFacts:
    """The facts, with a case owed to the creditor's people; once more, where one of that key was owed before."""
    known = next((case for case in facts.cases if case.key == key), None)
    if known is None:
        return changed(facts, cases=(*facts.cases, CaseDue(key=key, reason=reason, queue=queue)))
    again = known.model_copy(update={"times": known.times + 1, "over": None})
    return changed(facts, cases=tuple(again if case is known else case for case in facts.cases))


def count_cases(facts: InvoiceFacts, reason: str) -> int:
    """How many cases of this reason were owed so far."""
    return sum(case.reason == reason for case in facts.cases)
