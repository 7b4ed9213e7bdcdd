"""A payment rail is on where its secret is set; half a rail is refused with the variable's name."""

from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from channels.rails.configured import rails
from channels.settings import SettingsError, load_settings
from tests.unit.channels.loopback import settings
from tests.unit.channels.test_settings import GOOD

WHOLE: dict[str, Any] = {
    "stripe_webhook_secret": SecretStr("whsec_1"),
    "stripe_api_key": SecretStr("rk_1"),
    "pix_webhook_secret": SecretStr("s"),
    "pix_api_base_url": "https://pix.example.com/v2",
    "pix_client_id": "id",
    "pix_client_secret": SecretStr("s"),
    "asaas_webhook_token": SecretStr("t"),
    "asaas_api_key": SecretStr("k"),
    "mercadopago_webhook_secret": SecretStr("s"),
    "mercadopago_access_token": SecretStr("t"),
}


def test_without_secrets_only_the_generic_rail_is_on() -> None:
    assert list(rails(settings())) == ["payment"]


def test_each_rail_is_known_by_its_source() -> None:
    found = rails(settings(**WHOLE))
    assert list(found) == ["payment", "stripe", "pix", "asaas", "mercadopago"]
    assert all(rail.source == source for source, rail in found.items())
    assert found["asaas"].answer_status == 200


@pytest.mark.parametrize("name", ["stripe_webhook_secret", "pix_webhook_secret", "asaas_webhook_token"])
def test_a_rail_whose_api_cannot_be_asked_takes_its_senders_word(name: str) -> None:
    given: dict[str, Any] = {name: SecretStr("secret")}
    assert len(rails(settings(**given))) == 2


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            {"stripe_api_key": SecretStr("rk_1")},
            "STRIPE_API_KEY is set without STRIPE_WEBHOOK_SECRET: .*set both",
        ),
        ({"asaas_api_key": SecretStr("k")}, "ASAAS_API_KEY is set without ASAAS_WEBHOOK_TOKEN"),
        ({"mercadopago_access_token": SecretStr("t")}, "MERCADOPAGO_ACCESS_TOKEN is set without .*_SECRET"),
        (
            {"mercadopago_webhook_secret": SecretStr("s")},
            "MERCADOPAGO_WEBHOOK_SECRET is set without .*_TOKEN",
        ),
        ({"pix_token_url": "https://auth.example.com"}, "PIX_TOKEN_URL is set without PIX_API_BASE_URL"),
        ({"pix_client_secret": SecretStr("s")}, "PIX_CLIENT_SECRET is set without PIX_API_BASE_URL"),
        (WHOLE | {"pix_client_id": None}, "PIX_API_BASE_URL is set without PIX_CLIENT_ID"),
        (WHOLE | {"pix_client_secret": None}, "PIX_CLIENT_ID is set without PIX_CLIENT_SECRET"),
        (WHOLE | {"pix_webhook_secret": None}, "PIX_API_BASE_URL is set without PIX_WEBHOOK_SECRET"),
        ({"stripe_webhook_secret": SecretStr(" ")}, "must not be empty"),
        ({"pix_webhook_header": "X Pix"}, "pix_webhook_header"),
        ({"asaas_api_base_url": "http://api.example.com"}, "must begin with https://"),
    ],
)
def test_half_a_rail_is_refused(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        settings(**given)


def test_the_environment_names_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("STRIPE_API_KEY", "rk_secret")
    with pytest.raises(
        SettingsError, match=r"^STRIPE_API_KEY is set without STRIPE_WEBHOOK_SECRET"
    ) as caught:
        load_settings()
    assert "rk_secret" not in str(caught.value)
