"""Days and instants in JSON are text: a number is a slip, and never seconds."""

from datetime import UTC, date, datetime

import pytest
from pydantic import TypeAdapter, ValidationError

from starter.written import WrittenDay, WrittenInstant

DAY, INSTANT = TypeAdapter(WrittenDay), TypeAdapter(WrittenInstant)


def test_a_day_and_an_instant_are_read_from_text() -> None:
    assert DAY.validate_python("2026-12-01") == date(2026, 12, 1)
    noon = datetime(2026, 12, 1, 12, tzinfo=UTC)
    assert INSTANT.validate_python("2026-12-01T09:00:00-03:00") == noon
    assert INSTANT.validate_python("2026-12-01 12:00Z") == noon


@pytest.mark.parametrize("given", [0, 86_400, 1.5, True, "86400", "2026-12", [], "2026-13-01"])
def test_nothing_else_is_a_day(given: object) -> None:
    with pytest.raises(ValidationError):
        DAY.validate_python(given)


@pytest.mark.parametrize("given", [0, 2936, "2936", "2026-12-01", "2026-12-01T09:00:00", "2026-12-01T9"])
def test_nothing_else_is_an_instant(given: object) -> None:
    with pytest.raises(ValidationError):
        INSTANT.validate_python(given)
