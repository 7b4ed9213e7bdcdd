"""A running sandbox and a receiver, as new for each test that asks."""

from collections.abc import Iterator

import pytest

from tests.unit.channels import loopback
from tests.unit.channels.loopback import Provider, Receiver


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    with loopback.running(loopback.quiet(receiver.app())) as receiver.url:
        yield receiver


@pytest.fixture(scope="module")
def pushing(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> Iterator[Provider]:
    with loopback.provider(tmp_path_factory.mktemp("push") / "store.jsonl", receiver) as running:
        yield running


@pytest.fixture(scope="module")
def holding(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> Iterator[Provider]:
    with loopback.provider(tmp_path_factory.mktemp("held") / "store.jsonl", receiver, held=True) as running:
        yield running


@pytest.fixture
def provider(pushing: Provider) -> Provider:
    """A sandbox that sends receipts by itself."""
    pushing.forget()
    return pushing


@pytest.fixture
def held(holding: Provider) -> Provider:
    """A sandbox that holds receipts until they are released."""
    holding.forget()
    return holding
