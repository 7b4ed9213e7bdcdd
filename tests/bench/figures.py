"""What was measured: samples of ours and of the bare workflow's, their ratio, and whether it is good enough."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table; samples of the same round stand at the same place in `ours` and `bare`.

    The target is on the ratio ours / bare: `at_least` or `at_most`; or, where nothing is compared, on the median of
    ours: `least`. Without any the line is there to be read. `against` says what the other side is.
    """

    name: str
    unit: str
    ours: Sequence[float]
    bare: Sequence[float] = ()
    at_least: float | None = None
    at_most: float | None = None
    least: float | None = None
    against: str = "bare"

    @property
    def ratio(self) -> float | None:
        """The median of the rounds' ratios: what else the machine did in a round counts on both sides."""
        if not self.bare:
            return None
        return median(ours / bare for ours, bare in zip(self.ours, self.bare, strict=True))

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None where there is none."""
        if self.least is not None:
            return median(self.ours) >= self.least
        if self.ratio is None or self.at_least is self.at_most is None:
            return None
        return (self.at_least is None or self.ratio >= self.at_least) and (
            self.at_most is None or self.ratio <= self.at_most
        )

    @property
    def target(self) -> str:
        """The target in words; empty where there is none."""
        if self.least is not None:
            return f"≥ {self.least:,g} {self.unit}"
        if self.at_least is not None:
            return f"≥ {self.at_least:g} × {self.against}"
        return f"≤ {self.at_most:g} × {self.against}" if self.at_most is not None else ""

    def as_json(self) -> dict[str, Any]:
        """The figure as it stands in the JSON file, its samples in the order of the rounds."""
        return {
            "name": self.name,
            "unit": self.unit,
            "ours": list(self.ours),
            "bare": list(self.bare),
            "ratio": self.ratio,
            "at_least": self.at_least,
            "at_most": self.at_most,
            "least": self.least,
            "against": self.against,
            "met": self.met,
        }


def spread(samples: Sequence[float]) -> str:
    """The median, and the least and the most where there is more than one sample."""
    if not samples:
        return ""
    middle = _short(median(samples))
    least, most = _short(min(samples)), _short(max(samples))
    return middle if least == most else f"{middle}  ({least} to {most})"


def percentile(samples: Sequence[float], share: float) -> float:
    """The least sample that is not below `share` (0 to 1) of them: with few samples the p99 is the worst."""
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
