"""Judges one row of a portfolio: an invoice that the ledger takes in, or every reason why there is none."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from pydantic import ValidationError

from cadence.creditor import Creditor
from cadence.document import Cadence
from cadence.words import MINOR_UNITS, one_line
from ledger.intake import InvoiceIntake
from starter import cells as read
from starter.mapping import PLAIN
from starter.mapping import Mapping as ColumnMapping
from starter.places import is_zone_assumed, usual_language, usual_zone
from starter.tables import Cell, Row, as_text

# Our columns: whether each is required, what it holds (said when a value does not fit), and an example.
COLUMNS: dict[str, tuple[bool, str, str]] = {
    "invoice": (True, "your own number of the invoice, up to 30 characters", "2026-0117"),
    "customer": (True, "your own key of the customer, up to 60 characters", "C-1042"),
    "customer_name": (True, "the customer's name, up to 60 characters", "Padaria Exemplo Ltda."),
    "segment": (True, "a segment that a published cadence serves", "smb"),
    "language": (False, "pt-BR, pt-PT, es, en or fr", "pt-BR"),
    "country": (True, "an ISO 3166 code of two capital letters", "BR"),
    "subdivision": (False, "an ISO 3166-2 code of a state or region", "SP"),
    "timezone": (False, "a zone of the IANA database", "America/Sao_Paulo"),
    "email": (False, "an e-mail address", "financeiro@padaria.example.com"),
    "phone": (False, "a phone number for SMS", "+55 11 90000-0101"),
    "whatsapp": (False, "a phone number for WhatsApp", "+55 11 90000-0101"),
    "consents": (False, "the channels they agreed to: email, sms or whatsapp, with spaces between", "email whatsapp"),
    "issued_on": (False, "a date", "2026-01-05"),
    "due_on": (True, "a date", "2026-02-04"),
    "amount": (True, "an amount above zero and below 1,000,000,000", "1250.00"),
    "currency": (True, "an ISO 4217 code", "BRL"),
    "payment_method": (False, "a code such as boleto, pix, transfer, direct_debit or card", "boleto"),
    "stage": (False, "a stage of the segment's cadence, for an invoice that is already being chased", ""),
    "pix_txid": (False, "the txid of its Pix charge, up to 35 letters and digits", ""),
    "payment_reference": (False, "another reference that payments carry, up to 60 characters", "RF18539007547034"),
}  # fmt: skip
KNOWN = tuple(COLUMNS)
# The ledger's names of fields that the columns call otherwise.
COLUMN_OF = {"number": "invoice", "zone": "timezone"}


@dataclass(frozen=True, slots=True)
class Doorkeeper:
    """What a row is judged by. `today` (creditor's zone) dates an invoice whose row has no issue date."""

    creditor: Creditor
    cadences: Sequence[Cadence]
    today: date
    mapping: ColumnMapping | None = None

    def cadence(self, segment: str) -> Cadence | None:
        """The cadence that serves a segment."""
        return next((cadence for cadence in self.cadences if segment in cadence.segments), None)


def judge(row: Row, columns: Mapping[str, str], door: Doorkeeper) -> InvoiceIntake | str:
    """The invoice of a row, or every reason why there is none."""
    if row.fault:
        return row.fault
    cells: dict[str, Cell] = dict(door.mapping.defaults) if door.mapping else {}
    cells |= {ours: row.cells[theirs] for ours, theirs in columns.items() if theirs in row.cells}
    reading = _Reading(cells, door)
    return reading.invoice()


class _Reading(read.RowReader):
    def __init__(self, cells: Mapping[str, Cell], door: Doorkeeper) -> None:
        super().__init__(cells)
        self.door = door
        self.mapping = door.mapping or PLAIN

    def invoice(self) -> InvoiceIntake | str:
        """Read all columns before judging, so that a person mends a row once."""
        country = self.text("country", read.country)
        values = {
            "number": self.text("invoice", one_line),
            "customer": self.text("customer", one_line),
            "customer_name": self.text("customer_name", one_line),
            "segment": self.text("segment", self._segment),
            "language": self.text("language", read.language)
            or self._usual(country, "language", usual_language),
            "country": country,
            "subdivision": self.text("subdivision", lambda text: read.subdivision(text, country)),
            "zone": self.text("timezone", read.zone) or self._usual(country, "timezone", usual_zone),
            "zone_assumed": "timezone" not in self.cells and is_zone_assumed(country or ""),
            "email": self.text("email", read.email),
            "phone": self.text("phone", lambda text: read.phone(text, country)),
            "whatsapp": self.text("whatsapp", lambda text: read.phone(text, country)),
            "consents": self.text("consents", read.channels) or (),
            "currency": self.text("currency", self._currency),
            "payment_method": self.text("payment_method", read.code) or "",
            "pix_txid": self.text("pix_txid", one_line),
            "payment_reference": self.text("payment_reference", one_line),
            **self._dates_and_money(),
        }
        values["stage"] = self.text("stage", lambda text: self._stage(text, values["segment"]))
        for column in (name for name in KNOWN if COLUMNS[name][0] and name not in self.cells):
            self.faults[column] = f"is missing; write {COLUMNS[column][1]}"
        return self._checked(values)

    def _dates_and_money(self) -> dict[str, Any]:
        due_on = self.cell("due_on", self.mapping.read_date)
        issued_on = self.cell("issued_on", self.mapping.read_date)
        if due_on and issued_on and due_on < issued_on:
            self.faults["due_on"] = f"{due_on} lies before the issue date {issued_on}; check both"
        amount = self.cell("amount", self.mapping.read_amount)
        currency = as_text(self.cells.get("currency", "")).upper()
        if amount is not None and read.too_fine(amount, currency):
            digits = MINOR_UNITS[currency]
            self.faults["amount"] = f"{amount} has more decimals than {currency}, which has {digits}"
        issued_on = issued_on or min(self.door.today, due_on or self.door.today)
        return {"due_on": due_on, "issued_on": issued_on, "amount": amount}

    def _usual(self, country: str | None, column: str, usual: Callable[[str], Any]) -> Any:
        if country is None or column in self.cells:
            return None
        found = usual(country)
        if found is None:
            example = COLUMNS[column][1]
            self.faults[column] = f"is missing, and {country} has more than one; write {example}"
        return found

    def _segment(self, text: str) -> str:
        if self.door.cadence(text) is None:
            served = sorted({segment for cadence in self.door.cadences for segment in cadence.segments})
            raise ValueError(
                f"{read.shown(text)} is served by no published cadence; segments are {', '.join(served)}"
            )
        return text

    def _stage(self, text: str, segment: str | None) -> str:
        cadence = self.door.cadence(segment or "")
        if cadence and text not in cadence.stages:
            raise ValueError(
                f"{read.shown(text)} is no stage of {cadence.name}; it has {', '.join(cadence.stages)}"
            )
        return text

    def _currency(self, text: str) -> str:
        code = read.currency(text)
        if self.door.creditor.payment_in(code) is None:
            raise ValueError(
                f"the creditor's document says nothing on how to pay in {code}; add it under payment"
            )
        return code

    def _checked(self, values: dict[str, Any]) -> InvoiceIntake | str:
        try:
            invoice = InvoiceIntake.model_validate(values)
        except ValidationError as error:
            self._translate(error)
        if self.faults:
            return self.objections(KNOWN)
        return invoice

    def _translate(self, error: ValidationError) -> None:
        for details in error.errors(include_url=False):
            name = str(details["loc"][0])
            column = COLUMN_OF.get(name, name)
            # What is missing, or was wrong as text already, has its sentence.
            if column not in self.cells or column in self.faults:
                continue
            own = details["msg"].removeprefix("Value error, ") if details["type"] == "value_error" else ""
            self.faults[column] = own or f"{read.shown(str(details['input']))} is not {COLUMNS[column][1]}"
