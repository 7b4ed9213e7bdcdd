"""What a rehearsal prints: each invoice's story, the channels' figures, and the invariants, a line each."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from cadence.customer_facts import Preference
from ledger.checks import Check
from ledger.reports import Row
from starter.printing import counted, local, money, say, table
from starter.rehearsal.report import Report
from starter.storytelling import preferred

# An instant of a story; at one instant, what happened comes before the message that it brings, and what a message
# brings after it.
Line = tuple[datetime, int, str]
HAPPENED, WRITTEN, FOLLOWED = range(3)
_FOLLOW = ("channel_suppressed", "step_merged", "step_released")


def print_stories(report: Report) -> None:
    """Per invoice what happened, what was sent when, by which channel, in which language, and how it ended."""
    by_invoice: dict[str, list[Line]] = {invoice["invoice"]: [] for invoice in report.invoices}
    for row in report.happened:
        rank = FOLLOWED if row["what"] in _FOLLOW else HAPPENED
        by_invoice[row["invoice"]].append((row["at"], rank, HAPPENING[row["what"]](row)))
    for row in report.messages:
        by_invoice[row["invoice"]].append((row["at"], WRITTEN, _message(row)))
    for row in report.cases:
        line = f"{'case':<26} {row['queue']}: {row['reason']}"
        by_invoice[row["invoice"]].append((row["opened_at"], FOLLOWED, line))
    for invoice in report.invoices:
        zone = ZoneInfo(invoice["zone"])
        say(f"\n{_heading(invoice, zone)}")
        for at, _, text in sorted(by_invoice[invoice["invoice"]], key=lambda line: line[:2]):
            say(f"  {local(at, zone)}  {text}")
    say("")


def _heading(invoice: Row, zone: ZoneInfo) -> str:
    """An invoice and how it ended, by its customer's calendar."""
    if invoice["closed_at"]:
        ended = f"{invoice['state']} on {invoice['closed_at'].astimezone(zone):%Y-%m-%d}"
    else:
        ended = f"{invoice['state']}, {money(invoice['balance'], invoice['currency'])} open"
    owed = f"{money(invoice['amount'], invoice['currency'])} due {invoice['due_on']}"
    return f"{invoice['invoice']}  {invoice['segment']}, {invoice['language']}, {owed}: {ended}"


def _message(row: Row) -> str:
    became = row["delivery"] or "no receipt" if row["outcome"] == "accepted" else row["outcome"]
    reason = f" ({row['error_class']})" if row["error_class"] else ""
    again = f" #{row['occurrence']}" if row["occurrence"] > 1 else ""
    what = f"{row['step'].removeprefix('on:')}{again}"
    to = f"  {row['to']}" if row["to"] else ""
    return f"{what:<26} {row['channel']:<9} {row['language']:<6} {became}{reason}{to}"


def _amount(row: Row) -> str:
    return money(Decimal(row["how"]["amount"]), row["currency"])


def _paid(row: Row) -> str:
    by = f" by {row['how']['method']}" if row["how"]["method"] else ""
    return f"< payment of {_amount(row)}{by}"


def _charges(row: Row) -> str:
    how, currency = row["how"], row["currency"]
    return ", ".join(f"{name} {money(Decimal(how[name]), currency)}" for name in ("interest", "costs"))


def _held(row: Row) -> str:
    how = row["how"]
    if how["until"] is None:
        return f"< on hold ({how['reason']})"
    last = datetime.fromisoformat(how["until"]).astimezone(ZoneInfo(row["zone"])) - timedelta(seconds=1)
    return f"< on hold to the end of {last:%Y-%m-%d} ({how['reason']})"


def _disputed(row: Row) -> str:
    how = row["how"]
    part = f"{_amount(row)} of it " if how.get("amount") else ""
    return f"< {part}disputed ({how['reason']}){_answer_by(how)}"


def _assigned(row: Row) -> str:
    return f"dispute: {row['how']['owner'] or 'nobody'} deals with it{_answer_by(row['how'])}"


def _answer_by(how: Mapping[str, Any]) -> str:
    return f", to be answered by {how['answer_by']}" if how.get("answer_by") else ""


def _resolved(row: Row) -> str:
    credit = row["how"].get("credit")
    credited = f", {money(Decimal(credit), row['currency'])} credited" if credit else ""
    return f"dispute {row['how']['outcome']}{credited}"


def _closed(row: Row) -> str:
    how = row["how"]
    return f"{how['step']:<26} {how['closes_as']}: {how['reason']}"


def _suppressed(row: Row) -> str:
    how = row["how"]
    said = how["reason"] in ("opt_out", "complaint")
    return f"< no more {how['channel']}, please" if said else f"no more {how['channel']}: {how['reason']}"


# "<" marks what came to us; what we did stands without.
HAPPENING: Mapping[str, Callable[[Row], str]] = {
    "payment_received": _paid,
    "payment_unidentified": lambda _: "< payment in another currency, for a person to look at",
    "payment_reversed": lambda row: f"< payment of {_amount(row)} taken back",
    "credit_note_issued": lambda row: f"credit note of {_amount(row)}",
    "credit_moved": lambda row: f"{_amount(row)} of credit used on another invoice",
    "credit_applied": lambda row: f"{_amount(row)} of credit from another invoice",
    "credit_refunded": lambda row: f"{_amount(row)} of credit refunded",
    "late_charges_claimed": lambda row: f"late charges claimed: {_charges(row)}",
    "late_charges_waived": lambda row: f"late charges waived: {_charges(row)}",
    "dispute_opened": _disputed,
    "dispute_assigned": _assigned,
    "dispute_overdue": lambda _: "dispute not answered in time",
    "dispute_resolved": _resolved,
    "due_date_extended": lambda row: f"extended to {row['how']['due_on']} ({row['how']['reason']})",
    "approval_asked": lambda row: f"{row['how']['step']:<26} waits for approval",
    "approval_given": lambda row: f"{row['how']['step']:<26} approved",
    "approval_refused": lambda row: f"{row['how']['step']:<26} refused ({row['how']['reason']})",
    "approval_timed_out": lambda row: f"{row['how']['step']:<26} not approved in time",
    "hold_placed": _held,
    "hold_ended": lambda _: "hold ended",
    "promise_made": lambda row: f"< {_amount(row)} promised by {row['how']['by']}",
    "promise_broken": lambda row: f"promise {row['how']['outcome'].replace('_', ' ')}",
    "plan_agreed": lambda row: f"< payment plan of {counted(len(row['how']['instalments']), 'instalment')}",
    "instalment_missed": lambda row: f"instalment {row['how']['number']} missed",
    "plan_ended": lambda row: f"payment plan {'ended' if row['how']['outcome'] == 'missed' else 'cancelled'}",
    "escalated": lambda row: f"escalated to stage {row['how']['stage']}",
    "cancelled": lambda row: f"cancelled ({row['how']['reason']})",
    "replied": lambda row: f"< reply by {row['how']['channel']}, for a person to read",
    "channel_suppressed": _suppressed,
    "suppression_lifted": lambda row: f"{row['how']['channel']} may be used again",
    "contact_forbidden": lambda row: f"not to be contacted ({row['how']['reason']})",
    "contact_allowed": lambda row: f"may be contacted again ({row['how']['reason']})",
    "segment_assigned": lambda row: f"into segment {row['how']['segment']} (by {row['how']['by']})",
    "invoice_moved": lambda _: "now of the customer into whom theirs was merged",
    "cadence_changed": lambda row: f"goes on under cadence {row['how']['cadence']}",
    "preference_stated": lambda row: (
        f"< prefers {preferred(Preference.model_validate(row['how'])) or 'nothing'}"
    ),
    "step_performed": _closed,
    "step_merged": lambda row: (
        f"{row['how']['step']:<26} {row['how']['channel']:<9} merged into the message on {row['carrier']}"
    ),
    "step_released": lambda row: (
        f"{row['how']['step']:<26} open again: the message on {row['carrier']} reached nobody"
    ),
}


def print_channels(report: Report) -> None:
    """Per channel what was accepted, delivered, failed, and fell back to another; how the invoices stand."""
    headings = ("channel", "accepted", "delivered", "failed", "fell back")
    rows = [(channel, *count.values()) for channel, count in report.channels().items()]
    table("What became of the messages", headings, rows)
    states = Counter(invoice["state"] for invoice in report.invoices)
    table("Invoices", ("state", "invoices"), sorted(states.items()))


def print_invariants(checks: Sequence[Check]) -> bool:
    """One line for each invariant; True where all of them hold."""
    for check in sorted(checks, key=lambda each: each.number):
        known = f"; known: {'; '.join(check.known)}" if check.known else ""
        verdict = "holds" if check.ok else "BROKEN"
        say(f"invariant {check.number} {verdict}: {check.title} ({check.checked} checked{known})")
        for violation in check.violations:
            say(f"    {violation}")
    return all(check.ok for check in checks)
