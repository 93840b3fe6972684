"""Cells of CSV files as spreadsheets open them: none that is written here may be taken for a formula.

A cell that begins with ``=``, ``+``, ``-``, ``@`` or one of their full-width forms (behind blanks and quotes,
too) is written with an apostrophe in front, and read without it. The same behind a semicolon, where a
spreadsheet of another country begins the next cell. What is written so is read back letter by letter:
:func:`restored` takes away just what :func:`protected` adds, since a text that begins with an apostrophe and
would be mistaken for a protected one gets a second one.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable

# U+2212 is what word processors make of a hyphen, and some spreadsheets read it as one.
_RUN = r"[\s\x00-\x1f\x7f\u200b-\u200f\u2060\ufeff'\"]*[=+\-@\uff1d\uff0b\uff0d\uff20\u2212]"
_BEGINNING = re.compile(rf"(^|;)(?={_RUN})")
_PROTECTED = re.compile(rf"(^|;)'(?={_RUN})")
# What no cell needs, and tables refuse: control characters, separators of lines, marks of direction.
_ODD = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")


def protected(cell: str) -> str:
    """The cell as it may be written into a CSV file."""
    return _BEGINNING.sub(r"\1'", cell)


def restored(cell: str) -> str:
    """The cell that was protected; any other as it is."""
    return _PROTECTED.sub(r"\1", cell)


def plain(text: str) -> str:
    """A text of somebody else's as a cell: on one line, without what cannot be seen or turns the rest."""
    return _ODD.sub(" ", text).strip()


def csv_text(lines: Iterable[Iterable[str]]) -> str:
    """The lines, the header first, as a CSV file whose every cell is plain and protected."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(
        [protected(plain(cell)) for cell in line] for line in lines
    )
    return text.getvalue()
