"""The OpenAPI document and the service keep to each other: every operation, by every role and by nobody."""

import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice
from pathlib import Path

import pytest
import pytest_asyncio
import requests
from fastapi.routing import APIRoute

from channels.rails.configured import rails
from channels.settings import ChannelSettings
from ledger.access import Ledger
from ledger.database import connect
from ledger.publishing import publish
from ledger.tokens import create
from starter.api.middleware import RESOURCES
from starter.api.roles import Role
from starter.embedded import EmbeddedPostgres, EmbeddedTemporal, free_port
from starter.inbox import Processor
from starter.processes import ChildProcess
from tests.integration.api.conftest import SECRET
from tests.integration.api.contract import Contract, collected, drawn, examples, judge, known
from tests.integration.api.hooks import BY_NAME, environment
from tests.integration.api.portfolio import take_in_portfolio
from tests.integration.api.processing import process
from tests.integration.api.routes import allowed, operations
from tests.integration.ledger.playing import ARRIVAL, COURTESY_AT, CREDITOR, MINUTE, ruler, send

OPERATIONS = list(operations())
FEW, SOME, MANY = 4, 40, 200
FORM_PROBLEMS = {"malformed_body", "invalid_request", "malformed", "bad_idempotency_key"}
CREDITOR_FILE = Path("creditor.yaml").resolve()


def path_of(route: APIRoute) -> str:
    """A route's path as the document writes it."""
    return route.path.replace(":path", "")


NAMES = [f"{method} {path_of(route)}" for method, route in OPERATIONS]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def contract(
    postgres: EmbeddedPostgres,
    migrated_template: str,
    temporal: EmbeddedTemporal,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Contract]:
    """`regua api` as a process on a small portfolio, with every payment rail on and no limits to run into."""
    database = await postgres.create_database("contract", migrated_template)
    settings = environment(f"http://127.0.0.1:{free_port()}")
    port = free_port()
    variables = {name.upper(): value for name, value in settings.items()} | {
        "DATABASE_URL": database,
        "TEMPORAL_ADDRESS": temporal.address,
        "CREDITOR_FILE": str(CREDITOR_FILE),
        "API_PORT": str(port),
        "RATE_PER_TOKEN_PER_MINUTE": "0",
        "RATE_PER_SOURCE_PER_MINUTE": "0",
        "WEBHOOKS_TO_PRIVATE_NETWORKS": "true",
        "PYTHONUNBUFFERED": "1",
    }
    command = [sys.executable, "-m", "starter.main", "api"]
    async with AsyncExitStack() as stack:
        ledger = Ledger(connect(database), CREDITOR)
        stack.push_async_callback(ledger.engine.dispose)
        tokens = await _furnish(ledger)
        api = ChildProcess("api", command, tmp_path_factory.mktemp("contract"), env=variables)
        await stack.enter_async_context(api)
        await api.ready_when_logged("api_ready")
        session, url = stack.enter_context(requests.Session()), f"http://127.0.0.1:{port}"
        session.trust_env = False
        contract = Contract(url, tokens, session)
        await _tell(contract, ledger, ChannelSettings.model_validate(settings))
        yield contract


async def _furnish(ledger: Ledger) -> dict[Role, str]:
    """Invoices, messages that left, and a token for each role, under a name that no request is drawn with."""
    await publish(ledger.engine, ruler(), ARRIVAL)
    await take_in_portfolio(ledger)
    await send(ledger, await ledger.invoice_id("A-1"), COURTESY_AT + MINUTE, provider_id="m-1")
    now = datetime.now(UTC)
    roles = {f"contract-{role}": role for role in Role} | {"spare": Role.VIEWER}
    made = {
        name: await create(ledger.engine, name, role, None, now + timedelta(days=2), "tester", now)
        for name, role in roles.items()
    }
    return {role: made[f"contract-{role}"] for role in Role}


async def _tell(contract: Contract, ledger: Ledger, channels: ChannelSettings) -> None:
    """One of everything else that requests can be about."""
    admin = {"Authorization": f"Bearer {contract.tokens[Role.ADMIN]}"}
    endpoint = {"url": "http://127.0.0.1:20009/hooks", "types": ["invoice.paid"]}
    for path, body in (
        ("/v1/invoices/A-1/disputes", {}),
        ("/v1/invoices/A-2/hold", {}),
        ("/v1/webhook-endpoints", endpoint),
        ("/v1/webhook-endpoints", endpoint),
        ("/v1/webhook-endpoints/1/test", None),
        ("/v1/jobs", {"kind": "hold", "filter": {"overdue_min": 1}}),
    ):
        answer = contract.session.post(contract.url + path, json=body, headers=admin)
        assert answer.ok, answer.text
    for number in range(2):
        told = BY_NAME["payment"].signed(
            datetime.now(UTC), webhook_id=f"msg-{number}", id=f"p-{number}", invoice="X-1"
        )
        answer = contract.session.post(contract.url + told.path, data=told.body, headers=told.headers)
        assert answer.ok, answer.text
    await process(Processor(ledger, rails(channels)))


def keep_to_it(contract: Contract, method: str, route: APIRoute, count: int, *, seeded: bool) -> None:
    """Send what is drawn by each who may in turn, and the first of it by each who may not."""
    cases = drawn(contract.schema[path_of(route)][method], count, seeded=seeded)
    if not route.path.startswith(RESOURCES):
        for case in cases:
            judge(case, contract.call(case, None))
        return
    may = sorted(allowed(route))
    for case, role in islice(zip(cycle(cases), cycle(may)), max(len(cases), len(may))):
        answer = contract.call(case, role)
        judge(case, answer)
        assert answer.status_code != 401
        # To uphold a dispute needs more than to end one.
        assert answer.status_code != 403 or route.name == "resolve_dispute"
    for nobody, status in [(None, 401), *((role, 403) for role in Role if role not in may)]:
        answer = contract.call(cases[0], nobody)
        judge(cases[0], answer, let_in=False)
        assert answer.status_code == status


@pytest.mark.parametrize(("method", "route"), OPERATIONS, ids=NAMES)
def test_every_role_and_nobody_is_answered_as_the_document_says(
    contract: Contract, method: str, route: APIRoute
) -> None:
    keep_to_it(contract, method, route, FEW, seeded=True)


@pytest.mark.soak
@pytest.mark.parametrize(("method", "route"), OPERATIONS, ids=NAMES)
def test_every_role_and_nobody_is_answered_as_the_document_says_many_times(
    contract: Contract, method: str, route: APIRoute
) -> None:
    keep_to_it(contract, method, route, MANY, seeded=False)


def test_a_signed_payment_is_taken_or_refused_as_the_document_says(contract: Contract) -> None:
    cases = drawn(contract.schema["/payments"]["POST"], SOME, seeded=True)
    answers = [contract.call_signed(case, SECRET, f"drawn-{number}") for number, case in enumerate(cases)]
    for case, answer in zip(cases, answers, strict=True):
        judge(case, answer, let_in=False)  # a header that was drawn wrong is replaced
    assert {answer.status_code for answer in answers} == {202, 400}


def test_the_document_is_openapi_3_1_and_has_every_route_and_no_other(contract: Contract) -> None:
    assert contract.document["openapi"].startswith("3.1.")
    shown = [(path, method) for path, item in contract.document["paths"].items() for method in item]
    assert {f"{method.upper()} {path}" for path, method in shown} == set(NAMES)


def test_every_body_has_an_example_that_fits_its_schema_and_its_route(contract: Contract) -> None:
    operations = [contract.schema[path_of(route)][method] for method, route in OPERATIONS]
    for operation in filter(lambda each: each.body, operations):
        named = known(operation.path) or [{}]
        for media_type, example in examples(contract.document, operation):
            drawing = operation.as_strategy(path_parameters=named[-1], body=example, media_type=media_type)
            (case,) = collected(drawing, 1, seeded=True)
            answer = contract.call(case, Role.ADMIN)
            judge(case, answer)
            # Whatever stands in the way, it is not the example's form.
            assert answer.status_code < 400 or answer.json()["code"] not in FORM_PROBLEMS
