"""What a test sees of the house: the ledger, the providers and Temporal as they stand, and waiting for news of them."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
from sqlalchemy import select
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle
from temporalio.service import RPCError

from cadence.customer_facts import CustomerFacts
from cadence.directive import Directive
from cadence.facts import InvoiceFacts
from channels.settings import ChannelSettings
from ledger.access import Ledger
from ledger.checks import Check, check_invariants, personal_needles
from ledger.keys import workflow_id
from ledger.outbox import waiting
from ledger.tables import attempts, cases_table, customers, events_table, invoices, messages
from starter.accepted import accepted_by
from starter.histories import check_histories
from starter.settings import Settings
from tests.integration.house.invoices import Debtor

# Seconds between two looks at first and at last; what passes within a second is to be looked for oftener.
OFTENEST, SELDOMEST = 0.03, 0.25
PASSING = 0.05


async def eventually(
    true: Callable[[], Awaitable[bool]], what: str, within: float = 30.0, *, seldomest: float = SELDOMEST
) -> None:
    """Wait until `true()`; fail after `within` seconds, saying `what` did not happen.

    What is long in coming is asked for less and less often, `seldomest` seconds apart at last: many who wait at
    once would keep the machine from what they wait for.
    """
    deadline, pause = asyncio.get_running_loop().time() + within, OFTENEST
    while not await true():
        assert asyncio.get_running_loop().time() < deadline, f"{what} did not happen within {within:.0f} s"
        await asyncio.sleep(pause)
        pause = min(pause * 1.2, seldomest)


@dataclass
class Seen:
    """Ledger, Temporal and the sandbox's own addresses, for reading only."""

    ledger: Ledger
    client: Client
    temporal_address: str
    settings: Settings
    channels: ChannelSettings
    sandbox: httpx.AsyncClient

    def workflow(self, debtor: Debtor) -> WorkflowHandle[Any, Any]:
        """The debtor's workflow, whichever run."""
        return self.client.get_workflow_handle(workflow_id(debtor.id))

    async def accepted(self, debtor: Debtor) -> list[str]:
        """The channels of the messages that the providers took for this debtor, in order."""
        taken: list[dict[str, Any]] = []
        for address in dict.fromkeys((debtor.email, debtor.phone, debtor.whatsapp)):
            if address:
                taken += (await self.sandbox.get("/sandbox/messages", params={"address": address})).json()
        return [row["channel"] for row in sorted(taken, key=lambda row: row["accepted_at"])]

    async def accepted_for(self, debtor: Debtor) -> list[int]:
        """Our ids of the messages for which a provider took something, as often as it did."""
        taken: list[str] = []
        for address in dict.fromkeys((debtor.email, debtor.phone, debtor.whatsapp)):
            if address:
                rows = (await self.sandbox.get("/sandbox/messages", params={"address": address})).json()
                taken += [row["attempt_id"] for row in rows]
        wanted = select(attempts.c.id, attempts.c.message_id).where(attempts.c.id.in_(taken))
        async with self.ledger.engine.connect() as connection:
            ours = {row.id: row.message_id for row in await connection.execute(wanted)}
        return [ours[attempt_id] for attempt_id in taken]

    async def facts(self, debtor: Debtor) -> InvoiceFacts:
        """The invoice's facts as stored."""
        async with self.ledger.engine.connect() as connection:
            stored = await connection.execute(select(invoices.c.facts).where(invoices.c.id == debtor.id))
            return InvoiceFacts.model_validate(stored.scalar_one())

    async def story(self, debtor: Debtor) -> list[str]:
        """The types of the invoice's events, in the ledger's order."""
        wanted = select(events_table.c.type).where(events_table.c.invoice_id == debtor.id)
        async with self.ledger.engine.connect() as connection:
            return list((await connection.execute(wanted.order_by(events_table.c.id))).scalars())

    async def deliveries(self, debtor: Debtor) -> list[str]:
        """What receipts told of the invoice's messages, in the ledger's order."""
        told = events_table.c.payload["delivery"].astext
        wanted = select(told).where(
            events_table.c.invoice_id == debtor.id, events_table.c.type == "delivery_reported"
        )
        async with self.ledger.engine.connect() as connection:
            return list((await connection.execute(wanted.order_by(events_table.c.id))).scalars())

    async def cases(self, debtor: Debtor) -> list[str]:
        """Why cases were opened on the invoice."""
        wanted = select(cases_table.c.reason).where(cases_table.c.invoice_id == debtor.id)
        async with self.ledger.engine.connect() as connection:
            return list((await connection.execute(wanted.order_by(cases_table.c.id))).scalars())

    async def until_told(self, debtor: Debtor, *events: str, within: float = 30.0) -> None:
        """Wait until each of these events is in the invoice's story."""

        async def told() -> bool:
            return set(events) <= set(await self.story(debtor))

        await eventually(told, f"{events} of {debtor.number}", within)

    async def until_accepted(self, debtor: Debtor, count: int, within: float = 30.0) -> None:
        """Wait until the ledger knows of `count` accepted messages."""

        async def accepted() -> bool:
            return (await self.story(debtor)).count("message_accepted") >= count

        await eventually(accepted, f"message {count} to {debtor.number}", within)

    async def until_count(self, debtor: Debtor, event: str, count: int) -> None:
        """Wait until an event happened `count` times."""

        async def happened() -> bool:
            return (await self.story(debtor)).count(event) >= count

        await eventually(happened, f"{event} {count} times for {debtor.number}")

    async def until_settled(self, debtor: Debtor) -> None:
        """Wait until no attempt of the invoice is under way or unknown."""
        pending = attempts.c.state.in_(["reserved", "calling", "unknown"])
        wanted = select(attempts.c.id).join_from(attempts, messages).where(pending)

        async def settled() -> bool:
            async with self.ledger.engine.connect() as connection:
                found = await connection.execute(wanted.where(messages.c.invoice_id == debtor.id))
                return found.first() is None

        await eventually(settled, f"settling the attempts of {debtor.number}")

    async def until_suppressed(self, debtor: Debtor, channel: str) -> None:
        """Wait until the customer is not to be reached by a channel."""

        async def suppressed() -> bool:
            return channel in await self.suppressed(debtor)

        await eventually(suppressed, f"suppression of {channel}")

    async def suppressed(self, debtor: Debtor) -> dict[str, str]:
        """Why each channel of the customer is not to be used."""
        wanted = select(customers.c.facts).where(customers.c.key == debtor.customer)
        async with self.ledger.engine.connect() as connection:
            facts = CustomerFacts.model_validate((await connection.execute(wanted)).scalar_one())
        return {str(channel): known.reason for channel, known in facts.suppressed.items()}

    async def until_state(self, debtor: Debtor, state: str, event: str) -> None:
        """Wait until an event was recorded and the invoice stands at `state`."""

        async def stands() -> bool:
            return event in await self.story(debtor) and str((await self.facts(debtor)).state) == state

        await eventually(stands, f"{event} of {debtor.number} to {state}")

    async def until_pending(self, debtor: Debtor, activity: str) -> None:
        """Wait until the workflow waits for an activity."""

        async def pending() -> bool:
            with suppress(RPCError):
                described = (await self.workflow(debtor).describe()).raw_description
                return activity in {each.activity_type.name for each in described.pending_activities}
            return False

        await eventually(pending, f"{activity} of {debtor.number}", seldomest=PASSING)

    async def until_failing(self, debtor: Debtor, activity: str) -> None:
        """Wait until an activity was tried twice."""

        async def failing() -> bool:
            described = (await self.workflow(debtor).describe()).raw_description
            tried = {each.activity_type.name: each.attempt for each in described.pending_activities}
            return tried.get(activity, 0) >= 2

        await self.until_running(debtor)
        await eventually(failing, f"failing {activity} of {debtor.number}")

    async def until_running(self, debtor: Debtor) -> None:
        """Wait until the invoice's workflow runs."""
        await eventually(lambda: self.running(debtor), f"running {debtor.number}")

    async def until_heard(self, debtor: Debtor) -> None:
        """Wait until the workflow has heard the ledger's current directive."""

        async def heard() -> bool:
            told = Directive.model_validate(await self.workflow(debtor).query("current_directive"))
            return told == await self.ledger.directive(debtor.id)

        await eventually(heard, f"the directive of {debtor.number}")

    async def until_relayed(self) -> None:
        """Wait until nothing waits in the outbox."""

        async def relayed() -> bool:
            return (await waiting(self.ledger.engine))[0] == 0

        await eventually(relayed, "the relay")

    async def runs(self, debtor: Debtor) -> int:
        """How many runs the invoice's workflow has had."""
        found = self.client.list_workflows(f"WorkflowId = '{workflow_id(debtor.id)}'")
        return len([run async for run in found])

    async def until_delivered(self, debtor: Debtor, step: str, channel: str, delivery: str) -> None:
        """Wait until the last word on a step's message is `delivery`."""

        async def reported() -> bool:
            messages = (await self.facts(debtor)).step(step, 1).messages
            return any(str(by) == channel and m.delivery == delivery for by, m in messages.items())

        await eventually(reported, f"{delivery} of {step} by {channel}")

    async def until_closed(self, debtor: Debtor, state: str = "paid") -> None:
        """Wait until the invoice and its workflow are closed."""

        async def closed() -> bool:
            with suppress(RPCError):
                status = (await self.workflow(debtor).describe()).status
                return (
                    status == WorkflowExecutionStatus.COMPLETED
                    and str((await self.facts(debtor)).state) == state
                )
            return False

        await eventually(closed, f"closing {debtor.number} as {state}")

    async def running(self, debtor: Debtor) -> bool:
        """Whether the invoice's workflow is running."""
        with suppress(RPCError):
            return (await self.workflow(debtor).describe()).status == WorkflowExecutionStatus.RUNNING
        return False

    async def checks(self, now: datetime | None = None) -> list[Check]:
        """The design's invariants, over ledger, providers and Temporal."""
        accepted = await accepted_by(self.sandbox)
        checked = await check_invariants(
            self.ledger.engine, self.ledger.book, now or datetime.now(UTC), accepted
        )
        needles = await personal_needles(self.ledger.engine)
        return [*checked, await check_histories(self.client, self.settings.task_queue, needles)]

    async def assert_sound(self, now: datetime | None = None) -> None:
        """Fail with every violation of the invariants."""
        assert {c.number: c.violations for c in await self.checks(now) if not c.ok} == {}
