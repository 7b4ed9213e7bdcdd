"""Days and instants as JSON writes them: as text, never as a number, which could be seconds or a slip."""

import re
from datetime import date, datetime
from typing import Annotated

from pydantic import AwareDatetime, BeforeValidator

_DAY, _INSTANT = re.compile(r"\d{4}-\d\d-\d\d"), re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:.*")


def _read_day(given: object) -> object:
    if not isinstance(given, date) and not (isinstance(given, str) and _DAY.fullmatch(given)):
        raise ValueError("a day is text: year, month and day, such as 2026-12-01")
    return given


def _read_instant(given: object) -> object:
    if not isinstance(given, datetime) and not (isinstance(given, str) and _INSTANT.fullmatch(given)):
        raise ValueError("an instant is text with its offset, such as 2026-12-01T14:30:00-03:00")
    return given


WrittenDay = Annotated[date, BeforeValidator(_read_day)]
WrittenInstant = Annotated[AwareDatetime, BeforeValidator(_read_instant)]
