"""Judges one row of a file of happenings: what happened, or every reason why the row makes no sense."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from cadence.words import Channel, one_line
from ledger.crediting import INTO
from ledger.movements import CREDIT_NOTE_SOURCE, PAYMENT_SOURCE, REFUND_SOURCE, REVERSAL_SOURCE
from starter import cells as read
from starter.mapping import PLAIN
from starter.tables import Cell, Row, as_text

COLUMNS = ("at", "event", "invoice", "amount", "currency", "date", "until", "reason", "text", "id")
FILE_SOURCE = "events-file"
MOST = 10**9
MAX_TEXT = 1_600  # what an SMS or WhatsApp message holds at most (Twilio)


class Kind(StrEnum):
    """What can happen, as the column `event` says it."""

    PAYMENT = "payment"
    REVERSAL = "reversal"
    DISPUTE = "dispute"
    ASSIGNMENT = "assignment"
    RESOLUTION = "resolution"
    PAUSE = "pause"
    RESUME = "resume"
    PROMISE = "promise"
    EXTENSION = "extension"
    PLAN = "plan"
    END_PLAN = "end_plan"
    APPROVAL = "approval"
    REFUSAL = "refusal"
    ESCALATE = "escalate"
    CANCEL = "cancel"
    CREDIT_NOTE = "credit_note"
    REFUND = "refund"
    REPLY = "reply"
    SEGMENT = "segment"
    MERGE = "merge"
    CUSTOMER_PAYMENT = "customer_payment"
    CUSTOMER_REVERSAL = "customer_reversal"
    USE_CREDIT = "use_credit"
    CHARGE = "charge"
    WAIVE = "waive"
    CUSTOMER_PAUSE = "customer_pause"
    CUSTOMER_RESUME = "customer_resume"


# Which columns an event must have, and which it may have; `reason`, `text` and `id` any event may have.
_REQUIRED = {
    Kind.PAYMENT: ("amount",),
    Kind.REVERSAL: ("amount",),
    Kind.CREDIT_NOTE: ("amount",),
    Kind.REFUND: ("amount",),
    Kind.RESOLUTION: ("reason",),
    Kind.PROMISE: ("date",),
    Kind.EXTENSION: ("date",),
    Kind.PLAN: ("date", "reason"),
    Kind.REPLY: ("text",),
    Kind.SEGMENT: ("reason",),
    Kind.MERGE: ("text",),
    Kind.CUSTOMER_PAYMENT: ("amount", "id"),
    Kind.CUSTOMER_REVERSAL: ("text", "id"),
}
_POSSIBLE = {
    Kind.PAYMENT: ("amount", "currency"),
    Kind.REVERSAL: ("amount", "currency"),
    Kind.CREDIT_NOTE: ("amount", "currency"),
    Kind.REFUND: ("amount", "currency"),
    Kind.PROMISE: ("amount", "currency", "date"),
    Kind.DISPUTE: ("amount", "currency", "date"),
    Kind.ASSIGNMENT: ("date",),
    Kind.RESOLUTION: ("amount", "currency"),
    Kind.EXTENSION: ("date",),
    Kind.PLAN: ("amount", "currency", "date"),
    Kind.PAUSE: ("until",),
    Kind.CUSTOMER_PAYMENT: ("amount", "currency"),
    Kind.CUSTOMER_REVERSAL: ("amount",),
    Kind.USE_CREDIT: ("amount", "currency"),
    Kind.CHARGE: ("date",),
    Kind.CUSTOMER_PAUSE: ("until",),
}
# Those whose own ids count once, whatever way they are told by.
_SPACES = {
    Kind.PAYMENT: PAYMENT_SOURCE,
    Kind.REVERSAL: REVERSAL_SOURCE,
    Kind.CREDIT_NOTE: CREDIT_NOTE_SOURCE,
    Kind.REFUND: REFUND_SOURCE,
    Kind.CUSTOMER_PAYMENT: PAYMENT_SOURCE,
    Kind.CUSTOMER_REVERSAL: REVERSAL_SOURCE,
    Kind.USE_CREDIT: INTO,
}
DIVIDED = re.compile(r"(?P<every>week|month)ly-(?P<count>[1-9]|[1-5][0-9]|60)")
_REPLIES = {"sms": Channel.SMS, "whatsapp": Channel.WHATSAPP}


@dataclass(frozen=True, slots=True)
class Happening:
    """One row. `at` is an aware instant; `key` tells it from all others, also in a file that is imported again.

    `invoice` is what it happened to, or names its customer. `on` is the column `date`: the day to which a promise is
    made or an invoice extended, by which a dispute is to be answered, up to which late charges are claimed, or of a
    plan's first instalment. `amount` is of a dispute the part, of its resolution what is credited. `until` is an
    instant, or a date: to its end, where the customer is. `reason` is a code: of a resolution upheld, rejected or
    withdrawn, of an assignment who deals with the dispute, of an approval the step, of an escalation the stage, of a
    claim interest or costs where it is not both, of a payment its method, of a reply its channel, of a plan how it is
    divided: `monthly-3`, of a segment the segment into which the invoice's customer comes by hand. `text` is of a
    merge the number of an invoice whose customer stays, into whom the one of `invoice` is merged, of a customer's
    reversal the id of the payment.
    """

    line: int
    at: datetime
    event: Kind
    invoice: str
    key: str
    amount: Decimal | None = None
    currency: str | None = None
    on: date | None = None
    until: date | None = None
    reason: str | None = None
    text: str | None = None
    id: str | None = None

    @property
    def channel(self) -> Channel | None:
        """The channel of a reply, where the row names it."""
        return _REPLIES.get(self.reason or "") if self.event is Kind.REPLY else None

    @property
    def into(self) -> str | None:
        """The invoice whose customer stays, of a merge."""
        return self.text if self.event is Kind.MERGE else None

    @property
    def source(self) -> str:
        """The key space of `key`: payments with an id share theirs with webhooks, so that each counts once."""
        return _SPACES.get(self.event, FILE_SOURCE) if self.id else FILE_SOURCE


def judge(row: Row, columns: Mapping[str, str], zone: ZoneInfo) -> Happening | str:
    """The happening of a row, or every reason why it is none."""
    if row.fault:
        return row.fault
    return _Reading(
        {ours: row.cells[theirs] for ours, theirs in columns.items() if theirs in row.cells}, zone
    ).happening(row.line)


class _Reading(read.RowReader):
    def __init__(self, cells: Mapping[str, Cell], zone: ZoneInfo) -> None:
        super().__init__(cells)
        self.zone = zone

    def happening(self, line: int) -> Happening | str:
        kind = self.text("event", _kind)
        values = {
            "at": self.cell("at", self._instant),
            "invoice": self.text("invoice", _number),
            "amount": self.cell("amount", _amount),
            "currency": self.text("currency", read.currency),
            "on": self.cell("date", PLAIN.read_date),
            "until": self.cell("until", self._until),
            "reason": self.text("reason", lambda text: _reason(text, kind)),
            "text": self.text("text", _NAMING.get(kind, _free_text) if kind else _free_text),
            "id": self.text("id", _id),
        }
        self._judge_columns(kind)
        if self.faults:
            return self.objections(COLUMNS)
        return Happening(line=line, event=kind, key=_key(kind, values), **values)

    def _judge_columns(self, kind: Kind | None) -> None:
        required = ("at", "event", "invoice", *(_REQUIRED.get(kind, ()) if kind else ()))
        for column in required:
            if column not in self.cells:
                self.faults[column] = f"is missing; {'a ' + kind if kind else 'every event'} needs it"
        for column in ("amount", "currency", "date", "until"):
            if kind and column in self.cells and column not in _POSSIBLE.get(kind, ()):
                self.faults[column] = f"means nothing for the event {kind}; leave it empty"

    def _instant(self, cell: Cell) -> datetime:
        """An ISO instant or date; without an offset it is read in the creditor's zone."""
        try:
            moment = cell if isinstance(cell, datetime) else datetime.fromisoformat(as_text(cell))
        except ValueError:
            example = "2026-01-05, 2026-01-05T14:30 or 2026-01-05T14:30-03:00"
            raise ValueError(
                f"{read.shown(as_text(cell))} is no ISO date or instant; write {example}"
            ) from None
        PLAIN.read_date(moment)
        return (moment if moment.tzinfo else moment.replace(tzinfo=self.zone)).astimezone(UTC)

    def _until(self, cell: Cell) -> date:
        is_day = not isinstance(cell, datetime) and len(as_text(cell)) == len("2026-01-05")
        return PLAIN.read_date(cell) if is_day else self._instant(cell)


def _kind(text: str) -> Kind:
    if text.lower() not in list(Kind):
        raise ValueError(f"{read.shown(text)} is no event; write {', '.join(Kind)}")
    return Kind(text.lower())


def _reason(text: str, kind: Kind | None) -> str:
    code = read.code(text)
    allowed = {
        Kind.RESOLUTION: ("upheld", "rejected", "withdrawn"),
        Kind.REPLY: tuple(_REPLIES),
        Kind.CHARGE: ("interest", "costs"),
    }
    if kind is Kind.PLAN and not DIVIDED.fullmatch(code):
        raise ValueError(f"{read.shown(text)} is no way to divide a plan; write monthly-3 or weekly-6")
    if kind in allowed and code not in allowed[kind]:
        raise ValueError(f"{read.shown(text)} is no reason of a {kind}; write {', '.join(allowed[kind])}")
    return code


def _amount(cell: Cell) -> Decimal:
    amount = PLAIN.read_amount(cell)
    if not 0 < amount < MOST:
        raise ValueError(f"{read.shown(as_text(cell))} is not above zero and below {MOST:,}")
    return amount


def _short(text: str, most: int) -> str:
    line = one_line(text)
    if len(line) > most:
        raise ValueError(f"{read.shown(line)} has more than {most} characters")
    return line


def _number(text: str) -> str:
    return _short(text, 30)


def _id(text: str) -> str:
    return _short(text, 200)


def _free_text(text: str) -> str:
    if len(text) > MAX_TEXT:
        raise ValueError(f"the text has more than {MAX_TEXT} characters; shorten it")
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f]", "", text)


# Where the text names something.
_NAMING: Mapping[Kind, Callable[[str], str]] = {Kind.MERGE: _number, Kind.CUSTOMER_REVERSAL: _id}


def _key(kind: Kind, values: Mapping[str, Any]) -> str:
    """What tells a happening from all others: its own id, or what it says, in codes, ISO dates and numbers."""
    if values["id"]:
        return str(values["id"]) if kind in _SPACES else f"{kind}/{values['id']}"
    amount = values["amount"] and f"{values['amount'].normalize():f}"
    parts = (kind, values["invoice"], values["at"].isoformat(), amount, values["on"])
    return "/".join(str(part) for part in parts if part)
