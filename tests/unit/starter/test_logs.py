"""Logs tell where an error was raised, never what it quoted."""

import logging
from collections.abc import Iterator
from types import TracebackType

import pytest

from starter.logs import keep_words_out_of_logs


@pytest.fixture
def quiet_errors() -> Iterator[None]:
    """The filter, for this test alone."""
    before = logging.getLogRecordFactory()
    keep_words_out_of_logs()
    yield
    logging.setLogRecordFactory(before)


def _failed_with(words: str) -> tuple[type[ValueError], ValueError, TracebackType | None]:
    try:
        int(words)
    except ValueError as error:
        return type(error), error, error.__traceback__
    raise AssertionError


def test_a_logged_error_shows_its_type_and_place_and_none_of_its_words(quiet_errors: None) -> None:
    logged = _failed_with("ana@" + "example.com has no such mailbox")
    record = logging.getLogger("any").makeRecord("any", logging.ERROR, __file__, 1, "it failed", (), logged)
    text = logging.Formatter().format(record)
    assert "ana@example.com" not in text
    assert "ValueError" in text
    assert "test_logs.py" in text
