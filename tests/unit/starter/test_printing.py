import sys
from collections.abc import Callable

import pytest
from rich.text import Text

from starter.printing import table

HEADINGS = ("invoice", "at", "details")
ROWS = [
    ("2026-0001", "2026-01-05 09:00", "the first reminder of an invoice whose customer has not paid yet"),
    ("2026-0002", "2026-01-05 09:00", "planned"),
]
In = Callable[[int], list[str]]


@pytest.fixture
def in_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> In:
    """The lines of the table in a terminal of so many columns."""

    def draw(columns: int) -> list[str]:
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        table("2 invoices", HEADINGS, ROWS)
        return Text.from_ansi(capsys.readouterr().out).plain.splitlines()[1:]

    return draw


@pytest.mark.parametrize("columns", [80, 60, 40, 12])
def test_a_number_is_never_broken_in_two_however_narrow_the_terminal_is(
    in_terminal: In, columns: int
) -> None:
    words = {word for row in ROWS for cell in row for word in cell.split()}
    assert words <= set(" ".join(in_terminal(columns)).split())


@pytest.mark.parametrize("columns", [80, 60, 40])
def test_a_table_whose_words_fit_is_folded_into_the_terminal(in_terminal: In, columns: int) -> None:
    assert max(map(len, in_terminal(columns))) <= columns


def test_long_texts_are_folded_before_dates_are(in_terminal: In) -> None:
    assert any("2026-01-05 09:00" in line for line in in_terminal(60))


def test_a_table_whose_words_do_not_fit_has_its_rows_in_one_line_each_as_in_a_pipe(in_terminal: In) -> None:
    assert len(in_terminal(12)) == 1 + len(ROWS)
