"""Spans and clocks as documents write them."""

from datetime import time, timedelta
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    WithJsonSchema,
)

from cadence.offsets import parse_span

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


SPAN_SCHEMA = WithJsonSchema({"type": "string", "pattern": r"^\d{1,3}[hdw]$", "examples": ["4h", "2d"]})


Span = Annotated[timedelta, BeforeValidator(parse_span), SPAN_SCHEMA]


def _local(clock: time) -> time:
    if clock.tzinfo is not None:
        message = "a window is in each customer's own time; write it without a zone, for example '09:00'"
        raise ValueError(message)
    return clock


Clock = Annotated[
    time,
    AfterValidator(_local),
    WithJsonSchema({"type": "string", "pattern": r"^\d\d:\d\d$", "examples": ["09:00"]}),
]
