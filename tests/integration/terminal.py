"""A terminal to test with: runs a command as `regua` does, on the test's own database and task queue."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import pytest

from starter.main import run


@dataclass(frozen=True)
class Said:
    """What a command printed, and its exit status."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, read as JSON."""
        return json.loads(self.out)


class Terminal:
    """Runs commands in this process, in a thread, because each has an event loop of its own."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self._capture = capture

    async def __call__(self, *arguments: str) -> Said:
        """Run a command, whatever comes of it."""
        self._capture.readouterr()
        status = await asyncio.to_thread(run, arguments)
        return Said(status, *self._capture.readouterr())

    async def done(self, *arguments: str) -> Said:
        """Run a command that must succeed."""
        said = await self(*arguments)
        assert said.status == 0, said.err
        return said

    async def refused(self, *arguments: str) -> str:
        """Run a command that must be refused with a sentence; what it says."""
        said = await self(*arguments)
        assert said.status == 2, said
        assert said.err.startswith("regua: ")
        assert "Traceback" not in said.err + said.out
        return said.err
