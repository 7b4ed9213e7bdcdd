"""How fast the pure planner is on one core: the shipped cadences, each planned for an invoice nobody pays."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from time import perf_counter

from cadence.creditor import Creditor
from cadence.document import Cadence
from cadence.facts import CustomerFacts, InvoiceFacts, Rebase
from cadence.planner import plan
from cadence.rules import rules_for
from cadence.words import Channel, Language
from starter.rulers import cadence_files, read_cadence

ARRIVED = datetime(2026, 1, 5, 12, tzinfo=UTC)


def plans_per_second(creditor: Creditor, seconds: float) -> float:
    """Plan for some seconds, as much for each cadence that is shipped, on the day the invoice arrives."""
    cadences = [read_cadence(path)[0] for path in cadence_files(Path("cadences"))]
    return len(cadences) / sum(_seconds_a_plan(each, creditor, seconds / len(cadences)) for each in cadences)


def _seconds_a_plan(cadence: Cadence, creditor: Creditor, seconds: float) -> float:
    customer = CustomerFacts(
        segment=cadence.segments[0], language=Language.PT_BR, country="BR", zone="America/Sao_Paulo",
        addresses=dict.fromkeys(Channel, "bench"),
    )  # fmt: skip
    facts = InvoiceFacts(
        amount=Decimal(1200), currency="BRL", issued_on=ARRIVED.date(), arrived_at=ARRIVED,
        due_on=ARRIVED.date() + timedelta(days=30), rebases=(Rebase(kind="arrived", at=ARRIVED),),
    )  # fmt: skip
    count, begun = 0, perf_counter()
    while perf_counter() - begun < seconds:
        plan(facts, cadence, rules_for(cadence, customer, creditor), ARRIVED)
        count += 1
    return (perf_counter() - begun) / count
