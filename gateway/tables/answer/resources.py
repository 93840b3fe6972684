"""The directory table, ready for use: Schedules, Practitioners and Locations into directory lines."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.core.errors import Issue
from gateway.core.references import resolve
from gateway.tables.answer import convert
from gateway.tables.compile.bind import BoundRow
from gateway.tables.compile.source import Source, reader
from gateway.tables.compile.structs import struct
from gateway.tables.read.dialect import Dialect, Join
from gateway.tables.rows.model import Table
from gateway.tables.rows.paths import Path, parse
from gateway.tables.rows.schema import Found, SchemaView

KINDS = ("Schedule", "Practitioner", "Location")

Located = tuple[str, Any]
"""A resource behind its own URL (``fullUrl``), which is empty where its Bundle has none."""
Reader = Callable[[Any], list[Any]]
_NAME = 1000  # characters at the end of a text in which a name is looked for, each place anew


@dataclass(frozen=True, slots=True)
class _Column:
    """A column and the readers that may fill it, the first with a value first."""

    bound: BoundRow
    readers: tuple[Reader, ...]


@dataclass(frozen=True, slots=True)
class _Link:
    """A join with its paths compiled."""

    reference: Reader | None
    text: Reader | None
    after: str
    names: tuple[Reader, ...]


class ResourceTable:
    """Made once per site. ``resources`` are the typed decoders' types, by resource type."""

    def __init__(
        self, table: Table, rows: tuple[BoundRow, ...], schemas: Mapping[str, SchemaView], dialect: Dialect
    ) -> None:
        used = [bound for bound in rows if bound.fhir and bound.row.to_redox and bound.row.root in KINDS]
        source = Source()
        plans: dict[str, list[tuple[BoundRow, list[str]]]] = {kind: [] for kind in KINDS}
        for position, bound in enumerate(used):
            names = []
            for number, (path, found) in enumerate(bound.fhir):
                names.append(f"read_{position}_{number}")
                reader(
                    source, names[-1], path, found.lists, f"{bound.row.fhir[number]}, for row {bound.row.key}"
                )
            plans[bound.row.root or ""].append((bound, names))
        joins = _joins(dialect, schemas)
        for name, (path, found) in joins.items():
            reader(source, name, path, found.lists, f"{path}, to join the directory")
        identity = parse("id")
        for kind in KINDS:
            lists = _find(schemas[kind], identity).lists
            reader(source, f"id_of_{kind}", identity, lists, f"{kind}.id")
        scope = source.build(f"table {table.name}, read from FHIR")
        self.code = source.text
        self.resources = {
            kind: struct(
                kind,
                [
                    (identity, kind == "Schedule"),
                    *((path, False) for bound, _ in plans[kind] for path, _ in bound.fhir),
                    *((path, False) for name, (path, _) in joins.items() if name.endswith(f"_of_{kind}")),
                ],
                schemas[kind],
                tag=kind,
            )
            for kind in KINDS
        }
        self._columns = {
            kind: tuple(_Column(bound, tuple(scope[name] for name in names)) for bound, names in plans[kind])
            for kind in KINDS
        }
        self._ids: dict[str, Reader] = {kind: scope[f"id_of_{kind}"] for kind in KINDS}
        self._links = {
            kind: _Link(
                scope.get(f"reference_to_{kind}_of_Schedule"),
                scope.get(f"text_to_{kind}_of_Schedule"),
                join.after,
                tuple(scope[f"name_{number}_of_{kind}"] for number in range(len(join.names))),
            )
            for kind, join in dialect.joins.items()
        }

    def lines(
        self, found: Mapping[str, list[Located]], issues: list[Issue], bases: Collection[str] = ()
    ) -> list[dict[str, str]]:
        """One line per Schedule, with the columns of the Practitioner and Location it joins. ``bases`` are
        the addresses of the server that has them all."""
        cells = {
            kind: [self._cells(kind, resource, issues) for _, resource in found.get(kind, [])]
            for kind in ("Practitioner", "Location")
        }
        finders = {
            kind: _Finder(link, found.get(kind, []), cells[kind], self._ids[kind], kind, bases)
            for kind, link in self._links.items()
        }
        lines = []
        for _, schedule in found.get("Schedule", []):
            line: dict[str, str] = {}
            for finder in finders.values():
                line.update(finder.find(schedule))
            line.update(self._cells("Schedule", schedule, issues))
            if line.get("schedule"):
                lines.append(line)
        return lines

    def _cells(self, kind: str, resource: Any, issues: list[Issue]) -> dict[str, str]:
        cells: dict[str, str] = {}
        for column in self._columns[kind]:
            found = next((each for read in column.readers if (each := read(resource))), None)
            if found is None:
                continue
            value = found if column.bound.codec.many else found[0]
            path = str(column.bound.row.fhir[0])
            text = convert.to_redox(column.bound, value, (), path, issues)
            if text:
                cells[column.bound.row.directory or ""] = str(text)
        return cells


class _Finder:
    """Finds the cells of the Practitioner or Location that a Schedule joins."""

    def __init__(
        self,
        link: _Link,
        resources: Iterable[Located],
        cells: list[dict[str, str]],
        identity: Reader,
        kind: str,
        bases: Collection[str],
    ) -> None:
        self._link = link
        self._kind = kind
        self._bases = bases
        self._by_url: dict[str, dict[str, str]] = {}
        self._by_id: dict[str, dict[str, str]] = {}
        self._by_name: dict[str, list[dict[str, str]]] = {}
        for (url, resource), line in zip(resources, cells, strict=True):
            if url:
                self._by_url[url] = line
            for key in identity(resource):
                self._by_id[key] = line
            names = {name.strip().casefold() for read in link.names for name in read(resource)}
            for name in names:
                self._by_name.setdefault(name, []).append(line)

    def find(self, schedule: Any) -> dict[str, str]:
        if self._link.reference is not None:
            for reference in self._link.reference(schedule):
                # By the URL that its Bundle gives it, else by its id (FHIR R4, bundle: resolving references).
                if (line := self._by_url.get(reference)) is not None:
                    return line
                named = resolve(reference, self._bases)
                if named is not None and named.kind == self._kind and named.id in self._by_id:
                    return self._by_id[named.id]
        if self._link.text is not None:
            for text in self._link.text(schedule):
                found = self._named(text)
                if found is not None:
                    return found
        return {}

    def _named(self, text: str) -> dict[str, str] | None:
        """The one that is named behind ``after``; a name that two have says nothing."""
        folded, after = text[-_NAME:].casefold(), self._link.after.casefold()
        at = folded.find(after)
        while at >= 0:
            found = self._by_name.get(folded[at + len(after) :].strip(), [])
            if len(found) == 1:
                return found[0]
            at = folded.find(after, at + 1)
        return None


def _joins(dialect: Dialect, schemas: Mapping[str, SchemaView]) -> dict[str, tuple[Path, Found]]:
    """Every path of the joins under the name of its reader, which ends in the resource it reads."""
    found: dict[str, tuple[Path, Found]] = {}
    for kind, join in dialect.joins.items():
        for name, path in _paths(kind, join):
            root = path.steps[0].name
            below = path.below(1)
            found[f"{name}_of_{root}"] = (below, _find(schemas[root], below))
    return found


def _paths(kind: str, join: Join) -> Iterable[tuple[str, Path]]:
    if join.reference is not None:
        yield f"reference_to_{kind}", join.reference
    if join.text is not None:
        yield f"text_to_{kind}", join.text
    for number, path in enumerate(join.names):
        yield f"name_{number}", path


def _find(view: SchemaView, path: Path) -> Found:
    found = view.find(path)
    assert isinstance(found, Found), found
    return found
