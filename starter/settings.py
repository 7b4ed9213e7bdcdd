"""Where the ledger and the creditor's documents are, and how fast the worker may go: read from the environment."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from channels.settings import SettingsError, shaped
from ledger.access import Ledger
from ledger.database import LedgerError, connect, database_url
from starter.documents import read_creditor, read_packs, read_segments

__all__ = [
    "Settings",
    "SettingsError",
    "load_settings",
    "open_ledger",
]


def _postgresql(value: str) -> str:
    try:
        database_url(value)
    except LedgerError:
        raise ValueError(
            "must be a PostgreSQL address like postgresql://user:password@host:5432/regua"
        ) from None
    return value


Rate = Annotated[float, Field(ge=0, le=10_000)]


class Settings(BaseSettings):
    """Settings of every command; each field is the environment variable of the same name in capitals.

    The rates are messages a second over all workers, kept by Temporal; 0 takes the limit off.
    `sticky_timeout_seconds` is how long a task waits for a worker that died; `worker_build_id` turns Temporal's
    worker versioning on; `rehearsal_shift_seconds` is set by rehearsals alone, which play other dates on today's
    server clock; `sweep_minutes` is how often the relay looks for invoices whose workflow is missing;
    `metrics_address` is the host:port where a process answers Prometheus, each its own;
    `webhooks_to_private_networks` lets outgoing webhooks go to private addresses and plain http: for tests, and
    for a stack on one machine.
    """

    # Values hold passwords: they must not be quoted in an error.
    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    database_url: Annotated[str, AfterValidator(_postgresql)]
    # Plain, because it is quoted in Temporal's list queries.
    task_queue: Annotated[
        str, shaped(r"[A-Za-z0-9._-]{1,200}", "must be letters, digits, '.', '_' and '-', at most 200")
    ] = "regua"
    creditor_file: Path = Path("creditor.yaml")
    cadences_dir: Path = Path("cadences")
    policies_dir: Path = Path("policies")
    api_host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    api_port: Annotated[int, Field(ge=1, le=65535)] = 8000
    metrics_address: (
        Annotated[str, shaped(r"[^\s:]+:[0-9]{1,5}", "must be host:port, such as 127.0.0.1:9464")] | None
    ) = None
    emails_per_second: Rate = 10
    sms_per_second: Rate = 1
    whatsapps_per_second: Rate = 10
    max_cached_workflows: Annotated[int, Field(ge=0, le=100_000)] = 1_000
    sticky_timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 10
    worker_build_id: Annotated[str, Field(min_length=1)] | None = None
    sweep_minutes: Annotated[float, Field(gt=0, le=1_440)] = 10
    rehearsal_shift_seconds: float | None = None
    webhooks_to_private_networks: bool = False


def load_settings() -> Settings:
    """Settings from the environment; raise SettingsError with one line for each variable that is wrong."""
    try:
        return Settings()  # the fields come from the environment
    except ValidationError as error:
        raise SettingsError("\n".join(_sentence(*_of(item)) for item in error.errors())) from None


def _of(item: object) -> tuple[str, str, str]:
    assert isinstance(item, dict)
    return str(item["loc"][0]).upper(), item["type"], item["msg"].removeprefix("Value error, ")


def _sentence(variable: str, kind: str, text: str) -> str:
    if kind == "missing":
        return f"{variable} is not set; set it in the environment, or run `regua up` in this folder."
    return f"{variable}: {text[0].lower()}{text[1:]}."


def open_ledger(settings: Settings) -> Ledger:
    """The ledger at DATABASE_URL, with the creditor's document and the contact rules; dispose of its engine when done."""
    shift = timedelta(seconds=settings.rehearsal_shift_seconds or 0)
    creditor, packs = read_creditor(settings.creditor_file), read_packs(settings.policies_dir)
    segments = read_segments(settings.creditor_file)
    return Ledger(connect(settings.database_url), creditor, shift, packs, segments)
