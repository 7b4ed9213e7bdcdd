"""What can be done to an invoice or a customer, said once: from where it stands to the event that is recorded.

The command line and the HTTP service both call these, so their sentences name the invoice and the argument, never
an option. Arguments are typed; what is judged here is what only the ledger knows.
"""

from starter.acts.approvals import approve, refuse
from starter.acts.checks import (
    HORIZON,
    PAST,
    UNSPECIFIED,
    check_coming,
    check_money,
    end_of_day,
    happened,
    refuse_closed,
)
from starter.acts.disputes import Outcome, assign_dispute, dispute, resolve
from starter.acts.holds import pause, pause_customer, resume, resume_customer
from starter.acts.lifecycle import cancel, escalate, extend
from starter.acts.money import REVERSAL_SOURCE, credit_note, pay, refund, reverse, waive
from starter.acts.plans import agree_plan, end_plan
from starter.acts.promises import promise

__all__ = [
    "HORIZON",
    "PAST",
    "REVERSAL_SOURCE",
    "UNSPECIFIED",
    "Outcome",
    "agree_plan",
    "approve",
    "assign_dispute",
    "cancel",
    "check_coming",
    "check_money",
    "credit_note",
    "dispute",
    "end_of_day",
    "end_plan",
    "escalate",
    "extend",
    "happened",
    "pause",
    "pause_customer",
    "pay",
    "promise",
    "refund",
    "refuse",
    "refuse_closed",
    "resolve",
    "resume",
    "resume_customer",
    "reverse",
    "waive",
]
