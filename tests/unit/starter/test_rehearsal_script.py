"""What a rehearsal refuses before it starts anything: all that is wrong, each with its file and line."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from cadence.problems import DocumentError
from starter.documents import read_documents
from starter.rehearsal.script import Source, read_script

ROOT = Path(__file__).parents[3]
HEADINGS = "invoice,customer,customer_name,segment,country,email,issued_on,due_on,amount,currency\n"
GOOD = "A-1,A,Sample Ltd,smb,GB,pay@example.com,2026-01-05,2026-01-20,10.00,GBP\n"
FACTS = "at,event,invoice,amount,reason\n"

Write = Callable[[str, str], Path]


@pytest.fixture(scope="module")
def cadences(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One of the shipped cadences: linting all of them takes longer than reading the files."""
    folder = tmp_path_factory.mktemp("cadences")
    shutil.copy(ROOT / "cadences" / "smb.yaml", folder)
    return folder


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(name: str, text: str) -> Path:
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return written


@pytest.fixture
def source(write: Write, cadences: Path) -> Source:
    return Source(
        write("p.csv", HEADINGS + GOOD),
        read_documents(ROOT / "creditor.yaml", ROOT / "policies"),
        cadences,
        date(2026, 1, 1),
        30,
    )


def refused(source: Source) -> list[str]:
    """What is wrong, without the folder of the files."""
    with pytest.raises(DocumentError) as caught:
        read_script(source)
    return [str(problem).rpartition("/")[2] for problem in caught.value.problems]


def test_a_good_portfolio_is_played_from_its_issue_dates(source: Source) -> None:
    script = read_script(source)
    assert [script.enters(row).isoformat() for row in script.rows] == ["2026-01-05T03:00:00+00:00"]
    assert (script.ends - script.begins).days == 30


def test_an_invoice_that_was_issued_before_enters_when_the_rehearsal_begins(source: Source) -> None:
    script = read_script(replace(source, begins_on=date(2026, 1, 10)))
    assert script.enters(script.rows[0]) == script.begins


def test_a_file_that_is_not_there_is_named(source: Source, tmp_path: Path) -> None:
    [said] = refused(replace(source, portfolio=tmp_path / "none.csv"))
    assert said.startswith("none.csv:1: ")


def test_a_portfolio_without_rows_is_refused(source: Source, write: Write) -> None:
    assert refused(replace(source, portfolio=write("e.csv", HEADINGS))) == [
        "e.csv:1: there are headings and no row below them"
    ]


def test_all_that_is_wrong_in_both_files_is_said_at_once(source: Source, write: Write) -> None:
    rows = write("bad.csv", HEADINGS + GOOD + GOOD.replace("A-1", "A-2").replace("10.00", "ten"))
    events = write("events.csv", FACTS + "2026-01-07,payment,A-1,,\n2026-01-07,payment,B-9,5.00,\n")
    said = refused(replace(source, portfolio=rows, events=events))
    assert len(said) == 3
    assert any(line.startswith("bad.csv:3: amount: 'ten'") for line in said)
    assert any(line.startswith("events.csv:2: amount: is missing") for line in said)
    assert any(line.startswith("events.csv:3: invoice: 'B-9' is not in the portfolio") for line in said)


def test_nothing_happens_to_an_invoice_before_it_enters(source: Source, write: Write) -> None:
    events = write("events.csv", FACTS + "2026-01-04T10:00,payment,A-1,5.00,\n")
    [said] = refused(replace(source, events=events))
    assert said.startswith(
        "events.csv:2: at: 2026-01-04T13:00:00+00:00 is before A-1 enters, at 2026-01-05T03:00:00+00:00"
    )
    assert said.endswith("write a later instant, or leave the line out")


def test_a_mapping_that_names_no_column_of_ours_is_refused(source: Source, write: Write) -> None:
    [said] = refused(replace(source, mapping=write("m.yaml", "columns:\n  invoise: Number\n")))
    assert said.startswith("m.yaml:2: ")


def test_a_folder_without_cadences_is_refused(source: Source, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "no cadence" in refused(replace(source, cadences=empty))[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("pay@example.com:\n  email: vanish\n", "h.yaml:1: unknown habit 'vanish' for email"),
        ("a@example.com:\n  email: bounce\nb@example.com:\n  fax: bounce\n", "h.yaml:3: b@example.com: unknown key 'fax'"),
        ("pay@example.com:\n  delay: soon\n", "h.yaml:1: pay@example.com: delay must be a number"),
        ("+447700900901:\n  sms: deliver\n", "h.yaml:1: 447700900901: is no e-mail address nor phone number"),
        ("- pay@example.com\n", "h.yaml:1: expected addresses with habits"),
        ("pay@example.com: [\n", "h.yaml:2: this is not YAML"),
        ("", "h.yaml:1: expected addresses with habits"),
        ("a@example.com:\n  email: read\na@example.com:\n  email: spam\n", "h.yaml:3: an address stands here twice"),
    ],
)  # fmt: skip
def test_a_habit_that_nobody_can_have_is_refused(source: Source, write: Write, text: str, said: str) -> None:
    assert refused(replace(source, habits=write("h.yaml", text)))[0].startswith(said)


def test_a_merge_into_the_customer_of_an_invoice_that_is_not_there_is_refused(
    source: Source, write: Write
) -> None:
    rows = FACTS.replace("reason", "text") + "2026-01-21,merge,A-1,,A-9\n"
    assert refused(replace(source, events=write("e.csv", rows))) == [
        "e.csv:2: text: 'A-9' is not in the portfolio; correct the number, or leave the line out"
    ]
