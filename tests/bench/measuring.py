"""Puts the bench together: which measures are taken in which order, in rounds of ours and the bare workflow's."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Self

from starter.settings import read_creditor
from tests.bench.closing import close_bare, close_ours
from tests.bench.figures import Figure, percentile
from tests.bench.invoices import Group, invoice_ids, noon_zone
from tests.bench.pure import plans_per_second
from tests.bench.rehearsing import invoice_days_per_second
from tests.bench.stage import CREDITOR, Stage, stage
from tests.bench.starting import bare_ids, start_bare, start_ours
from tests.bench.stepping import Stepped, step_bare, step_ours

PURE, REHEARSAL, STARTS, CLOSINGS, STEPS = "planner", "rehearsal", "starts", "closings", "steps"
MEASURES = (PURE, REHEARSAL, STARTS, CLOSINGS, STEPS)
ON_STAGE = {STARTS, CLOSINGS, STEPS}
# Long enough that nobody's instant comes while the bench runs.
FAR = timedelta(days=3)
# Between the end of starting and the common instant; starting may take twice as long as the last time.
MARGIN_SECONDS, SLACK = 4, 2
# One of each, so that what is loaded once is loaded before memory is read.
WARM_UP = 3

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured: rounds; in each, workflows that wait, steps and closings; seconds; days."""

    rounds: int
    waiting: int
    steps: int
    closings: int
    plan_seconds: float
    rehearsal_days: int

    def with_rounds(self, rounds: int) -> Self:
        """The same with another number of rounds."""
        return replace(self, rounds=rounds)


@dataclass(slots=True)
class Measured:
    """What came of it. `cpu` is in milliseconds a step by process: ours and the bare workflow's, by round."""

    figures: list[Figure] = field(default_factory=list)
    cpu: dict[str, tuple[list[float], list[float]]] = field(default_factory=dict)


async def measure(home: Path, chosen: Sequence[str], size: Size, say: Say) -> Measured:
    """Take the chosen measures with everything they need running in `home`; `say` is told how it goes."""
    measured = Measured()
    if ON_STAGE & set(chosen):
        async with stage(home / "stage") as everything:
            await _Rounds(everything, size, chosen, say).play(measured)
    if REHEARSAL in chosen:
        say(f"rehearsing {size.rehearsal_days} days of the sample portfolio")
        speed = await invoice_days_per_second(home / "rehearsal", size.rehearsal_days)
        measured.figures.append(Figure("rehearsal", "invoice-days/s", [speed]))
    if PURE in chosen:
        say("planning")
        speed = plans_per_second(read_creditor(CREDITOR), size.plan_seconds)
        measured.figures.append(Figure("planner, one core", "plans/s", [speed]))
    return measured


Samples = defaultdict[str, list[float]]


@dataclass(slots=True)
class _Rounds:
    """The alternating rounds on one stage: what was sampled of ours and of the bare workflow's, by measure."""

    stage: Stage
    size: Size
    chosen: Sequence[str]
    say: Say
    ours: Samples = field(default_factory=lambda: defaultdict(list))
    bare: Samples = field(default_factory=lambda: defaultdict(list))
    cpu: dict[str, tuple[list[float], list[float]]] = field(default_factory=dict)

    async def play(self, measured: Measured) -> None:
        await start_ours(self.stage, self._group("warm-up", WARM_UP, datetime.now(UTC) + FAR))
        await start_bare(self.stage, "warm-up", WARM_UP, [datetime.now(UTC) + FAR])
        empty = {name: self.stage.memory(name) for name in ("worker", "bare worker")}
        for number in range(self.size.rounds):
            await self._start(number)
            if number == 0:
                self._weigh(empty)
            if CLOSINGS in self.chosen:
                await self._close(number)
            if STEPS in self.chosen:
                await self._step(number)
        measured.figures += self._figures()
        measured.cpu = self.cpu

    def _group(self, name: str, count: int, first_at: datetime) -> Group:
        return Group(name, count, noon_zone(), first_at)

    async def _start(self, number: int) -> None:
        count, first_at = self.size.waiting, datetime.now(UTC) + FAR
        bare = await start_bare(self.stage, f"waiting-{number}", count, [first_at])
        ours = await start_ours(self.stage, self._group(f"waiting-{number}", count, first_at))
        self._note(number, STARTS, ours, bare, f"{count} starts: {ours:.1f}/s, bare {bare:.1f}/s")

    def _weigh(self, empty: dict[str, float]) -> None:
        """What the workers hold with everything of the first round waiting, and what of that is per workflow."""
        for name, samples in (("worker", self.ours), ("bare worker", self.bare)):
            full = self.stage.memory(name)
            samples["empty"] = [empty[name]]
            samples["full"] = [full]
            samples["each"] = [(full - empty[name]) * 1e3 / self.size.waiting]

    async def _close(self, number: int) -> None:
        every = self.size.waiting // self.size.closings
        bare = await close_bare(self.stage, bare_ids(f"waiting-{number}", self.size.waiting)[::every])
        group = self._group(f"waiting-{number}", self.size.waiting, datetime.now(UTC))
        ours = await close_ours(self.stage, (await invoice_ids(self.stage, group))[::every])
        for share in (0.5, 0.99):
            one, other = percentile(ours, share) * 1e3, percentile(bare, share) * 1e3
            self._note(number, f"p{share * 100:.0f}", one, other, f"closed, p{share * 100:.0f}: {one:.0f} ms, bare {other:.0f} ms")

    async def _step(self, number: int) -> None:
        count = self.size.steps
        bare = await step_bare(self.stage, f"step-{number}", count, self._instant(count, self.bare))
        ours = await step_ours(self.stage, self._group(f"step-{number}", count, self._instant(count, self.ours)))
        self._note(number, STEPS, ours.per_second, bare.per_second, f"{count} steps: {ours.per_second:.1f}/s, bare {bare.per_second:.1f}/s")
        self._note(number, "settled", ours.settled_per_second, bare.settled_per_second, "")
        self._note_events(ours, bare)
        for name in ours.cpu:
            used = self.cpu.setdefault(name, ([], []))
            for samples, stepped in zip(used, (ours, bare), strict=True):
                samples.append(stepped.cpu[name] * 1e3 / count)

    def _instant(self, count: int, samples: Samples) -> datetime:
        """When as many workflows will surely have started."""
        seconds = MARGIN_SECONDS + SLACK * count / min(samples[STARTS])
        return (datetime.now(UTC) + timedelta(seconds=seconds)).replace(microsecond=0)

    def _note(self, number: int, name: str, ours: float, bare: float, words: str) -> None:
        self.ours[name].append(ours)
        self.bare[name].append(bare)
        if words:
            self.say(f"round {number + 1}: {words}")

    def _note_events(self, ours: Stepped, bare: Stepped) -> None:
        for samples, stepped in ((self.ours, ours), (self.bare, bare)):
            samples["events"].append(max(step.events for step in stepped.steps))
            samples["bytes"].append(median(step.size for step in stepped.steps))
