"""Puts the bench together: which measures are taken, how much of each, and the figures that come of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from starter.documents import read_creditor
from tests.bench.figures import Figure
from tests.bench.permitting import permits_per_second
from tests.bench.pure import plans_per_second
from tests.bench.rehearsing import invoice_days_per_second
from tests.bench.rounds import CLOSINGS, STARTS, STEPS, WEBHOOK_CLOSINGS, WEBHOOKS, Amounts, Rounds
from tests.bench.stage import CREDITOR, stage

PLANNER, PERMITS, REHEARSAL = "planner", "permits", "rehearsal"
ON_STAGE = (STARTS, CLOSINGS, WEBHOOK_CLOSINGS, WEBHOOKS, STEPS)
MEASURES = (*ON_STAGE, REHEARSAL, PERMITS, PLANNER)


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured: alternating rounds and what each holds, permits too; days of rehearsal."""

    rounds: int
    amounts: Amounts
    plan_seconds: float
    rehearsal_days: int
    permits: int

    def with_rounds(self, rounds: int) -> Self:
        """The same with another number of rounds."""
        return replace(self, rounds=rounds)


FULL = Size(
    rounds=3, amounts=Amounts(1_000, 50, 300, 500, 200), plan_seconds=4, rehearsal_days=15, permits=200
)
QUICK = Size(rounds=1, amounts=Amounts(200, 20, 100, 200, 60), plan_seconds=2, rehearsal_days=5, permits=40)


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
    if PERMITS in chosen:
        say(f"{size.permits} permits under every pack, and under none")
        permits = await permits_per_second(home / "permits", size.rounds, size.permits)
        name, against = "permits under every pack", "without packs"
        sides = permits.ruled, permits.free
        measured.figures.append(Figure(name, "permits/s", *sides, at_least=0.7, against=against))
    if PLANNER in chosen:
        say("planning")
        creditor = read_creditor(CREDITOR)
        speeds = [plans_per_second(creditor, size.plan_seconds) for _ in range(size.rounds)]
        measured.figures.append(
            Figure("pure planner, ten steps, one core", "plans/s", speeds, least=5_000, against="")
        )
    return measured
