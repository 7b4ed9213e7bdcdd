"""What tests at a terminal share: commands on the test's own database, with the shipped documents."""

from pathlib import Path

import pytest

from ledger.access import Ledger
from tests.integration.terminal import Terminal

ROOT = Path(__file__).parents[2]


@pytest.fixture
def terminal(
    ledger: Ledger,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Terminal:
    """Commands that Ana gives."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("CREDITOR_FILE", str(ROOT / "creditor.yaml"))
    monkeypatch.setenv("CADENCES_DIR", str(ROOT / "cadences"))
    monkeypatch.setenv("POLICIES_DIR", str(ROOT / "policies"))
    monkeypatch.setenv("REGUA_ACTOR", "ana")
    return Terminal(capsys)
