"""The engines of the tests: one for each database, which keeps what SQL it has compiled from one test to the next."""

from functools import cache

from sqlalchemy.ext.asyncio import AsyncEngine

from ledger.database import connect


@cache
def engine_on(url: str, pool_size: int) -> AsyncEngine:
    """The engine on a database that tests are given in turn; each disposes of it, and so begins without connections."""
    return connect(url, pool_size=pool_size)
