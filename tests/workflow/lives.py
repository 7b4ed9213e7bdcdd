"""Lives of invoices and endpoints whose histories are kept in tests/histories; `python -m tests.workflow.lives` records them anew.

Record only what is new: an old history proves that the workflows which are running out there still replay.
"""

import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from temporalio.client import Client

from cadence.directive import Deliveries
from starter.embedded import EmbeddedTemporal
from tests.workflow import scripted_endpoint
from tests.workflow.scripted import Handle, ScriptedLedger, due, eventually, start, working
from workflows.converter import DATA_CONVERTER

HISTORIES = Path(__file__).parents[1] / "histories"
PAYMENT = {"id": "p1", "amount": "120.50", "currency": "EUR"}
MINUTE = 60.0


async def reminded_then_paid(client: Client, task_queue: str) -> Handle:
    """Two items performed after their timers, then a direct payment."""
    ledger = ScriptedLedger(
        [due("courtesy", seconds=0.5), due("reminder", seconds=1), due("demand", seconds=60)]
    )
    async with working(client, task_queue, ledger):
        handle = await start(client, task_queue, ledger.directive())
        await eventually(lambda: len(ledger.performed) == 2)
        await handle.signal("payment_received", PAYMENT)
        await handle.result()
    return handle


async def called_off_in_the_queue(client: Client, task_queue: str) -> Handle:
    """A send that waits in its queue is called off by a pause, asked for again, and ended by the relay's word."""
    ledger = ScriptedLedger([due("courtesy")])
    async with working(client, task_queue, ledger, queues=("",)):
        handle = await start(client, task_queue, ledger.directive())
        await handle.query("current_directive")
        await handle.signal("pause", {"id": "h1", "until": "2026-04-01"})
        await eventually(lambda: ledger.paused)
        await handle.signal("resume", {"id": "r1"})
        await eventually(lambda: not ledger.paused)
        await handle.query("current_directive")
        await handle.signal("directive", ledger.change(closed=True))
        await handle.result()
    return handle


async def paid_beside_a_send(client: Client, task_queue: str) -> Handle:
    """A payment is recorded while a send is under way, whose result comes after it."""
    ledger = ScriptedLedger([due("courtesy")])
    gate = ledger.gates["courtesy"] = asyncio.Event()
    async with working(client, task_queue, ledger):
        handle = await start(client, task_queue, ledger.directive())
        await ledger.begun.wait()
        await handle.signal("payment_received", PAYMENT)
        await eventually(lambda: ledger.closed)
        gate.set()
        await handle.result()
    return handle


async def told_by_many(client: Client, task_queue: str) -> Handle:
    """Every signal once, with and without input, and directives that come late."""
    ledger = ScriptedLedger([due("courtesy", seconds=MINUTE)])
    async with working(client, task_queue, ledger):
        handle = await start(client, task_queue, ledger.directive())
        late = ledger.directive()
        for name in ("dispute_opened", "promise_made", "dispute_resolved", "escalate", "resume", "cancel"):
            await handle.signal(name)
        await eventually(lambda: len(ledger.recorded) == 6)
        ledger.agenda = [due("demand", seconds=MINUTE)]
        await handle.signal("directive", ledger.change())
        await handle.signal("directive", late)
        await handle.signal("payment_received", PAYMENT)
        await handle.result()
    return handle


async def told_of_a_customer(client: Client, task_queue: str) -> Handle:
    """Every signal that concerns the customer or several invoices, beside and between those about this one."""
    ledger = ScriptedLedger([due("courtesy", seconds=MINUTE)])
    async with working(client, task_queue, ledger):
        handle = await start(client, task_queue, ledger.directive())
        shared = PAYMENT | {"shares": "7=20.50"}
        await handle.signal("pause", {"id": "h1"})
        await handle.signal("customer_payment_received", shared)
        await handle.signal("customer_payment_reversed", {"id": "b1", "payment": "p1"})
        await handle.signal("resume", {"id": "r1"})
        others = (
            "use_credit", "claim_late_charges", "late_charges_waived", "pause_customer", "resume_customer",
            "assign_segment", "clear_segment", "merge_customer", "migrate",
        )  # fmt: skip
        for name in others:
            await handle.signal(name)
        await eventually(lambda: len(ledger.recorded) == 4 + len(others))
        await handle.signal("payment_received", PAYMENT)
        await handle.result()
    return handle


async def tried_again_by_an_endpoint(client: Client, task_queue: str) -> scripted_endpoint.Handle:
    """A word comes during a batch that fails; so does the second, which is tried again after its timer."""
    soon = Deliveries(failed=1, next_at=datetime.now(UTC) + timedelta(seconds=2))
    endpoint = scripted_endpoint.ScriptedEndpoint([soon, soon], asyncio.Event())
    async with scripted_endpoint.delivering(client, task_queue, endpoint):
        handle = await scripted_endpoint.say_waiting(client, task_queue)
        await endpoint.begun.wait()
        await scripted_endpoint.say_waiting(client, task_queue)
        assert endpoint.gate is not None
        endpoint.gate.set()
        await handle.result()
    return handle


LIVES: tuple[Callable[[Client, str], Awaitable[Handle | scripted_endpoint.Handle]], ...] = (
    reminded_then_paid,
    called_off_in_the_queue,
    paid_beside_a_send,
    told_by_many,
    told_of_a_customer,
    tried_again_by_an_endpoint,
)


async def record(names: list[str]) -> None:
    """Play the lives named, or all that are not recorded yet, and write their histories."""
    with tempfile.TemporaryDirectory() as home:
        async with EmbeddedTemporal(Path(home)) as server:
            # A name of its own, so that no machine is named in what is kept.
            client = await Client.connect(server.address, data_converter=DATA_CONVERTER, identity="recorder")
            for life in LIVES:
                file = HISTORIES / f"{life.__name__}.json"
                if life.__name__ in names or not (names or file.exists()):
                    handle = await life(client, f"life-{uuid4().hex[:8]}")
                    file.write_text((await handle.fetch_history()).to_json() + "\n", "utf-8")


if __name__ == "__main__":
    asyncio.run(record(sys.argv[1:]))
