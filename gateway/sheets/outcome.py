"""What becomes of edits: faults of the check at the cells that brought them about, and what is overruled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from gateway.files import marked
from gateway.files.marked import Fault, MarkedList, MarkedMap
from gateway.sheets.book import DROPPED, Book, Line, Sheet
from gateway.sheets.changes import Change, same
from gateway.tables.read.code_tables import CODE_COLUMNS, rows
from gateway.tables.read.layered_rows import key_of, text_of
from gateway.tables.read.layers import Source


def located(fault: Fault, path: Path | None, found: Sequence[Change]) -> Fault:
    """A fault of the check, which is in the file ``path``, at the cell of the workbook that brought it about;
    as it is where that cannot be told."""
    if path is None:
        return fault
    if path.suffix == ".csv":
        change = _of_csv(path, fault, found)
        return change.fault(fault.text, next(iter(change.cells))) if change is not None else fault
    change, cell = _of_yaml(path, fault, found)
    if change is None:
        return fault
    return change.sheet.fault(change.numbers.get(cell, change.number), "value", fault.text)


def _of_csv(path: Path, fault: Fault, found: Sequence[Change]) -> Change | None:
    kind = "codes" if path.parent.name == "codes" else "schedules"
    mine = [each for each in found if each.kind == kind and each.table in (path.stem, "schedules")]
    known = CODE_COLUMNS if kind == "codes" else [name for each in mine[:1] for name in each.cells]
    for mark, cells in rows(Source(fault.file, "", path.stem, path.read_bytes()), known, (), []):
        if mark.line == fault.line:
            said = {name: each for name, each in cells.items() if each and name != "way"}
            same = (each for each in mine if all(each.cells.get(name) == cell for name, cell in said.items()))
            return next(same, None)
    return None


def _of_yaml(path: Path, fault: Fault, found: Sequence[Change]) -> tuple[Change | None, str]:
    node, _ = marked.read(path.read_bytes(), fault.file)
    name = next((each for key in ("over", "table") if node is not None and (each := node.get(key))), None)
    items = node.get("rows") if node is not None else None
    if name is None or not isinstance(items, MarkedList):
        kind = "dialect" if path.name == "dialect.yaml" else "errors"
        one = [each for each in found if each.kind == kind]
        return (one[0] if len(one) == 1 else None), ""
    within = [each for each in items.items if isinstance(each, MarkedMap) and each.mark.line <= fault.line]
    if not within:
        return None, ""
    target = within[-1].get("row")
    row = key_of(within[-1]) if target is None else text_of(target)
    cells = [key.text for key, _ in within[-1].items if key.mark.line <= fault.line]
    mine = [each for each in found if each.table == text_of(name) and each.row == row]
    exact = [each for each in mine if each.cell == cells[-1]]
    return next(iter([*exact, *mine]), None), cells[-1]


def overruled(found: Sequence[Change], after: Book) -> Iterator[Fault]:
    """Edits that do not come out in the tables made with them, as something else stands over them."""
    for change in found:
        sheet = after.sheet(change.table)
        if sheet is None:
            continue
        of_cells = change.kind in ("fields", "dialect")
        above = _over_cells(change, sheet) if of_cells else _over_lines(change, sheet)
        if above is not None:
            where = f" ({above.origin})" if above.origin else ""
            text = f"this does not come out: another layer, or another line, stands over it{where}"
            if _renamed(change) and _like(change.was, sheet) is above:
                text = f"the line that this was stands in another layer{where}, and stays; write one more"
            yield change.fault(text, "value" if of_cells else next(iter(change.cells)))


# By what a line is known to the layers over it.
_KEYS = {
    "codes": ("redox_code", "redox_system"),
    "schedules": ("schedule",),
    "errors": ("failure", "at", "http", "code", "reason"),
}
_NOWHERE = Line((), "", marked.Mark("", 0, 0))


def _over_cells(change: Change, sheet: Sheet) -> Line | None:
    """What stands where an edit of a cell or a row should, if that does not."""
    there = {line.cells[:-1]: line for line in sheet.lines}
    key = (change.row, change.cell) if change.kind == "fields" else (change.row,)
    if change.what == "clear":
        return there.get(key)
    if change.what == "drop row":
        return next(
            (line for (row, *cell), line in there.items() if row == change.row and cell != [DROPPED]), None
        )
    wanted = (
        {key: change.value}
        if change.what == "set"
        else {(change.row, name): each for name, each in change.cells.items()}
    )
    for each, value in wanted.items():
        line = there.get(each, _NOWHERE)
        cell = each[-1] if change.kind == "fields" else ""
        if not line.cells or not same(change.kind, cell, value, line.cells[-1]):
            return line
    return None


def _over_lines(change: Change, sheet: Sheet) -> Line | None:
    """The same of a line; one that it was before and that stays, as it is another layer's, counts as well."""
    if change.what == "remove line":
        return _like(change.cells, sheet)
    if _like(change.cells, sheet, way=True) is None:
        return _like(change.cells, sheet) or _NOWHERE
    return _like(change.was, sheet) if _renamed(change) else None


def _renamed(change: Change) -> bool:
    """Whether a line was another one to the layers over it."""
    keys = _KEYS.get(change.kind, ()) if change.was else ()
    return any(change.was.get(name, "") != change.cells.get(name, "") for name in keys)


def _like(cells: Mapping[str, str], sheet: Sheet, *, way: bool = False) -> Line | None:
    """The line that says this, and with ``way`` serves just so."""
    wanted = {sheet.columns.index(name): each for name, each in cells.items() if name in sheet.columns}
    if "way" in cells:
        place = sheet.columns.index("way")
        wanted[place] = wanted[place] or "both"
        if not way:
            del wanted[place]
    return next(
        (line for line in sheet.lines if all(line.cells[at] == each for at, each in wanted.items())), None
    )
