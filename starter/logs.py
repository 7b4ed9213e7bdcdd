"""Keeps the words of errors out of logs: providers and databases quote names, addresses and amounts."""

import logging
import traceback
from typing import Any


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
