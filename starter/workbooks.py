"""Reads the first visible sheet of an XLSX file, exactly, and survives files that were made to do harm."""

import io
import warnings
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl

from starter.tables import Cell, Faulty, RawRow, problem

# A file of 50 MiB can unpack to gigabytes; a table of 200,000 rows does not.
MAX_UNPACKED_BYTES = 200 * 1024 * 1024
MAX_PARTS = 2_000
# A sheet's own limit (ECMA-376); a file that claims more lines is damaged.
MAX_LINES = 1_048_576


def sheet_rows(content: bytes, path: Path) -> list[RawRow]:
    """The rows of the first visible sheet with their line numbers; raise DocumentError where it cannot be read.

    openpyxl reads XML through defusedxml, which refuses entities; zip bombs are refused here, by declared size,
    beyond which the zip reader never reads.
    """
    _refuse_bombs(content, path)
    try:
        with warnings.catch_warnings():
            # Styles and validations that openpyxl does not know are none of our business.
            warnings.simplefilter("ignore")
            return list(_rows(content))
    except Exception as error:  # noqa: BLE001  # a damaged or hostile workbook makes the reader raise anything
        message = (
            f"this is no XLSX workbook that can be read ({type(error).__name__}); save it anew, or as CSV"
        )
        raise problem(path, 1, message) from None


def _refuse_bombs(content: bytes, path: Path) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError):
        raise problem(path, 1, "this is no XLSX workbook; save the table as .xlsx or CSV") from None
    if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > MAX_UNPACKED_BYTES:
        raise problem(
            path, 1, "the workbook is far larger inside than a table needs; save the one sheet as CSV"
        )


def _rows(content: bytes) -> Iterator[RawRow]:
    workbook = openpyxl.load_workbook(io.BytesIO(content), read_only=True, keep_links=False)
    try:
        sheet: Any = next(sheet for sheet in workbook.worksheets if sheet.sheet_state == "visible")
        # The size a file claims for itself is often wrong; the rows themselves are not.
        sheet.reset_dimensions()
        for line, cells in zip(range(1, MAX_LINES + 1), sheet.rows, strict=False):
            if cells:
                yield line, [_cell(cell) for cell in cells]
    finally:
        workbook.close()


def _cell(cell: Any) -> Cell | Faulty | None:
    value = cell.value
    if cell.data_type == "f":
        return Faulty("the cell holds a formula; paste its value instead")
    if cell.data_type == "e":
        return Faulty("the cell holds a spreadsheet error; mend it, or leave it empty")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return _number(value)
    if isinstance(value, datetime):
        return value.date() if value.time() == time() else value
    if isinstance(value, time | timedelta):
        return str(value)
    return value if isinstance(value, str | date) else None


def _number(value: float) -> Cell | Faulty:
    """A number as the spreadsheet shows it: Excel keeps 15 digits, what lies beyond is binary noise."""
    number = Decimal(value) if isinstance(value, int) else Decimal(f"{value:.15g}")
    if number.is_finite() and abs(number.adjusted()) < 20:
        return number
    return Faulty("the number is too large or too small to mean anything here")
