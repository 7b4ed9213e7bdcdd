"""Typed signals that reach a workflow directly: each is noted, recorded by the ledger at once, and obeyed."""

from typing import Any
from uuid import UUID

import pytest
from temporalio.client import Client

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
}


@pytest.mark.parametrize("name", SIGNALS)
async def test_a_signal_is_recorded_with_its_fields(client: Client, task_queue: str, name: str) -> None:
    ledger = ScriptedLedger([due("courtesy", seconds=DAY)])
    async with working(client, task_queue, ledger):
        handle = await start(client, task_queue, ledger.directive())
        await handle.signal(name, {"id": "told-once", **SIGNALS[name]})
        await eventually(lambda: len(ledger.recorded) == 1)
        await handle.signal("directive", ledger.change(closed=True))
        await handle.result()
    note = ledger.recorded[0]
    assert (note.name, note.id, note.fields) == (name, "told-once", SIGNALS[name])


@pytest.mark.parametrize("name", SIGNALS)
async def test_a_signal_without_any_input_is_noted_all_the_same(
    client: Client, task_queue: str, name: str
) -> None:
    """`temporal workflow signal --name resume` sends none."""
    ledger = ScriptedLedger([due("courtesy", seconds=DAY)])
    async with working(client, task_queue, ledger):
        handle = await start(client, task_queue, ledger.directive())
        await handle.signal(name)
        await eventually(lambda: [note.name for note in ledger.recorded] == [name])
        await handle.signal("directive", ledger.change(closed=True))
        await handle.result()


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
