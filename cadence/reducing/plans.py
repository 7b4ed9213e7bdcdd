"""What payment plans do to an invoice, and what ends them."""

from datetime import datetime

from cadence import events as e
from cadence.agreements import Instalment, Plan
from cadence.changes import changed, owe_case, owe_notice, rebased
from cadence.facts import InvoiceFacts
from cadence.plans import owed
from cadence.reducing.dispatch import reduce_event


@reduce_event.register
def _(event: e.PlanAgreed, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    if facts.closed:
        return facts
    instalments = tuple(
        Instalment(number=facts.instalments + turn, due_on=part.due_on, amount=part.amount)
        for turn, part in enumerate(event.instalments, start=1)
    )
    plan = Plan(
        number=facts.plans + 1, at=at, instalments=instalments, paid_before=facts.money, method=event.method
    )
    agreed = changed(
        facts,
        plan=plan,
        plans=plan.number,
        instalments=instalments[-1].number,
        promises_open=(),  # what was promised is agreed anew
    )
    return owe_notice(agreed, "plan", at)


@reduce_event.register
def _(event: e.InstalmentMissed, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    late = next((each for each in owed(facts) if each.instalment.number == event.number), None)
    if facts.plan is None or late is None:
        return facts
    instalments = tuple(
        each.model_copy(update={"missed": each.missed or each.number == event.number})
        for each in facts.plan.instalments
    )
    marked = changed(facts, plan=facts.plan.model_copy(update={"instalments": instalments}))
    reminded = owe_notice(marked, "instalment_missed", at, amount=late.amount, by=late.instalment.due_on)
    return owe_case(reminded, f"instalment_missed/{event.number}", "instalment_missed")


@reduce_event.register
def _(event: e.PlanEnded, facts: InvoiceFacts, at: datetime) -> InvoiceFacts:
    if facts.plan is None:
        return facts
    ended = rebased(changed(facts, plan=None), "resumed", at)
    if event.outcome == "cancelled":  # whoever cancelled it knows
        return ended
    return owe_case(ended, f"plan_ended/{facts.plan.number}", "plan_ended")
