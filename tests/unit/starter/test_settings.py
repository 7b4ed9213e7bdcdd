"""Settings: what is missing or contradictory is refused by the variable's name, and no value is quoted."""

import os
from pathlib import Path

import pytest

from cadence.problems import DocumentError
from starter.documents import read_creditor
from starter.running_stack import adopt_running_stack
from starter.settings import SettingsError, load_settings

URL = "postgresql://regua:s3cret-word@127.0.0.1:5432/regua"


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment that names no stack, and forgets what the test puts into it."""
    for name in ("DATABASE_URL", "TEMPORAL_ADDRESS", "TEMPORAL_PROFILE", "PUBLIC_URL"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    return monkeypatch


def test_the_database_is_the_only_setting_without_a_default(alone: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match=r"^DATABASE_URL is not set; set it in the environment"):
        load_settings()
    alone.setenv("DATABASE_URL", URL)
    assert load_settings().task_queue == "regua"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DATABASE_URL", "mysql://regua:s3cret-word@127.0.0.1/regua"),
        ("DATABASE_URL", "s3cret-word"),
        ("API_PORT", "0"),
        ("API_PORT", "http"),
        ("EMAILS_PER_SECOND", "-1"),
        ("SMS_PER_SECOND", "nan"),
        ("TASK_QUEUE", "it's"),
        ("METRICS_ADDRESS", "s3cret-word"),
        ("STICKY_TIMEOUT_SECONDS", "0"),
        ("SWEEP_MINUTES", "never"),
    ],
)
def test_a_wrong_setting_is_named_and_its_value_is_not(
    alone: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    alone.setenv("DATABASE_URL", URL)
    alone.setenv(variable, value)
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert str(refused.value).startswith(f"{variable}: ")
    assert "s3cret-word" not in str(refused.value)
    assert "pattern" not in str(refused.value), "a person is told what to write, not an expression to match"


def test_every_wrong_setting_is_named_at_once(alone: pytest.MonkeyPatch) -> None:
    alone.setenv("API_PORT", "0")
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert [line.split()[0] for line in str(refused.value).splitlines()] == ["DATABASE_URL", "API_PORT:"]


def test_a_running_stack_is_found_where_the_environment_names_none(
    alone: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stack = tmp_path / "env"
    stack.write_text(f"DATABASE_URL={URL}?sslmode=disable\nPUBLIC_URL=http://127.0.0.1:1\n")
    alone.setenv("PUBLIC_URL", "http://127.0.0.1:2")
    adopt_running_stack(stack)
    assert os.environ["DATABASE_URL"] == f"{URL}?sslmode=disable"
    assert os.environ["PUBLIC_URL"] == "http://127.0.0.1:2"


@pytest.mark.parametrize("variable", ["DATABASE_URL", "TEMPORAL_ADDRESS", "TEMPORAL_PROFILE"])
def test_a_stack_that_the_environment_names_is_never_mixed_with_a_running_one(
    alone: pytest.MonkeyPatch, tmp_path: Path, variable: str
) -> None:
    stack = tmp_path / "env"
    stack.write_text(f"DATABASE_URL={URL}\nPUBLIC_URL=http://127.0.0.1:1\n")
    alone.setenv(variable, "production")
    adopt_running_stack(stack)
    assert "PUBLIC_URL" not in os.environ


def test_a_creditor_that_cannot_be_read_is_named_with_its_file(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="there is no such file"):
        read_creditor(tmp_path / "creditor.yaml")
    with pytest.raises(DocumentError, match="this is a folder"):
        read_creditor(tmp_path)
    (tmp_path / "creditor.yaml").write_bytes(b"legal_name: \xff\xfe")
    with pytest.raises(DocumentError, match="not UTF-8"):
        read_creditor(tmp_path / "creditor.yaml")
