"""What a dispute does to an invoice, and what ends it."""

from datetime import datetime
from typing import Any

from cadence import events as e
from cadence.agreements import Dispute
from cadence.changes import changed, owe_case, owe_notice
from cadence.disputes import most_credited
from cadence.facts import InvoiceFacts
from cadence.reducing.dispatch import reduce_event
from cadence.reducing.money import settle_balance


@reduce_event.register
def _(event: e.DisputeOpened, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    told: dict[str, Any] = event.model_dump(exclude={"type"})
    if facts.dispute:
        return _confirmed(facts, facts.dispute, told) if event.confirmed else facts
    number = facts.disputes + 1
    disputed = changed(facts, dispute=Dispute(number=number, at=at, **told), disputes=number)
    reason = "dispute" if event.confirmed else "dispute_to_confirm"
    return owe_case(owe_notice(disputed, "dispute", at, amount=event.amount), f"{reason}/{number}", reason)


def _confirmed(facts: InvoiceFacts, dispute: Dispute, told: dict[str, Any]) -> InvoiceFacts:
    """The facts, once a person has confirmed what was only read from a reply; the customer was answered then.

    Who deals with it, and until when, stays where that is not told anew; a new deadline is not overdue.
    """
    if dispute.confirmed:
        return facts
    answer_by = told["answer_by"] or dispute.answer_by
    kept = {"owner": told["owner"] or dispute.owner, "answer_by": answer_by}
    late = dispute.overdue and answer_by == dispute.answer_by
    confirmed = changed(facts, dispute=dispute.model_copy(update=told | kept | {"overdue": late}))
    return owe_case(confirmed, f"dispute/{dispute.number}", "dispute")


@reduce_event.register
def _(event: e.DisputeAssigned, facts: InvoiceFacts, _at: datetime) -> InvoiceFacts:
    if facts.dispute is None:
        return facts
    late = facts.dispute.overdue and event.answer_by == facts.dispute.answer_by
    told = {"owner": event.owner, "answer_by": event.answer_by, "overdue": late}
    return changed(facts, dispute=facts.dispute.model_copy(update=told))


@reduce_event.register
def _(_event: e.DisputeOverdue, facts: InvoiceFacts, _at: datetime) -> InvoiceFacts:
    dispute = facts.dispute
    if dispute is None or dispute.answer_by is None or dispute.overdue:
        return facts
    late = changed(facts, dispute=dispute.model_copy(update={"overdue": True}))
    return owe_case(late, f"dispute_overdue/{dispute.number}/{dispute.answer_by}", "dispute_overdue")


@reduce_event.register
def _(event: e.DisputeResolved, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    if facts.dispute is None:
        return facts
    resolved = changed(facts, dispute=None)
    if event.outcome != "upheld":
        return owe_notice(resolved, "dispute_resolved", at)
    most = most_credited(facts)
    credit = most if event.credit is None else min(event.credit, most)
    upheld = settle_balance(changed(resolved, credited=facts.credited + credit), at)
    return upheld if upheld.closed else owe_notice(upheld, "dispute_upheld", at, amount=credit)
