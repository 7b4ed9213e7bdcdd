"""What tests share: one PostgreSQL, Temporal and sandbox a session; a database and a task queue a test."""

import asyncio
import gc
from collections import deque
from collections.abc import AsyncIterator, Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from uuid import uuid4

import psutil
import psycopg
import pytest
import pytest_asyncio
import uvloop
from hypothesis import settings

from starter.embedded import EmbeddedPostgres, EmbeddedSandbox, EmbeddedTemporal, free_port

settings.register_profile("ci", derandomize=True, max_examples=100, deadline=None)
settings.register_profile("soak", max_examples=5_000, deadline=None)
settings.load_profile("ci")

# So low that continue-as-new happens for real within a test; production waits for thousands of events.
CONTINUE_AS_NEW_AFTER_EVENTS = 50
DATABASES_AHEAD = 2
# Objects made before the collector looks for cycles; a tenth of the whole time went there with Python's 700.
GARBAGE = 20_000
# Without rows, its numbers beginning anew; but those of cadence versions never do: a process keeps what it has read.
# What was never written to is left alone: to delete nothing from a table takes as long as to delete a few rows.
EMPTYING = """
DO $$
DECLARE
    written regclass;
BEGIN
    PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid();
    SET LOCAL session_replication_role = replica;  -- neither foreign keys nor the log's guard object
    FOR written IN
        SELECT oid FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'alembic_version'
        AND pg_relation_size(oid) > 0
    LOOP
        EXECUTE format('DELETE FROM %s', written);
    END LOOP;
    PERFORM setval(format('%I', sequencename)::regclass, start_value, false)
    FROM pg_sequences WHERE schemaname = 'public' AND sequencename <> 'cadence_version_id_seq'
    AND last_value IS NOT NULL;  -- it has given a number
END $$
"""


def pytest_configure() -> None:
    """Look for cyclic garbage seldom: what is imported and collected is looked through again and again otherwise."""
    gc.set_threshold(GARBAGE)
    # The loops of the house's own processes.
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())


def pytest_collection_finish() -> None:
    """What is loaded by now stays."""
    gc.freeze()


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


class Databases:
    """Migrated, empty databases for tests to come, made ready while others run.

    One that was used is emptied: that touches the few tables that were written, and a copy makes 380 files.
    """

    def __init__(self, postgres: EmbeddedPostgres, template: str, maker: Executor) -> None:
        self.postgres, self.template, self.maker = postgres, template, maker
        self.ready = deque(self._copied() for _ in range(DATABASES_AHEAD))

    def _copied(self) -> Future[str]:
        copy = self.postgres.create_database(f"test_{uuid4().hex[:12]}", self.template)
        return self.maker.submit(asyncio.run, copy)

    async def take(self) -> str:
        """The URL of a migrated, empty database that nobody else has."""
        return await asyncio.wrap_future(self.ready.popleft() if self.ready else self._copied())

    def give_back(self, url: str) -> None:
        """Empty it, in its turn, for another test."""
        self.ready.append(self.maker.submit(asyncio.run, _emptied(url)))

    def drop(self, url: str) -> None:
        """Drop it, in its turn."""
        self.maker.submit(asyncio.run, self.postgres.drop_database(url.rpartition("/")[2]))


async def _emptied(url: str) -> str:
    """The same database, with nobody connected."""
    async with await psycopg.AsyncConnection.connect(url) as connection:
        await connection.execute(EMPTYING)
    return url


@pytest.fixture(scope="session")
def databases(postgres: EmbeddedPostgres, migrated_template: str) -> Iterator[Databases]:
    """The session's copies of the migrated database."""
    with ThreadPoolExecutor(max_workers=1) as maker:
        yield Databases(postgres, migrated_template, maker)


@pytest.fixture
async def database_url(databases: Databases, request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """The URL of a migrated, empty database for this test alone; another gets it later, unless this one alters it."""
    url = await databases.take()
    yield url
    if request.node.get_closest_marker("alters_database"):
        databases.drop(url)
    else:
        databases.give_back(url)


@pytest.fixture
def task_queue() -> str:
    """A task queue's name for this test alone."""
    return f"test-{uuid4().hex[:12]}"
