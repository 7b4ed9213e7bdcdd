"""Processes the inbox: what providers, customers and banks told becomes facts, once each, in any order."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

import structlog

from cadence.words import Channel
from channels import receipts
from channels.outcome import Receipt as Reported
from channels.rails.money import MalformedWebhook, NotConfirmed, ProviderAway, Rail
from ledger.access import Ledger
from ledger.conversations import IncomingReply, record_reply
from ledger.deliveries import Receipt, record_receipts
from ledger.inbox import GIVEN_UP, Lane, Later, Verdict, Waiting, claim
from starter.draining import keep_drained
from starter.metrics import INBOX_PROCESSED
from starter.money import take, take_unconfirmed

log = structlog.get_logger()

# The sources beside the payment rails'.
TWILIO, SENDGRID, TWILIO_REPLY = "twilio", "sendgrid", "twilio-reply"
# Small, because its transaction stays open meanwhile.
BATCH = 50
# The first receipt is told at once; those on its heels come together.
GATHERING_SECONDS = 0.25
# Money may wait for a provider's answer: some wait at once.
MONEY_AT_ONCE = 4
# Some providers tell of a payment before their own API knows it.
NOT_KNOWN_YET = timedelta(minutes=10)
# Every message of ours is known before its provider is; an hour covers a worker that died in between.
_NOT_OURS_YET = Later("unknown", patience=timedelta(hours=1), then="not_ours")

Clock = Callable[[datetime], datetime]
"""The instant at which something is recorded, given the instant at which its sender says that it happened."""


def wall_clock(_stated: datetime) -> datetime:
    """What a sender states is recorded now, whatever its own clock says."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Processor:
    """What the inbox is processed with: the ledger, the payment rails by their source, and the clock."""

    ledger: Ledger
    rails: Mapping[str, Rail]
    clock: Clock = wall_clock

    async def keep_drained(self, stop: asyncio.Event) -> None:
        """Process the inbox until `stop` is set, each lane beside the others."""
        drains = {lane: partial(drain_inbox, self, lane) for lane in Lane}
        drains[Lane.RECEIPTS] = partial(drain_gathered, self, Lane.RECEIPTS)
        await asyncio.gather(*(
            keep_drained(self.ledger.engine, lane.channel, drain, stop, f"inbox_listens_{lane}")
            for lane, drain in drains.items()
        ))  # fmt: skip


async def drain_inbox(processor: Processor, lane: Lane, limit: int = BATCH) -> int:
    """Process one batch of what is due in a lane; how many rows it had, those to be tried again included.

    A row that cannot be processed, for whatever reason, comes back later and holds up no other.
    """
    async with claim(processor.ledger.engine, lane, limit, datetime.now(UTC)) as batch:
        if batch.rows:
            batch.verdicts |= await _PROCESS[lane](processor, batch.rows)
    for row in batch.rows:
        verdict = batch.verdicts[row.id]
        INBOX_PROCESSED.labels(row.source, verdict.why if isinstance(verdict, Later) else verdict).inc()
    return len(batch.rows)


async def drain_gathered(processor: Processor, lane: Lane) -> int:
    """The same, and after a batch that was not full a rest: one by one, receipts would cost twice as much."""
    count = await drain_inbox(processor, lane)
    if 0 < count < BATCH:
        await asyncio.sleep(GATHERING_SECONDS)
    return count


async def _carefully(process: Callable[[], Awaitable[Verdict]], row: Waiting) -> Verdict:
    """The verdict on a row. What was not foreseen is tried again: by a corrected version, perhaps."""
    try:
        return await process()
    except Exception as error:  # noqa: BLE001 - one row that cannot be processed must not end all the others
        # The type alone: the text can quote what a customer wrote.
        log.warning("inbox_row_failed", source=row.source, row=row.id, reason=type(error).__name__)
        return Later(f"failed_{type(error).__name__}")


async def _replies(processor: Processor, rows: Sequence[Waiting]) -> dict[int, Verdict]:
    return {row.id: await _carefully(partial(_reply, processor, row), row) for row in rows}


async def _reply(processor: Processor, row: Waiting) -> Verdict:
    reply = receipts.twilio_reply(json.loads(row.body), row.received_at)
    incoming = IncomingReply(
        channel=Channel(reply.channel),
        source=TWILIO,
        external_id=reply.external_id,
        sender=reply.sender,
        body=reply.body,
        at=reply.at,
        intent=reply.intent,
    )
    return await record_reply(processor.ledger, incoming, processor.clock(reply.at))


async def _money(processor: Processor, rows: Sequence[Waiting]) -> dict[int, Verdict]:
    room = asyncio.Semaphore(MONEY_AT_ONCE)
    silent: dict[str, Later] = {}

    async def one(row: Waiting) -> Verdict:
        async with room:
            return await _carefully(partial(_movement, processor, row, silent), row)

    return dict(zip((row.id for row in rows), await asyncio.gather(*map(one, rows)), strict=True))


async def _movement(processor: Processor, row: Waiting, silent: dict[str, Later]) -> Verdict:
    """Once a provider does not answer, it is in `silent` and not asked again in this batch: others' money waits."""
    rail = processor.rails.get(row.source)
    if rail is None:
        return Later("rail_not_configured")
    if row.source in silent:
        return silent[row.source]
    try:
        notes = await rail.read(row.body)
    except ProviderAway as away:
        waits = Later(f"away_{away.code}")
        if not away.code.startswith("http_"):
            silent[row.source] = waits
        return waits
    except NotConfirmed as doubt:
        if doubt.code == "unknown_to_provider" and datetime.now(UTC) - row.received_at < NOT_KNOWN_YET:
            return Later(doubt.code)
        for note in doubt.notes:
            await take_unconfirmed(processor.ledger, note, row.source, processor.clock(note.at))
        return doubt.code
    except MalformedWebhook as error:
        # Its text names the field that is wrong, and quotes nobody.
        log.warning("inbox_row_malformed", source=row.source, row=row.id, reason=str(error))
        return GIVEN_UP
    taken = [await take(processor.ledger, note, row.source, processor.clock(note.at)) for note in notes]
    if later := next((each for each in taken if isinstance(each, Later)), None):
        return later  # what was taken already is known the next time
    return "+".join(dict.fromkeys(map(str, taken))) or "nothing"


async def _receipts(processor: Processor, rows: Sequence[Waiting]) -> dict[int, Verdict]:
    """Those of one invoice together; one by one where one among them spoils it."""
    try:
        return await _tell(processor, rows)
    except Exception:  # noqa: BLE001 - it is found once more, and named, at the row to which it belongs
        return {row.id: await _carefully(partial(_tell_one, processor, row), row) for row in rows}


async def _tell_one(processor: Processor, row: Waiting) -> Verdict:
    return (await _tell(processor, [row]))[row.id]


async def _tell(processor: Processor, rows: Sequence[Waiting]) -> dict[int, Verdict]:
    reported = [_READ_RECEIPT[row.source](row) for row in rows]
    stated = {each.external_id: each.at for each in reported}
    taken = await record_receipts(
        processor.ledger,
        [_receipt(row.source, each) for row, each in zip(rows, reported, strict=True)],
        lambda receipt: processor.clock(stated[receipt.external_id]),
    )
    return {
        row.id: _NOT_OURS_YET if each == "unknown" else each for row, each in zip(rows, taken, strict=True)
    }


def _receipt(source: str, reported: Reported) -> Receipt:
    """A provider's report in the ledger's words."""
    return Receipt(
        channel=Channel(reported.channel),
        source=source,
        external_id=reported.external_id,
        attempt_id=reported.attempt_id,
        provider_id=reported.provider_id,
        delivery=reported.delivery,
        code=reported.code,
        error_class=reported.error_class,
        opted_out=reported.opted_out,
        address_dead=reported.address_dead,
        address=reported.address,
    )


def _twilio_receipt(row: Waiting) -> Reported:
    receipt = receipts.twilio_receipt(json.loads(row.body), row.received_at)
    assert receipt is not None, "what is no receipt is not kept"
    return receipt


def _sendgrid_receipt(row: Waiting) -> Reported:
    (receipt,) = receipts.sendgrid_receipts([json.loads(row.body)])
    return receipt


_READ_RECEIPT: Mapping[str, Callable[[Waiting], Reported]] = {
    TWILIO: _twilio_receipt,
    SENDGRID: _sendgrid_receipt,
}
_PROCESS: Mapping[Lane, Callable[[Processor, Sequence[Waiting]], Awaitable[dict[int, Verdict]]]] = {
    Lane.REPLIES: _replies,
    Lane.MONEY: _money,
    Lane.RECEIPTS: _receipts,
}
