"""The fixtures of the whole house."""

from collections.abc import AsyncIterator, Mapping

import pytest

from channels.settings import ChannelSettings
from ledger.access import Ledger
from starter.embedded import EmbeddedTemporal
from starter.settings import Settings
from tests.integration.engines import engine_on
from tests.integration.house.documents import CREDITOR
from tests.integration.house.house import PROVIDER_TIMEOUT, WEBHOOK_SECRET, House, open_house


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    """An empty ledger on the test's own database."""
    engine = engine_on(database_url, 8)
    yield Ledger(engine, CREDITOR)
    await engine.dispose()


@pytest.fixture
async def closed_house(
    ledger: Ledger,
    database_url: str,
    temporal: EmbeddedTemporal,
    providers: Mapping[str, str],
    receiver_port: int,
    task_queue: str,
) -> AsyncIterator[House]:
    """A house in which neither worker nor relay runs."""
    settings = Settings(
        database_url=database_url,
        task_queue=task_queue,
        api_port=receiver_port,
        sticky_timeout_seconds=1,
        emails_per_second=0,
        sms_per_second=0,
        whatsapps_per_second=0,
    )
    channels = ChannelSettings.model_validate(
        {**providers}
        | {"payment_webhook_secret": WEBHOOK_SECRET, "provider_timeout_seconds": PROVIDER_TIMEOUT}
    )
    async with open_house(ledger, temporal.address, settings, channels) as house:
        yield house


@pytest.fixture
async def house(closed_house: House) -> AsyncIterator[House]:
    """A house in which everything runs."""
    async with closed_house.working(), closed_house.relaying_outbox():
        yield closed_house
