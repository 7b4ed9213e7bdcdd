"""How fast a rehearsal is: the sample portfolio, played from its first day for some days."""

from datetime import date, timedelta
from pathlib import Path
from time import perf_counter

import yaml

from starter.happenings import read_happenings
from starter.portfolio import read_portfolio
from starter.portfolio_row import Doorkeeper
from starter.rehearsal.playing import Script, play
from starter.rulers import cadence_files, read_cadence
from starter.settings import read_creditor
from tests.bench.stage import CREDITOR

SAMPLES = Path("samples")
BEGINS_ON = date(2026, 1, 5)


async def invoice_days_per_second(home: Path, days: int) -> float:
    """Play the samples for some days, servers' start included; invoice-days a second of those that had arrived."""
    script = _script(days)
    begun = perf_counter()
    async with play(script, home, lambda _share: None):
        seconds = perf_counter() - begun
    ends_on = BEGINS_ON + timedelta(days=days)
    played = sum(max(0, (ends_on - max(BEGINS_ON, row.issued_on)).days) for row in script.rows)
    return played / seconds


def _script(days: int) -> Script:
    creditor = read_creditor(CREDITOR)
    cadences = [read_cadence(path)[0] for path in cadence_files(Path("cadences"))]
    portfolio = read_portfolio(SAMPLES / "portfolio.csv", Doorkeeper(creditor, cadences, BEGINS_ON))
    happenings = read_happenings(SAMPLES / "happenings.csv", creditor.timezone)
    assert not portfolio.rejected
    assert not happenings.rejected
    habits = yaml.safe_load((SAMPLES / "habits.yaml").read_text(encoding="utf-8"))
    return Script(
        creditor_file=CREDITOR.resolve(),
        creditor=creditor,
        cadences=cadences,
        rows=[entry.invoice for entry in portfolio.entries],
        happenings=happenings.happenings,
        habits=habits,
        begins_on=BEGINS_ON,
        days=days,
    )
