"""Imports a file of happenings: each is recorded once, whatever is imported again."""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from cadence.problems import DocumentError
from cadence.words import Channel
from channels.replies import read_intent
from ledger.access import Ledger
from ledger.conversations import IncomingReply, record_reply
from ledger.database import LedgerError
from ledger.recording import record_judged
from ledger.told_before import CUSTOMER_HOLD, HOLD, PLAN, ended_since, known_ids
from ledger.writers import numbers_of
from starter.customer_happenings import OF_CUSTOMERS, Occasion, happen
from starter.happening_row import FILE_SOURCE
from starter.happenings import Happening, Kind, read_happenings, to_fact
from starter.rejects import Rejected, write_rejects
from starter.sense import NothingToEnd


@dataclass(slots=True)
class HappeningsImported:
    """What an import of happenings did: how many were new, how many known, and the rejected rows."""

    new: int = 0
    same: int = 0
    rejected: list[Rejected] = field(default_factory=list)
    rejects_file: Path | None = None

    @property
    def exit_status(self) -> int:
        """2 where a row was rejected, else 0."""
        return 2 if self.rejected else 0


async def import_happenings(
    path: Path, ledger: Ledger, now: datetime, actor: str, console: Console, policies_dir: Path
) -> HappeningsImported:
    """Record every happening of a file in the order of time; what makes no sense goes to the rejects file.

    `policies_dir` is where the regimes of late charges lie. Raises DocumentError where the file cannot be read as a
    whole.
    """
    read = read_happenings(path, ledger.creditor.timezone)
    result = HappeningsImported(rejected=list(read.rejected))
    # What the log holds already is judged no more by where its invoice stands now.
    told = await known_ids(ledger.engine, (happening.key for happening in read.happenings))
    # Where nobody watches, a bar is a blank line.
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        for happening in progress.track(read.happenings, description="Importing"):
            try:
                new = (happening.source, happening.key) not in told and await _tell(
                    ledger, happening, now, actor, policies_dir
                )
            except (LedgerError, DocumentError, ValueError) as error:
                result.rejected.append(Rejected(happening.line, str(error), read.cells[happening.line]))
                continue
            result.new += new
            result.same += not new
    result.rejects_file = write_rejects(path, read.headings, result.rejected)
    return result


async def _tell(ledger: Ledger, happening: Happening, now: datetime, actor: str, policies_dir: Path) -> bool:
    """Record one happening; False where it had been told before, or what it ends has ended since."""
    if happening.at > now:
        raise ValueError("at: this lies in the future; a fact is told after it happened")
    invoice_id = await ledger.invoice_id(happening.invoice)
    try:
        return await _record(Occasion(ledger, actor, now, policies_dir), happening, invoice_id)
    except NothingToEnd:
        if await ended_since(ledger, invoice_id, _SPANS[happening.event], happening.at):
            return False
        raise


# What each of these ends, by itself or by the worker, whose time for it may come first.
_SPANS = {Kind.RESUME: HOLD, Kind.CUSTOMER_RESUME: CUSTOMER_HOLD, Kind.END_PLAN: PLAN}


async def _record(occasion: Occasion, happening: Happening, invoice_id: int) -> bool:
    ledger, now = occasion.ledger, occasion.now
    if happening.event is Kind.REPLY:
        return await record_reply(ledger, await _reply(ledger, happening, invoice_id), now) == "new"
    if happening.event in OF_CUSTOMERS:
        return await happen(occasion, happening)
    told = [lambda stands: to_fact(happening, stands, occasion.actor)]
    return (await record_judged(ledger, invoice_id, told, now)).new > 0


async def _reply(ledger: Ledger, happening: Happening, invoice_id: int) -> IncomingReply:
    """The reply as it would have come in: by the channel that the row names, or the one the customer has."""
    numbers = await numbers_of(ledger.engine, invoice_id)
    channel = happening.channel or next(iter(numbers), Channel.SMS)
    if channel not in numbers:
        raise ValueError(f"reason: the customer has no number for {channel}; a reply needs one")
    text = happening.text or ""
    return IncomingReply(
        channel, FILE_SOURCE, happening.key, numbers[channel], text, happening.at, read_intent(text).intent
    )
