"""Puts the bench together: which measures are taken, how much of each, and the figures that come of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from starter.documents import read_creditor
from tests.bench.figures import Figure
from tests.bench.pure import plans_per_second
from tests.bench.rehearsing import invoice_days_per_second
from tests.bench.rounds import CLOSINGS, STARTS, STEPS, WEBHOOK_CLOSINGS, WEBHOOKS, Amounts, Rounds
from tests.bench.stage import CREDITOR, stage

PLANNER, REHEARSAL = "planner", "rehearsal"
ON_STAGE = (STARTS, CLOSINGS, WEBHOOK_CLOSINGS, WEBHOOKS, STEPS)
MEASURES = (*ON_STAGE, REHEARSAL, PLANNER)


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured: alternating rounds, what each of them holds, seconds of planning, days of rehearsal."""

    rounds: int
    amounts: Amounts
    plan_seconds: float
    rehearsal_days: int

    def with_rounds(self, rounds: int) -> Self:
        """The same with another number of rounds."""
        return replace(self, rounds=rounds)


FULL = Size(rounds=3, amounts=Amounts(1_000, 50, 300, 500, 200), plan_seconds=4, rehearsal_days=15)
QUICK = Size(rounds=1, amounts=Amounts(200, 20, 100, 200, 60), plan_seconds=2, rehearsal_days=5)


@dataclass(slots=True)
class Measured:
    """What came of it. `cpu` is in milliseconds a step, by process: ours and the bare workflow's, by round."""

    figures: list[Figure] = field(default_factory=list)
    cpu: dict[str, tuple[list[float], list[float]]] = field(default_factory=dict)


async def measure(home: Path, chosen: Sequence[str], size: Size, say: Callable[[str], None]) -> Measured:
    """Take the chosen measures with everything they need running in `home`; `say` is told how it goes."""
    measured = Measured()
    if set(ON_STAGE) & set(chosen):
        say("starting the servers")
        async with stage(home / "stage") as everything:
            rounds = Rounds(everything, size.amounts, chosen, say)
            await rounds.play(size.rounds)
        measured.figures += rounds.figures()
        measured.cpu = rounds.cpu
    if REHEARSAL in chosen:
        say(f"rehearsing {size.rehearsal_days} days of the sample portfolio")
        speed = await invoice_days_per_second(home / "rehearsal", size.rehearsal_days)
        measured.figures.append(Figure("rehearsal of the samples", "invoice-days/s", [speed]))
    if PLANNER in chosen:
        say("planning")
        speed = plans_per_second(read_creditor(CREDITOR), size.plan_seconds)
        measured.figures.append(Figure("pure planner, one core", "plans/s", [speed]))
    return measured
