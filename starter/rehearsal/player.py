"""What a lane lets happen: an invoice arrives, a customer acts, a provider reports; each as it would in earnest."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select

from cadence.words import Channel
from ledger.intake import InvoiceIntake, receive
from ledger.recording import record, situation
from ledger.unit import Origin, customers, invoices
from starter.happenings import Happening, Kind, to_fact
from starter.rehearsal.stage import TASK_QUEUE, Stage
from starter.relay import drain

REHEARSAL = Origin(actor="rehearsal", source="rehearsal")


@dataclass(frozen=True, slots=True)
class Entry:
    """An invoice arrives."""

    row: InvoiceIntake


@dataclass(frozen=True, slots=True)
class HeldReceipt:
    """A receipt that the sandbox keeps until it is asked for: `delay` seconds after acceptance."""

    id: str
    delay: float


class Refused(Exception):
    """An invoice was not taken in; the text is the ledger's own."""


@dataclass(slots=True)
class Player:
    """Plays for all lanes. One relaying at a time: whoever waits for it finds its own word carried."""

    stage: Stage
    relaying: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def enter(self, entry: Entry, now: datetime) -> tuple[int, int]:
        """Take an invoice in; our ids of it and of its customer."""
        answer = (await receive(self.stage.ledger, [entry.row], now, REHEARSAL))[0]
        if answer.outcome == "rejected":
            message = f"invoice {answer.number}: {answer.reason}"
            raise Refused(message)
        found = select(invoices.c.id, invoices.c.customer_id).where(invoices.c.number == entry.row.number)
        async with self.stage.ledger.engine.connect() as connection:
            row = (await connection.execute(found)).one()
        return row.id, row.customer_id

    async def happen(self, happening: Happening, now: datetime) -> None:
        """Let a customer or an agent act; replies come in by the provider, as they would."""
        if happening.event is Kind.REPLY:
            await self._reply(happening, now)
            return
        ledger = self.stage.ledger
        invoice_id = await ledger.invoice_id(happening.invoice)
        try:
            fact = to_fact(happening, await situation(ledger, invoice_id), "rehearsal")
        except ValueError as error:
            message = f"line {happening.line} of the happenings: {error}"
            raise Refused(message) from None
        await record(ledger, invoice_id, [fact], now)

    async def _reply(self, happening: Happening, now: datetime) -> None:
        channel, sender = await self._last_channel(happening.invoice)
        reply = {
            "channel": channel,
            "from": sender,
            "to": self.stage.ledger.creditor.phone_of(Channel(channel)),
            "body": happening.text,
            "at": now.isoformat(),
        }
        await self._post("/sandbox/replies", reply)

    async def _last_channel(self, number: str) -> tuple[str, str]:
        """By which phone channel, and from where, the customer of an invoice would write."""
        found = select(customers.c.phone, customers.c.whatsapp).join_from(invoices, customers)
        async with self.stage.ledger.engine.connect() as connection:
            row = (await connection.execute(found.where(invoices.c.number == number))).one()
        if row.phone:
            return "sms", row.phone
        if row.whatsapp:
            return "whatsapp", row.whatsapp
        message = f"invoice {number}: a reply needs a customer with a phone or WhatsApp number"
        raise Refused(message)

    async def release(self, receipt: str, now: datetime) -> None:
        """Let the provider send a receipt, dated `now`."""
        await self._post("/sandbox/receipts/release", {"ids": [receipt], "at": now.isoformat()})

    async def held(self, customer_ids: Iterable[int]) -> list[HeldReceipt]:
        """The receipts held for some customers, in the order in which the provider made them."""
        columns = (customers.c.email, customers.c.phone, customers.c.whatsapp)
        async with self.stage.ledger.engine.connect() as connection:
            rows = await connection.execute(select(*columns).where(customers.c.id.in_(list(customer_ids))))
            addresses = sorted({address for row in rows.all() for address in row if address})
        held: list[HeldReceipt] = []
        for address in addresses:
            answer = await self.stage.sandbox.get("/sandbox/receipts", params={"address": address})
            answer.raise_for_status()
            held += [HeldReceipt(row["id"], row["delay"]) for row in answer.json()]
        return held

    async def relay(self) -> None:
        """Tell the workflows what changed."""
        async with self.relaying:
            while await drain(self.stage.ledger, self.stage.client, TASK_QUEUE):
                pass

    async def _post(self, path: str, body: Mapping[str, object]) -> None:
        answer = await self.stage.sandbox.post(path, json=body)
        answer.raise_for_status()
