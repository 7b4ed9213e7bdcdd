"""Why, or why not: what becomes of each step of an invoice, read from the ledger and planned as of now."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from sqlalchemy import select

from cadence.agenda import Agenda, AgendaItem
from cadence.customer_facts import CustomerFacts, Preference
from cadence.permit import forecast
from cadence.planner import plan
from cadence.rules import rules_for
from cadence.why import Because, Known, explain
from ledger.access import Ledger
from ledger.foreseeing import caps_of
from ledger.ranking import GROUPED
from ledger.tables import agenda_table, invoices, messages
from ledger.together import why_ahead
from ledger.unit import Held, Unit


async def why(ledger: Ledger, number: str, now: datetime) -> list[Because]:
    """Every step of the creditor's invoice `number`, past and to come, with the rule that decides; raise UnknownInvoice."""
    invoice_id = await ledger.invoice_id(number)
    async with ledger.invoice_unit(invoice_id, now) as unit:
        held = unit.invoice(invoice_id)
        rules, customer = unit.rules(held), unit.customer_facts
        payer = await unit.payer(held)
        carriers = await _carriers(unit, held)
        grouped = await _grouped(unit, held)
        known = held.facts, held.cadence, rules, customer, payer
        agenda = _foreseen(
            plan(held.facts, held.cadence, rules, now),
            lambda item: GROUPED if item.key in grouped else forecast(item, *known),
        )
        caps = await caps_of(unit, held, agenda.items)
    unruled = plan(
        held.facts, held.cadence, rules_for(held.cadence, _at_any_hour(customer), ledger.creditor), now
    )
    return explain(Known(held.facts, held.cadence, rules, customer, agenda, unruled, carriers, caps))


async def _grouped(unit: Unit, held: Held) -> set[str]:
    """The items that will probably go with other invoices of the customer, by what was planned last."""
    reason = why_ahead()
    found = select(agenda_table.c.key).join_from(agenda_table, invoices)
    return set(
        (await unit.connection.execute(found.where(invoices.c.id == held.id, reason == GROUPED))).scalars()
    )


async def _carriers(unit: Unit, held: Held) -> dict[str, str]:
    """The invoices whose messages spoke of this one, by the messages' references."""
    into = [step.into for step in held.facts.steps.values() if step.into]
    found = select(messages.c.reference, invoices.c.number).join_from(messages, invoices)
    rows = await unit.connection.execute(found.where(messages.c.reference.in_(into)))
    return {row.reference: row.number for row in rows}


def _at_any_hour(customer: CustomerFacts) -> CustomerFacts:
    """The customer without a wish about hours: what it moves is explained as what a contact rule moves."""
    return customer.model_copy(update={"preference": Preference(channels=customer.preference.channels)})


def _foreseen(agenda: Agenda, reason: Callable[[AgendaItem], str]) -> Agenda:
    """The agenda with each item's reason as things stand: a condition that is false now is named."""
    return replace(agenda, items=tuple(item._replace(why=reason(item)) for item in agenda.items))
