"""A client of the session's Temporal server, with the data converter that every client of the house uses."""

import pytest
from temporalio.client import Client

from starter.embedded import EmbeddedTemporal
from workflows.converter import DATA_CONVERTER


@pytest.fixture
async def client(temporal: EmbeddedTemporal) -> Client:
    """A client of the session's server."""
    return await Client.connect(temporal.address, data_converter=DATA_CONVERTER)
