"""How fast the pure planner is on one core: the shipped cadences of ten steps, for invoices nobody pays."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from time import perf_counter, process_time

from cadence.creditor import Creditor
from cadence.customer_facts import CustomerFacts
from cadence.document import Cadence
from cadence.facts import InvoiceFacts, Rebase
from cadence.planner import plan
from cadence.rules import rules_for
from cadence.words import Channel, Language
from starter.rulers import cadence_files, read_cadence

STEPS = 10
# As many due dates, one after the other: what is kept of the calendar is shared as in a portfolio.
DUE_DAYS = 60
ARRIVED = datetime(2026, 1, 5, 12, tzinfo=UTC)


def plans_per_second(creditor: Creditor, seconds: float) -> float:
    """Plan for some seconds, as much for each shipped cadence of ten steps, on the day the invoices arrive."""
    every = [read_cadence(path)[0] for path in cadence_files(Path("cadences"))]
    cadences = [each for each in every if len(each.steps) == STEPS]
    return len(cadences) / sum(_seconds_a_plan(each, creditor, seconds / len(cadences)) for each in cadences)


def _seconds_a_plan(cadence: Cadence, creditor: Creditor, seconds: float) -> float:
    customer = CustomerFacts(
        segment=cadence.segments[0], language=Language.PT_BR, country="BR", zone="America/Sao_Paulo",
        addresses=dict.fromkeys(Channel, "bench"),
    )  # fmt: skip
    invoices = [
        InvoiceFacts(
            amount=Decimal(1200), currency="BRL", issued_on=ARRIVED.date(), arrived_at=ARRIVED,
            due_on=ARRIVED.date() + timedelta(days=days), rebases=(Rebase(kind="arrived", at=ARRIVED),),
        )
        for days in range(DUE_DAYS)
    ]  # fmt: skip
    # By the time of the core that it was given: what others do meanwhile is not the planner's.
    count, begun, used = 0, perf_counter(), process_time()
    while perf_counter() - begun < seconds:
        plan(invoices[count % DUE_DAYS], cadence, rules_for(cadence, customer, creditor), ARRIVED)
        count += 1
    return (process_time() - used) / count
