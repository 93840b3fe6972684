"""What a spreadsheet makes of texts that look like numbers or dates to it, found in a cell of a CSV."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

_MONTH = "jan|feb|mar|apr|may|jun|jul|aug|sep|sept|oct|nov|dec|mai|okt|dez"
_DECIMALS = "a number to which a spreadsheet added decimals"
# What each is told as: 308335008 -> 3.08E+08, 4356789876 -> 4356789876.0, 3-11 -> 03-Nov.
_DAMAGES = (
    (re.compile(r"-?\d(?:[.,]\d+)?E\+\d+", re.IGNORECASE), "a number that a spreadsheet shortened"),
    (re.compile(r"-?\d{4,}[.,]0+"), _DECIMALS),
    (
        re.compile(rf"\d{{1,2}}(?:-|\. ?)(?:{_MONTH})(?:-(?:\d\d){{1,2}})?|(?:{_MONTH})-\d\d", re.IGNORECASE),
        "a date that a spreadsheet made of something else",
    ),
    (
        re.compile(r"\d{1,2}/\d{1,2}/(?:\d\d){1,2}(?: \d{1,2}:\d\d(?::\d\d)?)?"),
        "a date that a spreadsheet made of something else",
    ),
    (
        re.compile(r"\d{4}-\d\d-\d\d \d{1,2}:\d\d(?::\d\d(?:\.0+)?)?"),
        "a date that a spreadsheet made of something else",
    ),
    (re.compile(r"#(?:N/A|REF!|NAME\?|VALUE!|DIV/0!|NULL!|NUM!)|#{4,}"), "an error that a spreadsheet shows"),
)
# As spreadsheets of several languages write it, in capitals; a name may be so.
_TRUTH = re.compile("TRUE|FALSE|WAHR|FALSCH|VRAI|FAUX|VERDADERO|FALSO")
_SHORT = re.compile(r"\d{1,3}\.0")
_LONGEST = 64


def damage(cell: str, *, code: bool) -> str | None:
    """What a cell looks like that was another text before; None for one that looks right. A ``code`` may have
    decimals, as those of ICD-9 have; it is no word such as TRUE."""
    if len(cell) > _LONGEST:
        return None
    if not code and _SHORT.fullmatch(cell):
        return _DECIMALS
    if code and _TRUTH.fullmatch(cell):
        return "what a spreadsheet makes of a yes or no"
    return next((what for pattern, what in _DAMAGES if pattern.fullmatch(cell)), None)


def without_zeros(cells: Iterable[str]) -> Mapping[str, str]:
    """Cells of one column that look as if a spreadsheet took their leading zeros, each with the text that it
    had: where all those that begin with a zero are equally long, and it is shorter."""
    numbers = [cell for cell in dict.fromkeys(cells) if cell.isascii() and cell.isdigit()]
    padded = {len(cell) for cell in numbers if cell.startswith("0") and len(cell) > 1}
    if len(padded) != 1:
        return {}
    (width,) = padded
    return {cell: cell.zfill(width) for cell in numbers if len(cell) < width}
