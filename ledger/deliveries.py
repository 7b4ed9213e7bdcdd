"""Receipts: what providers say became of messages, in any order and any number of times."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from sqlalchemy import Executable, select, update

from cadence import events as e
from cadence.words import BILLING, Channel
from ledger import statements
from ledger.access import Ledger
from ledger.attempts import StoredAttempt, attempt_of, tell_if_twice
from ledger.driving import run
from ledger.keys import address_fingerprint
from ledger.learning import halt_by_itself, suppress
from ledger.recording import record_customer
from ledger.spoken_for import merge_listed
from ledger.tables import attempts, invoices, messages
from ledger.unit import Held, Origin, Unit

Taken = Literal["new", "known", "unknown"]
# As what somebody is known who got a copy, whatever their role: their word is of their address.
COPY = "copy"


@dataclass(frozen=True, slots=True)
class Receipt:
    """One report on one message, classified by the channel; `external_id` makes a repetition harmless."""

    channel: Channel
    source: str
    external_id: str
    attempt_id: str | None
    provider_id: str | None
    delivery: str
    code: str | None = None
    error_class: str | None = None
    opted_out: bool = False
    address_dead: bool = False
    # Of which of its addresses a message's report is, where the provider says so. Personal data: never log it.
    address: str | None = None


async def record_receipts(
    ledger: Ledger, receipts: Sequence[Receipt], now_of: Callable[[Receipt], datetime]
) -> list[Taken]:
    """Take note of receipts, also for closed invoices: one transaction for each invoice that they are about.

    `now_of` gives the aware instant at which we learn of a receipt; those of one invoice are told in that order.
    Answers come in the order of `receipts`: new, known (a repetition, or no more than the provider's own answer
    said), or unknown (not about our messages, or about one whose attempt is not stored yet).
    """
    taken: list[Taken] = ["unknown"] * len(receipts)
    of_invoice: dict[int, list[_Report]] = defaultdict(list)
    for place, (receipt, attempt) in enumerate(
        zip(receipts, await _attempts_of(ledger, receipts), strict=True)
    ):
        if attempt is not None and _says_no_more(receipt, attempt):
            taken[place] = "known"
        elif attempt is not None:
            # By the attempt, whatever the report makes of the address it went to.
            known = replace(receipt, channel=attempt.channel)
            of_invoice[attempt.invoice_id].append(_Report(place, known, attempt, now_of(receipt)))
    for reports in of_invoice.values():
        for report, new in await _tell_invoice(ledger, sorted(reports, key=lambda report: report.now)):
            taken[report.place] = "new" if new else "known"
    return taken


def _says_no_more(receipt: Receipt, attempt: StoredAttempt) -> bool:
    """Whether a receipt repeats what we have: that the provider took the message. It is worth no transaction."""
    remarks = receipt.code or receipt.error_class or receipt.opted_out or receipt.address_dead
    if _copy_meant(receipt, attempt):
        return not remarks
    return receipt.delivery == "queued" and attempt.state == "accepted" and not remarks


def _copy_meant(receipt: Receipt, attempt: StoredAttempt) -> str | None:
    """The address of a copy, where a receipt is about that one; providers may write an address in other letters."""
    if receipt.address is None:
        return None
    meant = receipt.address.casefold()
    return next((each for each in attempt.copies if each.casefold() == meant), None)


@dataclass(frozen=True, slots=True)
class _Report:
    """A receipt, its place in the batch, the attempt it is about, and when we learnt of it."""

    place: int
    receipt: Receipt
    attempt: StoredAttempt
    now: datetime

    @property
    def of_copy(self) -> str | None:
        """The address of a copy, where the receipt is about that one."""
        return _copy_meant(self.receipt, self.attempt)


async def _attempts_of(ledger: Ledger, receipts: Sequence[Receipt]) -> list[StoredAttempt | None]:
    """The attempt that each receipt is about, None where there is none: by our own id, else by the provider's."""
    ids = [receipt.attempt_id for receipt in receipts if receipt.attempt_id]
    by_id = {each.attempt_id: each for each in await _found(ledger, statements.ATTEMPTS_BY_ID, ids)}
    strays = {each.provider_id for each in receipts if each.provider_id and each.attempt_id not in by_id}
    # The newest attempt at a message comes last, and stays.
    by_provider = {
        (each.provider_id, each.channel): each
        for each in await _found(ledger, statements.ATTEMPTS_BY_PROVIDER, list(strays))
    }
    return [
        by_id.get(receipt.attempt_id or "") or by_provider.get((receipt.provider_id, receipt.channel))
        for receipt in receipts
    ]


async def _found(ledger: Ledger, statement: Executable, ids: list[str]) -> list[StoredAttempt]:
    if not ids:
        return []
    async with ledger.single() as connection:
        return [StoredAttempt.of(row) for row in await run(connection, statement, {"wanted_ids": ids})]


async def _tell_invoice(ledger: Ledger, reports: Sequence[_Report]) -> list[tuple[_Report, bool]]:
    """Tell one invoice what was reported; each report with whether it was new."""
    told: list[tuple[_Report, bool]] = []
    invoice_id = reports[0].attempt.invoice_id
    async with ledger.invoice_unit(invoice_id, reports[0].now) as unit:
        held = unit.invoice(invoice_id)
        for report in reports:
            unit.now = report.now
            told.append((report, await _tell_delivery(unit, held, report)))
            if told[-1][1]:
                await _learn(unit, report)
        whole = [report for report, new in told if new and not report.of_copy]
        for report in {report.attempt.attempt_id: report for report in whole}.values():
            await _keep_delivery(unit, held, report)
    return told


async def _tell_delivery(unit: Unit, held: Held, report: _Report) -> bool:
    receipt = report.receipt
    if report.of_copy:
        # Of what became of a copy the message knows nothing: it is for whom it was written to.
        return True
    reported = e.DeliveryReported.model_validate(
        {
            "step": report.attempt.step,
            "occurrence": report.attempt.occurrence,
            "channel": receipt.channel,
            "delivery": receipt.delivery,
            "code": receipt.code,
            "error_class": receipt.error_class,
        }
    )
    return await unit.tell(held, reported, Origin("provider", receipt.source, receipt.external_id))


async def _keep_delivery(unit: Unit, held: Held, report: _Report) -> None:
    """Write the message's delivery, the provider's id where its answer never came, and settle what was in the dark."""
    attempt, receipt = report.attempt, report.receipt
    known = held.facts.step(attempt.step, attempt.occurrence).messages[receipt.channel]
    values = {
        "wanted_id": attempt.message_id,
        "the_delivery": known.delivery,
        "the_provider_id": receipt.provider_id,
    }
    await run(unit.connection, statements.KEEP_DELIVERY, values)
    if attempt.state != "accepted":
        dark = (attempts.c.id == attempt.attempt_id) & attempts.c.state.in_(["unknown", "calling"])
        found = await unit.connection.execute(
            update(attempts).where(dark).values(state="accepted", settled_at=unit.now)
        )
        await merge_listed(unit, held, attempts.c.id == attempt.attempt_id)
        if found.rowcount:
            await tell_if_twice(unit, held, attempt)


async def _learn(unit: Unit, report: _Report) -> None:
    receipt, copy = report.receipt, report.of_copy
    address, role = (copy, COPY) if copy else (report.attempt.address, report.attempt.role)
    learnt = (
        "opt_out"
        if receipt.opted_out
        else "bad_address"
        if receipt.address_dead
        else receipt.error_class
        if receipt.delivery == "failed"
        else None
    )
    await suppress(unit, receipt.channel, address, role, learnt, Origin("provider", receipt.source))
    if receipt.delivery == "failed" and receipt.error_class == "account":
        await halt_by_itself(unit, receipt.channel)


async def opt_out_by_reference(ledger: Ledger, reference: str, now: datetime) -> bool:
    """Stop the channel of the message `reference` for whom it was written to; False where no message has it."""
    attempt = await attempt_of(ledger, messages.c.reference == reference)
    if attempt is None:
        return False
    async with ledger.engine.connect() as connection:
        owner = select(invoices.c.customer_id).where(invoices.c.id == attempt.invoice_id)
        customer_id = (await connection.execute(owner)).scalar_one()
    address = address_fingerprint(attempt.address) if attempt.address and attempt.role != BILLING else None
    stop = e.ChannelSuppressed(channel=attempt.channel, reason="opt_out", address=address)
    await record_customer(ledger, customer_id, stop, Origin("customer", "unsubscribe", reference), now)
    return True
