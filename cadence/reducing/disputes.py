"""What a dispute does to an invoice, and what ends it."""

from datetime import datetime

from cadence import events as e
from cadence.changes import changed, owe_case, owe_notice
from cadence.facts import InvoiceFacts
from cadence.reducing.dispatch import reduce_event
from cadence.reducing.money import settle_balance


@reduce_event.register
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


@reduce_event.register
def _(event: e.DisputeResolved, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    if not facts.disputed:
        return facts
    resolved = changed(facts, disputed=False, dispute_unconfirmed=False)
    if event.outcome == "upheld":
        # The creditor agrees: what is owed is credited, whole. Disputes over a part come with the contact rules.
        return settle_balance(changed(resolved, credited=facts.credited + facts.balance), at)
    return owe_notice(resolved, "dispute_resolved", at)
