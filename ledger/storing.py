"""The end of a transaction on a customer: plan anew what was told of an invoice, and write it down for all who read it."""

import hashlib
import json

from cadence import events as e
from cadence.agenda import Agenda, Settled
from cadence.directive import Directive
from cadence.permit import asks_payer, forecast
from cadence.planner import plan
from ledger import statements
from ledger.case_keeping import keep_cases
from ledger.driving import run
from ledger.outbox import leave_word
from ledger.unit import PLANNER, Held, Unit


async def store(unit: Unit, told: int | None = None) -> None:
    """Plan anew what changed, and write it down. `told` is the invoice whose workflow learns it by return."""
    for held in unit.held.values():
        if held.causes:
            await _store(unit, held, by_return=held.id == told)
            held.causes.clear()


async def _store(unit: Unit, held: Held, *, by_return: bool) -> None:
    agenda = await _plan(unit, held)
    directive = _directive(held, agenda)
    await _write(unit, held, agenda, directive)
    due = [case for case in held.facts.cases if case not in held.cases]
    await keep_cases(unit.connection, held.id, held.cadence, due, unit.now)
    held.cases = held.facts.cases
    if directive != held.directive and not by_return:
        await leave_word(unit.connection, held.id, held.causes[0], unit.now)
    held.directive = directive


async def _plan(unit: Unit, held: Held) -> Agenda:
    agenda = plan(held.facts, held.cadence, unit.rules(held), unit.now)
    while agenda.settled:
        for settled in agenda.settled:
            await unit.tell(held, _settling_event(settled), PLANNER)
        agenda = plan(held.facts, held.cadence, unit.rules(held), unit.now)
    return agenda


def _settling_event(settled: Settled) -> e.StepSkipped | e.StepFailed:
    kind = e.StepFailed if settled.outcome == "failed" else e.StepSkipped
    return kind(
        step=settled.step, occurrence=settled.occurrence, reason=settled.reason, planned_at=settled.planned_at
    )


def _directive(held: Held, agenda: Agenda) -> Directive:
    """What the workflow is to be told; the version rises only where something in it changed."""
    wanted = Directive(
        invoice_id=held.id,
        version=held.directive.version,
        state=str(held.facts.state),
        item=agenda.next.told() if agenda.next else None,
        closed=held.facts.closed is not None,
    )
    if wanted == held.directive:
        return wanted
    return wanted.model_copy(update={"version": held.directive.version + 1})


async def _write(unit: Unit, held: Held, agenda: Agenda, directive: Directive) -> None:
    """Write the invoice's row, and its agenda where that is another than was stored."""
    values = {
        "wanted_id": held.id,
        "facts": held.facts.model_dump(mode="json", exclude_defaults=True),
        "state": str(held.facts.state),
        "balance": held.facts.balance,
        "due_on": held.facts.due_on,
        "closed_at": (held.row["closed_at"] or unit.now) if held.facts.closed else None,
    }
    if held.cadence_id != held.row["cadence_id"]:
        values["cadence_id"] = held.cadence_id
    if directive != held.directive:
        values |= {
            "version": directive.version,
            "directive": directive.model_dump(mode="json"),
            "next_at": directive.item.at if directive.item else None,
        }
    if asks_payer(held.cadence):
        # What conditions know of the payer includes what was told just now.
        await run(unit.connection, statements.STORE_INVOICE, values)
    planned = await _planned(unit, held, agenda)
    statement = statements.STORE_WITH_AGENDA if planned else statements.STORE_INVOICE
    await run(unit.connection, statement, values | planned)
    held.row = {**held.row, "agenda_digest": planned.get("agenda_digest", held.row["agenda_digest"])}


async def _planned(unit: Unit, held: Held, agenda: Agenda) -> dict[str, str | int]:
    """The agenda as `statements.STORE_WITH_AGENDA` takes it; nothing, where it is stored already."""
    known = held.facts, held.cadence, unit.rules(held), unit.customer_facts, await unit.payer(held)
    items = json.dumps(
        [
            {
                "position": position,
                "key": item.key,
                "kind": item.kind,
                "at": item.at.isoformat(),
                "why": forecast(item, *known),
                "step": item.step,
                "occurrence": item.occurrence,
                "channel": item.channel,
            }
            for position, item in enumerate(agenda.items)
        ]
    )
    digest = hashlib.sha256(items.encode()).hexdigest()[:16]
    if digest == held.row["agenda_digest"]:
        return {}
    return {"agenda_digest": digest, "agenda_length": len(agenda.items), "agenda_items": items}
