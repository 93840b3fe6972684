"""A workbook edited at random is taken back as typed, or told where it is wrong, and nothing is written."""

from __future__ import annotations

import datetime
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from tests.fuzz.scale import chance, inputs
from tests.sheets.conftest import clinic, gateway

__all__ = ["clinic", "gateway"]

Run = Callable[..., tuple[int, str, str]]

TYPED: list[Any] = [
    *(
        "",
        "x",
        "[a, b]",
        "{redox: a}",
        "[",
        "=1+1",
        "'+1",
        "007",
        "2025-10-21",
        "both",
        "dropped",
        "drop",
        "note",
    ),
    *(
        "to-fhir",
        "sideways",
        "Slot.start",
        "instant",
        "code(visit-types)",
        "true",
        "a\nb",
        "s1",
        "America/Chicago",
    ),
    *(
        "'x",
        "# c",
        "a: b",
        "- x",
        "&a",
        "*b",
        "!t",
        "\t",
        "\u200b",
        "../../etc/passwd",
        "a" * 300,
        "token",
        "502",
    ),
    *(12, 1.5, 10**20, True, None, datetime.date(2025, 3, 11)),
]


def _edit(book: Any, luck: random.Random) -> None:
    sheet = book[luck.choice(book.sheetnames)]
    row = luck.randrange(1 if luck.random() < 0.1 else 2, max(3, sheet.max_row + 1))
    match luck.randrange(5):
        case 0 | 1:
            column = 3 if sheet.max_column == 5 else luck.randrange(1, sheet.max_column + 1)
            sheet.cell(row, column).value = luck.choice(TYPED)
        case 2:
            sheet.delete_rows(row)
        case 3:
            sheet.append([luck.choice(TYPED) for _ in range(sheet.max_column)])
        case _:
            sheet.append([cell.value for cell in sheet[row]])


def _texts(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("number", range(inputs(8)))
def test_an_edited_workbook_is_taken_whole_or_not_at_all(number: int, gateway: Run, clinic: Path) -> None:
    luck = chance(f"workbook {number}")
    assert gateway("export", "--site", "north", "--format", "xlsx", "--output", "north.xlsx")[0] == 0
    book = openpyxl.load_workbook(clinic / "north.xlsx")
    for _ in range(luck.choice((1, 1, 2, 3))):
        _edit(book, luck)
    book.save(clinic / "north.xlsx")
    before = _texts(clinic / "tables")
    code, out, error = gateway(
        "import", "north.xlsx", "--layer", luck.choice(("site", "site", "dialect", "base"))
    )
    if code == 0:
        assert gateway("check")[0] == 0
        assert (
            gateway("export", "--site", "north", "--format", "xlsx", "--output", "north.xlsx", "--force")[0]
            == 0
        )
        assert gateway("import", "north.xlsx")[1] == "Nothing is otherwise than it was exported.\n"
    else:
        assert code in (1, 2, 3) and out == "" and "gateway-import" not in error
        assert "north" in error and _texts(clinic / "tables") == before
