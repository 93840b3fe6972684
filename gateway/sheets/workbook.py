"""A book as an .xlsx file. Every cell is text: nothing is a number, a date or a formula."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

from openpyxl import Workbook
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from gateway.files.cells import protected
from gateway.sheets.book import ORIGIN_COLUMNS, Book

FRONT = "about"
SITE, HASH, TABLES = "site", "hash", "tables"
_LONGEST_TITLE = 31
_LONGEST_CELL = 32_767
_NO_TITLE = str.maketrans(dict.fromkeys("[]:*?/\\'", "-"))
_WIDEST, _NARROWEST = 70, 8
_TEXT = "@"


class TooLong(ValueError):
    """A cell is longer than a spreadsheet keeps: which."""


def written(book: Book) -> bytes:
    """The bytes of the file. On its first sheet: whose tables, their hash, and which sheet is which.

    Raises TooLong: openpyxl would cut such a cell, and the rest of it would be lost on the way back.
    """
    for sheet in book.sheets:
        for line in sheet.lines:
            if any(len(protected(cell)) > _LONGEST_CELL for cell in line.cells):
                raise TooLong(f"{sheet.name}: a cell of {line.cells[0]} is longer than a spreadsheet keeps")
    workbook = Workbook()
    front: Any = workbook.active
    front.title = FRONT
    titles = _titles([sheet.name for sheet in book.sheets])
    _fill(front, [(SITE, book.site), (HASH, book.hash), (TABLES, "sheet"), *titles.items()], head=0)
    for sheet in book.sheets:
        lines = ((*line.cells, line.layer, line.origin) for line in sheet.lines)
        _fill(workbook.create_sheet(titles[sheet.name]), [(*sheet.columns, *ORIGIN_COLUMNS), *lines], head=1)
    kept = io.BytesIO()
    workbook.save(kept)
    return kept.getvalue()


def _titles(names: Iterable[str]) -> dict[str, str]:
    """What each table's sheet is called: its name, as far as a spreadsheet allows it."""
    found: dict[str, str] = {}
    taken = {FRONT}
    for name in names:
        title = name.translate(_NO_TITLE)[:_LONGEST_TITLE]
        number = 2
        while title.casefold() in taken:
            title = f"{name.translate(_NO_TITLE)[: _LONGEST_TITLE - 4]} {number}"
            number += 1
        taken.add(title.casefold())
        found[name] = title
    return found


def _fill(sheet: Any, lines: Iterable[tuple[str, ...]], *, head: int) -> None:
    widths: dict[int, int] = {}
    for number, cells in enumerate(lines, 1):
        for column, text in enumerate(cells, 1):
            cell = sheet.cell(number, column)
            cell.value = protected(text) if text else None
            cell.number_format = _TEXT
            if text:
                cell.data_type = "s"
                widths[column] = max(widths.get(column, _NARROWEST), *map(len, text.split("\n")))
            if number <= head:
                cell.font = Font(bold=True)
            elif head and column > len(cells) - len(ORIGIN_COLUMNS):
                cell.font = Font(color="808080")
    for column, width in widths.items():
        dimension = sheet.column_dimensions[get_column_letter(column)]
        dimension.width = min(width + 2, _WIDEST)
        dimension.number_format = _TEXT
    if head:
        sheet.freeze_panes = "A2"
        sheet.auto_filter.ref = sheet.dimensions
