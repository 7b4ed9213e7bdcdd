"""What a rehearsal leaves behind: three tables, a summary, and each message as its customer would see it."""

import csv
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from cadence.why import recipients_told
from cadence.words import rounded
from ledger.access import Ledger
from ledger.reports import (
    Row,
    attempts_made,
    cases_opened,
    happened,
    invoices_ended,
    messages_written,
    put_off,
)

MESSAGES = (
    "at",
    "invoice",
    "customer",
    "step",
    "occurrence",
    "channel",
    "language",
    "outcome",
    "delivery",
    "reason",
    "to",
)
AGENDA = ("at", "invoice", "customer", "step", "occurrence", "what", "why", "until")
INVOICES = (
    "invoice", "customer", "segment", "language", "state", "closed_at", "currency", "balance", "due_on", "messages",
    "cases",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Report:
    """The rows of a rehearsal, in an order that depends on the calendar alone."""

    messages: Sequence[Row]
    agenda: Sequence[Row]
    invoices: Sequence[Row]
    happened: Sequence[Row]
    cases: Sequence[Row]
    written: Sequence[Row]

    def channels(self) -> dict[str, dict[str, int]]:
        """Per channel: accepted, delivered, failed (refused by the provider or not delivered), fell back."""
        counts: dict[str, Counter[str]] = {}
        spoken: set[tuple[str, str, int]] = set()
        for row in self.messages:
            count = counts.setdefault(row["channel"], Counter(accepted=0, delivered=0, failed=0, fell_back=0))
            count["accepted"] += row["outcome"] == "accepted"
            count["delivered"] += row["delivery"] in ("delivered", "read")
            count["failed"] += row["outcome"] == "rejected" or row["delivery"] == "failed"
        for row in reversed(self.messages):
            step = (row["invoice"], row["step"], row["occurrence"])
            counts[row["channel"]]["fell_back"] += step in spoken
            spoken.add(step)
        return {channel: dict(count) for channel, count in sorted(counts.items())}

    def summary(self, begins: datetime, ends: datetime) -> dict[str, Any]:
        """The figures of the whole, which two rehearsals of one input share."""
        return {
            "from": begins.isoformat(),
            "until": ends.isoformat(),
            "invoices": dict(sorted(Counter(row["state"] for row in self.invoices).items())),
            "messages": sum(row["outcome"] == "accepted" for row in self.messages),
            "channels": self.channels(),
            "cases": sum(row["cases"] for row in self.invoices),
            "put_off": dict(sorted(Counter(row["why"] for row in self.agenda).items())),
        }


async def read_report(ledger: Ledger) -> Report:
    """Read what happened out of the ledger."""
    engine = ledger.engine
    return Report(
        [row | {"reason": _reason(row), "to": _recipients(row)} for row in await attempts_made(engine)],
        await put_off(engine),
        await invoices_ended(engine),
        await happened(engine),
        await cases_opened(engine),
        await messages_written(engine),
    )


def _reason(row: Row) -> str:
    return " ".join(part for part in (row["error_class"], row["code"]) if part)


def _recipients(row: Row) -> str:
    """To whom it went, by their roles; empty where that is simply the billing contact."""
    to, *copies = [each["role"] for each in row["permit"]["recipients"]]
    return recipients_told(to, copies, row["permit"]["left_out"])


def write_report(report: Report, folder: Path, begins: datetime, ends: datetime) -> None:
    """Write the tables, the summary and the messages into `folder`, which is made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    _table(folder / "messages.csv", MESSAGES, report.messages)
    _table(folder / "agenda.csv", AGENDA, report.agenda)
    _table(folder / "invoices.csv", INVOICES, report.invoices)
    summary = json.dumps(report.summary(begins, ends), indent=2, ensure_ascii=False)
    (folder / "summary.json").write_text(summary + "\n", "utf-8")
    _messages(report, folder / "messages")


def _table(path: Path, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([_cell(row, column) for column in columns] for row in rows)


def _cell(row: Mapping[str, Any], column: str) -> str:
    value = row[column]
    if column == "balance":
        value = rounded(value, row["currency"])
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    text = str(value) if not isinstance(value, Decimal) else f"{value:f}"
    # A cell that a spreadsheet would take for a formula is text.
    return f"'{text}" if text[:1] in ("=", "+", "@") else text


def _messages(report: Report, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    about = {row["message_id"]: row for row in report.messages}
    for message in report.written:
        row = about.get(message["id"])
        if row is None:
            continue
        day = f"{row['at']:%Y-%m-%d}"
        stem = "_".join(
            _filed(part)
            for part in (row["invoice"], day, row["step"], str(row["occurrence"]), row["channel"])
        )
        head = f"Subject: {message['subject']}\n\n" if message["subject"] else ""
        (folder / f"{stem}.txt").write_text(head + message["body"] + "\n", "utf-8")
        if message["html"]:
            (folder / f"{stem}.html").write_text(message["html"], "utf-8")


def _filed(text: str) -> str:
    return "".join(char if char.isalnum() or char in "-." else "-" for char in text)
