"""What customers write, and what agents answer."""

from datetime import datetime

from cadence import events as e
from cadence.changes import count_cases, owe_case, owe_notice
from cadence.facts import InvoiceFacts
from cadence.reducing.dispatch import reduce_event


@reduce_event.register
def _(event: e.Replied, facts: InvoiceFacts, _at: datetime) -> InvoiceFacts:
    reason = _REPLY_CASES.get(event.intent, "replied")
    if event.intent == "wrong" and not facts.closed:
        return facts  # the dispute it opens has a case of its own
    if event.intent == "paid" and facts.closed == "paid":
        return facts
    return owe_case(facts, f"{reason}/{count_cases(facts, reason) + 1}", reason)


_REPLY_CASES = {"paid": "says_paid", "stop_unsure": "may_opt_out"}


@reduce_event.register
def _(event: e.AnswerWritten, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    return owe_notice(facts, "answer", at, channel=event.channel, address=event.address)
