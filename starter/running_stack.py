"""Where `regua up` says how the other commands in the same folder reach it, and how they find it."""

import os
from pathlib import Path

RUNNING_STACK = Path(".regua/env")

# Set by hand, each of these means another stack than the one of `regua up`; half of each would be a mixture.
_OWN_STACK = ("DATABASE_URL", "TEMPORAL_ADDRESS", "TEMPORAL_PROFILE")


def adopt_running_stack(file: Path = RUNNING_STACK) -> None:
    """Let this process find the stack of `regua up` in this folder, unless the environment names another one."""
    if any(os.environ.get(name) for name in _OWN_STACK) or not file.is_file():
        return
    for line in file.read_text("utf-8").splitlines():
        name, separator, value = line.partition("=")
        if separator:
            os.environ.setdefault(name, value)
