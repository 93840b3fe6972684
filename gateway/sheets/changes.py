"""What was changed in a workbook since it was exported."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from gateway.files.characters import plain_line
from gateway.files.marked import Fault
from gateway.sheets.book import DROPPED, ORIGIN_COLUMNS, Book, Kind, Line, Sheet, value_of
from gateway.sheets.reading import Typed, TypedSheet

What = Literal["set", "clear", "add row", "drop row", "restore row", "add line", "change line", "remove line"]

_LONGEST = 60


@dataclass(frozen=True, slots=True)
class Change:
    """One edit, and the cell of the workbook that makes it.

    ``row`` and ``cell`` name what is meant of a field table, ``row`` alone a key of the dialect; ``value`` is
    what is typed, ``old`` what stood there. ``line`` is the line that an edit of a CSV, or of an error,
    replaces or removes, ``was`` what stood there; ``cells`` what a new row or line has, ``numbers`` in which
    rows of the sheet these are.
    """

    what: What
    sheet: TypedSheet
    kind: Kind
    number: int
    row: str
    cell: str = ""
    value: str = ""
    old: str = ""
    line: Line | None = None
    was: Mapping[str, str] = field(default_factory=dict)
    cells: Mapping[str, str] = field(default_factory=dict)
    numbers: Mapping[str, int] = field(default_factory=dict)

    @property
    def table(self) -> str:
        """Which table is edited."""
        return self.sheet.name

    def fault(self, text: str, column: str = "value") -> Fault:
        """A fault at the cell that makes the edit."""
        return self.sheet.fault(self.number, column, text)

    def __str__(self) -> str:
        name = ".".join(filter(None, (self.row, self.cell)))
        if self.what == "set":
            told = f"{_short(self.old)} -> {_short(self.value)}" if self.old else f"now {_short(self.value)}"
            return f"{name}: {told}"
        if self.what == "clear":
            return f"{name}: {_short(self.old)} removed"
        told = ", ".join(f"{key}: {_short(each)}" for key, each in self.cells.items() if each)
        if self.what == "change line":
            told = "; ".join(
                f"{key}: {_short(self.was.get(key, ''))} -> {_short(each)}"
                for key, each in self.cells.items()
                if self.was.get(key, "") != each
            )
        return f"{self.what} {name}" + (f" ({told})" if told else "")


def _short(text: str) -> str:
    line = plain_line(text)
    return f'"{line}"' if len(line) <= _LONGEST else f'"{line[:_LONGEST]}..."'


def changes(book: Book, sheets: tuple[TypedSheet, ...], faults: list[Fault]) -> list[Change]:
    """Every edit of these sheets, by their order; what cannot be told goes into ``faults``."""
    found: list[Change] = []
    for typed in sheets:
        sheet = book.sheet(typed.name)
        if sheet is None:
            faults.append(typed.at(1, 1, f'there is no table "{typed.name}" in this site'))
        elif not _columns_fit(sheet, typed, faults):
            continue
        elif sheet.kind == "fields":
            found += _fields(sheet, typed, faults)
        elif sheet.kind == "dialect":
            found += _settings(sheet, typed, faults)
        else:
            found += _lines(sheet, typed)
    return found


def _columns_fit(sheet: Sheet, typed: TypedSheet, faults: list[Fault]) -> bool:
    before = len(faults)
    known = {*sheet.columns, *ORIGIN_COLUMNS}
    needed = [*sheet.columns, *(["origin"] if sheet.kind in ("codes", "schedules", "errors") else [])]
    for name in needed:
        if name not in typed.columns:
            faults.append(typed.at(1, 1, f'the column "{name}" is missing; export the tables anew'))
    for name in typed.columns:
        if name not in known and sheet.kind != "schedules":
            text = f'"{name}" is no column of this table; keep your own columns on a sheet of your own'
            faults.append(typed.fault(1, name, text))
    return len(faults) == before


def _fields(sheet: Sheet, typed: TypedSheet, faults: list[Fault]) -> Iterator[Change]:
    before: dict[str, dict[str, str]] = {}
    for line in sheet.lines:
        before.setdefault(line.cells[0], {})[line.cells[1]] = line.cells[2].strip()
    now: dict[str, dict[str, Typed]] = {}
    for each in typed.lines:
        row, cell = each.cells["row"], each.cells["cell"]
        if not (row and cell):
            faults.append(
                typed.fault(each.number, "cell" if row else "row", "write which row, and which cell of it")
            )
        elif cell in now.setdefault(row, {}):
            first = now[row][cell].number
            faults.append(
                typed.fault(each.number, "cell", f'"{cell}" of "{row}" stands already in row {first}')
            )
        else:
            now[row][cell] = each
    for row, cells in now.items():
        there = {name: each for name, each in cells.items() if each.cells["value"] or name == DROPPED}
        yield from _row(sheet, typed, row, before.get(row, {}), there, next(iter(cells.values())).number)
    for row, old in before.items():
        if row not in now:
            yield Change("restore row" if DROPPED in old else "drop row", typed, sheet.kind, 1, row)


def _row(
    sheet: Sheet, typed: TypedSheet, row: str, old: dict[str, str], new: dict[str, Typed], first: int
) -> Iterator[Change]:
    if DROPPED in new and DROPPED not in old:
        each = new[DROPPED]
        yield Change("drop row", typed, sheet.kind, each.number, row, value=each.cells["value"])
        return
    if not new:
        yield Change("drop row", typed, sheet.kind, first, row)
        return
    if not old or (DROPPED in old and DROPPED not in new):
        values = {name: each.cells["value"] for name, each in new.items()}
        numbers = {name: each.number for name, each in new.items()}
        yield Change("add row", typed, sheet.kind, first, row, cells=values, numbers=numbers)
        return
    for name, each in new.items():
        value = each.cells["value"]
        if name not in old or not same(sheet.kind, name, value, old[name]):
            yield Change("set", typed, sheet.kind, each.number, row, name, value, old.get(name, ""))
    for name, value in old.items():
        if name not in new:
            yield Change("clear", typed, sheet.kind, first, row, name, old=value)


def same(kind: Kind, cell: str, one: str, other: str) -> bool:
    """Whether two texts mean the same for a cell: blanks and quotes within brackets do not count."""
    try:
        return bool(value_of(kind, cell, one.strip()) == value_of(kind, cell, other.strip()))
    except ValueError:
        return one.strip() == other.strip()


def _settings(sheet: Sheet, typed: TypedSheet, faults: list[Fault]) -> Iterator[Change]:
    before = {line.cells[0]: line.cells[1].strip() for line in sheet.lines}
    now: dict[str, Typed] = {}
    for each in typed.lines:
        if each.cells["key"] in now:
            faults.append(typed.fault(each.number, "key", f'"{each.cells["key"]}" stands twice'))
        now[each.cells["key"]] = each
    for key, each in now.items():
        value = each.cells["value"]
        if value and not same(sheet.kind, "", value, before.get(key, "")):
            yield Change("set", typed, sheet.kind, each.number, key, "", value, before.get(key, ""))
    for key, old in before.items():
        if key not in now or not now[key].cells["value"]:
            number = now[key].number if key in now else 1
            yield Change("clear", typed, sheet.kind, number, key, old=old)


def _lines(sheet: Sheet, typed: TypedSheet) -> Iterator[Change]:
    """Lines that are as they were are known by what they say, changed ones by their origin."""
    names = [name for name in typed.columns if name not in ORIGIN_COLUMNS]
    left = Counter(_said(sheet, line, names) for line in sheet.lines)
    others = []
    for each in typed.lines:
        said = tuple(each.cells[name] for name in names)
        if left[said]:
            left[said] -= 1
        else:
            others.append(each)
    gone = []
    for line in reversed(sheet.lines):
        said = _said(sheet, line, names)
        if left[said]:
            left[said] -= 1
            gone.append(line)
    by_origin = {line.origin: line for line in reversed(gone)}
    for each in others:
        cells = {name: each.cells[name] for name in names}
        replaced = by_origin.pop(each.cells["origin"], None)
        was = dict(zip(sheet.columns, replaced.cells, strict=True)) if replaced is not None else {}
        what: What = "add line" if replaced is None else "change line"
        yield Change(
            what, typed, sheet.kind, each.number, each.cells[names[0]], line=replaced, was=was, cells=cells
        )
    for old in by_origin.values():
        cells = dict(zip(sheet.columns, old.cells, strict=True))
        yield Change("remove line", typed, sheet.kind, 1, old.cells[0], line=old, cells=cells)


def _said(sheet: Sheet, line: Line, names: list[str]) -> tuple[str, ...]:
    cells = dict(zip(sheet.columns, line.cells, strict=True))
    return tuple(cells.get(name, "").strip() for name in names)
