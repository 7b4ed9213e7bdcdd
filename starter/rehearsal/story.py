"""What a rehearsal prints: each invoice's story, the channels' figures, and the invariants, a line each."""

from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from ledger.checks import Check
from ledger.reports import Row
from starter.printing import money, say, table
from starter.rehearsal.report import Report


def print_stories(report: Report, zone: ZoneInfo) -> None:
    """Per invoice what was sent when, by which channel, in which language, and how it ended."""
    by_invoice: dict[str, list[Row]] = {}
    for row in report.messages:
        by_invoice.setdefault(row["invoice"], []).append(row)
    for invoice in report.invoices:
        say(_heading(invoice, zone))
        for row in by_invoice.get(invoice["invoice"], []):
            say(_line(row))
    say("")


def _heading(invoice: Row, zone: ZoneInfo) -> str:
    ended = (
        f"{invoice['state']} on {_day(invoice['closed_at'], zone)}"
        if invoice["closed_at"]
        else invoice["state"]
    )
    owed = "" if invoice["closed_at"] else f", {money(invoice['balance'], invoice['currency'])} open"
    cases = f", {invoice['cases']} case{'s' * (invoice['cases'] > 1)}" if invoice["cases"] else ""
    due: date = invoice["due_on"]
    return f"\n{invoice['invoice']}  {invoice['segment']}, {invoice['language']}, due {due}: {ended}{owed}{cases}"


def _line(row: Row) -> str:
    """One message, at the time that its customer's clock showed."""
    at: datetime = row["at"].astimezone(ZoneInfo(row["zone"]))
    became = row["delivery"] or "no receipt" if row["outcome"] == "accepted" else row["outcome"]
    reason = f" ({row['reason']})" if row["reason"] else ""
    again = f" #{row['occurrence']}" if row["occurrence"] > 1 else ""
    what = f"{row['step'].removeprefix('on:')}{again}"
    return f"  {at:%Y-%m-%d %H:%M}  {what:<28} {row['channel']:<9} {row['language']:<6} {became}{reason}"


def _day(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%d}"


def print_channels(report: Report) -> None:
    """Per channel what was accepted, delivered, failed, and fell back to another."""
    headings = ("channel", "accepted", "delivered", "failed", "fell back")
    rows = [(channel, *count.values()) for channel, count in report.channels().items()]
    table("What became of the messages", headings, rows)
    states: dict[str, int] = {}
    for invoice in report.invoices:
        states[invoice["state"]] = states.get(invoice["state"], 0) + 1
    table("How the invoices stand", ("state", "invoices"), sorted(states.items()))


def print_invariants(checks: Sequence[Check]) -> bool:
    """One line for each invariant; True where all of them hold."""
    for check in sorted(checks, key=lambda each: each.number):
        known = f"; known: {'; '.join(check.known)}" if check.known else ""
        verdict = "holds" if check.ok else "BROKEN"
        say(f"invariant {check.number} {verdict}: {check.title} ({check.checked} checked{known})")
        for violation in check.violations:
            say(f"    {violation}")
    return all(check.ok for check in checks)
