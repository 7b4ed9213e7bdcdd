"""Bad input to every command: a sentence that says what is wrong, exit status 2, nothing changed, no traceback."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

import worker
from ledger.access import Ledger
from ledger.publishing import publish
from ledger.tables import events_table
from starter.embedded import EmbeddedTemporal, free_port
from tests.integration.engines import engine_on
from tests.integration.ledger.playing import CREDITOR, row, ruler, take_in
from tests.integration.terminal import Terminal

ROOT = Path(__file__).parents[2]
TODAY = datetime.now(UTC).date()
YESTERDAY, TOO_FAR = TODAY - timedelta(days=2), TODAY + timedelta(days=2000)
SECRET = "s3cret-word"

REFUSED: list[tuple[list[str], str]] = [
    (["pay"], "Missing argument"),
    (["pay", "A-1"], "Missing argument"),
    (["pay", "nobody", "1.00"], "no invoice 'nobody' is known"),
    (["pay", "A-1", "0"], "above zero"),
    (["pay", "A-1", "--", "-5"], "above zero"),
    (["pay", "A-1", "1,50"], "is no amount"),
    (["pay", "A-1", "NaN"], "is no amount"),
    (["pay", "A-1", "1e3"], "is no amount"),
    (["pay", "A-1", "9" * 30], "is no amount"),
    (["pay", "A-1", "١٢"], "is no amount"),
    (["pay", "A-1", "1.005"], "more decimals than EUR"),
    (["pay", "A-1", "1.00", "--currency", "USD"], "is in EUR, not in USD"),
    (["pay", "A-1", "1.00", "--method", "Bank Transfer"], "is no code"),
    (["pay", "A-1", "1.00", "--at", "yesterday"], "is no instant"),
    (["pay", "A-1", "1.00", "--at", f"{TOO_FAR}T10:00"], "lies in the future"),
    (["pay", "A-1", "1.00", "--id", ""], "--id is empty"),
    (["pay", "A-1", "1.00", "--actor", "a\x1b[31m"], "invisible control characters"),
    (["pay", "A-1", "1.00", "--bogus"], "No such option"),
    (["reverse", "A-1", "1.00"], "more than was paid"),
    (["reverse", "nobody", "1.00"], "no invoice"),
    (["dispute", "A-1", "--reason", "They are WRONG"], "is no code"),
    (["dispute", "PAID"], "closed as paid"),
    (["dispute", "DISPUTED"], "disputed already"),
    (["resolve", "A-1", "--outcome", "maybe"], "maybe"),
    (["resolve", "A-1", "--outcome", "upheld"], "is not disputed"),
    (["promise", "A-1"], "Missing option"),
    (["promise", "A-1", "--on", "soon"], "is no date"),
    (["promise", "A-1", "--on", "2026-02-30"], "is no date"),
    (["promise", "A-1", "--on", f"{YESTERDAY}"], "in the past"),
    (["promise", "A-1", "--on", f"{TOO_FAR}"], "two years ahead"),
    (["promise", "A-1", "--on", "9999-12-31"], "two years ahead"),
    (["promise", "A-1", "--on", f"{TODAY + timedelta(days=3)}", "--amount", "500"], "more than is open"),
    (["promise", "PAID", "--on", f"{TODAY + timedelta(days=3)}"], "closed as paid"),
    (["escalate", "A-1", "--stage", "doom"], "the stages of its cadence are courtesy, overdue"),
    (["escalate", "PAID"], "closed as paid"),
    (["cancel", "PAID"], "closed as paid"),
    (["pause"], "say which"),
    (["pause", "A-1", "--customer", "C-1"], "say which"),
    (["pause", "PAID"], "closed as paid"),
    (["pause", "A-1", "--until", f"{YESTERDAY}"], "in the past"),
    (["pause", "--customer", "nobody"], "no customer 'nobody' is known"),
    (["resume", "A-1"], "is not paused"),
    (["resume", "--customer", "C-1"], "is not paused"),
    (["show", "nobody"], "no invoice"),
    (["show", "A-1\x00"], "PostgreSQL cannot keep this value"),
    (["show", "n\udce3o"], "is not UTF-8; set the terminal to UTF-8"),
    (["list", "--state", "lost"], "lost"),
    (["list", "--limit", "0"], "--limit"),
    (["list", "--segment", "nobody"], "no segment 'nobody' is known"),
    (["list", "--customer", "C-404"], "no customer 'C-404' is known"),
    (["agenda", "--days", "0"], "--days"),
    (["messages", "nobody"], "no invoice"),
    (["messages", "--body", "NOPE"], "no message 'NOPE' is known"),
    (["messages", "A-1", "--body", "NOPE"], "either an invoice or --body"),
    (["cases", "--status", "lost"], "is no status of a case"),
    (["cases", "--queue", "nowhere"], "no queue 'nowhere' is known"),
    (["case"], "Missing command"),
    (["case", "claim", "one"], "valid integer"),
    (["case", "claim", "404"], "no case 404 is known"),
    (["case", "release", "404"], "no case 404 is known"),
    (["jobs", "404"], "no job 404 is known"),
    (["case", "note", "404", " "], "the note is empty"),
    (["case", "close", "99999999999999999999999"], "case"),
    (["rules", "BR", "--subdivision", "PS"], "'PS' is no subdivision of BR"),
    (["halt", "--channel", "fax"], "no channel 'fax' is known"),
    (["halt", "--segment", "nobody"], "no segment 'nobody' is known"),
    (["halt", "--all", "--channel", "sms"], "exactly one"),
    (["halt", "--reason", "wrong-texts"], "exactly one"),
    (["conversations", "C-1", "--unknown"], "say one"),
    (["plan", "A-1", "--in", "3", "--from", "9999-12-01"], "9999-12-01; check the year"),
    (["cadence", "migrate", "nothing"], "no cadence 'nothing' is published; published are: "),
    (["unhalt"], "exactly one"),
    (["unhalt", "--all"], "is not halted"),
    (["cadence", "lint", "--folder", "nowhere"], "holds no cadence"),
    (["cadence", "show", "nothing"], "there is no cadence 'nothing'"),
    (["cadence", "show", "smb", "--due", "soon"], "is no date"),
    (["cadence", "show", "smb", "--due", "9999-12-31"], "too far away"),
    (["cadence", "show", "smb", "--country", "XX"], "is no country"),
    (["cadence", "show", "smb", "--language", "de"], "de"),
    (["cadence", "publish", "nowhere.yaml"], "there is no such file"),
    (["cadence", "publish", "--creditor", "nowhere.yaml"], "there is no such file"),
    (["cadence", "schema", "--folder", "nowhere"], "is no folder"),
    (["import"], "say which"),
    (["import", "nowhere.csv"], "nowhere.csv"),
    (["import", "."], ".:1: this is a folder"),
    (["import", str(ROOT / "samples")], "samples:1: this is a folder"),
    (["import", "--template", "nowhere/example.csv"], "cannot be written"),
    (["import", "README-is-not-there.csv", "--mapping", "nowhere.yaml"], "nowhere.yaml"),
    (["events", "import", "nowhere.csv"], "nowhere.csv"),
    (["events"], "Missing command"),
    (["dance"], "No such command"),
]  # fmt: skip


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    """An open invoice, a paid one and a disputed one."""
    ledger = Ledger(engine_on(database_url, 2), CREDITOR)
    await publish(ledger.engine, ruler(), datetime.now(UTC))
    dates: dict[str, Any] = {"issued_on": TODAY, "due_on": TODAY + timedelta(days=30)}
    rows = [row("A-1", **dates), row("PAID", **dates), row("DISPUTED", **dates)]
    await take_in(ledger, *rows, now=datetime.now(UTC))
    yield ledger
    await ledger.engine.dispose()


@pytest.fixture
def terminal(
    database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Terminal:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("CREDITOR_FILE", str(ROOT / "creditor.yaml"))
    monkeypatch.setenv("CADENCES_DIR", str(ROOT / "cadences"))
    return Terminal(capsys)


async def test_every_refusal_is_a_sentence_that_changes_nothing(terminal: Terminal, ledger: Ledger) -> None:
    await terminal.done("pay", "PAID", "120.50")
    await terminal.done("dispute", "DISPUTED")
    before = await _events(ledger)
    for arguments, expected in REFUSED:
        assert expected in await terminal.refused(*arguments), arguments
    assert await _events(ledger) == before


async def _events(ledger: Ledger) -> int:
    async with ledger.engine.connect() as connection:
        return int((await connection.execute(select(func.count()).select_from(events_table))).scalar_one())


NEED_THE_LEDGER = [
    ["list"], ["show", "A-1"], ["agenda"], ["messages"], ["cases"], ["halt"], ["pay", "A-1", "1.00"],
    ["pause", "A-1"], ["case", "claim", "1"], ["jobs"], ["unhalt", "--all"], ["import", "x.csv"], ["events", "import", "x.csv"],
    ["cadence", "publish"], ["doctor"], ["migrate"], ["worker"], ["relay"], ["api"],
]  # fmt: skip


@pytest.mark.parametrize("arguments", NEED_THE_LEDGER, ids=" ".join)
async def test_without_settings_a_command_names_the_variable(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("creditor.yaml", "cadences"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    assert "DATABASE_URL is not set" in await Terminal(capsys).refused(*arguments)


async def test_half_of_another_stack_says_why_the_running_one_was_left_aside(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".regua").mkdir()
    (tmp_path / ".regua" / "env").write_text("DATABASE_URL=postgresql://127.0.0.1/regua\n")
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    said = await Terminal(capsys).refused("list")
    assert "was left aside because TEMPORAL_ADDRESS is set; `unset TEMPORAL_ADDRESS` to use it" in said


async def test_a_database_that_is_away_is_named_without_its_password(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgresql://regua:{SECRET}@127.0.0.1:{free_port()}/regua")
    said = await Terminal(capsys).refused("list")
    assert "PostgreSQL does not answer" in said
    assert SECRET not in said


async def test_a_ledger_without_tables_asks_for_the_migration(
    database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url.rpartition("/")[0] + "/postgres")
    assert "run `regua migrate`" in await Terminal(capsys).refused("list")


async def test_a_worker_with_a_contradiction_in_its_settings_does_not_start(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TWILIO_ACCOUNT_SID", "AC" + "0" * 32)
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", SECRET)
    said = await terminal.refused("worker")
    assert "SENDGRID_API_KEY is not set" in said
    assert SECRET not in said


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("TEMPORAL_PROFILE", "nowhere", "Temporal's configuration cannot be read"),
        ("TEMPORAL_ADDRESS", "127.0.0.1:1", "Temporal does not answer at 127.0.0.1:1"),
        ("TEMPORAL_NAMESPACE", "nowhere", "Namespace nowhere was not found"),
    ],
)
def test_a_worker_that_cannot_reach_temporal_ends_with_a_sentence(
    database_url: str,
    temporal: EmbeddedTemporal,
    providers: Mapping[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    variable: str,
    value: str,
    sentence: str,
) -> None:
    own = {
        "DATABASE_URL": database_url,
        "TEMPORAL_ADDRESS": temporal.address,
        "PAYMENT_WEBHOOK_SECRET": "whsec_" + "A" * 32,
    }
    for name, setting in {**providers, **own, variable: value}.items():
        monkeypatch.setenv(name.upper(), setting)
    monkeypatch.chdir(ROOT)
    left: list[int] = []
    monkeypatch.setattr("worker.leave", left.append)
    worker.main()
    said = capsys.readouterr().err
    assert left == [2]
    assert said.startswith("regua: ")
    assert sentence in said
    assert "Traceback" not in said
