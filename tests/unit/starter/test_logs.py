"""Logs tell where an error was raised, never what it quoted."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

import pytest
import structlog

from starter.logs import begin_logging, keep_words_out_of_logs


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


@contextmanager
def _logging_process() -> Iterator[None]:
    """Logs as a process keeps them, for as long as this lasts."""
    before, handlers, level = logging.getLogRecordFactory(), logging.root.handlers[:], logging.root.level
    begin_logging()
    try:
        yield
    finally:
        logging.setLogRecordFactory(before)
        logging.root.handlers[:] = handlers
        logging.root.setLevel(level)
        structlog.reset_defaults()


def test_a_process_logs_one_json_object_a_line_with_its_request_and_without_words(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with _logging_process(), structlog.contextvars.bound_contextvars(request_id="r-1"):
        try:
            int("ana@" + "example.com has no such mailbox")
        except ValueError:
            structlog.get_logger().warning("it_failed", exc_info=True)
            logging.getLogger("library").exception("it failed as well")
    own, foreign = map(json.loads, capsys.readouterr().out.splitlines())
    assert (own["event"], own["request_id"], own["error"]) == ("it_failed", "r-1", "ValueError")
    assert (foreign["event"], foreign["level"], foreign["error"]) == (
        "it failed as well",
        "error",
        "ValueError",
    )
    assert "ana@example.com" not in str(own) + str(foreign)
