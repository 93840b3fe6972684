"""One layer's folder of tables, and edits put into its files: YAML and CSV, their comments and order kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from gateway.editors.schemas import line_for
from gateway.files import marked, yaml_edit
from gateway.files.csv_edit import edited
from gateway.files.flow import block, scalar
from gateway.files.marked import Fault, MarkedList, MarkedMap
from gateway.sheets.book import DROPPED, value_of, values_of
from gateway.sheets.changes import Change
from gateway.tables.read.code_tables import CODE_COLUMNS
from gateway.tables.read.code_tables import rows as lines_of
from gateway.tables.read.layered_rows import key_of, text_of
from gateway.tables.read.layers import Source
from gateway.tables.rows.model import Table

_LINE = "yaml-language-server:"
_BY_TYPE = ("searches", "joins", "levels")  # keys of the dialect that are replaced one by one


class Unable(Exception):
    """An edit that this layer cannot make: why."""


@dataclass(frozen=True, slots=True)
class Rows:
    """A file of the layer with rows of a table, and whether it is the whole table."""

    path: Path
    node: MarkedMap
    whole: bool

    def find(self, key: str) -> tuple[int, MarkedMap] | None:
        """The position of what this file says of a row, and that."""
        rows = self.node.get("rows")
        for position, item in enumerate(rows.items if isinstance(rows, MarkedList) else ()):
            if isinstance(item, MarkedMap):
                target = item.get("row")
                if (key_of(item) if target is None else text_of(target)) == key:
                    return position, item
        return None


@dataclass(frozen=True, slots=True)
class LayerFolder:
    """The folder of a layer below ``root``, which may be written. ``below`` are the field tables as the
    layers under it have them, ``files`` the root's by the names that places have for them;
    ``copies`` are files that are as they are below, and count there."""

    root: Path
    folder: Path
    below: Mapping[str, Table]
    files: Mapping[str, Path]
    copies: frozenset[Path]

    def apply(self, changes: Sequence[Change], faults: list[Fault]) -> None:
        """Every edit in the files. What this layer cannot do goes into ``faults``."""
        lines: dict[tuple[str, str], list[Change]] = {}
        for change in changes:
            try:
                if change.kind == "fields":
                    self._field(change)
                elif change.kind == "dialect":
                    self._setting(change)
                else:
                    lines.setdefault((change.kind, change.table), []).append(change)
            except Unable as why:
                faults.append(change.fault(str(why)))
        for (kind, name), each in lines.items():
            if kind == "errors":
                self._errors(each, faults)
            elif kind == "schedules" and not (self.folder / "schedules.csv").exists():
                self._all_schedules(each[0])
            else:
                self._csv(kind, name, each, faults)

    def _field(self, change: Change) -> None:
        found = self._item(change.table, change.row)
        if change.what == "set":
            self._set(change, found)
        elif change.what == "clear":
            self._clear(change, found)
        elif change.what == "add row":
            if found is not None and found[2].get("drop") is not None:
                raise Unable("the row is dropped here; bring it back first (delete its line), then change it")
            self._append(change.table, self._row(change))
        elif change.what == "restore row":
            if found is None:
                raise Unable("the row is dropped by another layer, which alone can bring it back")
            self._remove_item(found[0], found[1])
        else:
            self._drop(change, found)

    def _row(self, change: Change) -> dict[str, Any]:
        cells = {name: _value(change, name, each) for name, each in change.cells.items()}
        written = "rows:\n  - " + "\n    ".join(f"{key}: {block(each)}" for key, each in cells.items()) + "\n"
        node, _ = marked.read(written, "")
        rows = node.get("rows") if node is not None else None
        item = rows.items[0] if isinstance(rows, MarkedList) else None
        named = isinstance(item, MarkedMap) and key_of(item) == change.row
        return cells if named else {"key": change.row, **cells}

    def _set(self, change: Change, found: _Found | None) -> None:
        if change.cell == DROPPED:
            self._set_because(change, found)
            return
        if change.cell in ("row", "drop", "key"):
            raise Unable(f'"{change.cell}" is no cell of a row')
        value = _value(change, change.cell, change.value)
        if found is None:
            self._append(change.table, {"row": change.row, change.cell: value})
            return
        rows, position, item = found
        if item.get("row") is not None and self._says_below(change, value):
            self._clear(change, found)
            return
        text = _text(rows.path)
        at: list[str | int] = ["rows", position]
        if item.get(change.cell) is None:
            _write(rows.path, yaml_edit.with_key(text, at, change.cell, value))
        else:
            _write(rows.path, yaml_edit.replaced(text, [*at, change.cell], value))

    def _set_because(self, change: Change, found: _Found | None) -> None:
        if found is None or found[2].get("drop") is None:
            raise Unable("the row is dropped by another layer, which alone says why")
        rows, position, item = found
        at: list[str | int] = ["rows", position]
        text = _text(rows.path)
        if item.get("because") is None:
            _write(rows.path, yaml_edit.with_key(text, at, "because", change.value))
        elif change.value:
            _write(rows.path, yaml_edit.replaced(text, [*at, "because"], change.value))
        else:
            _write(rows.path, yaml_edit.without_key(text, at, "because"))

    def _says_below(self, change: Change, value: Any) -> bool:
        """Whether the layers below say it already, so that this one need not."""
        table = self.below.get(change.table)
        row = table.row(change.row) if table is not None else None
        cell = row.cells.get(change.cell) if row is not None else None
        return row is not None and cell is not None and values_of(row).get(change.cell, cell.text) == value

    def _clear(self, change: Change, found: _Found | None) -> None:
        if found is None or found[2].get(change.cell) is None:
            table = self.below.get(change.table)
            row = table.row(change.row) if table is not None else None
            where = f" ({row.at(change.cell)})" if row is not None else ""
            text = f'"{change.cell}" is said by another layer{where}, and a layer cannot empty a cell'
            raise Unable(f"{text}; drop the row, and add it anew under another name without that cell")
        rows, position, item = found
        if len(item.items) <= (2 if item.get("row") is not None else 1):
            self._remove_item(rows, position)
        else:
            _write(rows.path, yaml_edit.without_key(_text(rows.path), ["rows", position], change.cell))

    def _drop(self, change: Change, found: _Found | None) -> None:
        drop = {"row": change.row, "drop": "true", **({"because": change.value} if change.value else {})}
        if found is not None:
            rows, position, item = found
            self._remove_item(rows, position)
            if item.get("row") is None:
                return
        self._append(change.table, drop)

    def _item(self, table: str, key: str) -> _Found | None:
        for rows in self._rows(table):
            found = rows.find(key)
            if found is not None:
                return rows, *found
        return None

    def _rows(self, table: str) -> list[Rows]:
        found = []
        for path in sorted(self.folder.glob("*.yaml")):
            if path in self.copies:
                continue
            node, _ = marked.read(_text(path), str(path))
            for key in ("table", "over"):
                name = node.get(key) if node is not None else None
                if node is not None and name is not None and text_of(name) == table:
                    found.append(Rows(path, node, key == "table"))
        return found

    def _append(self, table: str, item: dict[str, Any]) -> None:
        rows = self._rows(table)
        if rows:
            _write(rows[0].path, yaml_edit.with_item(_text(rows[0].path), ["rows"], item))
            return
        path = self._new_file(table)
        head = f"{line_for(path.relative_to(self.root))}\nover: {scalar(table)}\nrows: []\n"
        _write(path, yaml_edit.with_item(head, ["rows"], item))

    def _new_file(self, table: str) -> Path:
        path, number = self.folder / f"{table}.yaml", 2
        while path.exists():
            path, number = self.folder / f"{table}-{number}.yaml", number + 1
        return path

    def _remove_item(self, rows: Rows, position: int) -> None:
        """A file of which nothing is left goes, unless somebody has written into it beside the rows."""
        text = yaml_edit.without_item(_text(rows.path), ["rows"], position)
        node, _ = marked.read(text, "")
        left = node.get("rows") if node is not None else None
        comments = [line for line in text.splitlines() if line.lstrip().startswith("#") and _LINE not in line]
        if isinstance(left, MarkedList) and not left.items and not rows.whole and not comments:
            rows.path.unlink()
        else:
            _write(rows.path, text)

    def _setting(self, change: Change) -> None:
        path = self.folder / "dialect.yaml"
        kind, _, inner = change.row.partition(".")
        steps = [kind, inner] if kind in _BY_TYPE and inner else [change.row]
        text = _text(path) if path.exists() else ""
        whole: Any = marked.plain(_read(text)) if text else {}
        body: dict[str, Any] = whole.get("dialect", {})
        there = body.get(steps[0]) if len(steps) == 2 else body
        if change.what == "clear":
            if not isinstance(there, dict) or steps[-1] not in there:
                raise Unable(
                    "the key is said by another layer, and a layer cannot empty it; say otherwise here"
                )
            if len(there) > 1 or len(steps) == 1:
                at, key = ["dialect", *steps[:-1]], steps[-1]
            else:
                at, key = ["dialect"], steps[0]
            if len(body) == 1 and at == ["dialect"]:
                path.unlink()
            else:
                _write(path, yaml_edit.without_key(text, at, key))
            return
        value = _value(change, change.cell, change.value)
        if not text:
            each = {steps[1]: value} if len(steps) == 2 else value
            head = f"{line_for(path.relative_to(self.root))}\ndialect:\n  {scalar(steps[0])}: {block(each)}\n"
            _write(path, head)
        elif isinstance(there, dict) and steps[-1] in there:
            _write(path, yaml_edit.replaced(text, ["dialect", *steps], value))
        elif isinstance(there, dict) and there:
            _write(path, yaml_edit.with_key(text, ["dialect", *steps[:-1]], steps[-1], value))
        elif there is None:
            _write(path, yaml_edit.with_key(text, ["dialect"], steps[0], {steps[1]: value}))
        else:
            _write(path, yaml_edit.replaced(text, ["dialect", *steps[:-1]], {steps[-1]: value}))

    def _errors(self, changes: Sequence[Change], faults: list[Fault]) -> None:
        """A row of this layer is changed where it stands; one of a layer below gets one over it."""
        path = self.folder / "errors.yaml"
        text = _text(path) if path.exists() else f"{line_for(path.relative_to(self.root))}\nerrors: []\n"
        rows = _read(text).get("errors")
        lines = {
            item.mark.line: n for n, item in enumerate(rows.items if isinstance(rows, MarkedList) else ())
        }
        gone = []
        for change in changes:
            mine = change.line is not None and self.files.get(change.line.mark.file) == path
            at = lines.get(change.line.mark.line) if mine and change.line is not None else None
            cells = {name: each for name, each in change.cells.items() if each}
            if change.what == "remove line" and at is None:
                text_of_it = "the row stands in another layer, and no layer can take it away"
                faults.append(change.fault(text_of_it, "origin"))
            elif change.what == "remove line":
                gone.append(at)
            elif at is not None:
                text = yaml_edit.replaced(text, ["errors", at], cells)
            else:
                text = yaml_edit.with_item(text, ["errors"], cells)
        for at in sorted((each for each in gone if each is not None), reverse=True):
            text = yaml_edit.without_item(text, ["errors"], at)
        _write(path, text)

    def _all_schedules(self, change: Change) -> None:
        """A file of this layer's own, with every line: of several files the topmost alone counts."""
        lines = [{name: each.cells[name] for name in change.cells} for each in change.sheet.lines]
        head = ",".join(change.cells) + "\n"
        _write_bytes(self.folder / "schedules.csv", edited(head.encode(), {}, lines))

    def _csv(self, kind: str, name: str, changes: Sequence[Change], faults: list[Fault]) -> None:
        usual = self.folder / "schedules.csv" if kind == "schedules" else self._codes(name)
        copies = _by_cells(usual, changes[0])
        changed: dict[int, Mapping[str, str] | None] = {}
        added: list[Mapping[str, str]] = []
        for change in changes:
            cells = {**change.cells, **({"way": _way(change.cells)} if kind == "codes" else {})}
            place = change.line.mark if change.line is not None else None
            number = place.line if place is not None else None
            if (
                place is not None and self.files.get(place.file) != usual
            ):  # of a file that may have a copy here
                number = copies.get(_said(change.was or change.cells))
            if number is not None:
                changed[number] = None if change.what == "remove line" else cells
            elif change.what == "remove line":
                text = f"the line stands in another layer ({change.line.origin if change.line else ''})"
                faults.append(change.fault(f"{text}, and no layer can take it away", "origin"))
            else:
                added.append(cells)
        if changed or added:
            content = usual.read_bytes() if usual.exists() else (",".join(CODE_COLUMNS) + "\n").encode()
            _write_bytes(usual, edited(content, changed, added))

    def _codes(self, name: str) -> Path:
        """The file of a code table; base has two places for it."""
        beside = self.root / "codes" / f"{name}.csv"
        own = self.folder / "codes" / f"{name}.csv"
        return beside if self.folder == self.root / "base" and beside.exists() and not own.exists() else own


_Found = tuple[Rows, int, MarkedMap]


def _by_cells(path: Path, change: Change) -> dict[tuple[str, ...], int]:
    """Where each line of a CSV stands, by what it says."""
    if not path.exists():
        return {}
    read = lines_of(
        Source(path.name, "", path.stem, path.read_bytes()), (*CODE_COLUMNS, *change.cells), (), []
    )
    return {_said(cells): mark.line for mark, cells in reversed(read)}


def _said(cells: Mapping[str, str]) -> tuple[str, ...]:
    """What is compared of a line: the way that it is told with may be less than the way that it has."""
    return tuple(f"{name}={cells[name]}" for name in sorted(cells) if cells[name] and name != "way")


def _way(cells: Mapping[str, str]) -> str:
    way = cells.get("way", "")
    return "" if way == "both" else way


def _value(change: Change, cell: str, text: str) -> Any:
    try:
        return value_of(change.kind, cell, text)
    except ValueError as error:
        raise Unable(str(error)) from None


def _read(text: str) -> MarkedMap:
    node, _ = marked.read(text, "")
    return node if node is not None else MarkedMap(marked.Mark("", 1, 1), ())


def _text(path: PurePath) -> str:
    with open(path, encoding="utf-8", newline="") as opened:
        return opened.read()


def _write_bytes(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", encoding="utf-8", newline="") as opened:
        opened.write(text)
