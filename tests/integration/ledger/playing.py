"""Invoices to test with: a short ruler, a customer in Lisbon, and the ways in which messages end."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from cadence.creditor import Creditor
from cadence.directive import ItemOrder
from cadence.document import Cadence
from cadence.reading import read_document
from ledger.access import Ledger
from ledger.attempts import Result
from ledger.intake import InvoiceIntake, receive
from ledger.sending import Permit, begin, conclude, permit
from ledger.unit import Origin

CREDITOR = read_document(Creditor, Path("creditor.yaml").read_text(encoding="utf-8"), "creditor.yaml")
FILE = Origin(actor="tester", source="file")

ARRIVAL = datetime(2026, 3, 2, 10, tzinfo=UTC)
DUE_ON = date(2026, 3, 10)
# The window opens at nine in Lisbon, which is UTC in March until the 29th.
COURTESY_AT = datetime(2026, 3, 6, 9, tzinfo=UTC)
REMINDER_AT = datetime(2026, 3, 11, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


def ruler(**changes: Any) -> Cadence:
    """A cadence of three messages for the segment `standard`."""
    document = {
        "name": "short",
        "title": "A short ruler",
        "segments": ["standard"],
        "stages": ["courtesy", "overdue"],
        "steps": [
            step("courtesy", "due - 4d", "courtesy", ["email"]),
            step("reminder", "due + 1d", "overdue", ["sms", "email"]),
            step("demand", "due + 10d", "overdue", ["email"]),
        ],
    }
    return Cadence.model_validate(document | changes)


def step(name: str, at: str, stage: str, channels: list[str]) -> dict[str, Any]:
    """A step that sends, and is passed over where it would be more than two days late."""
    send = {"template": "overdue_first", "channels": channels}
    return {"id": name, "at": at, "stage": stage, "send": send, "missed": {"skip_after": "2d"}}


def row(number: str = "INV-1", customer: str = "C-1", **changes: Any) -> InvoiceIntake:
    """One invoice of an invented customer."""
    given: dict[str, Any] = {
        "number": number,
        "customer": customer,
        "customer_name": f"Padaria Inventada {customer}",
        "segment": "standard",
        "language": "pt-PT",
        "country": "PT",
        "zone": "Europe/Lisbon",
        "email": f"{customer.lower()}@example.com",
        "phone": "+351900000123",
        "issued_on": date(2026, 3, 1),
        "due_on": DUE_ON,
        "amount": Decimal("120.50"),
        "currency": "EUR",
    }
    return InvoiceIntake.model_validate(given | changes)


async def take_in(ledger: Ledger, *rows: InvoiceIntake, now: datetime = ARRIVAL) -> list[int]:
    """Take rows in, all of which must be good; our ids."""
    answers = await receive(ledger, rows, now, FILE)
    assert [answer.reason for answer in answers] == [""] * len(rows)
    return [await ledger.invoice_id(each.number) for each in rows]


async def order_of(ledger: Ledger, invoice_id: int) -> ItemOrder:
    """What the invoice's workflow would ask for now."""
    item = (await ledger.directive(invoice_id)).item
    assert item is not None
    return ItemOrder(invoice_id=invoice_id, key=item.key, at=item.at)


async def permitted(ledger: Ledger, invoice_id: int, now: datetime) -> Permit:
    """A permit for the next message, and the provider about to be asked."""
    leave = await permit(ledger, await order_of(ledger, invoice_id), now)
    assert leave.permit is not None, leave.reason
    letter = {"subject": "A reminder", "html": "<p>Please pay.</p>", "body": "Please pay."}
    began = await begin(ledger, leave.permit.attempt_id, address=leave.permit.address, now=now, **letter)
    assert began
    return leave.permit


async def send(
    ledger: Ledger, invoice_id: int, now: datetime, state: str = "accepted", **more: Any
) -> Permit:
    """Send the next message; the provider answers with `state`."""
    granted = await permitted(ledger, invoice_id, now)
    await conclude(ledger, granted, Result(state=state, **more), now)
    return granted
