"""Why, or why not: what becomes of each step of an invoice, read from the ledger and planned as of now."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from cadence.agenda import Agenda, AgendaItem
from cadence.facts import CustomerFacts, Preference
from cadence.permit import forecast
from cadence.planner import plan
from cadence.rules import rules_for
from cadence.why import Because, Known, explain
from ledger.access import Ledger


async def why(ledger: Ledger, number: str, now: datetime) -> list[Because]:
    """Every step of the creditor's invoice `number`, past and to come, with the rule that decides; raise UnknownInvoice."""
    invoice_id = await ledger.invoice_id(number)
    async with ledger.invoice_unit(invoice_id, now) as unit:
        held = unit.invoice(invoice_id)
        payer = await unit.payer(held)
    rules, customer = unit.rules(held), unit.customer_facts
    known = held.facts, held.cadence, rules, customer, payer
    agenda = plan(held.facts, held.cadence, rules, now)
    unruled = plan(
        held.facts, held.cadence, rules_for(held.cadence, _at_any_hour(customer), ledger.creditor), now
    )
    foreseen = _foreseen(agenda, lambda item: forecast(item, *known))
    return explain(Known(held.facts, held.cadence, rules, foreseen, unruled))


def _at_any_hour(customer: CustomerFacts) -> CustomerFacts:
    """The customer without a wish about hours: what it moves is explained as what a contact rule moves."""
    return customer.model_copy(update={"preference": Preference(channels=customer.preference.channels)})


def _foreseen(agenda: Agenda, reason: Callable[[AgendaItem], str]) -> Agenda:
    """The agenda with each item's reason as things stand: a condition that is false now is named."""
    return replace(agenda, items=tuple(replace(item, why=reason(item)) for item in agenda.items))
