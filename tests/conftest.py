"""What tests share: one PostgreSQL, Temporal and sandbox a session; a database and a task queue a test."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from uuid import uuid4

import psutil
import pytest
import pytest_asyncio
from hypothesis import settings

from starter.embedded import EmbeddedPostgres, EmbeddedSandbox, EmbeddedTemporal, free_port

settings.register_profile("ci", derandomize=True, max_examples=100, deadline=None)
settings.register_profile("soak", max_examples=5_000, deadline=None)
settings.load_profile("ci")

# So low that continue-as-new happens for real within a test; production waits for thousands of events.
CONTINUE_AS_NEW_AFTER_EVENTS = 50
COPIES_AHEAD = 2


@pytest.fixture(scope="session", autouse=True)
def nothing_left_running() -> Iterator[None]:
    """Fail the session if a process it started is still there at its end."""
    yield
    _, alive = psutil.wait_procs(psutil.Process().children(recursive=True), timeout=10)
    assert [process.name() for process in alive] == []


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres(
    tmp_path_factory: pytest.TempPathFactory, nothing_left_running: None
) -> AsyncIterator[EmbeddedPostgres]:
    """The session's PostgreSQL; a test that stops or kills one starts its own."""
    async with EmbeddedPostgres(tmp_path_factory.mktemp("postgres"), durable=False) as server:
        yield server


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def temporal(
    tmp_path_factory: pytest.TempPathFactory, nothing_left_running: None
) -> AsyncIterator[EmbeddedTemporal]:
    """The session's Temporal dev server. Time skips only for workflows that a time-skipping client starts."""
    async with EmbeddedTemporal(
        tmp_path_factory.mktemp("temporal"),
        time_skipping=True,
        dynamic_config={"limit.historyCount.suggestContinueAsNew": CONTINUE_AS_NEW_AFTER_EVENTS},
    ) as server:
        yield server


@pytest.fixture(scope="session")
def receiver_port() -> int:
    """Where the session's sandbox sends receipts: a test that wants them runs its receiver on this port."""
    return free_port()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def sandbox(
    tmp_path_factory: pytest.TempPathFactory, nothing_left_running: None, receiver_port: int
) -> AsyncIterator[EmbeddedSandbox]:
    """The session's provider sandbox, which sends receipts by itself."""
    receiver_url = f"http://127.0.0.1:{receiver_port}"
    async with EmbeddedSandbox(tmp_path_factory.mktemp("sandbox"), receiver_url) as server:
        yield server


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def providers(sandbox: EmbeddedSandbox) -> Mapping[str, str]:
    """The settings with which the session's sandbox is taken for the providers, by their names in lower case."""
    return {name.lower(): value for name, value in (await sandbox.environment()).items()}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def migrated_template(postgres: EmbeddedPostgres) -> str:
    """The name of a migrated, empty database; copying it takes a tenth of the time of migrating."""
    from ledger.schema import upgrade

    url = await postgres.create_database("migrated_template")
    await asyncio.to_thread(upgrade, url)
    return "migrated_template"


class Copies:
    """Databases for tests to come, made while others run: to copy one takes as long as a short test."""

    def __init__(self, postgres: EmbeddedPostgres, template: str, maker: Executor) -> None:
        self.postgres, self.template, self.maker = postgres, template, maker
        self.ahead = deque(self._made() for _ in range(COPIES_AHEAD))

    def _made(self) -> Future[str]:
        copy = self.postgres.create_database(f"test_{uuid4().hex[:12]}", self.template)
        return self.maker.submit(asyncio.run, copy)

    async def take(self) -> str:
        """The URL of a migrated, empty database that nobody else has."""
        self.ahead.append(self._made())
        return await asyncio.wrap_future(self.ahead.popleft())

    def give_back(self, url: str) -> None:
        """Drop it, in its turn."""
        self.maker.submit(asyncio.run, self.postgres.drop_database(url.rpartition("/")[2]))


@pytest.fixture(scope="session")
def copies(postgres: EmbeddedPostgres, migrated_template: str) -> Iterator[Copies]:
    """The session's copies of the migrated database."""
    with ThreadPoolExecutor(max_workers=1) as maker:
        yield Copies(postgres, migrated_template, maker)


@pytest.fixture
async def database_url(copies: Copies) -> AsyncIterator[str]:
    """The URL of a migrated, empty database for this test alone."""
    url = await copies.take()
    yield url
    copies.give_back(url)


@pytest.fixture
def task_queue() -> str:
    """A task queue's name for this test alone."""
    return f"test-{uuid4().hex[:12]}"
