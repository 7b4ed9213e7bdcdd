"""Connections to PostgreSQL, and the one error tree of the ledger."""

from time import monotonic
from typing import Any

from sqlalchemy import event
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

# A connection that worked a moment ago is taken at its word: to ask it first costs as much as a statement. Long below
# what a server takes to restart.
RESTED_SECONDS = 0.5


class LedgerError(Exception):
    """Something the ledger refuses. `code` is stable; the text says what is wrong and what to do."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class UnknownInvoice(LedgerError):
    """No invoice has that number or id."""

    def __init__(self, name: object) -> None:
        super().__init__(
            "unknown_invoice", f"no invoice {name!r} is known; the list of invoices shows those that are"
        )


class UnknownCustomer(LedgerError):
    """No customer has that key."""

    def __init__(self, name: object) -> None:
        super().__init__(
            "unknown_customer", f"no customer {name!r} is known; the list of invoices shows whose they are"
        )


def database_url(url: str) -> str:
    """`url` for SQLAlchemy with psycopg 3, from any of the usual spellings of a PostgreSQL address."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.partition("+")[0] not in ("postgres", "postgresql"):
        raise LedgerError("bad_database_url", "DATABASE_URL must be a PostgreSQL address: postgresql://...")
    return f"postgresql+psycopg://{rest}"


def connect(url: str, *, pool_size: int = 10) -> AsyncEngine:
    """An engine on `url`; a connection that rested is checked before use, so that a restart is only a delay."""
    engine = create_async_engine(
        database_url(url),
        pool_size=pool_size,
        max_overflow=10,
        pool_use_lifo=True,  # the fewer connections are busy, the less do they rest
        hide_parameters=True,  # an error must not quote an address
    )
    _check_what_rested(engine)
    return engine


def _check_what_rested(engine: AsyncEngine) -> None:
    dialect = engine.sync_engine.dialect

    @event.listens_for(engine.sync_engine, "checkin")
    def _rest(_connection: Any, record: Any) -> None:
        record.info["rests_since"] = monotonic()

    @event.listens_for(engine.sync_engine, "checkout")
    def _check(connection: Any, record: Any, _fairy: Any) -> None:
        rested = monotonic() - record.info.get("rests_since", monotonic())
        if rested < RESTED_SECONDS:
            return
        try:
            dialect.do_ping(connection)
        except dialect.loaded_dbapi.Error as error:
            # It is opened anew, and so is every other that is older than this moment.
            raise InvalidatePoolError from error
