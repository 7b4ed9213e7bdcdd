"""Typed signals that reach a workflow directly: each is noted, recorded by the ledger at once, and obeyed."""

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from temporalio.client import Client

from activities.signals import EVENTS
from activities.wider_signals import ALONE, IN_TURN
from cadence.directive import SignalNote
from tests.workflow.scripted import INVOICE, ScriptedLedger, due, eventually, start, working

DAY = 86_400.0
SIGNALS: dict[str, dict[str, str]] = {
    "payment_received": {"amount": "120.50", "currency": "EUR", "method": "pix"},
    "payment_reversed": {"amount": "120.50", "currency": "EUR"},
    "credit_note_issued": {"amount": "20.50", "currency": "EUR"},
    "credit_refunded": {"amount": "0.50"},
    "late_charges_waived": {},
    "dispute_opened": {"reason": "wrong_amount"},
    "dispute_assigned": {"owner": "sales", "answer_by": "2026-04-01"},
    "dispute_resolved": {"outcome": "rejected"},
    "approval_given": {"step": "final-notice"},
    "approval_refused": {"step": "final-notice", "reason": "new_contact"},
    "due_date_extended": {"due_on": "2026-04-01", "reason": "goods_late"},
    "promise_made": {"amount": "60", "by": "2026-04-01"},
    "plan_agreed": {"instalments": "2026-04-01=60 2026-05-01=60.50"},
    "plan_ended": {"reason": "mistake"},
    "pause": {"until": "2026-04-01", "reason": "holiday"},
    "resume": {},
    "escalate": {"stage": "final"},
    "cancel": {"reason": "mistake"},
    "customer_payment_received": {"amount": "150", "currency": "EUR", "shares": "203=20.50"},
    "customer_payment_reversed": {"payment": "bank-1", "amount": "150"},
    "use_credit": {"amount": "30"},
    "claim_late_charges": {"until": "2026-04-01", "only": "interest"},
    "pause_customer": {"until": "2026-04-01", "reason": "illness"},
    "resume_customer": {},
    "assign_segment": {"segment": "strategic", "reason": "key-account", "effect": "now"},
    "clear_segment": {"effect": "now"},
    "suppress": {"channel": "sms", "reason": "opt_out", "role": "director"},
    "unsuppress": {"channel": "sms", "role": "director", "proof": "ticket-17"},
    "consent_given": {"channel": "sms", "wording": "v3", "proof": "form-17"},
    "merge_customer": {"into": "77", "reason": "duplicate"},
    "migrate": {},
}


async def told_all(client: Client, task_queue: str, *, fields: bool) -> list[SignalNote]:
    """What the ledger hears when one workflow is sent every signal, with its fields or without any input."""
    ledger = ScriptedLedger([due("courtesy", seconds=DAY)])
    handle = await start(client, task_queue, ledger.directive())
    for name, given in SIGNALS.items():
        await handle.signal(name, *([{"id": f"id-{name}", **given}] if fields else []))
    async with working(client, task_queue, ledger):
        await handle.result()  # a payment is among them
    return ledger.recorded


async def test_every_signal_is_recorded_with_its_fields(client: Client, task_queue: str) -> None:
    notes = await told_all(client, task_queue, fields=True)
    told = {note.name: (note.id, note.fields) for note in notes}
    assert told == {name: (f"id-{name}", given) for name, given in SIGNALS.items()}


async def test_every_signal_without_any_input_is_noted_all_the_same(client: Client, task_queue: str) -> None:
    """`temporal workflow signal --name resume` sends none."""
    notes = await told_all(client, task_queue, fields=False)
    assert [note.name for note in notes] == list(SIGNALS)


def test_every_handler_is_told_something_here_and_known_to_the_ledger() -> None:
    handlers = {
        line.partition(":")[0]
        for line in Path("workflows/fingerprint.txt").read_text().splitlines()
        if line.endswith("@workflow.signal")
    }
    assert handlers - {"deliveries_waiting"} == set(SIGNALS) == {*EVENTS, *IN_TURN, *ALONE}


async def test_a_signal_without_an_id_gets_one_of_its_own(client: Client, task_queue: str) -> None:
    ledger = ScriptedLedger([due("courtesy", seconds=DAY)])
    async with working(client, task_queue, ledger):
        handle = await start(client, task_queue, ledger.directive())
        for _ in range(2):
            await handle.signal("escalate", {"stage": "final"})
        await eventually(lambda: len(ledger.recorded) == 2)
        await handle.signal("directive", ledger.change(closed=True))
        await handle.result()
    assert len({UUID(note.id) for note in ledger.recorded}) == 2
    assert ledger.recorded[0].fields == {"stage": "final", "unidentified": "1"}


async def test_numbers_nulls_and_unknown_fields_are_taken_as_they_are_meant(
    client: Client, task_queue: str
) -> None:
    ledger = ScriptedLedger([due("courtesy", seconds=DAY)])
    async with working(client, task_queue, ledger):
        handle = await start(client, task_queue, ledger.directive())
        sent = {"id": 4711, "amount": 99.5, "currency": "EUR", "method": None, "note": "an unknown field"}
        await handle.signal("payment_received", sent)
        await handle.result()
    assert ledger.recorded[0].id == "4711"
    assert ledger.recorded[0].fields == {"amount": "99.5", "currency": "EUR"}


@pytest.mark.parametrize("nonsense", ["just text", 17, ["a", "list"], {"amount": {"nested": 1}}, None])
async def test_a_signal_that_does_not_decode_stops_nothing(
    client: Client, task_queue: str, nonsense: Any
) -> None:
    ledger = ScriptedLedger([due("courtesy", seconds=DAY)])
    async with working(client, task_queue, ledger):
        handle = await start(client, task_queue, ledger.directive())
        await handle.signal("pause", nonsense)
        await handle.signal("directive", nonsense)
        await handle.signal("payment_received", {"id": "p1", "amount": "1", "currency": "EUR"})
        await handle.result()
    assert ledger.recorded[-1].id == "p1"


async def test_signals_that_come_together_are_recorded_in_their_order(
    client: Client, task_queue: str
) -> None:
    ledger = ScriptedLedger([due("courtesy", seconds=DAY)])
    handle = await start(client, task_queue, ledger.directive())
    for number in range(5):
        await handle.signal("escalate", {"id": f"e{number}"})
    await handle.signal("payment_received", {"id": "p1", "amount": "1", "currency": "EUR"})
    async with working(client, task_queue, ledger):
        await handle.result()
    assert [note.id for note in ledger.recorded] == ["e0", "e1", "e2", "e3", "e4", "p1"]


async def test_signals_beside_the_closing_directive_are_recorded_before_the_end(
    client: Client, task_queue: str
) -> None:
    ledger = ScriptedLedger([due("courtesy", seconds=DAY)])
    handle = await start(client, task_queue, ledger.directive())
    await handle.signal("directive", ledger.change(closed=True))
    await handle.signal("dispute_opened", {"id": "d1"})
    async with working(client, task_queue, ledger):
        await handle.result()
    assert [note.id for note in ledger.recorded] == ["d1"]
    assert ledger.directive().invoice_id == INVOICE


async def test_a_hundred_signals_outlive_every_continue_as_new(client: Client, task_queue: str) -> None:
    """The session's server suggests a new history after fifty events."""
    ledger = ScriptedLedger([due("courtesy", seconds=DAY)])
    handle = await start(client, task_queue, ledger.directive())
    first_run = (await handle.describe()).run_id
    async with working(client, task_queue, ledger):
        for number in range(100):
            await handle.signal("escalate", {"id": f"e{number}"})
        await handle.signal("payment_received", {"id": "p1", "amount": "1", "currency": "EUR"})
        await handle.result()
        assert (await handle.describe()).run_id != first_run
    ids = [note.id for note in ledger.recorded]
    assert sorted(set(ids)) == sorted(ids)
    assert set(ids) >= {f"e{number}" for number in range(100)}
