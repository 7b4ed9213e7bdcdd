"""What becomes of a busy statement that PostgreSQL refuses, or that its connection does not survive."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DataError, OperationalError

from ledger import statements
from ledger.access import Ledger
from ledger.driving import run
from tests.integration.ledger.playing import row, take_in

SECRET = "maria@example.com\x00"


async def test_a_refused_statement_raises_what_sqlalchemy_would_without_the_values(ledger: Ledger) -> None:
    async with ledger.engine.connect() as connection:
        with pytest.raises(DataError) as refused:
            await run(connection, statements.KNOWN_INVOICE, {"wanted_number": SECRET})
        assert "maria" not in str(refused.value)
        await connection.rollback()
        assert await run(connection, statements.KNOWN_INVOICE, {"wanted_number": "unknown"}) == []


async def test_a_value_that_a_statement_needs_is_never_taken_as_nothing(ledger: Ledger) -> None:
    async with ledger.engine.connect() as connection:
        with pytest.raises(KeyError, match="wanted_number"):
            await run(connection, statements.KNOWN_INVOICE, {})


async def test_a_connection_lost_amid_a_transaction_is_replaced_for_whoever_comes_next(
    ledger: Ledger,
) -> None:
    (invoice_id,) = await take_in(ledger, row())
    wanted = {"wanted_id": invoice_id}
    async with ledger.engine.connect() as connection, ledger.engine.connect() as other:
        own = (await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one()
        await other.execute(text("SELECT pg_terminate_backend(:pid, 10000)"), {"pid": own})
        with pytest.raises(OperationalError) as lost:
            await run(connection, statements.LOCK_INVOICE, wanted)
        assert lost.value.connection_invalidated
    async with ledger.engine.connect() as connection:
        assert [found["id"] for found in await run(connection, statements.LOCK_INVOICE, wanted)] == [
            invoice_id
        ]
