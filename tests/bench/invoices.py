"""Invoices to measure with: files as a creditor sends them, and the shipped ruler with its window moved."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from rich.console import Console
from sqlalchemy import select

from cadence.document import BusinessCalendar, Cadence, Roll, Window
from cadence.spans import WEEKDAYS
from ledger.keys import workflow_id
from ledger.publishing import publish
from ledger.tables import invoices
from starter.importing import import_file
from starter.rulers import read_cadence
from tests.bench.stage import Stage

RULER = Path("cadences/standard-b2b.yaml")
# Its first message goes five days before the due date, by e-mail.
FIRST_MESSAGE_BEFORE_DUE = timedelta(days=5)
NOWHERE_A_HOLIDAY = "AQ"


def noon_zone() -> ZoneInfo:
    """A zone where it is about noon, so that its day is today's all through the bench, whenever that runs."""
    hours = 12 - datetime.now(UTC).hour
    # POSIX counts westward.
    return ZoneInfo(f"Etc/GMT{-hours:+d}" if hours else "Etc/GMT")


@dataclass(frozen=True, slots=True)
class Group:
    """Invoices of as many customers in a segment of their own, whose first e-mail goes at the instant `first_at`."""

    name: str
    count: int
    zone: ZoneInfo
    first_at: datetime

    @property
    def due_on(self) -> date:
        """The due date that puts the first message on its day."""
        return self.first_at.astimezone(self.zone).date() + FIRST_MESSAGE_BEFORE_DUE

    def ruler(self) -> Cadence:
        """The shipped ruler, with windows that open at the first message's time of day, on every day."""
        opens = self.first_at.astimezone(self.zone).time()
        shipped, _ = read_cadence(RULER)
        changed = {
            "name": self.name,
            "segments": (self.name,),
            "calendar": BusinessCalendar(country=NOWHERE_A_HOLIDAY, roll=Roll.NONE),
            "window": Window(days=WEEKDAYS, opens=opens, closes=time(23)),
        }
        return shipped.model_copy(update=changed)

    def email(self, number: int) -> str:
        """The address of the customer of that number."""
        return f"{self.name}.{number}@example.com"

    @property
    def numbers(self) -> list[str]:
        """The creditor's numbers, in the order of the file."""
        return [f"{self.name}-{number:04d}" for number in range(self.count)]

    def rows(self) -> list[Mapping[str, str]]:
        """The rows of the group's file."""
        issued_on = self.due_on - timedelta(days=30)
        return [
            {
                "invoice": invoice,
                "customer": f"{self.name}-c{number:04d}",
                "customer_name": f"Padaria Inventada {number} Ltda.",
                "segment": self.name,
                "language": "pt-BR",
                "country": "BR",
                "timezone": self.zone.key,
                "email": self.email(number),
                "phone": f"+5511900{number % 10_000:06d}",
                "issued_on": issued_on.isoformat(),
                "due_on": self.due_on.isoformat(),
                "amount": f"{100 + number}.50",
                "currency": "BRL",
                "payment_method": "boleto",
            }
            for number, invoice in enumerate(self.numbers)
        ]


async def publish_ruler(stage: Stage, group: Group) -> Path:
    """Publish the group's ruler and write its file, which is what a creditor has at hand before an import."""
    await publish(stage.ledger.engine, group.ruler(), datetime.now(UTC))
    path = stage.home / f"{group.name}.csv"
    rows = group.rows()
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


async def import_group(stage: Stage, path: Path, group: Group) -> None:
    """Import the group's file as `regua import --yes` does; every row must be new."""
    done = await import_file(path, stage.ledger, datetime.now(UTC), "bench", Console(quiet=True))
    assert done.new == group.count, f"{group.count - done.new} rows of {path} were not taken in"


async def invoice_ids(stage: Stage, group: Group) -> list[int]:
    """Our ids of the group's invoices."""
    wanted = select(invoices.c.id).where(invoices.c.number.like(f"{group.name}-%")).order_by(invoices.c.id)
    async with stage.ledger.engine.connect() as connection:
        return list((await connection.execute(wanted)).scalars())


async def workflow_ids(stage: Stage, group: Group) -> list[str]:
    """The ids of the group's workflows."""
    return [workflow_id(each) for each in await invoice_ids(stage, group)]
