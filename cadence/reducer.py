"""The reducer: how each event changes the facts. Pure and total; the log reduced from empty gives the facts."""

from collections.abc import Iterable
from datetime import datetime

from cadence import events as e
from cadence.facts import InvoiceFacts, Rebase
from cadence.messages import reduce_message
from cadence.reducing import (
    approvals,
    cadences,
    charges,
    conversation,
    disputes,
    holds,
    lifecycle,
    money,
    plans,
    promises,
    steps,
)
from cadence.reducing.dispatch import reduce_event

# Imported for what they register.
TOPICS = (
    approvals, cadences, charges, conversation, disputes, holds, lifecycle, money, plans, promises, steps,
)  # fmt: skip


def reduce_invoice(facts: InvoiceFacts | None, event: e.InvoiceEvent, at: datetime) -> InvoiceFacts:
    """The facts after `event`, which happened at the aware instant `at`; the first event makes them."""
    if facts is None:
        if not isinstance(event, e.InvoiceReceived):
            message = f"an invoice's log begins with invoice_received, not {event.type}"
            raise ValueError(message)
        return _received(event, at)
    after = (
        reduce_message(event, facts, at)
        if isinstance(event, e.MessageEvent)
        else reduce_event(event, facts, at)
    )
    after = money.note_credit(facts, after)
    after = steps.overtake_answers(after, at) if after.closed and not facts.closed else after
    return approvals.put_questions_away(facts, after)


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
