"""Play a rehearsal from files to a report: what `regua rehearse` and the demo call."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from cadence.creditor import Creditor
from cadence.document import Cadence
from ledger.customer_intake import ContactIntake
from ledger.intake import InvoiceIntake
from ledger.publishing import publish
from starter.documents import Documents
from starter.happenings import Happening
from starter.rehearsal.lanes import Lane, lanes_of
from starter.rehearsal.player import Player
from starter.rehearsal.stage import Stage, first_error, stage
from starter.rehearsal.watching import Directives

# Side by side: more lanes only wait for one another on a machine of two cores.
LANES_AT_ONCE = 10


@dataclass(frozen=True, slots=True)
class Script:
    """What is played: documents, rows, happenings, the sandbox's habits by address, from a day on for some days.

    `people` are the contacts of the rows' customers, who come with each invoice.
    """

    documents: Documents
    cadences: Sequence[Cadence]
    rows: Sequence[InvoiceIntake]
    happenings: Sequence[Happening]
    habits: dict[str, Any]
    begins_on: date
    days: int
    people: Sequence[ContactIntake] = ()

    @property
    def creditor(self) -> Creditor:
        """The company that is owed."""
        return self.documents.creditor

    @property
    def begins(self) -> datetime:
        """Midnight of the first day, where the creditor is."""
        return _midnight(self.begins_on, self.creditor)

    @property
    def ends(self) -> datetime:
        """Midnight after the last day."""
        return _midnight(self.begins_on + timedelta(days=self.days), self.creditor)

    def enters(self, row: InvoiceIntake) -> datetime:
        """When an invoice arrives: on its issue date, or at the beginning where that is past."""
        return max(self.begins, _midnight(row.issued_on, self.creditor))


def _midnight(day: date, creditor: Creditor) -> datetime:
    return datetime.combine(day, time(0), creditor.timezone).astimezone(UTC)


@asynccontextmanager
async def play(script: Script, home: Path, progress: Callable[[float], None]) -> AsyncIterator[Stage]:
    """Play a script to its end and hand over the stage as it stands then; all is gone after the block.

    `progress` is told the share that is played, from 0 to 1. Raises `Refused` where a row or a happening makes
    no sense, and `Stuck` where the machine does not get on.
    """
    async with stage(home, script.documents, script.begins) as set_up:
        for cadence in script.cadences:
            await publish(set_up.ledger.engine, cadence, script.begins)
        if script.habits:
            (await set_up.sandbox.post("/sandbox/habits", json=script.habits)).raise_for_status()
        directives = Directives(set_up.ledger)
        async with directives.watched():
            with first_error():
                await _play_all(_lanes(script, set_up, directives), script, progress)
        yield set_up


def _lanes(script: Script, set_up: Stage, directives: Directives) -> list[Lane]:
    player = Player(set_up)
    by_customer: dict[str, Lane] = {}
    for customers in lanes_of([*script.rows, *script.people], script.happenings):
        lane = Lane(set_up, player, directives, script.ends, script.begins)
        by_customer |= dict.fromkeys(customers, lane)
    by_number: dict[str, Lane] = {}
    for row in script.rows:
        lane = by_number[row.number] = by_customer[row.customer]
        people = [each for each in script.people if each.customer == row.customer]
        lane.expect_entry(script.enters(row), row, people)
    for happening in script.happenings:
        by_number[happening.invoice].expect_happening(happening)
    return list({id(lane): lane for lane in by_customer.values()}.values())


async def _play_all(lanes: Sequence[Lane], script: Script, progress: Callable[[float], None]) -> None:
    room = asyncio.Semaphore(LANES_AT_ONCE)

    async def one(lane: Lane) -> None:
        async with room:
            await lane.play()

    async def show() -> None:
        whole = (script.ends - script.begins) * len(lanes)
        while True:
            played = sum(((min(lane.now, script.ends) - script.begins) for lane in lanes), timedelta(0))
            progress(played / whole)
            await asyncio.sleep(0.2)

    showing = asyncio.create_task(show())
    try:
        async with asyncio.TaskGroup() as group:
            for lane in lanes:
                group.create_task(one(lane))
    finally:
        showing.cancel()
    progress(1.0)
