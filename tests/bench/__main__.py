"""The bench's command line: measure in alternating rounds, print the table, write the JSON."""

import argparse
import asyncio
import json
import logging
import os
import platform
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from tests.bench.figures import Figure, spread
from tests.bench.measuring import FULL, MEASURES, QUICK, Measured, Size, measure


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench", description="Régua beside a bare workflow."
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the figures go (build/bench.json)")
    parser.add_argument("--only", choices=MEASURES, help="one of the measures alone")
    parser.add_argument("--rounds", type=int, metavar="N", help=f"alternating rounds ({FULL.rounds})")
    parser.add_argument("--quick", action="store_true", help="a tenth of everything, to see that it works")
    return parser.parse_args()


def _table(figures: list[Figure]) -> Table:
    table = Table(title="Régua beside a bare workflow: medians (least to most)")
    for heading in ("measure", "unit", "Régua", "bare", "ratio", "target", ""):
        table.add_column(heading)
    for figure in figures:
        ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
        verdict = {True: "[green]met[/]", False: "[red]missed[/]", None: ""}[figure.met]
        ours, bare = spread(figure.ours), spread(figure.bare)
        table.add_row(figure.name, figure.unit, ours, bare, ratio, figure.target, verdict)
    return table


def _cpu_table(measured: Measured) -> Table:
    table = Table(title="CPU milliseconds per step, by process: medians (least to most)")
    for heading in ("process", "Régua", "bare"):
        table.add_column(heading)
    for name, (ours, bare) in measured.cpu.items():
        table.add_row(name, spread(ours), spread(bare))
    return table


def _as_json(measured: Measured, size: Size) -> str:
    document = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "cores": os.cpu_count(),
            "memory_gb": round(psutil.virtual_memory().total / 1e9),
            "python": platform.python_version(),
        },
        "rounds": size.rounds,
        "figures": [figure.as_json() for figure in measured.figures],
        "cpu_ms_per_step": {
            name: {"ours": ours, "bare": bare} for name, (ours, bare) in measured.cpu.items()
        },
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Measure and say; exit status 1 where a target is missed."""
    logging.getLogger("alembic").setLevel(logging.WARNING)
    arguments, console = _arguments(), Console()
    size = QUICK if arguments.quick else FULL
    if arguments.rounds:
        size = size.with_rounds(arguments.rounds)
    chosen = (arguments.only,) if arguments.only else MEASURES
    with tempfile.TemporaryDirectory(prefix="regua-bench-") as home:
        measured = asyncio.run(measure(Path(home), chosen, size, console.log))
    console.print(_table(measured.figures))
    if measured.cpu:
        console.print(_cpu_table(measured))
    path: Path = arguments.json or Path("build/bench.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_as_json(measured, size), encoding="utf-8")
    console.print(f"The figures are in {path}.")
    sys.stdout.flush()
    # A Temporal client can abort the process while the interpreter tidies up, so nothing is left to tidy.
    os._exit(1 if any(figure.met is False for figure in measured.figures) else 0)


if __name__ == "__main__":
    main()
