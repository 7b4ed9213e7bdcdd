"""Settings that are missing or contradict each other are refused with the variable's name."""

import pytest

from channels.settings import SettingsError, load_settings
from tests.unit.channels.loopback import ACCOUNT, settings

GOOD = {
    "TWILIO_ACCOUNT_SID": ACCOUNT,
    "TWILIO_AUTH_TOKEN": "token-value",
    "SENDGRID_API_KEY": "key-value",
    "SENDGRID_WEBHOOK_PUBLIC_KEY": settings().sendgrid_webhook_public_key,
    "PUBLIC_URL": "https://regua.example.com/",
    "PAYMENT_WEBHOOK_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
}
OPTIONAL = ("TWILIO_API_BASE_URL", "SENDGRID_HOST", "TWILIO_WEBHOOK_KEY", "PROVIDER_TIMEOUT_SECONDS")


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in OPTIONAL:
        monkeypatch.delenv(name, raising=False)
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_the_environment_alone_is_enough(environment: pytest.MonkeyPatch) -> None:
    loaded = load_settings()
    assert loaded.public_url == "https://regua.example.com"
    assert loaded.twilio_api_base_url == "https://api.twilio.com"
    assert loaded.sendgrid_host == "https://api.sendgrid.com"
    assert loaded.provider_timeout_seconds == 10


@pytest.mark.parametrize("name", sorted(GOOD))
def test_a_missing_variable_is_named(environment: pytest.MonkeyPatch, name: str) -> None:
    environment.delenv(name)
    with pytest.raises(SettingsError, match=f"^{name} is not set"):
        load_settings()


def test_an_empty_variable_is_one_that_is_not_set(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("TWILIO_WEBHOOK_KEY", "")
    environment.setenv("SENDGRID_HOST", "")
    assert load_settings().twilio_webhook_key is None
    environment.setenv("TWILIO_AUTH_TOKEN", "")
    with pytest.raises(SettingsError, match=r"^TWILIO_AUTH_TOKEN is not set"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TWILIO_ACCOUNT_SID", "SK123"),
        ("TWILIO_AUTH_TOKEN", " "),
        ("TWILIO_API_BASE_URL", "ftp://api.example.com"),
        ("SENDGRID_HOST", "http://mail.example.com"),
        ("SENDGRID_WEBHOOK_PUBLIC_KEY", "bm9rZXk="),
        ("PUBLIC_URL", "https://my_host.example.com"),
        ("PUBLIC_URL", "https://regua.example.com/?a=1"),
        ("PAYMENT_WEBHOOK_SECRET", "whsec_c2hvcnQ="),
        ("PAYMENT_WEBHOOK_SECRET", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        ("PROVIDER_TIMEOUT_SECONDS", "60"),
    ],
)
def test_a_wrong_variable_is_named_and_its_value_is_not_quoted(
    environment: pytest.MonkeyPatch, name: str, value: str
) -> None:
    environment.setenv(name, value)
    with pytest.raises(SettingsError, match=f"^{name}: ") as caught:
        load_settings()
    assert "\n" not in str(caught.value)
    assert value not in str(caught.value) or name == "PROVIDER_TIMEOUT_SECONDS" or not value.strip()


def test_real_providers_cannot_reach_a_receiver_on_loopback(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("PUBLIC_URL", "http://127.0.0.1:8080")
    with pytest.raises(SettingsError, match=r"PUBLIC_URL .* TWILIO_API_BASE_URL"):
        load_settings()


def test_secrets_do_not_show_when_settings_are_printed(environment: pytest.MonkeyPatch) -> None:
    shown = repr(load_settings())
    assert not any(GOOD[name] in shown for name in ("TWILIO_AUTH_TOKEN", "SENDGRID_API_KEY"))
