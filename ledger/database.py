"""Connections to PostgreSQL, and the one error tree of the ledger."""

from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine


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


class CustomerMoved(LedgerError):
    """A customer turned out to be merged into another while this transaction waited for them; begun again, it goes."""

    def __init__(self, into: int) -> None:
        super().__init__(
            "customer_merged", "this customer was merged into another at the same time; try it again"
        )
        self.into = into


def database_url(url: str) -> str:
    """`url` for SQLAlchemy with psycopg 3, from any of the usual spellings of a PostgreSQL address."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.partition("+")[0] not in ("postgres", "postgresql"):
        raise LedgerError("bad_database_url", "DATABASE_URL must be a PostgreSQL address: postgresql://...")
    return f"postgresql+psycopg://{rest}"


def connect(url: str, *, pool_size: int = 10) -> AsyncEngine:
    """An engine on `url`; connections are checked before use, so that a restarted server is only a delay."""
    return create_async_engine(
        database_url(url),
        pool_size=pool_size,
        max_overflow=10,
        pool_pre_ping=True,
        pool_use_lifo=True,  # the fewer connections are busy, the less do they rest
        hide_parameters=True,  # an error must not quote an address
    )
