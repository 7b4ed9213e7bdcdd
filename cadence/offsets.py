"""Offsets: where a step stands on the ruler, as people write it (`due - 3d`, `due + 2bd`, `previous + 5d`)."""

import re
from calendar import monthrange
from collections.abc import Callable
from datetime import date, timedelta
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, WithJsonSchema, model_validator

_OFFSET = re.compile(
    r"(?P<anchor>due|issued|previous|end_of_month)(?:\s*(?P<sign>[+-])\s*(?P<count>\d{1,3})(?P<unit>bd|d|w))?"
)
_SPAN = re.compile(r"(?P<count>\d{1,3})(?P<unit>[hdw])")
PATTERN = r"^(due|issued|previous|end_of_month)(\s*[+-]\s*\d{1,3}(bd|d|w))?$"


class Anchor(StrEnum):
    """What an offset is counted from; `end_of_month` is the last day of the due date's month."""

    DUE = "due"
    ISSUED = "issued"
    PREVIOUS = "previous"
    END_OF_MONTH = "end_of_month"


# Read once: up to Python 3.11, to look a member of an enumeration up costs as much as to call a function.
_END_OF_MONTH = Anchor.END_OF_MONTH


class Offset(BaseModel):
    """A signed number of days or business days from an anchor."""

    model_config = ConfigDict(frozen=True)

    anchor: Anchor
    count: int = 0
    business: bool = False

    @model_validator(mode="before")
    @classmethod
    def parse(cls, value: Any) -> Any:
        """Read the written form; raise ValueError with an example where it is not one."""
        if not isinstance(value, str):
            return value
        match = _OFFSET.fullmatch(value.strip())
        if match is None:
            message = (
                f"{value!r} is not an offset; write for example 'due - 3d', 'due + 2bd' or 'previous + 5d'"
            )
            raise ValueError(message)
        count = int(match["count"] or 0) * (7 if match["unit"] == "w" else 1)
        sign = -1 if match["sign"] == "-" else 1
        if match["anchor"] == Anchor.PREVIOUS and sign * count <= 0:
            message = f"{value!r} does not come after the step before it; write for example 'previous + 5d'"
            raise ValueError(message)
        return {"anchor": match["anchor"], "count": sign * count, "business": match["unit"] == "bd"}

    def __str__(self) -> str:
        if not self.count:
            return str(self.anchor)
        count, unit = abs(self.count), "bd" if self.business else "d"
        if count > 999:  # only weeks reach so far: an offset is written with three digits
            count, unit = count // 7, "w"
        return f"{self.anchor} {'+' if self.count > 0 else '-'} {count}{unit}"

    def from_day(self, day: date, add_business_days: Callable[[date, int], date]) -> date:
        """Count from `day`, the anchor's date, with the calendar's own way of adding business days."""
        if self.anchor is _END_OF_MONTH:
            day = day.replace(day=monthrange(day.year, day.month)[1])
        return add_business_days(day, self.count) if self.business else day + timedelta(days=self.count)


WrittenOffset = Annotated[
    Offset,
    WithJsonSchema(
        {"type": "string", "pattern": PATTERN, "examples": ["due - 3d", "due + 2bd", "previous + 5d"]}
    ),
]


def parse_span(value: object) -> object:
    """Read a length of time as written (`4h`, `2d`, `1w`) into a timedelta; other values pass unchanged."""
    if not isinstance(value, str):
        return value
    match = _SPAN.fullmatch(value.strip())
    if match is None or int(match["count"]) == 0:
        message = f"{value!r} is not a length of time; write for example '4h' or '2d'"
        raise ValueError(message)
    unit = {"h": "hours", "d": "days", "w": "weeks"}[match["unit"]]
    return timedelta(**{unit: int(match["count"])})
