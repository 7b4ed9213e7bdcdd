"""What the signals mean that reached a workflow directly and are about its own invoice: the event that each reports."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from cadence import events as e
from cadence.directive import SignalNote
from cadence.plans import parse_instalments
from cadence.words import rounded
from ledger.keys import signal_key, told_key
from ledger.movements import CREDIT_NOTE_SOURCE, PAYMENT_SOURCE, REFUND_SOURCE, REVERSAL_SOURCE
from ledger.recording import Fact, Situation, waiting_step
from ledger.unit import Origin

# Money has key spaces of its own, which all ways of telling it share.
SPACES = {
    "payment_received": PAYMENT_SOURCE,
    "payment_reversed": REVERSAL_SOURCE,
    "credit_note_issued": CREDIT_NOTE_SOURCE,
    "credit_refunded": REFUND_SOURCE,
}
# A slip in a year must not lead calendars past their end: the signal would be tried for ever, and nothing after it.
CALENDARS = range(1990, 2100)
YES = ("true", "1", "yes")


def fact_of(invoice_id: int, note: SignalNote, stands: Situation) -> Fact:
    """The fact that a signal reports, given where its invoice stands; that it was ignored, where it makes no sense."""
    note = note.model_copy(update={"id": told_key(note.id)})
    event: e.InvoiceEvent
    try:
        event = EVENTS[note.name](note, stands)
    except (KeyError, ValueError, ArithmeticError, ValidationError):
        event = e.SignalIgnored(signal=note.name)
    # One that no money was found for counts once under its id, too: recorded again, it would find less.
    money = note.name if note.name == "payment_reversed" else event.type
    if money in SPACES:
        return Fact(event, note.at, Origin("signal", SPACES[money], note.id))
    return Fact(event, note.at, Origin("signal", "signal", signal_key(invoice_id, note.name, note.id)))


def _payment(note: SignalNote, _stands: Situation) -> e.InvoiceEvent:
    """Money without an id, an amount or a currency stops reminders and goes to a person."""
    fields = note.fields
    if "unidentified" in fields:
        return e.PaymentUnidentified()
    try:
        return e.PaymentReceived.model_validate(
            {"amount": fields["amount"], "currency": fields["currency"], "method": method_of(fields)}
        )
    except (KeyError, ValidationError):
        return e.PaymentUnidentified()


def _reversal(note: SignalNote, stands: Situation) -> e.InvoiceEvent:
    """Money taken back without an id, or more of it than came, stops reminders and goes to a person."""
    fields = note.fields
    try:
        event = e.PaymentReversed.model_validate({"amount": fields["amount"], "currency": fields["currency"]})
    except (KeyError, ValidationError):
        return e.PaymentUnidentified()
    ours = event.currency == stands.currency and event.amount <= stands.sums.paid
    return event if ours and "unidentified" not in fields else e.PaymentUnidentified()


def _credit_note(note: SignalNote, stands: Situation) -> e.InvoiceEvent:
    return e.CreditNoteIssued.model_validate(_at_most(stands.sums.creditable, note, stands))


def _refund(note: SignalNote, stands: Situation) -> e.InvoiceEvent:
    return e.CreditRefunded.model_validate(_at_most(stands.sums.credit, note, stands))


def _at_most(most: Decimal, note: SignalNote, stands: Situation) -> dict[str, str | Decimal]:
    """Amount and currency of a signal; raise ValueError where it is more than there is, or other money."""
    amount, currency = Decimal(note.fields["amount"]), note.fields.get("currency", stands.currency)
    if currency != stands.currency or amount > most or amount != rounded(amount, currency):
        message = f"{amount} {currency} cannot be of this invoice"
        raise ValueError(message)
    return {"amount": amount, "currency": currency}


def _waiver(_note: SignalNote, stands: Situation) -> e.InvoiceEvent:
    sums = stands.sums
    if not sums.interest + sums.costs:
        message = "no late charges are open"
        raise ValueError(message)
    return e.LateChargesWaived(interest=sums.interest, costs=sums.costs, currency=stands.currency)


def method_of(fields: dict[str, str]) -> str:
    """How it was paid, as a code; anything else is left out."""
    given = fields.get("method", "")
    return given if re.fullmatch(r"[a-z0-9_-]{0,40}", given) else ""


def _dispute(note: SignalNote, _stands: Situation) -> e.InvoiceEvent:
    """What cannot be read of a dispute must not lose it: without an amount, all of the invoice is disputed."""
    fields = note.fields
    try:
        return e.DisputeOpened.model_validate(
            {"reason": code(fields.get("reason")), "amount": fields.get("amount"), **_assigned(fields)}
        )
    except ValidationError:
        return e.DisputeOpened(reason=code(fields.get("reason")))


def _assignment(note: SignalNote, _stands: Situation) -> e.InvoiceEvent:
    return e.DisputeAssigned.model_validate(_assigned(note.fields))


def _assigned(fields: dict[str, str]) -> dict[str, str | None]:
    owner = fields.get("owner")
    return {"owner": code(owner) if owner else "", "answer_by": fields.get("answer_by")}


def _resolution(note: SignalNote, _stands: Situation) -> e.InvoiceEvent:
    fields = note.fields
    return e.DisputeResolved.model_validate({"outcome": fields["outcome"], "credit": fields.get("credit")})


def _approval(note: SignalNote, stands: Situation) -> e.InvoiceEvent:
    return e.ApprovalGiven.model_validate(waiting_step(stands.awaiting, note.fields.get("step")))


def _refusal(note: SignalNote, stands: Situation) -> e.InvoiceEvent:
    said = {"reason": code(note.fields.get("reason"))}
    return e.ApprovalRefused.model_validate(waiting_step(stands.awaiting, note.fields.get("step")) | said)


def _extension(note: SignalNote, stands: Situation) -> e.InvoiceEvent:
    due_on = date.fromisoformat(note.fields["due_on"])
    if due_on <= stands.due_on:
        message = "an extension ends later than the due date so far"
        raise ValueError(message)
    on = note.at.astimezone(stands.creditor_zone).date()
    return e.DueDateExtended(due_on=due_on, reason=code(note.fields.get("reason")), on=on)


def _promise(note: SignalNote, stands: Situation) -> e.InvoiceEvent:
    fields, replaces = note.fields, note.fields.get("replaces", "").lower() in YES
    free = stands.balance if replaces else stands.unpromised
    amount = Decimal(fields["amount"]) if "amount" in fields else free
    by = date.fromisoformat(fields["by"])
    return e.PromiseMade(amount=amount, by=by, method=method_of(fields), replaces=replaces)


def _plan(note: SignalNote, stands: Situation) -> e.InvoiceEvent:
    parts = parse_instalments(note.fields["instalments"])
    if any(part.due_on < note.at.astimezone(stands.zone).date() for part in parts):
        message = "a day that has passed"
        raise ValueError(message)
    if sum(part.amount for part in parts) > stands.balance:
        message = "more than is open"
        raise ValueError(message)
    if any(part.amount != rounded(part.amount, stands.currency) for part in parts):
        message = "finer than the currency"
        raise ValueError(message)
    return e.PlanAgreed(instalments=parts, method=method_of(note.fields))


def _plan_ended(note: SignalNote, _stands: Situation) -> e.InvoiceEvent:
    return e.PlanEnded(reason=code(note.fields.get("reason")))


def _pause(note: SignalNote, stands: Situation) -> e.InvoiceEvent:
    until = instant(note.fields["until"], stands.zone) if "until" in note.fields else None
    return e.HoldPlaced(hold=note.id, reason=code(note.fields.get("reason")), until=until)


def _resume(_note: SignalNote, _stands: Situation) -> e.InvoiceEvent:
    return e.HoldEnded()


def _escalate(note: SignalNote, stands: Situation) -> e.InvoiceEvent:
    stage = note.fields.get("stage") or stands.next_stage
    if stage not in stands.stages:
        raise KeyError(stage)
    return e.Escalated(stage=stage)


def _cancel(note: SignalNote, _stands: Situation) -> e.InvoiceEvent:
    return e.Cancelled(reason=code(note.fields.get("reason")))


EVENTS: dict[str, Callable[[SignalNote, Situation], e.InvoiceEvent]] = {
    "payment_received": _payment,
    "payment_reversed": _reversal,
    "credit_note_issued": _credit_note,
    "credit_refunded": _refund,
    "late_charges_waived": _waiver,
    "dispute_opened": _dispute,
    "dispute_assigned": _assignment,
    "dispute_resolved": _resolution,
    "approval_given": _approval,
    "approval_refused": _refusal,
    "due_date_extended": _extension,
    "promise_made": _promise,
    "plan_agreed": _plan,
    "plan_ended": _plan_ended,
    "pause": _pause,
    "resume": _resume,
    "escalate": _escalate,
    "cancel": _cancel,
}


def code(given: str | None) -> str:
    """A reason as a code; free text, which could name a person, becomes `unspecified`."""
    return given if given and re.fullmatch(r"[a-z][a-z0-9_-]{0,59}", given) else "unspecified"


def instant(given: str, zone: ZoneInfo) -> datetime:
    """An ISO instant, or the end of an ISO date where the customer is."""
    if len(given) > len("2026-01-31"):
        instant = datetime.fromisoformat(given)
        instant = instant if instant.tzinfo else instant.replace(tzinfo=zone)
    else:
        instant = datetime.combine(date.fromisoformat(given) + timedelta(days=1), time(0), zone)
    if instant.year not in CALENDARS:
        message = "no calendar reaches that far"
        raise ValueError(message)
    return instant.astimezone(UTC)
