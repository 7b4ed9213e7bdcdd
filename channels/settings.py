"""Where the providers and payment rails are, who we are to them, and where they reach us: from the environment."""

import base64
import re
from ipaddress import ip_address
from typing import Annotated
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key
from pydantic import AfterValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class SettingsError(Exception):
    """Settings are missing or contradict each other; the text names each variable and what to do."""


def is_private(url: str) -> bool:
    """Whether the address is on this machine or a bare name of a private network: no proxy, plain HTTP is fine."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return "." not in host or host.endswith(".localhost")


def _base_url(value: str) -> str:
    url = value.rstrip("/")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("must be an address like https://host, without query or fragment")
    if parts.scheme == "http" and not is_private(url):
        raise ValueError("must begin with https://, unless it is on this machine")
    if "_" in parts.hostname:
        raise ValueError("must not have an underscore in its host name: Twilio does not call such hosts")
    return url


def _public_key(value: str) -> str:
    try:
        key = load_der_public_key(base64.b64decode(value, validate=True))
    except ValueError:
        key = None
    if isinstance(key, ec.EllipticCurvePublicKey):
        return value
    raise ValueError("must be the verification key of SendGrid's signed event webhook, one line of base64")


def _webhook_secret(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    try:
        size = len(base64.b64decode(text.removeprefix("whsec_"), validate=True))
    except ValueError:
        size = 0
    if not text.startswith("whsec_") or not 24 <= size <= 64:
        raise ValueError("must be whsec_ followed by 24 to 64 bytes in base64 (Standard Webhooks)")
    return value


def _filled(value: SecretStr) -> SecretStr:
    if not value.get_secret_value().strip():
        raise ValueError("must not be empty")
    return value


def shaped(pattern: str, words: str) -> AfterValidator:
    """A setting that is `pattern` as a whole; of any other `words` says what it must be, for people."""

    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(words)
        return value

    return AfterValidator(check)


BaseUrl = Annotated[str, AfterValidator(_base_url)]
FilledSecret = Annotated[SecretStr, AfterValidator(_filled)]


_NO_WEBHOOK = "without its webhooks' secret, the rail is off"
_NO_QUESTION = "the PSP's API cannot be asked"
# Of two settings, the first makes no sense without the second.
_NEEDS = (
    ("stripe_api_key", "stripe_webhook_secret", _NO_WEBHOOK),
    ("pix_api_base_url", "pix_webhook_secret", _NO_WEBHOOK),
    ("pix_api_base_url", "pix_client_id", _NO_QUESTION),
    ("pix_client_id", "pix_client_secret", _NO_QUESTION),
    ("pix_client_secret", "pix_api_base_url", _NO_QUESTION),
    ("pix_token_url", "pix_api_base_url", _NO_QUESTION),
    ("asaas_api_key", "asaas_webhook_token", _NO_WEBHOOK),
    ("mercadopago_access_token", "mercadopago_webhook_secret", _NO_WEBHOOK),
    (
        "mercadopago_webhook_secret",
        "mercadopago_access_token",
        "its webhooks say only which payment to ask for",
    ),
)


class ChannelSettings(BaseSettings):
    """Settings of all channels; each field is the environment variable of the same name in capitals.

    `public_url` is the service's address as the providers see it. `twilio_webhook_key` is the secret of a
    shared key, needed only when Twilio signs its callbacks with one instead of the account's token.
    `provider_timeout_seconds` stays well under the 60 seconds that a permit lasts.

    `pix_webhook_header` is the header in which the proxy, where the PSP's mutual TLS ends, passes the secret.
    `pix_api_base_url` is the part before /pix/..., `pix_token_url` where OAuth's client credentials become a
    token (without it, `pix_api_base_url`/oauth/token).
    """

    # Values are secrets and addresses: they must not be quoted in an error. Compose files pass what is not
    # set as an empty value.
    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", hide_input_in_errors=True, env_ignore_empty=True
    )

    twilio_account_sid: Annotated[
        str,
        shaped(r"AC[0-9a-fA-F]{32}", "must be AC and 32 hexadecimal digits, as Twilio's console shows it"),
    ]
    twilio_auth_token: FilledSecret
    twilio_api_base_url: BaseUrl = "https://api.twilio.com"
    twilio_webhook_key: FilledSecret | None = None
    sendgrid_api_key: FilledSecret
    sendgrid_host: BaseUrl = "https://api.sendgrid.com"
    sendgrid_webhook_public_key: Annotated[str, AfterValidator(_public_key)]
    public_url: BaseUrl
    payment_webhook_secret: Annotated[SecretStr, AfterValidator(_webhook_secret)]
    provider_timeout_seconds: Annotated[float, Field(gt=0, le=25)] = 10

    # A payment rail is on where the secret of its webhooks is set; with its API's, each payment is confirmed.
    stripe_webhook_secret: FilledSecret | None = None
    stripe_api_key: FilledSecret | None = None
    stripe_api_base_url: BaseUrl = "https://api.stripe.com"
    pix_webhook_secret: FilledSecret | None = None
    pix_webhook_header: Annotated[
        str, shaped(r"[A-Za-z0-9-]{1,60}", "must be a header's name: letters, digits and -, at most 60")
    ] = "X-Pix-Secret"
    pix_api_base_url: BaseUrl | None = None
    pix_token_url: BaseUrl | None = None
    pix_client_id: Annotated[str, Field(min_length=1)] | None = None
    pix_client_secret: FilledSecret | None = None
    asaas_webhook_token: FilledSecret | None = None
    asaas_api_key: FilledSecret | None = None
    asaas_api_base_url: BaseUrl = "https://api.asaas.com"
    mercadopago_webhook_secret: FilledSecret | None = None
    mercadopago_access_token: FilledSecret | None = None
    mercadopago_api_base_url: BaseUrl = "https://api.mercadopago.com"

    @model_validator(mode="after")
    def _callbacks_can_arrive(self) -> "ChannelSettings":
        for name in ("twilio_api_base_url", "sendgrid_host"):
            if is_private(self.public_url) and not is_private(getattr(self, name)):
                raise ValueError(
                    f"PUBLIC_URL is an address inside this machine or network, but {name.upper()} is outside: "
                    "receipts could never arrive; set PUBLIC_URL to the service's public https address"
                )
        return self

    @model_validator(mode="after")
    def _rails_are_whole(self) -> "ChannelSettings":
        for name, needed, why in _NEEDS:
            if getattr(self, name) is not None and getattr(self, needed) is None:
                raise ValueError(
                    f"{name.upper()} is set without {needed.upper()}: {why}; set both, or neither"
                )
        return self


def load_settings() -> ChannelSettings:
    """Settings from the environment; raises `SettingsError` with one line for each variable that is wrong."""
    try:
        return ChannelSettings()  # the fields come from the environment
    except ValidationError as error:
        lines = [_sentence(item["loc"], item["type"], item["msg"]) for item in error.errors()]
    raise SettingsError("\n".join(lines))


def _sentence(location: tuple[int | str, ...], kind: str, text: str) -> str:
    text = text.removeprefix("Value error, ")
    if not location:
        return f"{text}."
    variable = str(location[0]).upper()
    return (
        f"{variable} is not set; set it in the environment." if kind == "missing" else f"{variable}: {text}."
    )
