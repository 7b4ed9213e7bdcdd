"""Where `regua up` says how the other commands in the same folder reach it, and how they find it."""

import os
from pathlib import Path

RUNNING_STACK = Path(".regua/env")

# Set by hand, each of these means another stack than the one of `regua up`; half of each would be a mixture.
_OWN_STACK = ("DATABASE_URL", "TEMPORAL_ADDRESS", "TEMPORAL_PROFILE")


def stack_left_aside(file: Path = RUNNING_STACK) -> str:
    """Why the stack that runs in this folder was not used, and what to do: for who has named half of another one.

    Empty where there is none, or where the environment names a ledger of its own.
    """
    named = _own_stack()
    if not named or "DATABASE_URL" in named or not file.is_file():
        return ""
    variables = " and ".join(named)
    return (
        f"The stack that runs in this folder ({file}) was left aside because {variables} is set; "
        f"`unset {' '.join(named)}` to use it, or set DATABASE_URL as well to use another one."
    )


def _own_stack() -> list[str]:
    return [name for name in _OWN_STACK if os.environ.get(name)]


def adopt_running_stack(file: Path = RUNNING_STACK) -> None:
    """Let this process find the stack of `regua up` in this folder, unless the environment names another one."""
    if _own_stack() or not file.is_file():
        return
    for line in file.read_text("utf-8").splitlines():
        name, separator, value = line.partition("=")
        if separator:
            os.environ.setdefault(name, value)
