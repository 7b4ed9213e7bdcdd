"""The migrations make exactly the tables, and the log can only grow."""

import asyncio
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import uuid4

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect

from ledger import schema
from ledger.database import LedgerError, database_url
from ledger.service_tables import SQLModel as Tables  # type: ignore[attr-defined]
from starter.embedded import EmbeddedPostgres


@pytest.fixture
async def empty(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    name = f"empty_{uuid4().hex[:12]}"
    yield await postgres.create_database(name)
    await postgres.drop_database(name)


def _differences(url: str) -> list[object]:
    engine = create_engine(database_url(url))
    with engine.connect() as connection:
        found = compare_metadata(MigrationContext.configure(connection), Tables.metadata)
    engine.dispose()
    return list(found)


def _tables(url: str) -> list[str]:
    engine = create_engine(database_url(url))
    found = inspect(engine).get_table_names()
    engine.dispose()
    return found


async def test_migrations_go_up_down_and_up_again_and_give_exactly_the_tables(empty: str) -> None:
    assert await asyncio.to_thread(schema.current, empty) is None

    await asyncio.to_thread(schema.upgrade, empty)
    assert await asyncio.to_thread(schema.current, empty) == schema.head()
    assert _differences(empty) == []

    await asyncio.to_thread(schema.downgrade, empty, "base")
    assert await asyncio.to_thread(schema.current, empty) is None
    assert _tables(empty) == ["alembic_version"]

    await asyncio.to_thread(schema.upgrade, empty)
    assert _differences(empty) == []


async def test_two_that_migrate_at_once_take_turns(empty: str) -> None:
    migrate = "import sys; from ledger import schema; schema.upgrade(sys.argv[1])"
    both = [await asyncio.create_subprocess_exec(sys.executable, "-c", migrate, empty) for _ in range(2)]

    assert [await process.wait() for process in both] == [0, 0]
    assert _differences(empty) == []


@pytest.mark.parametrize("change", ["UPDATE event SET actor = 'other'", "DELETE FROM event"])
async def test_the_event_log_refuses_to_be_changed(database_url: str, change: str) -> None:
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        await connection.execute("INSERT INTO customer (key, name, facts) VALUES ('C-1', 'Invented', '{}')")
        await connection.execute(
            "INSERT INTO event (customer_id, type, payload, at, recorded_at, actor, source) "
            "SELECT id, 'replied', '{}', %(at)s, %(at)s, 'tester', 'test' FROM customer",
            {"at": datetime(2026, 3, 2, tzinfo=UTC)},
        )
        with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
            await connection.execute(change)


def test_an_address_that_is_no_postgresql_is_refused() -> None:
    with pytest.raises(LedgerError, match="DATABASE_URL must be a PostgreSQL address"):
        schema.upgrade("mysql://localhost/regua")
