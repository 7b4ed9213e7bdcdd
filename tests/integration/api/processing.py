"""The relay's part in webhooks, in the test's own process."""

from ledger.access import Ledger
from ledger.inbox import Lane
from ledger.queries import messages
from starter.inbox import Processor, drain_inbox


async def process(processor: Processor) -> None:
    """Process what is due now."""
    for lane in Lane:
        while await drain_inbox(processor, lane):
            pass


async def deliveries(ledger: Ledger) -> dict[str, str | None]:
    """How far the message of each channel got."""
    return {line.channel: line.delivery for line in await messages(ledger.engine)}
