"""A file of contacts: what is taken from it, and the sentence for each row that makes no sense."""

from pathlib import Path

import pytest

from cadence.problems import DocumentError
from starter.contacts import read_contacts

HEADINGS = "customer,contact,role,name,language,email,phone,whatsapp\n"


def rejects(tmp_path: Path, rows: str, headings: str = HEADINGS) -> list[tuple[int, str]]:
    path = tmp_path / "contacts.csv"
    path.write_text(headings + rows, encoding="utf-8")
    return [(each.line, each.reason) for each in read_contacts(path).rejected]


def test_the_sample_is_read_without_a_fault() -> None:
    sample = read_contacts(Path("samples/contacts.csv"))
    assert sample.rejected == ()
    assert {each.contact.role for each in sample.entries} == {"accounts_payable", "owner", "finance_director"}


def test_a_row_is_rejected_with_all_its_mistakes(tmp_path: Path) -> None:
    ((line, reason),) = rejects(tmp_path, "C-1,fd,Finance Director!,,klingon,nobody,123,\n")
    assert line == 2
    assert all(f"{column}: " in reason for column in ("role", "name", "language", "email", "phone"))


def test_capitals_and_spaces_of_a_role_are_forgiven(tmp_path: Path) -> None:
    path = tmp_path / "contacts.csv"
    path.write_text(HEADINGS + "C-1,fd,Finance Director,Ada Invented,,ada@example.com,,\n", encoding="utf-8")
    (entry,) = read_contacts(path).entries
    assert entry.contact.role == "finance_director"


def test_a_contact_that_stands_twice_is_taken_once(tmp_path: Path) -> None:
    row = "C-1,fd,owner,Ada Invented,,ada@example.com,,\n"
    ((line, reason),) = rejects(tmp_path, row * 2)
    assert line == 3
    assert reason.startswith("contact: 'fd' stands in line 2 already")


def test_what_is_too_long_is_said_and_no_more(tmp_path: Path) -> None:
    ((_, reason),) = rejects(tmp_path, f"C-1,{'x' * 61},owner,Ada Invented,,,,\n")
    assert reason.startswith("contact: ")


def test_a_file_without_a_required_column_is_refused_as_a_whole(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="required columns are missing: role"):
        rejects(tmp_path, "C-1,fd,Ada Invented\n", "customer,contact,name\n")
