"""Ends a process at once, from its outermost frame."""

import os
import sys
from contextlib import suppress
from typing import NoReturn


def leave(status: int) -> NoReturn:
    """End this process with its exit status, and no more than what it said is let out first.

    A Temporal client can abort the process while the interpreter tidies up, so nothing is left to tidy.
    """
    for stream in (sys.stdout, sys.stderr):
        with suppress(BrokenPipeError):  # the reader, such as `head`, has seen enough
            stream.flush()
    os._exit(status)
