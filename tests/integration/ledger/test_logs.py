"""What the checks read: every invoice once, and what must be found in no history."""

from ledger.access import Ledger
from ledger.checks import personal_needles
from ledger.log_reading import invoice_logs
from tests.integration.ledger.playing import row, take_in


async def test_an_invoice_is_read_whichever_batch_it_falls_in(ledger: Ledger) -> None:
    await take_in(ledger, *(row(f"INV-{number}") for number in range(5)))

    async with ledger.engine.connect() as connection:
        names = [log.name async for log in invoice_logs(connection, batch=2)]
    assert names == [f"invoice INV-{number}" for number in range(5)]


async def test_needles_are_names_addresses_and_phones_as_they_may_be_written(ledger: Ledger) -> None:
    await take_in(ledger, row(), row("INV-2", customer="C-2", customer_name="Zé", email=None, phone=None))

    assert await personal_needles(ledger.engine) == {
        "Padaria Inventada C-1",
        "padaria inventada c-1",
        "c-1@example.com",
        "+351900000123",
        "351900000123",
    }
