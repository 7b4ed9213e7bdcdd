"""The database's schema: Alembic's migrations, driven from code, with no configuration file."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine

from ledger.database import database_url

_MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(url: str, revision: str = "head") -> None:
    """Bring the database at `url` (any PostgreSQL address) up to `revision`; nothing happens where it is there."""
    command.upgrade(_config(url), revision)


def downgrade(url: str, revision: str) -> None:
    """Take the database at `url` back to `revision`; `base` leaves an empty schema, and all data is lost."""
    command.downgrade(_config(url), revision)


def current(url: str) -> str | None:
    """The revision the database at `url` is at; None where it was never migrated."""
    engine = create_engine(database_url(url), hide_parameters=True)
    try:
        with engine.connect() as connection:
            return revision(connection)
    finally:
        engine.dispose()


def revision(connection: Connection) -> str | None:
    """The revision of the database that a connection leads to; None where it was never migrated."""
    return MigrationContext.configure(connection).get_current_revision()


def head() -> str:
    """The revision that this version of the code needs."""
    newest = ScriptDirectory.from_config(_config()).get_current_head()
    assert newest is not None
    return newest


def _config(url: str = "") -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    # An attribute, not an option: a password may hold a percent sign, and nothing prints attributes.
    config.attributes["url"] = url
    return config
