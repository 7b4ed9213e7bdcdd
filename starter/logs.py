"""How the processes log: one JSON object a line, and never the words of an error, which quote names and addresses."""

import logging
import sys
import traceback
from typing import Any

import structlog

_SHARED: tuple[structlog.typing.Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)


def begin_logging() -> None:
    """From now on this process logs on its standard output: JSON, or lines for people where it is a terminal.

    What other libraries log at the level of a warning or above goes the same way.
    """
    keep_words_out_of_logs()
    shown: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer() if sys.stdout.isatty() else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[*_SHARED, _without_words, shown],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_SHARED,
            processors=[_without_words, structlog.stdlib.ProcessorFormatter.remove_processors_meta, shown],
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


def _without_words(_logger: Any, _name: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """An error as its type and the places it came through."""
    raised = event.pop("exc_info", None)
    if raised is True:
        raised = sys.exc_info()
    elif isinstance(raised, BaseException):
        raised = (type(raised), raised, raised.__traceback__)
    if isinstance(raised, tuple) and raised[0] is not None:
        event["error"] = raised[0].__name__
        event["places"] = [f"{frame.name}:{frame.lineno}" for frame in traceback.extract_tb(raised[2])]
    return event


def keep_words_out_of_logs() -> None:
    """From now on a logged error shows its type and where it was raised, in every logger of this process."""
    make = logging.getLogRecordFactory()

    def without_words(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = make(*args, **kwargs)
        if record.exc_info and record.exc_info[0]:
            kind, _, place = record.exc_info
            # A formatter takes this text as it is, and asks the error itself for nothing.
            record.exc_text = "".join(traceback.format_tb(place)) + kind.__name__
        return record

    logging.setLogRecordFactory(without_words)
