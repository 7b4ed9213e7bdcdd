"""Payment providers over real HTTP: the sandbox pays, signs and tells, and its API is asked whether it is so."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from channels.rails.asaas import AsaasRail
from channels.rails.configured import rails
from channels.rails.mercadopago import MercadoPagoRail
from channels.rails.money import (
    Entry,
    MoneyNote,
    NotConfirmed,
    ProviderAway,
    Rail,
    Reference,
)
from channels.rails.pix import PixApi, PixRail
from channels.rails.stripe import StripeRail
from channels.sandbox.config import SandboxConfig
from channels.sandbox.server import server
from tests.unit.channels.loopback import ACCOUNT, NO_CERTIFICATES, PUBLIC_URL, Receiver, running, settings

SECRETS = {
    "PAYMENT_WEBHOOK_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "STRIPE_WEBHOOK_SECRET": "whsec_stripe",
    "STRIPE_API_KEY": "rk_test",
    "PIX_WEBHOOK_SECRET": "proxy",
    "PIX_WEBHOOK_HEADER": "X-From-Proxy",
    "PIX_CLIENT_ID": "client",
    "PIX_CLIENT_SECRET": "client secret",
    "ASAAS_WEBHOOK_TOKEN": "token",
    "ASAAS_API_KEY": "$aact_1",
    "MERCADOPAGO_WEBHOOK_SECRET": "mp",
    "MERCADOPAGO_ACCESS_TOKEN": "APP_USR-1",
}
AT = datetime(2026, 3, 2, 10, 30, tzinfo=UTC)
PROVIDERS = ("stripe", "pix", "asaas", "mercadopago")
PREFIX = {"stripe": "pi_", "pix": "E00000000202603021030", "asaas": "pay_", "mercadopago": "mercadopago-"}


@dataclass
class World:
    """A sandbox that plays every rail, the receiver it calls, and the rails that ask it."""

    url: str
    receiver: Receiver
    rails: dict[str, Rail]

    def pay(self, rail: str, **fields: Any) -> str:
        """Play money that moves; returns the payment's id."""
        body = {"rail": rail, "amount": "110.50", "at": AT.isoformat()} | fields
        answer = httpx.post(
            f"{self.url}/sandbox/payments", json=body, trust_env=False, verify=NO_CERTIFICATES
        )
        assert answer.status_code == 201, answer.text
        identity: str = answer.json()["id"]
        return identity

    def taken(self, rail: str) -> list[Entry]:
        """What the last webhook leaves in the inbox, after its signature was verified."""
        call = self.receiver.calls[-1]
        told = call.body, call.headers, call.params if rail == "mercadopago" else {}
        self.rails[rail].verify(*told, datetime.now(UTC))
        return self.rails[rail].entries(*told)

    async def notes(self, rail: str) -> list[MoneyNote]:
        """What the last webhook tells of money, its entries read one by one."""
        return [note for entry in self.taken(rail) for note in await self.rails[rail].read(entry.body)]


def _rails(url: str) -> dict[str, Rail]:
    given: dict[str, Any] = {name.lower(): SecretStr(value) for name, value in SECRETS.items()}
    given |= {"pix_webhook_header": "X-From-Proxy", "pix_client_id": "client", "pix_api_base_url": url}
    given |= {f"{name}_api_base_url": url for name in ("stripe", "asaas", "mercadopago")}
    return dict(rails(settings(**given)))


@pytest.fixture(scope="module")
def playing(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> Iterator[World]:
    config = SandboxConfig(
        account_sid=ACCOUNT,
        auth_token="12345",
        sendgrid_api_key="SG.test",
        store=tmp_path_factory.mktemp("rails") / "store.jsonl",
        receiver=receiver.url,
        public_url=PUBLIC_URL,
        rails=SECRETS,
    )
    with running(server(config, 0)) as url:
        yield World(url, receiver, _rails(url))


@pytest.fixture
def world(playing: World) -> World:
    httpx.post(f"{playing.url}/sandbox/reset", trust_env=False, verify=NO_CERTIFICATES).raise_for_status()
    playing.receiver.calls.clear()
    playing.receiver.failures = 0
    return replace(playing, rails=_rails(playing.url))


async def test_a_generic_payment_arrives_as_it_was_played(world: World) -> None:
    identity = world.pay("payment", invoice="2026/0001", reference="RF18 5390 0754 7034", payer="Ana Exemplo")
    [note] = await world.notes("payment")
    references = (Reference("invoice", "2026/0001"), Reference("creditor_reference", "RF18539007547034"))
    assert note == MoneyNote(
        "payment", identity, Decimal("110.50"), "BRL", AT, "transfer", references, "Ana Exemplo"
    )
    assert world.receiver.calls[-1].path == "/payments"


@pytest.mark.parametrize(
    ("rail", "method", "reference"),
    [
        ("stripe", "card", Reference("invoice", "2026/0001")),
        ("pix", "pix", Reference("text", "2026/0001")),
        ("asaas", "boleto", Reference("reference", "2026/0001")),
        ("mercadopago", "pix", Reference("reference", "2026/0001")),
    ],
)
async def test_a_payment_that_its_provider_confirms_is_told(
    world: World, rail: str, method: str, reference: Reference
) -> None:
    identity = world.pay(rail, invoice="2026/0001")
    [note] = await world.notes(rail)
    assert identity.startswith(PREFIX[rail])
    assert (note.kind, note.id, note.of) == ("payment", identity, None)
    assert (note.amount, note.currency, note.at, note.method) == (Decimal("110.50"), "BRL", AT, method)
    assert reference in note.references
    assert Reference("provider", identity) in note.references
    assert world.receiver.calls[-1].path == f"/payments/{rail}"


async def test_a_pix_carries_its_txid_first_and_its_payer(world: World) -> None:
    world.pay("pix", reference="cd1fe328c875481285a6f233ae41b662", payer="Ana Exemplo")
    [note] = await world.notes("pix")
    assert note.references[0] == Reference("pix_txid", "cd1fe328c875481285a6f233ae41b662")
    assert note.payer == "Ana Exemplo"


@pytest.mark.parametrize("rail", PROVIDERS)
async def test_a_reversal_names_its_payment_and_has_an_id_of_its_own(world: World, rail: str) -> None:
    identity = world.pay(rail)
    for _ in range(2):
        world.pay(rail, kind="reversal", of=identity, amount="10.25")
    reversals = {note.id: note for note in await world.notes(rail) if note.kind == "reversal"}
    # Stripe tells each refund by itself, the others all of a payment's.
    assert len(reversals) == (1 if rail == "stripe" else 2)
    assert {(note.of, note.amount) for note in reversals.values()} == {(identity, Decimal("10.25"))}
    assert identity not in reversals


@pytest.mark.parametrize("rail", ["stripe", "asaas", "mercadopago"])
async def test_a_dispute_names_its_payment(world: World, rail: str) -> None:
    identity = world.pay(rail)
    world.pay(rail, kind="dispute", of=identity)
    [note] = [note for note in await world.notes(rail) if note.kind == "dispute"]
    assert (note.of, note.amount) == (identity, Decimal("110.50"))
    assert note.id != identity


@pytest.mark.parametrize("rail", PROVIDERS)
async def test_a_payment_read_late_is_still_the_payment_it_was(world: World, rail: str) -> None:
    identity = world.pay(rail)
    first = world.receiver.calls[-1]
    world.pay(rail, kind="reversal", of=identity)
    world.receiver.calls.append(first)
    notes = await world.notes(rail)
    assert (notes[0].kind, notes[0].id, notes[0].amount) == ("payment", identity, Decimal("110.50"))


@pytest.mark.parametrize("rail", PROVIDERS)
async def test_a_payment_its_provider_does_not_know_is_not_confirmed(world: World, rail: str) -> None:
    identity = world.pay(rail, confirmed=False)
    with pytest.raises(NotConfirmed) as caught:
        await world.notes(rail)
    assert caught.value.code == "unknown_to_provider"
    # Mercado Pago's webhook carries nothing but an id.
    assert [note.id for note in caught.value.notes] == ([] if rail == "mercadopago" else [identity])


@pytest.mark.parametrize("rail", ["stripe", "pix", "asaas"])
async def test_an_amount_that_its_provider_denies_is_not_confirmed(world: World, rail: str) -> None:
    identity = world.pay(rail)
    [claimed] = world.taken(rail)
    world.pay(rail, id=identity, amount="1.00", copies=0)
    with pytest.raises(NotConfirmed) as caught:
        await world.rails[rail].read(claimed.body)
    assert caught.value.code == "amount_differs"
    assert [note.amount for note in caught.value.notes] == [Decimal("110.50")]


async def test_mercado_pagos_body_is_never_believed(world: World) -> None:
    identity = world.pay("mercadopago", amount="3.00")
    call = world.receiver.calls[-1]
    forged = {"type": "payment", "data": {"id": "1"}, "transaction_amount": 999}
    entries = world.rails["mercadopago"].entries(json.dumps(forged).encode(), call.headers, call.params)
    [note] = await world.rails["mercadopago"].read(entries[0].body)
    assert (note.id, note.amount) == (identity, Decimal("3.00"))


@pytest.mark.parametrize("rail", PROVIDERS)
async def test_a_provider_that_is_away_is_asked_again_later(world: World, rail: str) -> None:
    world.pay(rail)
    [entry] = world.taken(rail)
    with pytest.raises(ProviderAway) as caught:
        await _rails("http://127.0.0.1:9")[rail].read(entry.body)
    assert caught.value.code == "ConnectError"


STRANGER = SecretStr("another key")


@pytest.mark.parametrize(
    ("rail", "made"),
    [
        ("stripe", lambda url: StripeRail(STRANGER, STRANGER, url, 1)),
        ("pix", lambda url: PixRail(STRANGER, "X", PixApi(url, f"{url}/oauth/token", "client", STRANGER, 1))),
        ("asaas", lambda url: AsaasRail(STRANGER, STRANGER, url, 1)),
        ("mercadopago", lambda url: MercadoPagoRail(STRANGER, STRANGER, url, 1)),
    ],
)
async def test_a_refused_key_loses_no_payment(world: World, rail: str, made: Callable[[str], Rail]) -> None:
    world.pay(rail)
    [entry] = world.taken(rail)
    with pytest.raises(ProviderAway) as caught:
        await made(world.url).read(entry.body)
    assert caught.value.code == "http_401"


async def test_a_pix_token_that_was_withdrawn_is_asked_for_anew(world: World, tmp_path: Path) -> None:
    config = SandboxConfig(
        ACCOUNT, "12345", "SG.test", tmp_path / "store", world.receiver.url, PUBLIC_URL, rails=SECRETS
    )
    world.pay("pix")
    [entry] = world.taken("pix")
    api = PixApi(world.url, f"{world.url}/oauth/token", "client", SecretStr("client secret"), 1)
    with running(server(config, 0)) as elsewhere:
        stale = PixApi(elsewhere, f"{elsewhere}/oauth/token", "client", SecretStr("client secret"), 1)
        assert await stale.pix("E1") is None
    api._token, api._token_until = stale._token, stale._token_until
    [note] = await PixRail(STRANGER, "X", api).read(entry.body)
    assert note.amount == Decimal("110.50")


@pytest.mark.parametrize("rail", ["payment", *PROVIDERS])
def test_a_webhook_told_twice_is_one_entry(world: World, rail: str) -> None:
    world.pay(rail, copies=2)
    told = [world.taken(rail)[0].external_id for _ in world.receiver.calls]
    world.receiver.calls.reverse()
    assert len(told) == 2
    assert {world.taken(rail)[0].external_id} == set(told)


def test_what_was_played_survives_the_sandbox(tmp_path: Path, receiver: Receiver) -> None:
    config = SandboxConfig(
        ACCOUNT, "12345", "SG.test", tmp_path / "store", receiver.url, PUBLIC_URL, rails=SECRETS
    )
    with running(server(config, 0)) as url:
        identity = World(url, receiver, {}).pay("stripe")
    with running(server(config, 0)) as url:
        key = {"Authorization": "Bearer rk_test"}
        found = httpx.get(
            f"{url}/v1/payment_intents/{identity}", headers=key, trust_env=False, verify=NO_CERTIFICATES
        )
    assert found.json()["amount_received"] == 11050


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"rail": "barter"}, "rail: "),
        ({"rail": "pix", "kind": "dispute", "of": "E1"}, "Pix moves BRL"),
        ({"rail": "stripe", "kind": "reversal"}, "of: say which payment this reversal is about"),
        ({"rail": "asaas", "kind": "reversal", "of": "pay_1"}, "of: the sandbox knows no such payment"),
        ({"rail": "mercadopago", "id": "pay_1"}, "id and of: Mercado Pago numbers its payments"),
        (
            {"rail": "payment", "kind": "reversal", "of": "x"},
            "kind: the generic webhook tells payments alone",
        ),
    ],
)
def test_the_sandbox_says_what_it_cannot_play(world: World, body: dict[str, Any], sentence: str) -> None:
    answer = httpx.post(
        f"{world.url}/sandbox/payments",
        json={"amount": "1.00"} | body,
        trust_env=False,
        verify=NO_CERTIFICATES,
    )
    assert answer.status_code == 422
    assert answer.json()["error"].startswith(sentence)


def test_a_receiver_that_refuses_is_told_to_the_player(world: World) -> None:
    world.receiver.failures = 1
    identity = world.pay("stripe")
    assert [json.loads(call.body)["data"]["object"]["id"] for call in world.receiver.calls] == [identity]
