"""Gives the statements of the busiest paths (`ledger.statements`) to the driver, without SQLAlchemy in between.

SQLAlchemy writes a statement once. What it does beside that whenever one is run (a greenlet, a context, a cursor of its
own around the driver's, a result) takes a process twice as long as the driver needs.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import psycopg
from psycopg.rows import dict_row
from sqlalchemy import Executable
from sqlalchemy.dialects.postgresql.psycopg import PGDialectAsync_psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

Row = dict[str, Any]


# Of every engine's (`ledger.database`): what is written with one of them holds for all.
_DIALECT = PGDialectAsync_psycopg()  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class _Written:
    """A statement as the driver takes it: its text, its parameters or the values it has for them, and how some are passed."""

    text: str
    wanted: Sequence[str]
    own: Mapping[str, Any]
    passing: Mapping[str, Callable[[Any], Any]]

    def values(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters, of what was `given`; what the statement has no place for is left out."""
        values = {**self.own, **{name: given[name] for name in self.wanted}}
        for name, passed in self.passing.items():
            values[name] = passed(values[name])
        return values


async def run(connection: AsyncConnection, statement: Executable, values: Mapping[str, Any]) -> list[Row]:
    """Run a statement in the connection's transaction; its rows by the names of their columns, if it returns any.

    `statement` is a constant: as it is written for the names in `values` it is kept for good. Raises what SQLAlchemy
    would, without the values.
    """
    written = _written(statement, frozenset(values))
    sync = connection.sync_connection
    assert sync is not None, "the connection is open"
    if not sync.in_transaction():
        sync.begin()  # by that nothing is sent
    driver: psycopg.AsyncConnection[Any] | None = sync.connection.driver_connection
    assert driver is not None, "the connection is open"
    try:
        async with driver.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(written.text, written.values(values))
            return await cursor.fetchall() if cursor.rownumber is not None else []
    except psycopg.Error as error:
        lost = driver.closed
        if lost:
            await connection.invalidate(error)
        raise DBAPIError.instance(
            written.text,
            None,
            error,
            psycopg.Error,
            hide_parameters=True,
            connection_invalidated=lost,
            dialect=_DIALECT,
        ) from error


@cache
def _written(statement: Executable, names: frozenset[str]) -> _Written:
    compiled = statement.compile(dialect=_DIALECT, column_keys=sorted(names))  # type: ignore[attr-defined]
    bound = {name: parameter for parameter, name in compiled.bind_names.items()}
    wanted = [name for name, parameter in bound.items() if parameter.required or name in names]
    own = {name: value for name, value in compiled.params.items() if name not in wanted}
    passing = {
        name: passed
        for name, parameter in bound.items()
        if (passed := parameter.type.dialect_impl(_DIALECT).bind_processor(_DIALECT)) is not None
    }
    return _Written(str(compiled), wanted, own, passing)
