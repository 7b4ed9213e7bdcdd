"""Child processes that log to a file, stop in order and never outlive the process that started them."""

import asyncio
import fcntl
import os
import random
import shutil
import signal
import socket
import subprocess
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

# Below the range from which the kernel takes ports for outgoing connections (32768 and up): a client that
# dials a server which is just restarting can then neither take its port nor connect to itself.
_PORTS = range(15_000, 32_000)
_POLL_SECONDS = 0.02


class StartError(Exception):
    """A process or a home directory could not be had; the text says why and what to do."""


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody listens on now."""
    for port in random.sample(_PORTS, 200):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise StartError(f"No free port between {_PORTS.start} and {_PORTS.stop} on 127.0.0.1: free some first.")


@contextmanager
def locked_home(home: Path) -> Iterator[Path]:
    """Make `home` and hold it for this process alone; `StartError` if another process has it."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StartError(
                f"{home} is in use by another running copy: stop that one, or choose another home."
            ) from None
        yield home


def leashed(command: Sequence[str], death_signal: str = "KILL") -> list[str]:
    """`command`, to be sent `death_signal` by the kernel when its parent dies, however that happens.

    It is the parent *thread* that counts, so start children from a thread that stays. Where util-linux is
    missing (not on Debian, where it is essential) a child is stopped only by an orderly end of its parent.
    """
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", death_signal, "--", *command] if setpriv else list(command)


class ChildProcess:
    """One child process with a log file in `home`, for as long as an `async with` lasts or until `stop`.

    `env` is added to this process's environment. `stop` sends `stop_signal`, waits `grace` seconds, then
    kills. Ctrl-C in a terminal reaches only the parent, so that children can be stopped in order.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        home: Path,
        *,
        env: Mapping[str, str] | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        kill_signal: signal.Signals = signal.SIGKILL,
        grace: float = 40.0,
    ) -> None:
        self.name = name
        self.log = home / f"{name}.log"
        self._command = command
        self._env = env or {}
        self._stop_signal = stop_signal
        self._kill_signal = kill_signal
        self._grace = grace
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @property
    def pid(self) -> int | None:
        """The process id while it runs, else None."""
        return self._process.pid if self._process and self._process.poll() is None else None

    async def start(self) -> None:
        """Start it; it may not be ready yet. Its log is appended to."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._log_start = log.tell()
            # Not asyncio's: a process outlives the event loop that started it, and tests have one loop each.
            self._process = subprocess.Popen(  # noqa: ASYNC220
                leashed(self._command, self._kill_signal.name.removeprefix("SIG")),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self._env},
                start_new_session=True,
            )

    async def stop(self) -> None:
        """End it in order, or by force when its grace is over. Quiet if it does not run."""
        if not await self._send(self._stop_signal, self._grace):
            await self._send(signal.SIGKILL, self._grace)

    async def kill(self) -> None:
        """End it at once, as a crash would."""
        await self._send(self._kill_signal, self._grace)

    async def restart(self) -> None:
        """Stop it and start the same command again."""
        await self.stop()
        await self.start()

    async def ready_when(self, ready: Callable[[], Awaitable[bool]], within: float = 60.0) -> None:
        """Wait until `ready()` is true; `StartError` with the log's end if it dies or takes longer."""
        deadline = asyncio.get_running_loop().time() + within
        while not await ready():
            if self.pid is None:
                raise StartError(f"{self.name} ended while starting. {self._log_end()}")
            if asyncio.get_running_loop().time() > deadline:
                raise StartError(f"{self.name} was not ready after {within:.0f} s. {self._log_end()}")
            await asyncio.sleep(_POLL_SECONDS)

    async def ready_when_logged(self, text: str, within: float = 60.0) -> None:
        """Wait until `text` is in what this run has logged; errors as `ready_when`."""

        async def logged() -> bool:
            return text.encode() in self._logged()

        await self.ready_when(logged, within)

    async def ready_when_answering(self, url: str, within: float = 60.0) -> None:
        """Wait until a GET of `url` succeeds; errors as `ready_when`."""
        async with httpx.AsyncClient(
            timeout=2.0,
            trust_env=False,
            verify=False,  # noqa: S501 - plain HTTP on loopback: to read certificates would take longer
        ) as client:

            async def answering() -> bool:
                try:
                    return (await client.get(url)).is_success
                except httpx.TransportError:
                    return False

            await self.ready_when(answering, within)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def _send(self, number: signal.Signals, patience: float) -> bool:
        """Send a signal and wait for the end; whether it ended."""
        process = self._process
        if process is None or process.poll() is not None:
            return True
        process.send_signal(number)
        deadline = asyncio.get_running_loop().time() + patience
        while process.poll() is None:
            if asyncio.get_running_loop().time() > deadline:
                return False
            await asyncio.sleep(_POLL_SECONDS)
        return True

    def _logged(self) -> bytes:
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            return log.read()

    def _log_end(self) -> str:
        lines = self._logged().decode(errors="replace").splitlines()[-5:]
        return "\n".join([f"The end of {self.log}:", *lines])
