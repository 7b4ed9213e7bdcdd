"""Mappings: other people's headings, dates and numbers, read exactly or refused in a sentence."""

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadence.problems import DocumentError
from starter.mapping import PLAIN, Mapping, columns_of, read_mapping
from starter.tables import read_table

KNOWN = ("invoice", "amount", "due_on")
COMMA = Mapping(decimal=",", date_format="dd/mm/yyyy")


def mapping_file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "mapping.yaml"
    path.write_text(text)
    return path


def test_a_mapping_names_our_columns_by_their_headings(tmp_path: Path) -> None:
    mapping = read_mapping(
        mapping_file(
            tmp_path, "columns: {invoice: Nº, amount: Valor}\ndecimal: ','\ndefaults: {due_on: 2026-01-05}"
        ),
        KNOWN,
    )
    table_file = tmp_path / "t.csv"
    table_file.write_text("Nº;Valor;Vendedor\n1;2,50;X\n")
    columns = columns_of(read_table(table_file), table_file, mapping, KNOWN)
    assert columns == {"invoice": "Nº", "amount": "Valor"}
    assert mapping.defaults == {"due_on": "2026-01-05"}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("columns:\n  invoic: N\n", r"mapping.yaml:2: columns.invoic: .*did you mean 'invoice'"),
        ("defaults:\n  colour: red\n", r"mapping.yaml:2: defaults.colour: .*the columns are invoice, amount"),
        ("columns:\n  invoice: N\n  amount: N\n", r"mapping.yaml:2: .*'N' is given for two columns"),
        ("decimals: ','\n", "did you mean 'decimal'"),
        ("decimal: ;\n", "decimal"),
        ("date_format: dd/mm\n", "is no form of a date"),
        ("date_format: dd/dd/yyyy\n", "is no form of a date"),
        ("columns: [a\n", "this is not YAML"),
    ],
)
def test_a_mapping_with_a_mistake_names_its_line_and_field(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(DocumentError, match=sentence) as refused:
        read_mapping(mapping_file(tmp_path, text), KNOWN)
    assert str(refused.value).startswith(f"{tmp_path}/"), "the file is named as it was given"


def test_a_heading_that_the_table_lacks_is_refused_with_the_nearest(tmp_path: Path) -> None:
    table_file = tmp_path / "t.csv"
    table_file.write_text("Número,Valor\n1,2\n")
    mapping = Mapping(columns={"invoice": "Numero"})
    with pytest.raises(DocumentError, match=r"invoice from 'Numero', .*did you mean 'Número'"):
        columns_of(read_table(table_file), table_file, mapping, KNOWN)


def test_without_a_mapping_every_heading_must_be_known(tmp_path: Path) -> None:
    table_file = tmp_path / "t.csv"
    table_file.write_text("Invoice,ammount,due_on*\n1,2,3\n")
    with pytest.raises(
        DocumentError, match=rf"{table_file}:1: 'ammount' is no column here; did you mean 'amount'"
    ):
        columns_of(read_table(table_file), table_file, None, KNOWN)
    table_file.write_text("Invoice,AMOUNT,due_on*\n1,2,3\n")
    columns = columns_of(read_table(table_file), table_file, None, KNOWN)
    assert columns == {"invoice": "Invoice", "amount": "AMOUNT", "due_on": "due_on*"}


@pytest.mark.parametrize(
    ("mapping", "text", "amount"),
    [
        (PLAIN, "1234.5", "1234.5"),
        (PLAIN, "1,234,567.89", "1234567.89"),
        (PLAIN, "-3", "-3"),
        (COMMA, "1.234,50", "1234.50"),
        (COMMA, "1 234,50", "1234.50"),
        (COMMA, "1\u202f234\u202f567,8", "1234567.8"),
        (COMMA, "1234", "1234"),
    ],
)
def test_amounts_are_read_exactly(mapping: Mapping, text: str, amount: str) -> None:
    assert mapping.read_amount(text) == Decimal(amount)


@pytest.mark.parametrize(
    ("mapping", "text"),
    [(PLAIN, "12,50"), (PLAIN, "1.234,50"), (PLAIN, "R$ 10"), (PLAIN, "1e5"), (PLAIN, "NaN"), (PLAIN, "١٢"),
     (COMMA, "12.50"), (COMMA, "1.23"), (COMMA, "1,234.50"), (COMMA, ",5")],
)  # fmt: skip
def test_amounts_of_another_convention_are_refused_and_not_guessed(mapping: Mapping, text: str) -> None:
    with pytest.raises(ValueError, match="is no amount"):
        mapping.read_amount(text)


@given(cents=st.integers(0, 10**13))
def test_an_amount_written_with_a_decimal_comma_means_the_same_as_with_a_point(cents: int) -> None:
    amount = Decimal(cents) / 100
    english = f"{amount:,.2f}"
    other = english.translate(str.maketrans(",.", ".,"))
    assert PLAIN.read_amount(english) == COMMA.read_amount(other) == amount


@given(text=st.text(max_size=30))
def test_no_text_brings_more_than_a_sentence(text: str) -> None:
    for read in (PLAIN.read_amount, PLAIN.read_date, COMMA.read_amount, COMMA.read_date):
        try:
            value = read(text)
        except ValueError as refusal:
            assert "is no " in str(refusal) or "outside the years" in str(refusal)  # noqa: PT017
        else:
            assert isinstance(value, Decimal | date)


def test_dates_follow_the_mapping_and_date_cells_need_none() -> None:
    assert COMMA.read_date("05/01/2026") == date(2026, 1, 5)
    assert Mapping(date_format="mm/dd/yy").read_date("1/5/26") == date(2026, 1, 5)
    assert COMMA.read_date(date(2026, 1, 5)) == date(2026, 1, 5)
    assert COMMA.read_date(datetime(2026, 1, 5, 10)) == date(2026, 1, 5)  # noqa: DTZ001
    with pytest.raises(ValueError, match="is no date of the form dd/mm/yyyy"):
        COMMA.read_date("2026-01-05")
    with pytest.raises(ValueError, match="check the year"):
        PLAIN.read_date("0026-01-05")
