"""The HTTP service in this process, on a ledger and task queue of the test's own, and a client for each role."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from fastapi import FastAPI
from temporalio.client import Client

from channels.settings import ChannelSettings
from ledger.access import Ledger
from ledger.publishing import publish
from ledger.tokens import create
from starter.api.app import api_app
from starter.api.roles import Role
from starter.api.service import Service
from starter.api.settings import ApiSettings
from starter.embedded import EmbeddedTemporal
from starter.settings import Settings
from tests.integration.api.portfolio import take_in_portfolio
from tests.integration.engines import engine_on
from tests.integration.ledger.playing import ARRIVAL, CREDITOR, ruler
from workflows.converter import DATA_CONVERTER

SECRET = "whsec_" + "dGVzdHMtb2YtdGhlLXJlY2VpdmVyLW9uLWxvb3BiYWNr"
PUBLIC_URL = "http://127.0.0.1:8000"


@dataclass
class Api:
    """The service under test. `clock` is what it takes for now, the wall's unless a test sets `now`."""

    app: FastAPI
    service: Service
    tokens: dict[Role, str]
    anonymous: httpx.AsyncClient
    clients: dict[Role, httpx.AsyncClient] = field(default_factory=dict)

    @property
    def ledger(self) -> Ledger:
        """The ledger that the service works on."""
        return self.service.ledger

    def client(self, role: Role) -> httpx.AsyncClient:
        """A client that calls with a token of the role, named as the role is."""
        return self.clients[role]


@asynccontextmanager
async def serving(service: Service) -> AsyncIterator[Api]:
    """The service's application with a token and a client for each role."""
    app, now = api_app(service), service.clock()
    async with AsyncExitStack() as stack:

        async def client(**headers: str) -> httpx.AsyncClient:
            transport = httpx.ASGITransport(app, client=("192.0.2.7", 40_000))
            opened = httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL, headers=headers)
            return await stack.enter_async_context(opened)

        api = Api(app, service, {}, await client())
        for role in Role:
            expires_at = now + timedelta(days=365)
            plain = await create(service.ledger.engine, role, role, None, expires_at, "tester", now)
            api.tokens[role] = plain
            api.clients[role] = await client(Authorization=f"Bearer {plain}")
        yield api


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    """An empty ledger whose segment `standard` has a cadence."""
    engine = engine_on(database_url, 4)
    await publish(engine, ruler(), ARRIVAL)
    yield Ledger(engine, CREDITOR)
    await engine.dispose()


@pytest.fixture
def channels(providers: Mapping[str, str]) -> ChannelSettings:
    """The session's sandbox as the providers, and a public address on loopback."""
    own = {"payment_webhook_secret": SECRET, "public_url": PUBLIC_URL}
    return ChannelSettings.model_validate({**providers} | own)


@pytest.fixture
def api_settings() -> ApiSettings:
    """Settings of the service: those of nobody's environment, without limits to run into."""
    return ApiSettings.model_construct(rate_per_token_per_minute=0, rate_per_source_per_minute=0)


@pytest.fixture
def clock() -> Callable[[], datetime]:
    """What the service takes for now."""
    return lambda: datetime.now(UTC)


@pytest.fixture
async def service(
    ledger: Ledger,
    temporal: EmbeddedTemporal,
    channels: ChannelSettings,
    api_settings: ApiSettings,
    clock: Callable[[], datetime],
    database_url: str,
    task_queue: str,
) -> Service:
    """What the requests of the service under test work with."""
    client = await Client.connect(temporal.address, data_converter=DATA_CONVERTER, lazy=True)
    settings = Settings(database_url=database_url, task_queue=task_queue)
    return Service(ledger, client, settings, channels, clock, api_settings)


@pytest.fixture
async def api(service: Service) -> AsyncIterator[Api]:
    """The service, and a client for each role."""
    async with serving(service) as api:
        yield api


@pytest.fixture
async def house(api: Api) -> Api:
    """The service with four invoices."""
    await take_in_portfolio(api.ledger)
    return api


@pytest.fixture
def agent(house: Api) -> httpx.AsyncClient:
    """An agent, who works with those invoices."""
    return house.client(Role.AGENT)


@pytest.fixture
def manager(house: Api) -> httpx.AsyncClient:
    """A manager, who may do more with them."""
    return house.client(Role.MANAGER)
