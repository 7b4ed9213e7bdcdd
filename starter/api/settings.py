"""Settings of the HTTP service alone: its limits, and where people log in; read from the environment."""

from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, Json, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from channels.settings import BaseUrl, FilledSecret, SettingsError
from starter.api.roles import Role

_LOGIN = ("oidc_issuer", "oidc_client_id", "oidc_client_secret", "oidc_roles", "session_secret")


def _long(value: SecretStr) -> SecretStr:
    if len(value.get_secret_value()) < 32:
        raise ValueError("must have at least 32 characters, all random")
    return value


Roles = Annotated[dict[str, Role], Field(min_length=1)]
PerMinute = Annotated[int, Field(ge=0, le=1_000_000)]


class ApiSettings(BaseSettings):
    """Each field is the environment variable of the same name in capitals.

    Rates are requests a minute that one process takes, of one token and of one source address; 0 takes the limit
    off. `forwarded_allow_ips` names the proxies, by address, whose X-Forwarded-For is believed; without it, nobody's
    is. `ready_relay_lag_seconds` is how long a change may wait for the relay before /readyz says so. People log
    in by OpenID Connect where all of OIDC_ISSUER, OIDC_CLIENT_ID, OIDC_CLIENT_SECRET, OIDC_ROLES and
    SESSION_SECRET are given: `oidc_roles` gives the role for each value of the claim `oidc_role_claim`.
    """

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", hide_input_in_errors=True, env_ignore_empty=True
    )

    rate_per_token_per_minute: PerMinute = 600
    rate_per_source_per_minute: PerMinute = 6_000
    forwarded_allow_ips: Annotated[str, Field(min_length=1)] | None = None
    ready_relay_lag_seconds: Annotated[float, Field(gt=0, le=86_400)] = 60
    oidc_issuer: BaseUrl | None = None
    oidc_client_id: Annotated[str, Field(min_length=1)] | None = None
    oidc_client_secret: FilledSecret | None = None
    oidc_roles: Annotated[Json[Roles] | None, NoDecode] = None
    oidc_role_claim: Annotated[str, Field(min_length=1)] = "roles"
    session_secret: Annotated[SecretStr, AfterValidator(_long)] | None = None

    @property
    def people_log_in(self) -> bool:
        """Whether there is a login for people at all."""
        return self.oidc_issuer is not None

    @model_validator(mode="after")
    def _login_is_whole(self) -> Self:
        missing = [name.upper() for name in _LOGIN if getattr(self, name) is None]
        if 0 < len(missing) < len(_LOGIN):
            raise ValueError(f"{missing[0]} is not set, but other settings of the login are: set all or none")
        return self

    @model_validator(mode="after")
    def _people_have_roles_of_people(self) -> Self:
        machines = {Role.PAYMENTS, Role.ERP}.intersection((self.oidc_roles or {}).values())
        if machines:
            raise ValueError(f"OIDC_ROLES gives people the role {min(machines)}, which is for other systems")
        return self


def load_api_settings() -> ApiSettings:
    """Settings from the environment; raises SettingsError with one line for each variable that is wrong."""
    try:
        return ApiSettings()  # the fields come from the environment
    except ValidationError as error:
        lines = [_sentence(item["loc"], item["msg"]) for item in error.errors()]
    raise SettingsError("\n".join(lines))


def _sentence(location: tuple[int | str, ...], text: str) -> str:
    text = text.removeprefix("Value error, ")
    return f"{str(location[0]).upper()}: {text}." if location else f"{text}."


def origin_of(url: str) -> str:
    """The origin of an address, as browsers write it in the header Origin."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()
