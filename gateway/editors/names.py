"""What a folder of tables has names for: tables, rows, columns, code tables, parameters, levels, dialects.

Read from the files alone and whatever is wrong with them, since an editor is of use just then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gateway.files import marked
from gateway.files.marked import MarkedList, MarkedMap, MarkedText, Node
from gateway.files.regular import read_file
from gateway.tables.build import schemas
from gateway.tables.read.cells import YAML_LIMIT
from gateway.tables.read.code_tables import SCHEDULE_COLUMNS
from gateway.tables.read.layered_rows import key_of, text_of
from gateway.tables.read.unread_files import LEVELS
from gateway.tables.rows.paths import PathError, parse
from gateway.tables.rows.schema import Found


@dataclass(frozen=True, slots=True)
class Names:
    """The names, each kind in the order of the files (``dialects`` and ``code_tables`` by the alphabet);
    ``fields`` are Redox's, from where the rows of a table begin, and ``types`` FHIR's resource types."""

    tables: list[str] = field(default_factory=list)
    rows: list[str] = field(default_factory=list)
    columns: list[str] = field(default_factory=lambda: list(SCHEDULE_COLUMNS))
    code_tables: list[str] = field(default_factory=list)
    parameters: list[str] = field(default_factory=list)
    levels: list[str] = field(default_factory=list)
    dialects: list[str] = field(default_factory=list)
    fields: list[str] = field(default_factory=list)
    types: list[str] = field(default_factory=list)


def names_in(roots: Iterable[Path]) -> Names:
    """The names of the files below these folders, lowest first. What cannot be read has none."""
    found = Names()
    for root in roots:
        for path in sorted(root.rglob("*.yaml")):
            node = _read(path)
            if node is not None:
                _of_table(node, found)
                _of_dialect(node, found)
        found.code_tables.extend(path.stem for path in root.glob("**/codes/*.csv"))
        if root.is_dir():
            folders = [each.name for each in root.iterdir() if each.is_dir() and not each.is_symlink()]
            found.dialects.extend(name for name in folders if name not in LEVELS and name[0] not in "._")
    once = {kind: list(dict.fromkeys(getattr(found, kind))) for kind in Names.__dataclass_fields__}
    for kind in ("code_tables", "dialects"):
        once[kind].sort()
    return Names(**once)


def _read(path: Path) -> MarkedMap | None:
    try:
        return marked.read(read_file(path, YAML_LIMIT), str(path))[0]
    except (OSError, ValueError):
        return None


def _of_table(node: MarkedMap, found: Names) -> None:
    for each in ("table", "over"):
        found.tables.extend(_text(node.get(each)))
    found.types.extend(_texts(node.get("fhir")))
    found.fields.extend(_fields(node))
    rows = node.get("rows")
    for row in rows.items if isinstance(rows, MarkedList) else ():
        if not isinstance(row, MarkedMap):
            continue
        if row.get("row") is None:
            found.rows.append(key_of(row))
        found.columns.extend(_text(row.get("directory")))
        found.parameters.extend(_text(row.get("param")))


def _of_dialect(node: MarkedMap, found: Names) -> None:
    body = node.get("dialect")
    levels = body.get("levels") if isinstance(body, MarkedMap) else None
    found.levels.extend(name.text for name, _ in (levels.items if isinstance(levels, MarkedMap) else ()))


def _fields(node: MarkedMap) -> Iterator[str]:
    """Redox's fields of a whole table, by the names that its rows have for them."""
    view = schemas().get("".join(_text(node.get("redox"))))
    below = "".join(_text(node.get("below")))
    if view is None:
        return
    try:
        start = view.find(parse(below)) if below else None
    except PathError:
        return
    if start is None or isinstance(start, Found):
        yield from view.leaves(start.schema if start is not None else None)


def _text(node: Node | None) -> list[str]:
    return [node.text] if isinstance(node, MarkedText) and node.text else []


def _texts(node: Node | None) -> list[str]:
    items = node.items if isinstance(node, MarkedList) else (node,)
    return [text_of(each) for each in items if isinstance(each, MarkedText)]
