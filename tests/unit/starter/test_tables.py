"""Reading tables: any program's CSV and XLSX give the same rows, and no file brings a traceback."""

import io
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadence.problems import DocumentError
from starter import workbooks
from starter.documents import read_text
from starter.tables import Table, as_text, read_table


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "table.csv"


def rows(table: Table) -> list[tuple[int, dict[str, object]]]:
    return [(row.line, dict(row.cells)) for row in table.rows]


def workbook(path: Path, *cells: list[object]) -> Path:
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in cells:
        book.active.append(row)
    book.save(path)
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_encoding_and_separator_are_found_out(file: Path, encoding: str, mark: str) -> None:
    file.write_bytes(f"name{mark}town\r\nJoão{mark}São Luís – €\r\n".encode(encoding))
    assert rows(read_table(file)) == [(2, {"name": "João", "town": "São Luís – €"})]


def test_lines_are_counted_as_an_editor_counts_them(file: Path) -> None:
    file.write_text('a,b\n\n1,"two\nlines"\n3,4\n')
    assert rows(read_table(file)) == [(3, {"a": "1", "b": "two\nlines"}), (5, {"a": "3", "b": "4"})]


def test_empty_cells_are_not_there(file: Path) -> None:
    file.write_text("a,b,c\n1, ,\n,,\n")
    assert rows(read_table(file)) == [(2, {"a": "1"})]


@pytest.mark.parametrize("read", [read_table, read_text])
def test_what_has_no_end_is_not_read_to_it(
    read: Callable[[Path], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("starter.tables.MAX_BYTES", 2**20)
    with pytest.raises(DocumentError, match=r"/dev/zero:1: the file (is larger than 1 MiB|has more than)"):
        read(Path("/dev/zero"))


def test_a_row_with_too_many_cells_is_faulty_and_the_others_are_read(file: Path) -> None:
    file.write_text("a,b\n1,2,3\n4,5\n")
    first, second = read_table(file).rows
    assert first.fault is not None
    assert "3 cells and there are 2 headings" in first.fault
    assert first.cells == {"a": "1", "b": "2"}, "a person who mends the row sees what it held"
    assert second.cells == {"a": "4", "b": "5"}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "the file is empty"),
        (b"a,b\n", "no row below"),
        (b"a,,b\n1,2,3\n", "column 2 has no heading"),
        (b"a,A\n1,2\n", "'A' stands twice"),
        (b'a,b\n1,"2\n', "never closed"),
        (b"a\0b\n", "no text file"),
        (b"a\n\x81\x8d\xff\n", ":2: this text is neither UTF-8"),
        (b"\xd0\xcf\x11\xe0rest", "old Excel file"),
        (b"PK\x03\x04rest", "no XLSX workbook"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_a_sentence(
    file: Path, content: bytes, sentence: str
) -> None:
    file.write_bytes(content)
    with pytest.raises(DocumentError, match=sentence):
        read_table(file)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="no such file"):
        read_table(tmp_path / "absent.csv")
    with pytest.raises(DocumentError, match="folder"):
        read_table(tmp_path)


def test_xlsx_dates_and_numbers_are_exact(tmp_path: Path) -> None:
    path = workbook(
        tmp_path / "t.xlsx",
        ["number", "on", "at", "amount", "odd", "phone", "yes"],
        [1001, date(2026, 2, 4), datetime(2026, 2, 4, 13, 30), 1234.56, 0.1 + 0.2, 5511900000101, True],  # noqa: DTZ001
    )
    (row,) = read_table(path).rows
    assert row.line == 2
    assert dict(row.cells) == {
        "number": Decimal(1001),
        "on": date(2026, 2, 4),
        "at": datetime(2026, 2, 4, 13, 30),  # noqa: DTZ001
        "amount": Decimal("1234.56"),
        "odd": Decimal("0.3"),
        "phone": Decimal(5511900000101),
        "yes": "true",
    }
    assert [as_text(row.cells[name]) for name in ("number", "on", "amount")] == [
        "1001",
        "2026-02-04",
        "1234.56",
    ]


def test_xlsx_rows_keep_the_sheets_own_line_numbers(tmp_path: Path) -> None:
    path = workbook(tmp_path / "t.xlsx", ["a"], [], [None], ["x"])
    assert [line for line, _ in rows(read_table(path))] == [4]


def test_a_formula_and_an_error_make_their_rows_faulty(tmp_path: Path) -> None:
    path = workbook(tmp_path / "t.xlsx", ["a", "b"], [1, "=1+1"], ["#N/A", 2], [3, 4])
    faults = [row.fault for row in read_table(path).rows]
    assert faults[0] is not None
    assert faults[0].startswith("b: the cell holds a formula")
    assert faults[1] is not None
    assert faults[1].startswith("a: the cell holds a spreadsheet error")
    assert faults[2] is None


def test_a_hidden_first_sheet_is_passed_over(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.append(["hidden"])
    book.active.sheet_state = "hidden"
    shown = book.create_sheet("shown")
    shown.append(["a"])
    shown.append(["seen"])
    book.save(tmp_path / "t.xlsx")
    assert rows(read_table(tmp_path / "t.xlsx")) == [(2, {"a": "seen"})]


def altered(path: Path, part: str, change: bytes, by: bytes) -> Path:
    """The workbook with some bytes of one part replaced, as somebody who means harm would."""
    content = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as new:
        for item in old.infolist():
            data = old.read(item)
            new.writestr(item.filename, data.replace(change, by) if item.filename == part else data)
    path.write_bytes(content.getvalue())
    return path


SHEET = "xl/worksheets/sheet1.xml"


def test_a_workbook_with_entities_is_refused(tmp_path: Path) -> None:
    path = workbook(tmp_path / "t.xlsx", ["a"], ["x"])
    assert openpyxl.DEFUSEDXML, "without defusedxml openpyxl would unfold them"
    bomb = b'<!DOCTYPE x [<!ENTITY e "aaaaaaaaaa"><!ENTITY f "&e;&e;&e;&e;">]><worksheet '
    with pytest.raises(DocumentError, match="no XLSX workbook that can be read"):
        read_table(altered(path, SHEET, b"<worksheet ", bomb))


def test_a_workbook_that_unpacks_to_far_more_than_a_table_is_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbooks, "MAX_UNPACKED_BYTES", 2**20)
    path = tmp_path / "t.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(SHEET, b"\0" * (2**20 + 1))
    with pytest.raises(DocumentError, match="far larger inside"):
        read_table(path)


def test_a_row_number_beyond_any_sheet_does_not_run_for_ever(tmp_path: Path) -> None:
    path = workbook(tmp_path / "t.xlsx", ["a"], ["x"], ["y"])
    far = altered(path, SHEET, b'<row r="3"', b'<row r="999999999999"')
    assert rows(read_table(far)) == [(2, {"a": "x"})]


@given(content=st.binary(max_size=300))
def test_no_bytes_bring_a_traceback(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "hostile.csv"
    for head in (b"", b"a,b\n", b"PK\x03\x04"):
        path.write_bytes(head + content)
        try:
            table = read_table(path)
        except DocumentError as refusal:
            assert "hostile.csv:" in str(refusal)  # noqa: PT017
        else:
            assert all(row.line > 1 for row in table.rows)


@given(
    cells=st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40), min_size=2, max_size=2
    )
)
def test_any_text_in_quotes_comes_back_stripped(
    cells: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    import csv

    path = tmp_path_factory.getbasetemp() / "texts.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["a", "b"], ["key", "x"], cells])
    expected = {name: cell.strip() for name, cell in zip("ab", cells, strict=True) if cell.strip()}
    found = [dict(row.cells) for row in read_table(path).rows]
    assert found == [{"a": "key", "b": "x"}, *([expected] if expected else [])]
