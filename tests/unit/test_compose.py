"""docker-compose.yml, .env.example and the Dockerfile say only what the code understands."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic_settings import BaseSettings

from channels.sandbox.paying import SECRETS
from channels.settings import ChannelSettings
from starter.api import health
from starter.api.settings import ApiSettings
from starter.embedded import SEARCH_ATTRIBUTES
from starter.settings import Settings

ROOT = Path(__file__).parents[2]
COMPOSE = (ROOT / "docker-compose.yml").read_text()
DOCUMENT: dict[str, Any] = yaml.safe_load(COMPOSE)
SERVICES: dict[str, dict[str, Any]] = DOCUMENT["services"]

OURS = {"migrate", "worker", "relay", "api"}
ONE_OFF = {"migrate", "temporal-schema", "temporal-namespace"}
THEIRS = {"postgres", "temporal", "temporal-ui", "temporal-schema", "temporal-namespace"}
# Read by temporalio.envconfig, not by a settings class of ours.
TEMPORAL_VARIABLES = {"TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE"}
LONG_RUNNING = (OURS | THEIRS) - ONE_OFF
METRICS_PORT = "9464"
# Secrets of the payment rails, whose variables are all optional but the generic one's.
RAIL_SECRETS = set(SECRETS) - {"PAYMENT_WEBHOOK_SECRET"}


def _variables(settings: type[BaseSettings]) -> set[str]:
    return {name.upper() for name in settings.model_fields}


def _required(settings: type[BaseSettings]) -> set[str]:
    return {name.upper() for name, field in settings.model_fields.items() if field.is_required()}


def _optional(settings: type[BaseSettings]) -> set[str]:
    """What the code can do without, and has no value of its own for; but for the proxy's, which is part of the file."""
    fields = settings.model_fields.items()
    return {name.upper() for name, field in fields if field.default is None} - {"FORWARDED_ALLOW_IPS"}


def _commands() -> set[str]:
    from typer.main import get_command

    from starter.main import app

    return set(getattr(get_command(app), "commands", {}))


def _documented() -> dict[str, str]:
    lines = (ROOT / ".env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_every_part_of_a_production_host_is_there() -> None:
    assert set(SERVICES) == OURS | THEIRS


@pytest.mark.parametrize("service", sorted(OURS))
def test_a_service_of_ours_runs_a_command_of_ours(service: str) -> None:
    assert SERVICES[service]["build"] == "."
    assert SERVICES[service]["command"] == [service]
    assert service in _commands()


@pytest.mark.parametrize("service", sorted(OURS))
def test_a_health_check_by_our_command_line_uses_a_command_that_exists(service: str) -> None:
    test = SERVICES[service].get("healthcheck", {}).get("test", [])
    if "regua" in test:
        assert test[test.index("regua") + 1] in _commands()
    else:
        assert service in {"migrate", "api"}


def test_the_service_is_healthy_where_it_says_that_it_is_ready() -> None:
    asked = re.search(r"http://127.0.0.1:(\d+)(/\w+)", SERVICES["api"]["healthcheck"]["test"][-1])
    assert asked is not None
    assert asked[1] == SERVICES["api"]["environment"]["API_PORT"]
    assert asked[2] in {getattr(route, "path", "") for route in health.router.routes}


@pytest.mark.parametrize("service", sorted(OURS))
def test_every_variable_of_a_service_is_known_to_the_code(service: str) -> None:
    ours = _variables(Settings) | _variables(ChannelSettings) | _variables(ApiSettings)
    assert set(SERVICES[service]["environment"]) - ours - TEMPORAL_VARIABLES == set()


def test_whoever_talks_to_providers_gets_every_setting_a_channel_requires() -> None:
    for service in ("worker", "relay", "api"):
        assert _required(ChannelSettings) - set(SERVICES[service]["environment"]) == set()


def test_the_service_gets_every_setting_of_its_own_and_of_the_channels() -> None:
    wanted = _variables(ApiSettings) | _variables(ChannelSettings)
    assert wanted - set(SERVICES["api"]["environment"]) == set()


def test_the_relay_confirms_payments_by_the_keys_with_which_the_service_verifies_them() -> None:
    relay, api = (SERVICES[name]["environment"] for name in ("relay", "api"))
    rails = {name for name in api if name.startswith(("STRIPE_", "PIX_", "ASAAS_", "MERCADOPAGO_"))}
    assert rails >= RAIL_SECRETS
    assert {name: relay[name] for name in rails} == {name: api[name] for name in rails}


def test_a_worker_has_no_key_to_a_payment_rail() -> None:
    assert not RAIL_SECRETS & set(SERVICES["worker"]["environment"])


def test_metrics_are_served_by_whatever_runs_for_long_and_published_by_nothing() -> None:
    for service in OURS - ONE_OFF:
        assert SERVICES[service]["environment"]["METRICS_ADDRESS"] == f"0.0.0.0:{METRICS_PORT}"
    assert METRICS_PORT not in str([service.get("ports") for service in SERVICES.values()])


def test_every_service_of_ours_gets_every_setting_that_is_always_required() -> None:
    for service in OURS - {"migrate"}:
        assert _required(Settings) - set(SERVICES[service]["environment"]) == set()


def test_the_migration_gets_no_secret_of_a_provider() -> None:
    assert not _variables(ChannelSettings) & set(SERVICES["migrate"]["environment"])


@pytest.mark.parametrize("service", sorted(OURS | THEIRS))
def test_a_secret_is_never_written_in_the_file_and_optional_only_where_the_code_can_do_without(
    service: str,
) -> None:
    for name, value in SERVICES[service].get("environment", {}).items():
        if name in _optional(ChannelSettings) | _optional(ApiSettings):
            assert value == f"${{{name}:-}}"
        elif re.search(r"(PASSWORD|PWD|SECRET|TOKEN|_KEY|_SID|DATABASE_URL)$", name):
            assert re.search(r"\$\{[A-Z_]+:\?", value), name


def test_compose_and_the_example_of_settings_name_the_same_variables_and_defaults() -> None:
    used = dict(re.findall(r"\$\{([A-Z_]+)(:[-?][^}]*)\}", COMPOSE))
    defaults = {name: rest[2:] if rest.startswith(":-") else "" for name, rest in used.items()}
    assert _documented() == defaults


@pytest.mark.parametrize("service", sorted(LONG_RUNNING))
def test_what_runs_for_long_is_watched_and_started_again(service: str) -> None:
    assert SERVICES[service]["restart"] == "unless-stopped"
    assert SERVICES[service]["healthcheck"]["test"][0] == "CMD"


@pytest.mark.parametrize("service", sorted(OURS | THEIRS))
def test_a_service_waits_for_the_end_of_one_offs_and_the_health_of_the_others(service: str) -> None:
    for other, how in SERVICES[service].get("depends_on", {}).items():
        expected = "service_completed_successfully" if other in ONE_OFF else "service_healthy"
        assert how["condition"] == expected
    if service != "postgres":
        assert SERVICES[service]["depends_on"]


@pytest.mark.parametrize("service", sorted(THEIRS))
def test_an_image_of_others_is_pinned_to_an_exact_version(service: str) -> None:
    assert re.fullmatch(r"[a-z/-]+:\d+\.\d+(\.\d+)?(-bookworm)?", SERVICES[service]["image"])


def test_temporal_is_the_version_that_the_tests_run_against() -> None:
    binary = Path(sys.executable).parent / "temporal"
    said = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True).stdout
    version = SERVICES["temporal"]["image"].split(":")[1]
    assert f"Server {version}" in said
    assert SERVICES["temporal-schema"]["image"].endswith(f":{version}")


def test_the_namespace_gets_the_search_attributes_that_workflows_carry() -> None:
    script = SERVICES["temporal-namespace"]["command"][0]
    assert set(re.findall(r"--name (\w+)", script)) == set(SEARCH_ATTRIBUTES)
    assert set(re.findall(r"--type (\w+)", script)) == set(SEARCH_ATTRIBUTES.values())


def test_the_image_runs_the_command_that_the_project_installs() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    entry = re.search(r'ENTRYPOINT \["(\w+)"\]', dockerfile)
    assert entry is not None
    assert entry[1] in scripts
    for source in re.findall(r"^COPY (\S+) ", dockerfile, re.MULTILINE):
        assert (ROOT / source).exists()


def test_the_settings_of_a_host_never_enter_the_image() -> None:
    assert {".env", ".regua", ".git"} <= set((ROOT / ".dockerignore").read_text().split())
