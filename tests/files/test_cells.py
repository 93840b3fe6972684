"""Cells that a spreadsheet would run are written so that it does not, and are read back as they were."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.files.cells import csv_text, plain, protected, restored

RUN = [
    '=HYPERLINK("http://x.example","Granite")',
    "=1+1",
    "+1 608 555 0100",
    "-2+3",
    "@SUM(A1)",
    "＝1+1",
    "＋1",
    "－1",
    "＠SUM(A1)",
    "\u22121+1",
    "\t=1",
    "\r=1",
    "\n=1",
    ' "=1',
    "''=1",
    "\u200b=1",
    "\u00a0=1",
    "'=1",
    "-",
]
PLAIN = [
    "",
    "Granite",
    "'Connor",
    "O'Neill",
    "''",
    "'",
    "a=b",
    "3-4",
    "pat@clinic.example",
    "1-608",
    "Granite; Pat",
    "(608) 555-0100",
]


@pytest.mark.parametrize("text", RUN)
def test_a_formula_is_written_with_an_apostrophe(text: str) -> None:
    assert protected(text) == f"'{text}"
    assert restored(f"'{text}") == text


@pytest.mark.parametrize(
    ("text", "written"),
    [("Granite;=1+1", "Granite;'=1+1"), ("Granite; '-1", "Granite;' '-1"), ("=1;x;+2", "'=1;x;'+2")],
)
def test_so_is_one_behind_a_semicolon(text: str, written: str) -> None:
    assert (protected(text), restored(written)) == (written, text)


@pytest.mark.parametrize("text", PLAIN)
def test_what_is_no_formula_is_written_as_it_is(text: str) -> None:
    assert protected(text) == restored(text) == text


def test_what_a_person_wrote_without_protection_is_read_as_it_stands() -> None:
    assert [restored(text) for text in ("+1608", "'+1608", "''+1608")] == ["+1608", "+1608", "'+1608"]


CELLS = st.text(st.sampled_from("=+-@＝'\"; \t,\nab1é\u200b\u202e")) | st.text()


@given(CELLS)
def test_every_text_comes_back(text: str) -> None:
    assert restored(protected(text)) == text
    for part in (whole := protected(text)).split(";"):
        assert part.lstrip().lstrip("\"' \t\n")[:1] not in [*"=+-@＝＋－＠"] or part.startswith("'"), whole


@given(st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=1))
def test_a_file_holds_one_line_each_and_every_plain_cell(lines: list[list[str]]) -> None:
    read = list(csv.reader(io.StringIO(csv_text(lines), newline=""), strict=True))
    assert [[restored(cell) for cell in line] for line in read] == [
        [plain(cell) for cell in line] for line in lines
    ]
    assert not any(
        ord(char) < 32 or char in "\u2028\u202e" for line in read for cell in line for char in cell
    )
