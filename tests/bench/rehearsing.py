"""How fast a rehearsal is: the sample portfolio, played from its first day for some days."""

from datetime import timedelta
from pathlib import Path
from time import perf_counter

from starter.commands.rehearsals import DEMO_BEGINS, SAMPLES
from starter.documents import read_documents
from starter.rehearsal.playing import Script, play
from starter.rehearsal.script import Source, read_script
from tests.bench.stage import CREDITOR


async def invoice_days_per_second(home: Path, days: int) -> float:
    """Play the samples for some days; days a second of all invoices that had arrived, once the servers run."""
    script = _script(days)
    told_at: list[float] = []

    def note(_share: float) -> None:
        told_at.append(perf_counter())

    async with play(script, home, note):
        return _invoice_days(script) / (perf_counter() - told_at[0])


def _script(days: int) -> Script:
    source = Source(
        SAMPLES / "portfolio.csv",
        read_documents(CREDITOR, Path("policies")),
        Path("cadences"),
        DEMO_BEGINS,
        days,
        events=SAMPLES / "happenings.csv",
        habits=SAMPLES / "habits.yaml",
        contacts=SAMPLES / "contacts.csv",
    )
    return read_script(source)


def _invoice_days(script: Script) -> int:
    ends_on = script.begins_on + timedelta(days=script.days)
    return sum(max(0, (ends_on - max(script.begins_on, row.issued_on)).days) for row in script.rows)
