"""What a lane lets happen: an invoice arrives, a customer acts, a provider reports; each as it would in earnest."""

import asyncio
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cadence.problems import DocumentError
from cadence.words import Channel
from ledger.customer_intake import ContactIntake
from ledger.database import LedgerError
from ledger.inbox import Lane
from ledger.intake import InvoiceIntake, receive
from ledger.recording import record
from ledger.unit import Origin
from ledger.writers import last_channel, numbers_of
from starter.customer_happenings import OF_CUSTOMERS, Occasion
from starter.customer_happenings import happen as let_happen
from starter.happenings import Happening, Kind, to_fact
from starter.inbox import drain_inbox
from starter.rehearsal.stage import TASK_QUEUE, Stage
from starter.relay import drain
from starter.standing import standing

REHEARSAL = Origin(actor="rehearsal", source="rehearsal")


@dataclass(frozen=True, slots=True)
class Entry:
    """An invoice arrives, and with it the people at its customer."""

    row: InvoiceIntake
    people: tuple[ContactIntake, ...] = ()


@dataclass(frozen=True, slots=True)
class HeldReceipt:
    """A receipt that the sandbox keeps until it is asked for, `after` so long from its message's acceptance."""

    id: str
    after: timedelta


class Refused(Exception):
    """An invoice or a happening makes no sense when its turn comes; the text says which and why."""


@dataclass(slots=True)
class Player:
    """Plays for all lanes. One relaying, and one processing, at a time: whoever waits for it finds its own word carried."""

    stage: Stage
    relaying: asyncio.Lock = field(default_factory=asyncio.Lock)
    processing: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def enter(self, entry: Entry, now: datetime) -> tuple[int, int]:
        """Take an invoice in; our ids of it and of its customer."""
        for answer in await receive(self.stage.ledger, [entry.row, *entry.people], now, REHEARSAL):
            if answer.outcome == "rejected":
                message = f"{answer.number}: {answer.reason}"
                raise Refused(message)
        invoice_id = await self.stage.ledger.invoice_id(entry.row.number)
        return invoice_id, await self.stage.ledger.owner(invoice_id)

    async def happen(self, happening: Happening, now: datetime) -> None:
        """Let a customer or an agent act; replies come in by the provider, as they would."""
        if happening.event is Kind.REPLY:
            await self._reply(happening, now)
            return
        if happening.event in OF_CUSTOMERS:
            await self._change_customer(happening, now)
            return
        stands = await standing(self.stage.ledger, happening.invoice, now)
        try:
            fact = to_fact(happening, stands.situation, "rehearsal")
        except ValueError as error:
            raise _refused(happening, str(error)) from None
        await record(self.stage.ledger, stands.id, [fact], now)

    async def _change_customer(self, happening: Happening, now: datetime) -> None:
        try:
            await let_happen(
                Occasion(self.stage.ledger, REHEARSAL.actor, now, self.stage.policies_dir), happening
            )
        except (LedgerError, DocumentError, ValueError) as error:
            raise _refused(happening, str(error)) from None

    async def _reply(self, happening: Happening, now: datetime) -> None:
        channel, sender = await self._replying(happening)
        reply = {
            "channel": channel,
            "from": sender,
            "to": self.stage.ledger.creditor.phone_of(channel),
            "body": happening.text,
            "at": now.isoformat(),
        }
        await self._let_in(Lane.REPLIES, "/sandbox/replies", reply)

    async def _replying(self, happening: Happening) -> tuple[Channel, str]:
        """The channel of a reply (as the row names it, else the last by which we wrote), and the customer's number."""
        ledger = self.stage.ledger
        invoice_id = await ledger.invoice_id(happening.invoice)
        known = await numbers_of(ledger.engine, invoice_id)
        wanted = happening.channel or await last_channel(ledger.engine, invoice_id)
        for channel in [wanted] if wanted else known:
            if channel in known:
                return channel, known[channel]
        raise _refused(happening, f"a reply needs a customer with a number for {wanted or 'SMS or WhatsApp'}")

    async def release(self, receipts: Sequence[HeldReceipt], now: datetime) -> None:
        """Let the providers send receipts, dated `now`."""
        body = {"ids": [receipt.id for receipt in receipts], "at": now.isoformat()}
        await self._let_in(Lane.RECEIPTS, "/sandbox/receipts/release", body)

    async def held(self, addresses: Collection[str]) -> list[HeldReceipt]:
        """The receipts held for some addresses, in the order in which the providers made them."""
        answer = (await self.stage.sandbox.get("/sandbox/receipts")).raise_for_status()
        # Whole seconds, as providers date them, and never at the very instant of the message.
        return [
            HeldReceipt(row["id"], timedelta(seconds=max(1, math.ceil(row["delay"]))))
            for row in answer.json()
            if row["address"].lower() in addresses
        ]

    async def relay(self) -> None:
        """Tell the workflows what changed."""
        async with self.relaying:
            await drain(self.stage.ledger, self.stage.client, TASK_QUEUE)

    async def _let_in(self, lane: Lane, path: str, body: Mapping[str, object]) -> None:
        """Let the sandbox call back, and process what it told."""
        (await self.stage.sandbox.post(path, json=body)).raise_for_status()
        # One at a time: what is told together must not hang on what others let in meanwhile.
        async with self.processing:
            while await drain_inbox(self.stage.processor, lane, limit=1):
                pass


def _refused(happening: Happening, why: str) -> Refused:
    return Refused(
        f"line {happening.line} of the happenings, {happening.event} of {happening.invoice}: {why}"
    )
