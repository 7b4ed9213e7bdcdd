"""The command line without a ledger: usage, cadence documents, and what a terminal is shown."""

import json
import shlex
import subprocess
import sys
from datetime import date
from importlib import import_module
from pathlib import Path

import pytest
from typer.main import get_command

from starter.complaints import SENTENCES, SPOKEN, complaint
from starter.main import app, command_line, run
from starter.printing import plain
from starter.stack import own_command

ROOT = Path(__file__).parents[3]
COMMANDS = {
    "up", "import", "contacts", "events", "list", "show", "agenda", "pay", "reverse", "dispute", "assign-dispute", "resolve", "approvals", "approve", "refuse",
    "extend", "pause", "resume",
    "escalate", "promise", "plan", "end-plan", "cancel", "cases", "case", "jobs", "conversations", "customer", "segments", "answer", "halt", "unhalt",
    "suppress", "unsuppress", "consent", "prefer", "merge-customer", "messages", "cadence", "rehearse", "doctor",
    "unmatched", "token", "why", "rules",
    "worker", "relay", "api", "migrate", "demo", "interest",
    "credit-note", "pay-customer", "charge", "waive", "reverse-customer", "credit", "use-credit", "refund", "statement",
}  # fmt: skip


@pytest.fixture(autouse=True)
def at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the repository, where the shipped documents are."""
    monkeypatch.chdir(ROOT)


def commands(group: object) -> dict[str, object]:
    found: dict[str, object] = getattr(group, "commands", {})
    return found


def test_there_is_every_command_and_each_says_what_it_does() -> None:
    top = commands(get_command(app))
    assert set(top) == COMMANDS
    assert set(commands(top["cadence"])) == {"lint", "schema", "show", "publish", "migrate"}
    assert set(commands(top["segments"])) == {"explain", "set", "clear", "apply", "lint", "schema"}
    assert set(commands(top["case"])) == {"claim", "release", "note", "close"}
    assert set(commands(top["events"])) == {"import"}
    assert set(commands(top["unmatched"])) == {"show", "claim", "release", "settle", "dismiss"}
    leaves = [leaf for each in top.values() for leaf in (commands(each).values() or [each])]
    assert all(getattr(leaf, "help", "") for leaf in leaves)


def test_every_command_that_reads_has_json() -> None:
    reads = {"list", "show", "customer", "why", "interest", "agenda", "messages", "approvals", "cases", "conversations",
             "credit", "jobs", "rules", "doctor", "halt", "rehearse", "unmatched", "unmatched show", "token list",
             "segments explain", "segments lint", "cadence lint", "cadence show"}  # fmt: skip
    previews = {"segments apply", "cadence migrate", "pay-customer", "merge-customer"}
    takes_in = {"import", "events import", "contacts import"}
    top = commands(get_command(app))
    for name in reads | previews | takes_in:
        first, _, second = name.partition(" ")
        command = commands(top[first])[second] if second else top[first]
        assert any("--json" in parameter.opts for parameter in getattr(command, "params", [])), name


def test_without_arguments_the_commands_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 0
    assert "escalate" in capsys.readouterr().out


def test_the_list_of_commands_says_of_each_what_the_command_says_of_itself() -> None:
    listed, loaded = commands(get_command(command_line("--help"))), commands(get_command(app))
    assert {name: getattr(each, "help", "") for name, each in listed.items()} == {
        name: getattr(each, "help", "") for name, each in loaded.items()
    }


def test_the_command_that_is_shown_can_be_typed_where_nothing_was_activated(tmp_path: Path) -> None:
    assert own_command(ROOT / ".venv" / "bin" / "regua") == ".venv/bin/regua"
    elsewhere = tmp_path / "a folder" / "regua"
    assert shlex.split(own_command(elsewhere)) == [str(elsewhere)]


def test_the_shipped_cadences_are_fine(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["cadence", "lint"]) == 0
    assert capsys.readouterr().out == "b2c, smb, standard-b2b, strategic-b2b: fine\n"


def test_the_sample_cadence_that_the_readme_publishes_is_fine(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["cadence", "lint", "samples/at-once.yaml"]) == 0
    assert capsys.readouterr().out == "at-once: fine\n"


def test_lint_names_file_line_and_field(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mine.yaml"
    lines = (ROOT / "cadences" / "smb.yaml").read_text().splitlines()
    line = next(index for index, text in enumerate(lines) if "template: upcoming" in text)
    lines[line] = lines[line].replace("upcoming", "upcomming")
    file.write_text("\n".join(lines))
    assert run(["cadence", "lint", str(file)]) == 2
    assert f"{file}:{line + 1}: steps[0].send.template: there is no template" in capsys.readouterr().out


def test_lint_of_a_file_that_is_not_there_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["cadence", "lint", "nowhere.yaml"]) == 2
    assert "nowhere.yaml:1: there is no such file" in capsys.readouterr().out


def test_lint_gives_json_to_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.yaml").write_text("name: mine\n")
    assert run(["cadence", "lint", str(tmp_path / "mine.yaml"), "--json"]) == 2
    problems = json.loads(capsys.readouterr().out)
    assert {"file", "line", "field", "message", "level"} == set(problems[0])


def test_lint_of_segments_gives_json_to_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["segments", "lint", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    (tmp_path / "segments.yaml").write_text("rule: []\n")
    assert run(["segments", "lint", str(tmp_path / "segments.yaml"), "--json"]) == 2
    assert json.loads(capsys.readouterr().out)[0]["line"] == 1


def test_the_schema_that_is_written_is_the_shipped_one(tmp_path: Path) -> None:
    assert run(["cadence", "schema", "--folder", str(tmp_path)]) == 0
    shipped = json.loads((ROOT / "cadences" / "schema.json").read_text())
    assert json.loads((tmp_path / "schema.json").read_text()) == shipped


@pytest.mark.parametrize("name", ["b2c", "smb", "standard-b2b", "strategic-b2b"])
def test_a_cadence_is_shown_on_an_examples_calendar(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--due", "2026-03-31", "--country", "FR", "--language", "fr", "--json"]
    assert run(["cadence", "show", name, *arguments]) == 0
    days = json.loads(capsys.readouterr().out)
    dates = [date.fromisoformat(day["at"][:10]) for day in days]
    assert dates == sorted(dates)
    assert all(day.weekday() < 6 for day in dates)
    assert all(("EXAMPLE-1" in day["subject"]) == (" by " in day["what"]) for day in days)


def test_a_step_before_the_due_date_is_shown_before_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["cadence", "show", str(ROOT / "cadences" / "smb.yaml"), "--due", "2026-03-31"]) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if "due - 3d" in line)
    assert line.startswith("Mon 2026-03-30 09:00")  # the 28th is a Saturday


def test_a_step_that_a_cap_will_defer_says_so_on_an_examples_calendar(
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = ["cadence", "show", "b2c", "--country", "CO", "--due", "2026-07-20"]
    assert run([*arguments, "--json"]) == 0
    days = {day["step"]: day for day in json.loads(capsys.readouterr().out)}
    cap = days["first-reminder"]["cap_foreseen"]
    assert (cap["rule"], cap["until"]) == ("co-one-channel-a-week", "2026-07-27T14:00:00Z")
    assert days["first-reminder"]["at"] == "2026-07-23T09:00:00-05:00"
    assert days["due-today"]["cap_foreseen"] is None
    assert run(arguments) == 0
    assert "Thu 2026-07-23 09:00, deferred to 2026-07-27" in capsys.readouterr().out


def test_what_a_terminal_would_obey_is_not_printed() -> None:
    assert plain("a\x1b[31mb\x07c\u202ed") == "a?[31mb?c?d"
    assert plain("R$\u00a01.200,00\nSão João") == "R$\u00a01.200,00\nSão João"


@pytest.mark.parametrize("name", sorted(SPOKEN | SENTENCES.keys()))
def test_every_error_that_has_a_sentence_exists(name: str) -> None:
    module, _, kind = name.rpartition(".")
    assert issubclass(getattr(import_module(module), kind), Exception)


def test_an_error_that_nobody_foresaw_is_told_by_its_kind_alone() -> None:
    text, status = complaint(KeyError("maria@example.com"))
    assert (status, "KeyError" in text, "maria" in text) == (1, True, False)


@pytest.mark.parametrize(
    ("typed", "spared"),
    [("pay", "temporalio.client"), ("--help", "starter.commands.facts"), ("payy", "sqlalchemy")],
)
def test_a_slip_and_the_list_load_nothing_that_they_do_not_need(typed: str, spared: str) -> None:
    check = f"import sys; from starter.main import run; run([{typed!r}]); print({spared!r} in sys.modules)"
    done = subprocess.run([sys.executable, "-c", check], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"


def test_a_reader_that_has_seen_enough_hears_no_more() -> None:
    command = [sys.executable, "-m", "starter.main", "cadence", "show", "b2c", "--json"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""


def test_a_process_ends_with_the_status_of_its_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "starter.main", "cadence", "show", "nothing"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("regua: there is no cadence 'nothing'")
