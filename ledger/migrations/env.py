"""What Alembic runs for each command: one connection to the address that `ledger.schema` gives, one transaction."""

from alembic import context
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from ledger import service_tables, tables  # noqa: F401 - the second half of the metadata
from ledger.database import database_url

# Any constant will do: two that migrate at once take turns.
_LOCK = 7_348_201


def _run() -> None:
    engine = create_engine(
        database_url(context.config.attributes["url"]), poolclass=NullPool, hide_parameters=True
    )
    with engine.connect() as connection:
        context.configure(connection=connection, target_metadata=tables.Invoice.metadata)
        with context.begin_transaction():
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
            context.run_migrations()


_run()
