"""A workbook that comes back from a spreadsheet, read as texts; what cannot be one is a fault at its cell."""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from typing import Any

from openpyxl import load_workbook
from openpyxl.utils import get_column_letter

from gateway.files.cells import restored
from gateway.files.characters import HIDDEN, named
from gateway.files.marked import Fault, Faults, Mark
from gateway.sheets.workbook import FRONT, HASH, SITE, TABLES

FILE_LIMIT = 16_777_216
_UNPACKED_LIMIT = 67_108_864
_LINES_LIMIT = 60_000
_COLUMNS_LIMIT = 64
_DIGITS = 15  # so many of a number a spreadsheet keeps
_RETURNS = re.compile(r"_x000D_\n|\r\n?")
_AS_TEXT = "format the cell as text and type it again"


@dataclass(frozen=True, slots=True)
class Typed:
    """A line of a sheet: the number of its row, and its cells by their columns."""

    number: int
    cells: Mapping[str, str]


@dataclass(slots=True)
class TypedSheet:
    """One table as it came back. ``columns``: which column of the sheet has which name, from 1."""

    name: str
    title: str
    file: str
    columns: dict[str, int] = field(default_factory=dict)
    lines: list[Typed] = field(default_factory=list)

    def fault(self, row: int, column: str, text: str) -> Fault:
        """A fault at a cell, by sheet, row and column; at the row where there is no such column."""
        number = self.columns.get(column, 1)
        return self.at(row, number, f"{get_column_letter(number)}{row}: {text}")

    def at(self, row: int, column: int, text: str) -> Fault:
        """A fault at a place of the sheet."""
        return Fault(f"{self.file}:{self.title}", row, column, text)


@dataclass(frozen=True, slots=True)
class TypedBook:
    """What came back: of which site, the hash of the tables that were exported, and the sheets of tables."""

    site: str
    hash: str
    sheets: tuple[TypedSheet, ...]


def read_workbook(content: bytes, file: str) -> TypedBook:
    """The sheets that the first sheet names; others are the reader's own, and left alone.

    Raises Faults, with every cell that holds no text: a formula, a date, a number that may have lost digits.
    """
    top = Mark(file, 1, 1)
    _bounded(content, top)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of parts that spreadsheets add, and nothing here reads
            workbook: Any = load_workbook(io.BytesIO(content), read_only=True, keep_links=False)
            return _book(workbook, file)
    except Faults:
        raise
    except Exception:  # of whatever kind: what comes from outside may be torn anywhere
        raise Faults([top.fault("is no .xlsx workbook that can be read; save it as .xlsx")]) from None


def _bounded(content: bytes, top: Mark) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            size = sum(each.file_size for each in packed.infolist())
    except zipfile.BadZipFile:
        raise Faults([top.fault("is no .xlsx workbook; save it as .xlsx")]) from None
    if size > _UNPACKED_LIMIT or len(content) > FILE_LIMIT:
        raise Faults([top.fault("holds far more than any tables do")])


def _book(workbook: Any, file: str) -> TypedBook:
    told: dict[str, str] = {}
    names: dict[str, str] = {}
    if FRONT in workbook.sheetnames:
        for line in workbook[FRONT].iter_rows(max_row=1000, max_col=2, values_only=True):
            key, value = (*(restored(str(each)) if each is not None else "" for each in line), "", "")[:2]
            if TABLES in told:
                names[value] = key
            else:
                told[key] = value
    if not {SITE, HASH, TABLES} <= told.keys():
        text = f'has no sheet "{FRONT}" with the site and the hash; edit what gateway export has written'
        raise Faults([Mark(file, 1, 1).fault(text)])
    faults: list[Fault] = []
    sheets = [
        _sheet(workbook[title], TypedSheet(name, title, file), faults)
        for title, name in names.items()
        if title in workbook.sheetnames
    ]
    if faults:
        raise Faults(faults)
    return TypedBook(told[SITE], told[HASH], tuple(sheets))


def _sheet(worksheet: Any, sheet: TypedSheet, faults: list[Fault]) -> TypedSheet:
    worksheet.reset_dimensions()
    for number, cells in enumerate(worksheet.iter_rows(max_col=_COLUMNS_LIMIT), 1):
        if number > _LINES_LIMIT:
            faults.append(sheet.at(number, 1, f"there are more than {_LINES_LIMIT} rows"))
            break
        texts = dict(_texts(sheet, number, cells, faults))
        if number == 1:
            for column, name in texts.items():
                if name in sheet.columns:
                    faults.append(sheet.fault(1, name, f'the column "{name}" stands twice'))
                sheet.columns[name] = column
        elif any(texts.values()):
            named_ = {name: texts.get(column, "") for name, column in sheet.columns.items()}
            sheet.lines.append(Typed(number, named_))
            beside = [
                column for column, text in texts.items() if text and column not in sheet.columns.values()
            ]
            for column in beside:
                place = f"{get_column_letter(column)}{number}"
                faults.append(sheet.at(number, column, f"{place}: its column has no name in the first row"))
    return sheet


def _texts(sheet: TypedSheet, row: int, cells: Any, faults: list[Fault]) -> Iterator[tuple[int, str]]:
    for column, cell in enumerate(cells, 1):
        if cell.value is None:
            continue
        text, wrong = _text(cell.value, cell.data_type)
        if wrong:
            faults.append(sheet.at(row, column, f"{get_column_letter(column)}{row}: {wrong}"))
        elif text:
            yield column, text


def _text(value: Any, kind: str) -> tuple[str, str]:
    """The text of a cell; or what is wrong with it."""
    if kind == "f":
        return "", f"a formula; write out what it gives ({_AS_TEXT})"
    if kind == "e":
        return "", "an error that the spreadsheet shows; write the text that is meant"
    if isinstance(value, bool):
        return "", f"a yes or no that the spreadsheet made of a text; {_AS_TEXT}"
    if isinstance(value, date | time | timedelta):
        return "", f"a date or a time, which the spreadsheet made of something; {_AS_TEXT}"
    if isinstance(value, int | float):
        digits = format(value, f".{_DIGITS}g")
        if "e" in digits or abs(value) >= 10**_DIGITS:
            return "", f"a number of which the spreadsheet may have lost digits; {_AS_TEXT}"
        return digits, ""
    text = restored(_RETURNS.sub("\n", str(value)).strip())
    if (bad := HIDDEN.search(text) or re.search("\t", text)) is not None:
        return "", f"a character that cannot be seen ({named(bad[0])}); remove it"
    return text, ""
