"""Names: whether what a list was asked for is there at all. An empty list is no answer to a slip of the pen."""

from sqlalchemy import TextClause, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.database import LedgerError, UnknownCustomer
from ledger.ownership import known_as

# A segment or a queue is one that some published document names, or in which somebody, or something, is.
_SEGMENTS = text("""
    SELECT jsonb_array_elements_text(document -> 'segments') FROM cadence_version
    UNION SELECT facts ->> 'segment' FROM customer WHERE facts ? 'segment' ORDER BY 1
""")
_QUEUES = text("""
    SELECT named #>> '{}' FROM cadence_version, jsonb_path_query(document, '$.**.queue ? (@ != null)') AS named
    UNION SELECT queue FROM "case" ORDER BY 1
""")
_CADENCES = text("SELECT DISTINCT name FROM cadence_version ORDER BY 1")
_KNOWN: dict[str, tuple[TextClause, str]] = {
    "segment": (_SEGMENTS, "no cadence serves it, and no customer is in it"),
    "queue": (_QUEUES, "no cadence names it, and no case is in it"),
    "cadence": (_CADENCES, "none of that name is published"),
}


async def check_names(
    connection: AsyncConnection,
    *,
    customer: str | None = None,
    segment: str | None = None,
    queue: str | None = None,
    cadence: str | None = None,
) -> None:
    """Raise UnknownCustomer, or LedgerError with the names that there are, where a filter names what nobody knows."""
    if customer is not None and (await connection.execute(select(known_as(customer)))).scalar_one() is None:
        raise UnknownCustomer(customer)
    for what, name in {"segment": segment, "queue": queue, "cadence": cadence}.items():
        if name is not None:
            await _check(connection, what, name)


async def _check(connection: AsyncConnection, what: str, name: str) -> None:
    statement, why = _KNOWN[what]
    known = list((await connection.execute(statement)).scalars())
    if name not in known:
        choices = f"choose one of: {', '.join(known)}" if known else "nothing is published yet"
        raise LedgerError(f"unknown_{what}", f"no {what} {name!r} is known: {why}; {choices}")
