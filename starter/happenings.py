"""Happenings: yesterday's payments, disputes, promises and the like, read from a file, and the facts they are."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from cadence import events as e
from cadence.plans import Every, divided
from cadence.words import MINOR_UNITS
from ledger.keys import hold_key
from ledger.recording import Fact, Situation, waiting_step
from ledger.unit import Origin
from starter.cells import too_fine
from starter.happening_row import COLUMNS, DIVIDED, Happening, Kind, judge
from starter.mapping import columns_of, require_columns
from starter.rejects import Rejected, read_rows
from starter.sense import check_sense
from starter.tables import Cell

__all__ = ["Happening", "Happenings", "Kind", "read_happenings", "to_fact"]


@dataclass(frozen=True, slots=True)
class Happenings:
    """What a file holds, in the order of time (ties by line), and the rows that make no sense."""

    happenings: tuple[Happening, ...]
    rejected: tuple[Rejected, ...]
    headings: tuple[str, ...]
    cells: Mapping[int, Mapping[str, Cell]]
    """Every row as it stood in the file, by line."""


# Their reason is kept as a note.
_WITHOUT_REASON = (
    Kind.REVERSAL, Kind.CREDIT_NOTE, Kind.REFUND, Kind.RESUME, Kind.PROMISE, Kind.WAIVE,
    Kind.CUSTOMER_REVERSAL, Kind.USE_CREDIT, Kind.CUSTOMER_RESUME,
)  # fmt: skip


def read_happenings(path: Path, zone: ZoneInfo) -> Happenings:
    """Read a file of happenings; `zone` (the creditor's) is where an instant without an offset is read.

    An `at` that is a date alone means its first moment. Raise DocumentError where the file cannot be read.
    """
    table = read_rows(path)
    columns = columns_of(table, path, None, COLUMNS)
    require_columns(path, columns, None, ("at", "event", "invoice"))
    found: dict[tuple[str, str], Happening] = {}
    rejected: list[Rejected] = []
    for row in table.rows:
        result = judge(row, columns, zone)
        if isinstance(result, Happening):
            earlier = found.setdefault((result.source, result.key), result)
            if earlier is result:
                continue
            result = f"line {earlier.line} tells the same already; if both happened, give each its own id"
        rejected.append(Rejected(row.line, result, row.cells))
    ordered = sorted(found.values(), key=lambda happening: (happening.at, happening.line))
    return Happenings(
        tuple(ordered), tuple(rejected), table.headings, {row.line: row.cells for row in table.rows}
    )


def to_fact(happening: Happening, stands: Situation, actor: str) -> Fact:
    """The fact that a happening is, given where its invoice stands; raise ValueError with a sentence where it is none.

    Replies are not facts of one invoice: they go the way of the replies that providers tell.
    """
    origin = Origin(actor, happening.source, happening.key, note_of(happening))
    return Fact(_event(happening, stands), happening.at, origin)


def _event(happening: Happening, stands: Situation) -> e.InvoiceEvent:
    if happening.event not in _EVENTS:
        raise ValueError(f"event: a {happening.event} is not a fact of one invoice")
    check_sense(happening, stands)
    _look_ahead(happening, stands)
    return _EVENTS[happening.event](happening, stands)


def _look_ahead(happening: Happening, stands: Situation) -> None:
    """What is said of a day to come lies there, seen from when it was said: a slip in a year would be over at once."""
    said_on = happening.at.astimezone(stands.zone).date()
    if happening.on is not None and happening.on < said_on:
        raise ValueError(f"date: {happening.on} lies before {said_on}, the day of this event; check both")


def _payment(happening: Happening, stands: Situation) -> e.InvoiceEvent:
    currency = money_in(happening, stands)
    return e.PaymentReceived(amount=_due(happening.amount), currency=currency, method=happening.reason or "")


def _reversal(happening: Happening, stands: Situation) -> e.InvoiceEvent:
    currency, amount, paid = money_in(happening, stands), _due(happening.amount), stands.sums.paid
    if amount > paid:
        raise ValueError(f"amount: only {paid} was paid; take back no more than that")
    return e.PaymentReversed(amount=amount, currency=currency)


def _credit_note(happening: Happening, stands: Situation) -> e.InvoiceEvent:
    amount, left = _due(happening.amount), stands.sums.creditable
    if amount > left:
        raise ValueError(f"amount: only {left} of the invoice is not credited yet; credit no more than that")
    return e.CreditNoteIssued(amount=amount, currency=money_in(happening, stands))


def _refund(happening: Happening, stands: Situation) -> e.InvoiceEvent:
    amount, credit = _due(happening.amount), stands.sums.credit
    if amount > credit:
        raise ValueError(f"amount: the customer has {credit} of credit there; refund no more than that")
    return e.CreditRefunded(amount=amount, currency=money_in(happening, stands))


def _waiver(stands: Situation) -> e.InvoiceEvent:
    sums = stands.sums
    if not sums.interest + sums.costs:
        raise ValueError("event: no late charges are open then; put the charge before the waive")
    return e.LateChargesWaived(interest=sums.interest, costs=sums.costs, currency=stands.currency)


def _dispute(happening: Happening, stands: Situation) -> e.InvoiceEvent:
    amount = _exact(happening, stands)
    if amount is not None and amount > stands.balance:
        raise ValueError(f"amount: only {stands.balance} is open; dispute no more than that")
    return e.DisputeOpened(amount=amount, answer_by=happening.on, **_code(happening))


def _assignment(happening: Happening, _stands: Situation) -> e.InvoiceEvent:
    return e.DisputeAssigned(owner=happening.reason or "", answer_by=happening.on)


def _resolution(happening: Happening, stands: Situation) -> e.InvoiceEvent:
    credit, most = _exact(happening, stands), stands.sums.disputed
    if credit is not None and credit > most:
        raise ValueError(f"amount: only {most} is disputed; credit no more than that")
    return e.DisputeResolved.model_validate({"outcome": happening.reason, "credit": credit})


def _approval(happening: Happening, stands: Situation) -> e.InvoiceEvent:
    return e.ApprovalGiven.model_validate(_waiting(stands, happening.reason))


def _refusal(happening: Happening, stands: Situation) -> e.InvoiceEvent:
    return e.ApprovalRefused.model_validate(_waiting(stands, None) | _code(happening))


def _waiting(stands: Situation, step: str | None) -> dict[str, Any]:
    try:
        return waiting_step(stands.awaiting, step)
    except ValueError as error:
        raise ValueError(f"event: {error}; put it after the day on which the step falls due") from None


def _extension(happening: Happening, stands: Situation) -> e.InvoiceEvent:
    assert happening.on is not None
    if happening.on <= stands.due_on:
        raise ValueError(f"date: the invoice is due on {stands.due_on}; an extension ends later than that")
    on = happening.at.astimezone(stands.creditor_zone).date()
    return e.DueDateExtended(due_on=happening.on, on=on, **_code(happening))


def _exact(happening: Happening, stands: Situation) -> Decimal | None:
    """The amount in the invoice's own money; None where the row has none."""
    if happening.amount is not None:
        money_in(happening, stands)
    return happening.amount


def _pause(happening: Happening, stands: Situation) -> e.InvoiceEvent:
    # Hashed: it travels to Temporal, where the file's own numbers must not be.
    hold = hold_key(happening.invoice, happening.at.isoformat())
    return e.HoldPlaced(hold=hold, until=end_of(happening, stands.zone), **_code(happening))


def _code(happening: Happening) -> dict[str, str]:
    return {"reason": happening.reason} if happening.reason else {}


def _due(amount: Decimal | None) -> Decimal:
    assert amount is not None
    return amount


def note_of(happening: Happening) -> str | None:
    """What of a row stays as a note: its text, after the reason of an event that keeps none."""
    reason = happening.reason if happening.event in _WITHOUT_REASON else None
    return " ".join(part for part in (reason, happening.text) if part) or None


def money_in(happening: Happening, stands: Situation) -> str:
    """The currency of a row's amount; raise ValueError where the amount is too fine, or it is not the invoice's money."""
    currency = happening.currency or stands.currency
    if happening.amount is not None and too_fine(happening.amount, currency):
        raise ValueError(
            f"amount: {happening.amount} has more decimals than {currency}, which has {MINOR_UNITS[currency]}"
        )
    if happening.event not in (Kind.PAYMENT, Kind.CUSTOMER_PAYMENT) and currency != stands.currency:
        # A payment in foreign money is kept, for a person to look at; nothing else in it makes sense.
        raise ValueError(f"currency: the invoice is in {stands.currency}; write the amount in it")
    return currency


def _promise(happening: Happening, stands: Situation) -> e.PromiseMade:
    given = _exact(happening, stands)
    amount = stands.unpromised if given is None else given
    if amount <= 0:
        raise ValueError("amount: it is promised already; there is nothing to promise")
    assert happening.on is not None
    return e.PromiseMade(amount=amount, by=happening.on)


def _plan(happening: Happening, stands: Situation) -> e.PlanAgreed:
    if happening.amount is not None:
        money_in(happening, stands)
    total = stands.balance if happening.amount is None else happening.amount
    if not 0 < total <= stands.balance:
        raise ValueError(f"amount: {stands.balance} is open; a plan is for that at most")
    how = DIVIDED.fullmatch(happening.reason or "")
    assert how is not None
    assert happening.on is not None
    every: Every = "week" if how["every"] == "week" else "month"
    return e.PlanAgreed(instalments=divided(total, stands.currency, int(how["count"]), every, happening.on))


def _stage(happening: Happening, stands: Situation) -> str:
    stage = happening.reason or stands.next_stage
    if stage is None:
        raise ValueError("reason: the invoice stands in its last stage; there is none to escalate to")
    if stage not in stands.stages:
        raise ValueError(f"reason: {stage!r} is no stage of its cadence; it has {', '.join(stands.stages)}")
    return stage


def end_of(happening: Happening, zone: ZoneInfo) -> datetime | None:
    """The instant of a row's `until`, of a date its end in `zone`; None where there is none.

    Raise ValueError where it is over before the row's own instant.
    """
    end = _instant(happening.until, zone)
    if end is not None and end <= happening.at:
        raise ValueError(f"until: {happening.until} is over before this begins; check both dates")
    return end


def _instant(until: date | None, zone: ZoneInfo) -> datetime | None:
    if until is None or isinstance(until, datetime):
        return until
    return datetime.combine(until + timedelta(days=1), time(), zone).astimezone(UTC)


_EVENTS: dict[Kind, Callable[[Happening, Situation], e.InvoiceEvent]] = {
    Kind.PAYMENT: _payment,
    Kind.REVERSAL: _reversal,
    Kind.CREDIT_NOTE: _credit_note,
    Kind.REFUND: _refund,
    Kind.DISPUTE: _dispute,
    Kind.ASSIGNMENT: _assignment,
    Kind.RESOLUTION: _resolution,
    Kind.EXTENSION: _extension,
    Kind.APPROVAL: _approval,
    Kind.REFUSAL: _refusal,
    Kind.PAUSE: _pause,
    Kind.RESUME: lambda _happening, _stands: e.HoldEnded(),
    Kind.PROMISE: _promise,
    Kind.PLAN: _plan,
    Kind.END_PLAN: lambda happening, _: e.PlanEnded(**_code(happening)),
    Kind.ESCALATE: lambda happening, stands: e.Escalated(stage=_stage(happening, stands)),
    Kind.WAIVE: lambda _happening, stands: _waiver(stands),
    Kind.CANCEL: lambda happening, _: e.Cancelled(**_code(happening)),
}
