"""Invoices that fall due now, wherever the clock stands: a ruler for every day, and customers at whose place it is noon."""

import secrets
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from cadence.document import Cadence
from ledger.access import Ledger
from ledger.intake import InvoiceIntake, receive
from ledger.publishing import publish
from ledger.unit import Origin

FILE = Origin(actor="tester", source="file")
# A place that no calendar of holidays knows: a test must not depend on the day on which it runs.
NOWHERE = "ZZ"


@dataclass(frozen=True)
class Debtor:
    """One invoice of one invented customer, with addresses that no other test uses."""

    id: int
    number: str
    customer: str
    name: str
    email: str
    phone: str
    whatsapp: str | None


def ruler(*channels: str, **changes: Any) -> Cadence:
    """A cadence whose first message is due on the due date, by `channels` in this order; all days are open."""
    by = list(channels) or ["email"]
    document = {
        "name": "house",
        "title": "A ruler for every day",
        "segments": ["house"],
        "window": {
            "days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
            "opens": "00:00",
            "closes": "23:59",
        },
        "calendar": {"roll": "none"},
        "stages": ["due", "overdue", "final"],
        "steps": [
            _step("due-today", "due", "due", by),
            _step("reminder", "due + 5d", "overdue", by),
            _step("last", "due + 12d", "final", by),
            {"id": "exit", "at": "due + 20d", "stage": "final", "hand_over": {"to": "collector"}},
        ],
    }
    return Cadence.model_validate(document | changes)


def _step(name: str, at: str, stage: str, channels: list[str]) -> dict[str, Any]:
    send = {"template": "overdue_first", "channels": channels}
    return {"id": name, "at": at, "stage": stage, "send": send, "missed": "send"}


def noon_zone() -> str:
    """A zone in which it is about noon, so that no test runs into the end of a day."""
    behind = datetime.now(UTC).hour - 12
    return f"Etc/GMT{behind:+d}"


def noon_date() -> date:
    """Today's date there."""
    return (datetime.now(UTC) - timedelta(hours=datetime.now(UTC).hour - 12)).date()


def row(**changes: Any) -> InvoiceIntake:
    """One invoice that is due today, of a customer of its own unless `customer` names one."""
    mark = secrets.randbelow(10**7)
    given: dict[str, Any] = {
        "number": f"INV-{secrets.randbelow(10**8):08d}",
        "customer": f"C-{mark:07d}",
        "customer_name": f"Oficina Inventada {mark:07d}",
        "segment": "house",
        "language": "en",
        "country": NOWHERE,
        "zone": noon_zone(),
        "email": f"customer-{mark:07d}@example.com",
        "phone": f"+1555{mark:07d}",
        "issued_on": noon_date() - timedelta(days=20),
        "due_on": noon_date(),
        "amount": Decimal("120.50"),
        "currency": "EUR",
    }
    return InvoiceIntake.model_validate(given | changes)


async def bring(
    ledger: Ledger, cadence: Cadence | None = None, given: InvoiceIntake | None = None, **changes: Any
) -> Debtor:
    """Publish a ruler, and take in `given`, or one invoice that is due now."""
    await publish(ledger.engine, cadence or ruler(), datetime.now(UTC))
    given = given or row(**changes)
    answer = (await receive(ledger, [given], datetime.now(UTC), FILE))[0]
    assert answer.outcome == "new", answer.reason
    return await debtor_of(ledger, given)


async def debtor_of(ledger: Ledger, given: InvoiceIntake) -> Debtor:
    """The invoice as the ledger took it in."""
    return Debtor(
        await ledger.invoice_id(given.number),
        given.number,
        given.customer,
        given.customer_name,
        given.email or "",
        given.phone or "",
        given.whatsapp,
    )
