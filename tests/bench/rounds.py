"""The alternating rounds: the same done by the bare workflow and by ours, one after the other, on one stage."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from statistics import median

from tests.bench.closing import close_bare, close_ours
from tests.bench.figures import Figure, percentile
from tests.bench.invoices import Group, invoice_ids, noon_zone
from tests.bench.stage import Stage
from tests.bench.starting import bare_ids, start_bare, start_ours
from tests.bench.stepping import Stepped, step_bare, step_ours
from tests.bench.webhooks import accept, close_by_webhook

STARTS, CLOSINGS, STEPS = "starts", "closings", "steps"
WEBHOOKS, WEBHOOK_CLOSINGS = "webhooks", "webhook_closings"
WORKERS = ("worker", "bare worker")
# Long enough that nobody's instant comes while the bench runs.
FAR = timedelta(days=3)
# Between the end of starting and the common instant; starting may take half as long again as before.
MARGIN_SECONDS, SLACK = 5, 1.5
# What is loaded and prepared once is so before anything is measured; how many, and how fast at the least.
WARM_UP, COLD = 60, 5.0


@dataclass(frozen=True, slots=True)
class Amounts:
    """How many of each in a round: workflows that are started and wait, those of them that close, and steps.

    `webhooks` are posted as fast as they are taken; `webhook_closings` are further workflows that close.
    """

    waiting: int
    closings: int
    steps: int
    webhooks: int
    webhook_closings: int


@dataclass(slots=True)
class Rounds:
    """What was sampled, of ours and of the bare workflow's. `cpu` is in milliseconds a step, by process."""

    stage: Stage
    amounts: Amounts
    chosen: Sequence[str]
    say: Callable[[str], None]
    ours: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    bare: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    cpu: dict[str, tuple[list[float], list[float]]] = field(default_factory=dict)

    async def play(self, rounds: int) -> None:
        """Play some rounds; starts are in each, since the others rest on them."""
        await step_bare(self.stage, "warm-up", WARM_UP, _instant(WARM_UP, [COLD]))
        await step_ours(self.stage, _group("warm-up", WARM_UP, _instant(WARM_UP, [COLD])))
        empty = [self.stage.memory(name) for name in WORKERS]
        for number in range(rounds):
            await self._start(number)
            if number == 0:
                self._weigh(empty)
            if CLOSINGS in self.chosen:
                await self._close(number)
            if WEBHOOK_CLOSINGS in self.chosen:
                await self._close_by_webhook(number)
            if WEBHOOKS in self.chosen:
                await self._accept(number)
            if STEPS in self.chosen:
                await self._step(number)

    async def _start(self, number: int) -> None:
        name, count, far = f"waiting-{number}", self.amounts.waiting, datetime.now(UTC) + FAR
        bare = await start_bare(self.stage, name, count, [far])
        ours = await start_ours(self.stage, _group(name, count, far))
        self._note(STARTS, ours.per_second, bare.per_second)
        self._note("waiting", ours.waiting_per_second, bare.waiting_per_second)
        self.say(f"round {number + 1}: {ours.per_second:.0f} starts/s, bare {bare.per_second:.0f}")

    def _weigh(self, empty: Sequence[float]) -> None:
        """What the workers hold when everything of the first round waits, and how much of it is each workflow's."""
        ours, bare = (self.stage.memory(name) for name in WORKERS)
        self._note("memory", ours, bare)
        each = 1e3 / self.amounts.waiting
        self._note("memory each", (ours - empty[0]) * each, (bare - empty[1]) * each)

    async def _close(self, number: int) -> None:
        name, count = f"waiting-{number}", self.amounts.waiting
        every = count // self.amounts.closings
        bare = await close_bare(self.stage, bare_ids(name, count)[::every])
        group = _group(name, count, datetime.now(UTC))
        ours = await close_ours(self.stage, (await invoice_ids(self.stage, group))[::every])
        for share in (0.5, 0.99):
            self._note(f"closed {share}", percentile(ours, share) * 1e3, percentile(bare, share) * 1e3)
        self.say(
            f"round {number + 1}: p50 of {median(ours) * 1e3:.0f} ms to close, bare {median(bare) * 1e3:.0f}"
        )

    async def _close_by_webhook(self, number: int) -> None:
        """Others than `_close` closes, twenty a second; bare ones by a signal, one at a time."""
        name, count = f"waiting-{number}", self.amounts.waiting
        paid = slice(1, None, count // self.amounts.webhook_closings)
        bare = await close_bare(self.stage, bare_ids(name, count)[1 :: count // self.amounts.closings])
        group = _group(name, count, datetime.now(UTC))
        invoices = list(zip(await invoice_ids(self.stage, group), group.numbers, strict=True))[paid]
        ours = await close_by_webhook(self.stage, f"close-{number}", invoices)
        for share in (0.5, 0.99):
            self._note(
                f"webhook closed {share}", percentile(ours, share) * 1e3, percentile(bare, share) * 1e3
            )
        self.say(f"round {number + 1}: p50 of {median(ours) * 1e3:.0f} ms from webhook to closed")

    async def _accept(self, number: int) -> None:
        group = _group(f"waiting-{number}", self.amounts.waiting, datetime.now(UTC))
        taken = await accept(self.stage, f"accept-{number}", group.numbers, self.amounts.webhooks)
        self._note(WEBHOOKS, taken.busy, taken.bare_busy)
        self._note("webhooks quiet", taken.quiet, taken.bare_quiet)
        self.say(f"round {number + 1}: {taken.busy:.0f} webhooks/s, bare {taken.bare_busy:.0f}")

    async def _step(self, number: int) -> None:
        name, count = f"step-{number}", self.amounts.steps
        bare = await step_bare(self.stage, name, count, _instant(count, self.bare["waiting"]))
        ours = await step_ours(self.stage, _group(name, count, _instant(count, self.ours["waiting"])))
        self._note(STEPS, ours.per_second, bare.per_second)
        self._note("settled", ours.settled_per_second, bare.settled_per_second)
        for title, read in (("events", _most_events), ("first events", _first_events), ("bytes", _bytes)):
            self._note(title, read(ours), read(bare))
        for process in ours.cpu:
            of_ours, of_bare = self.cpu.setdefault(process, ([], []))
            of_ours.append(ours.cpu[process] * 1e3 / count)
            of_bare.append(bare.cpu[process] * 1e3 / count)
        self.say(f"round {number + 1}: {ours.per_second:.0f} steps/s, bare {bare.per_second:.0f}")

    def _note(self, name: str, ours: float, bare: float) -> None:
        self.ours[name].append(ours)
        self.bare[name].append(bare)

    def figures(self) -> list[Figure]:
        """The figures of what was sampled, with the targets of the specification."""
        waiting = f"{self.amounts.waiting:,} waiting"
        known = (
            (STARTS, f"started, from a file of {self.amounts.waiting:,}", "invoices/s", 0.5, None),
            ("waiting", "the same, until each waits", "invoices/s", None, None),
            (STEPS, "steps performed", "steps/s", 0.35, None),
            ("settled", "the same, to the last receipt", "steps/s", None, None),
            ("events", "history of a step", "events, at most", None, 1.0),
            ("first events", "the same, with a change of state", "events, at most", None, None),
            ("bytes", "history of a step", "bytes", None, None),
            ("closed 0.5", f"paid to closed, p50, {waiting}", "ms", None, None),
            ("closed 0.99", f"paid to closed, p99, {waiting}", "ms", None, 5.0),
            ("webhook closed 0.5", f"webhook to closed, p50, {waiting}", "ms", None, None),
            ("webhook closed 0.99", f"webhook to closed, p99, {waiting}", "ms", None, 8.0),
            (WEBHOOKS, "webhooks accepted, while others are processed", "a second", 0.6, None),
            ("webhooks quiet", "the same, with nothing to process", "a second", 0.6, None),
            ("memory", f"worker, {waiting}", "MB", None, None),
            ("memory each", "worker, for each waiting", "kB", None, None),
        )
        return [
            Figure(title, unit, self.ours[name], self.bare[name], at_least, at_most)
            for name, title, unit, at_least, at_most in known
            if name in self.ours
        ]


def _group(name: str, count: int, first_at: datetime) -> Group:
    return Group(name, count, noon_zone(), first_at)


def _instant(count: int, starts: Sequence[float]) -> datetime:
    """When as many workflows will surely have started, judged by the starts so far."""
    seconds = MARGIN_SECONDS + SLACK * count / min(starts)
    return (datetime.now(UTC) + timedelta(seconds=seconds)).replace(microsecond=0)


def _most_events(stepped: Stepped) -> float:
    return max(step.events - step.shown for step in stepped.steps)


def _first_events(stepped: Stepped) -> float:
    return max(step.events for step in stepped.steps)


def _bytes(stepped: Stepped) -> float:
    return median(step.size for step in stepped.steps)
