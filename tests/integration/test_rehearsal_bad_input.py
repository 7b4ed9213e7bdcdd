"""What `regua rehearse` refuses at once: a sentence, exit status 2, nothing started and nothing written."""

from pathlib import Path

import pytest

from tests.integration.terminal import Terminal

ROOT = Path(__file__).parents[2]
PORTFOLIO = str(ROOT / "samples" / "portfolio.csv")
EVENTS = str(ROOT / "samples" / "happenings.csv")


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    monkeypatch.chdir(ROOT)
    return Terminal(capsys)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([PORTFOLIO, "--days", "5"], "Missing option '--from'"),
        ([PORTFOLIO, "--from", "2026-01-05"], "Missing option '--days'"),
        ([PORTFOLIO, "--from", "2026-13-05", "--days", "5"], "'2026-13-05'"),
        ([PORTFOLIO, "--from", "05/01/2026", "--days", "5"], "'05/01/2026'"),
        ([PORTFOLIO, "--from", "1850-01-05", "--days", "5"], "must lie between 1990-01-01 and 2099-12-31"),
        ([PORTFOLIO, "--from", "2099-12-20", "--days", "15"], "must lie between 1990-01-01 and 2099-12-31"),
        ([PORTFOLIO, "--from", "2026-01-05", "--days", "0"], "--days"),
        (["none.csv", "--from", "2026-01-05", "--days", "5"], "none.csv"),
        ([EVENTS, "--from", "2026-01-05", "--days", "5"], "happenings.csv"),
        ([PORTFOLIO, "--from", "2026-01-05", "--days", "5", "--events", PORTFOLIO], "portfolio.csv"),
        ([PORTFOLIO, "--from", "2026-01-05", "--days", "5", "--habits", "none.yaml"], "none.yaml"),
        ([PORTFOLIO, "--from", "2026-01-05", "--days", "5", "--mapping", "creditor.yaml"], "creditor.yaml"),
        ([PORTFOLIO, "--from", "2026-01-05", "--days", "5", "--creditor", "none.yaml"], "none.yaml"),
        ([PORTFOLIO, "--from", "2026-01-05", "--days", "5", "--folder", "samples"], "samples"),
        ([PORTFOLIO, "--from", "2026-01-05", "--days", "5", "--report", "samples"], "not empty; name another folder"),
        ([PORTFOLIO, "--from", "2026-01-05", "--days", "5", "--report", PORTFOLIO], "not empty; name another folder"),
        ([PORTFOLIO, "--from", "2026-01-05", "--days", "5", "--report", f"{PORTFOLIO}/x"], "no folder that you may write to"),
        # A day later the sample's first happenings come before their invoices.
        ([PORTFOLIO, "--from", "2026-01-20", "--days", "5", "--events", EVENTS], "is before 2026-0021 enters"),
    ],
)  # fmt: skip
async def test_a_rehearsal_that_cannot_be_is_refused_before_it_starts(
    terminal: Terminal, arguments: list[str], said: str
) -> None:
    refused = await terminal.refused("rehearse", *arguments)
    assert said in refused
    assert "Starting" not in refused


async def test_the_demo_writes_no_report_over_another(terminal: Terminal) -> None:
    assert "not empty; name another folder" in await terminal.refused("demo", "--report", "samples")
