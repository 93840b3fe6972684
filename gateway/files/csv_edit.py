"""Edits of CSV files that leave every other line as it is: order, quotes, delimiter, line breaks."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

from gateway.files.cells import protected

_BOM = "\ufeff"


def edited(
    content: bytes,
    changed: Mapping[int, Mapping[str, str] | None] | None = None,
    added: Sequence[Mapping[str, str]] = (),
) -> bytes:
    """The file with some lines changed (by the number of their first line; None: removed), and some added.

    Cells are named by their columns; one that the header does not have comes to its end, if it is filled.
    Raises ValueError for what is no CSV.
    """
    text = content.decode("utf-8")
    mark = _BOM if text.startswith(_BOM) else ""
    lines = list(io.StringIO(text.removeprefix(_BOM), newline=""))
    delimiter = delimiter_of(lines[0] if lines else "")
    newline = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
    spans = _spans(lines, delimiter)
    names = [name.strip() for name in spans[0][1]] if spans else []
    filled = (changed or {}).values()
    more = _columns([*(each for each in filled if each is not None), *added], names)
    columns = [*names, *more]
    head = [_line(columns, delimiter, newline)] if more or not lines else lines[: spans[0][0][1]]
    kept: list[str] = list(head)
    for (start, end), _ in spans[1:]:
        if changed is None or start + 1 not in changed:
            kept += lines[start:end]
        elif (cells := changed[start + 1]) is not None:
            kept.append(_line([cells.get(name, "") for name in columns], delimiter, newline))
    if added and not kept[-1].endswith(("\n", "\r")):
        kept[-1] += newline
    kept += [_line([cells.get(name, "") for name in columns], delimiter, newline) for cells in added]
    return (mark + "".join(kept)).encode("utf-8")


def delimiter_of(first: str) -> str:
    """A comma or a semicolon: what the first line has more of."""
    return ";" if first.count(";") > first.count(",") else ","


def _columns(lines: Iterable[Mapping[str, str]], known: Sequence[str]) -> list[str]:
    return list(
        dict.fromkeys(name for line in lines for name, cell in line.items() if cell and name not in known)
    )


def _spans(lines: Sequence[str], delimiter: str) -> list[tuple[tuple[int, int], list[str]]]:
    """The records, each with the lines that it stands on, as positions."""
    reader = csv.reader(iter(lines), delimiter=delimiter, strict=True)
    found, start = [], 0
    try:
        for cells in reader:
            found.append(((start, reader.line_num), cells))
            start = reader.line_num
    except csv.Error as error:
        raise ValueError(f"is not CSV: {error}") from None
    return found


def _line(cells: Sequence[str], delimiter: str, newline: str) -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator=newline).writerow(
        [protected(cell) for cell in cells]
    )
    return text.getvalue()
