"""`regua up` from an empty folder: it runs, is found by the other commands, and leaves nothing but its data."""

import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[2]
# PostgreSQL, Temporal, the sandbox, the worker, the relay and the receiver.
PARTS = 6
REGUA = [sys.executable, "-m", "starter.main"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("creditor.yaml", "cadences"):
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


def regua(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*REGUA, *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )


@contextmanager
def running(folder: Path) -> Iterator[list[str]]:
    """What `regua up` says; it runs until Ctrl-C, after which it has ended well and nothing of it is left."""
    with subprocess.Popen([*REGUA, "up"], cwd=folder, stdout=subprocess.PIPE, text=True) as stack:
        try:
            assert stack.stdout is not None
            said = []
            for line in stack.stdout:
                said.append(line.strip())
                if "Ctrl-C ends it" in line:
                    break
            assert "Ctrl-C ends it" in said[-1], "it ended before it ran"
            parts = psutil.Process(stack.pid).children(recursive=True)
            assert len(parts) >= PARTS
            yield said
        finally:
            stack.send_signal(signal.SIGINT)
            stack.communicate(timeout=60)
    assert stack.returncode == 0
    assert psutil.wait_procs(parts, timeout=5)[1] == []


@pytest.mark.timeout(240)  # eight processes, on a machine that may be busy
def test_the_stack_is_found_by_other_commands_and_leaves_nothing_running(folder: Path) -> None:
    with running(folder) as said:
        assert "No message is planned." in said
        listing = next(shlex.split(line) for line in said if line.endswith(" list"))
        listed = subprocess.run(listing, cwd=folder, capture_output=True, text=True, check=True, timeout=60)
        assert listed.stdout == "0 invoices\n"
        second = regua(folder, "up")
        assert (second.returncode, "in use by another running copy" in second.stderr) == (2, True)
        examined = regua(folder, "doctor")
        assert examined.returncode == 0, examined.stdout
    assert not (folder / ".regua" / "env").exists()
    assert (folder / ".regua" / "postgres").is_dir()
