"""What only the files of a site's tables tell, not what they become: origins, spelling, what is gone."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from gateway.files import marked
from gateway.files.marked import Mark, MarkedList, MarkedMap, MarkedText, Node
from gateway.shipped import folder
from gateway.tables.read.code_tables import CODE_COLUMNS, places, rows
from gateway.tables.read.folders import Sources
from gateway.tables.read.layers import Source, code_folders, files, shown, stack
from gateway.tables.rows.model import CodeTable

SHIPPED = "shipped:"
_BY_TYPE = ("searches", "joins", "levels")  # replaced one resource type, or level, at a time


@dataclass(frozen=True, slots=True)
class Setting:
    """A key of the effective ``dialect.yaml`` (``searches``, ``joins`` and ``levels``: of one type or level);
    ``value`` as it is shown, ``plain`` as it is."""

    key: str
    value: str
    plain: Any
    mark: Mark
    layer: str


@dataclass(frozen=True, slots=True)
class Dropped:
    """A row that a layer drops; ``because`` is empty where it does not say why."""

    key: str
    because: str
    mark: Mark
    layer: str


@dataclass(frozen=True, slots=True)
class LineInForce:
    """A line of a CSV file that is in force, and its origin."""

    cells: Mapping[str, str]
    mark: Mark
    layer: str


def yaml_files(own: Path | None, dialect: str, site: str, like: str | None = None) -> list[Source]:
    """The YAML files of a site, lowest layer first; ``own`` is the folder over the shipped one."""
    return files(stack(_roots(own), dialect, site, like), ".yaml", [])


def code_files(own: Path | None, dialect: str, site: str, like: str | None = None) -> list[Source]:
    """The code tables of a site, lowest layer first."""
    return files(code_folders(_roots(own), dialect, site, like), ".csv", [])


def schedule_files(own: Path | None, dialect: str, site: str, like: str | None = None) -> list[Source]:
    """The CSV files beside the field tables of a site, lowest layer first."""
    return files(stack(_roots(own), dialect, site, like), ".csv", [])


def as_shipped(sources: Iterable[Source]) -> list[str]:
    """The names of those code tables of which no file is the clinic's own."""
    names: dict[str, bool] = {}
    for source in sources:
        names[source.kind] = names.get(source.kind, True) and _is_shipped(source)
    return sorted(name for name, all_shipped in names.items() if all_shipped)


def examples_in_force(files_of: Sources) -> list[str]:
    """The files of a site that are those of the package's example site, or copies of them."""
    examples = _examples()
    sources = (*files_of.yaml, *files_of.csv, *files_of.own)
    return [shown_place(source.name) for source in sources if source.content in examples]


@lru_cache
def _examples() -> frozenset[bytes]:
    return frozenset(
        path.read_bytes() for path in (folder("mappings") / "sites").rglob("*.*") if path.is_file()
    )


def _is_shipped(source: Source) -> bool:
    return source.name.startswith(f"{shown(folder('mappings'))}/")


def _roots(own: Path | None) -> list[Path]:
    return [folder("mappings"), *([own] if own is not None else [])]


def shown_place(text: str) -> str:
    """A place in a file as a person is told it: from here, or ``shipped:`` for what the package carries."""
    return text.replace(f"{folder('mappings')}/", SHIPPED, 1)


def settings(sources: Iterable[Source]) -> list[Setting]:
    """The effective settings of the dialect, in the order in which the lowest layer has them."""
    found: dict[str, Setting] = {}
    for source, node in _read(sources):
        body = node.get("dialect")
        for key, value in body.items if source.kind == "dialect" and isinstance(body, MarkedMap) else ():
            inner = value.items if isinstance(value, MarkedMap) and key.text in _BY_TYPE else None
            for name, each in inner if inner is not None else ((key, value),):
                whole = f"{key.text}.{name.text}" if inner is not None else key.text
                plain = marked.plain(each)
                found[whole] = Setting(whole, _flow(plain), plain, name.mark, source.layer)
    return list(found.values())


def _flow(value: Any) -> str:
    """A value as YAML on one line, quoted only where its blanks would not show."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    text = "" if value is None else str(value)
    return text if text and text == text.strip() else json.dumps(text)


def dropped(sources: Iterable[Source], table: str) -> list[Dropped]:
    """The rows of a table that a layer drops, in the order of the layers."""
    found: dict[str, Dropped] = {}
    for source, node in _read(sources):
        if _text(node.get("table")) == table:
            found.clear()  # all anew
        if table not in (_text(node.get("over")), _text(node.get("table"))):
            continue
        rows_of = node.get("rows")
        for item in rows_of.items if isinstance(rows_of, MarkedList) else ():
            if isinstance(item, MarkedMap) and item.get("drop") is not None:
                key = _text(item.get("row"))
                found[key] = Dropped(key, _text(item.get("because")), item.mark, source.layer)
    return list(found.values())


def _read(sources: Iterable[Source]) -> Iterator[tuple[Source, MarkedMap]]:
    for source in sources:
        node, _ = marked.read(source.content, source.name)
        if node is not None:
            yield source, node


def _text(node: Node | None) -> str:
    return node.text if isinstance(node, MarkedText) else ""


def code_lines(sources: Iterable[Source], table: CodeTable) -> list[LineInForce]:
    """The lines of a code table that are in force, each with what it still serves under ``way``; those that
    serve both ways or Redox's codes first, in the order of the layers."""
    serves: dict[Mark, list[str]] = {}
    for way, keys, marks in (
        ("to-fhir", table.to_fhir, table.marks),
        ("to-redox", table.to_redox, table.marks_back),
    ):
        for key in keys:
            serves.setdefault(marks[key], []).append(way)
    typed = {
        mark: (source.layer, cells)
        for source in sources
        if source.kind == table.name
        for mark, cells in rows(source, CODE_COLUMNS, (), [])
    }
    found = []
    for mark, ways in serves.items():
        layer, cells = typed[mark]
        way = ways[0] if len(ways) == 1 else "both"
        found.append(
            LineInForce({name: cells.get(name, "") for name in CODE_COLUMNS} | {"way": way}, mark, layer)
        )
    return found


def schedule_lines(sources: Sequence[Source], lines: Sequence[Mapping[str, str]]) -> list[LineInForce]:
    """The lines of the ``schedules.csv`` in force, each with where it stands."""
    marks = places(sources, lines)
    layers = {source.name: source.layer for source in sources}
    found = ((line, marks[line["schedule"]]) for line in lines)
    return [LineInForce(dict(line), mark, layers[mark.file]) for line, mark in found]
