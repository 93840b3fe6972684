"""What becomes of edits: faults of the check at the cells that brought them about, and what is overruled."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.files import marked
from gateway.files.marked import Fault, MarkedList, MarkedMap
from gateway.sheets.book import DROPPED, Book, Line, Sheet
from gateway.sheets.changes import Change, same
from gateway.tables.read.code_tables import CODE_COLUMNS, rows
from gateway.tables.read.layered_rows import key_of, text_of
from gateway.tables.read.layers import Source


def located(faults: Iterable[Fault], names: Mapping[str, Path], found: Sequence[Change]) -> Iterator[Fault]:
    """Faults of the check, each at the cell of the workbook that brought it about; as it is where that cannot
    be told. ``names`` are the files that were made, as faults name them."""
    lines: dict[Path, dict[int, dict[str, str]]] = {}
    nodes: dict[Path, MarkedMap | None] = {}
    for fault in faults:
        path = names.get(fault.file)
        if path is None:
            yield fault
        elif path.suffix == ".csv":
            if path not in lines:
                lines[path] = _lines(path, found)
            change = _of_csv(path, lines[path].get(fault.line), found)
            yield change.fault(fault.text, next(iter(change.cells))) if change is not None else fault
        else:
            if path not in nodes:
                nodes[path] = marked.read(path.read_bytes(), fault.file)[0]
            change, cell = _of_yaml(path, nodes[path], fault.line, found)
            number = change.numbers.get(cell, change.number) if change is not None else 0
            yield change.sheet.fault(number, "value", fault.text) if change is not None else fault


def _lines(path: Path, found: Sequence[Change]) -> dict[int, dict[str, str]]:
    """What stands on each line of a CSV file that was made."""
    columns = (*CODE_COLUMNS, *(name for each in found if each.kind == "schedules" for name in each.cells))
    read = rows(Source(path.name, "", path.stem, path.read_bytes()), dict.fromkeys(columns), (), [])
    return {mark.line: cells for mark, cells in read}


def _of_csv(path: Path, cells: Mapping[str, str] | None, found: Sequence[Change]) -> Change | None:
    kind = "codes" if path.parent.name == "codes" else "schedules"
    said = {name: each for name, each in (cells or {}).items() if each and name != "way"}
    for each in found if said else ():
        mine = each.kind == kind and each.table in (path.stem, "schedules")
        if mine and all(each.cells.get(name) == cell for name, cell in said.items()):
            return each
    return None


def _of_yaml(
    path: Path, node: MarkedMap | None, line: int, found: Sequence[Change]
) -> tuple[Change | None, str]:
    name = next((each for key in ("over", "table") if node is not None and (each := node.get(key))), None)
    items = node.get("rows") if node is not None else None
    if name is None or not isinstance(items, MarkedList):
        kind = "dialect" if path.name == "dialect.yaml" else "errors"
        one = [each for each in found if each.kind == kind]
        return (one[0] if len(one) == 1 else None), ""
    within = [each for each in items.items if isinstance(each, MarkedMap) and each.mark.line <= line]
    if not within:
        return None, ""
    target = within[-1].get("row")
    row = key_of(within[-1]) if target is None else text_of(target)
    cells = [key.text for key, _ in within[-1].items if key.mark.line <= line]
    mine = [each for each in found if each.table == text_of(name) and each.row == row]
    exact = [each for each in mine if each.cell == cells[-1]]
    return next(iter([*exact, *mine]), None), cells[-1]


def overruled(found: Sequence[Change], after: Book) -> Iterator[Fault]:
    """Edits that do not come out in the tables made with them, as something else stands over them."""
    tables = {sheet.name: _Told.of(sheet) for sheet in after.sheets}
    for change in found:
        told = tables.get(change.table)
        if told is None:
            continue
        of_cells = change.kind in ("fields", "dialect")
        above = _over_cells(change, told) if of_cells else _over_lines(change, told)
        if above is not None:
            where = f" ({above.origin})" if above.origin else ""
            text = f"this does not come out: another layer, or another line, stands over it{where}"
            if _renamed(change) and told.like(change.was) is above:
                text = f"the line that this was stands in another layer{where}, and stays; write one more"
            yield change.fault(text, "value" if of_cells else next(iter(change.cells)))


# By what a line is known to the layers over it.
_KEYS = {
    "codes": ("redox_code", "redox_system"),
    "schedules": ("schedule",),
    "errors": ("failure", "at", "http", "code", "reason"),
}
_NOWHERE = Line((), "", marked.Mark("", 0, 0))


@dataclass(frozen=True, slots=True)
class _Told:
    """A sheet of the tables that were made: its lines by all cells but the last, and by the first cell."""

    columns: tuple[str, ...]
    cells: Mapping[tuple[str, ...], Line]
    first: Mapping[str, list[Line]]

    @classmethod
    def of(cls, sheet: Sheet) -> _Told:
        first: dict[str, list[Line]] = {}
        for line in sheet.lines:
            first.setdefault(line.cells[0], []).append(line)
        return cls(sheet.columns, {line.cells[:-1]: line for line in sheet.lines}, first)

    def like(self, cells: Mapping[str, str], *, way: bool = False) -> Line | None:
        """The line that says this, and with ``way`` serves just so."""
        wanted = {self.columns.index(name): each for name, each in cells.items() if name in self.columns}
        if "way" in cells:
            place = self.columns.index("way")
            wanted[place] = wanted[place] or "both"
            if not way:
                del wanted[place]
        near = self.first.get(wanted.get(0, ""), ())
        return next(
            (line for line in near if all(line.cells[at] == each for at, each in wanted.items())), None
        )


def _over_cells(change: Change, told: _Told) -> Line | None:
    """What stands where an edit of a cell or a row should, if that does not."""
    key = (change.row, change.cell) if change.kind == "fields" else (change.row,)
    if change.what == "clear":
        return told.cells.get(key)
    if change.what == "drop row":
        return next((line for line in told.first.get(change.row, ()) if line.cells[1] != DROPPED), None)
    added = {(change.row, name): each for name, each in change.cells.items()}
    wanted = {key: change.value} if change.what == "set" else added
    for each, value in wanted.items():
        line = told.cells.get(each, _NOWHERE)
        cell = each[-1] if change.kind == "fields" else ""
        if not line.cells or not same(change.kind, cell, value, line.cells[-1]):
            return line
    return None


def _over_lines(change: Change, told: _Told) -> Line | None:
    """The same of a line; one that it was before and that stays, as it is another layer's, counts as well."""
    if change.what == "remove line":
        return told.like(change.cells)
    if told.like(change.cells, way=True) is None:
        return told.like(change.cells) or _NOWHERE
    return told.like(change.was) if _renamed(change) else None


def _renamed(change: Change) -> bool:
    """Whether a line was another one to the layers over it."""
    keys = _KEYS.get(change.kind, ()) if change.was else ()
    return any(change.was.get(name, "") != change.cells.get(name, "") for name in keys)
