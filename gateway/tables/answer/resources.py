"""The directory table, ready for use: Schedules, Practitioners and Locations into directory lines."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from gateway.core.directory import shown
from gateway.core.errors import Issue
from gateway.core.references import resolve
from gateway.tables.answer import convert
from gateway.tables.answer.in_force import PATHS, InForce, Ordered, ordered_lists
from gateway.tables.compile.bind import BoundRow
from gateway.tables.compile.source import Source, reader
from gateway.tables.compile.structs import struct
from gateway.tables.read.dialect import Dialect, Join
from gateway.tables.rows.model import Table
from gateway.tables.rows.paths import Path, parse
from gateway.tables.rows.schema import Found, SchemaView

KINDS = ("Schedule", "Practitioner", "Location")
_IDENTITY = parse("id")

Located = tuple[str, Any]
"""A resource behind its own URL (``fullUrl``), which is empty where its Bundle has none."""
Reader = Callable[[Any], list[Any]]
_NAMED = 5  # schedules named in one warning
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


def _link(kind: str, join: Join, scope: Mapping[str, Any]) -> _Link:
    return _Link(
        scope.get(f"reference_to_{kind}_of_Schedule"),
        scope.get(f"text_to_{kind}_of_Schedule"),
        join.after,
        tuple(scope[f"name_{number}_of_{kind}"] for number in range(len(join.names))),
    )


class ResourceTable:
    """Made once per site. ``resources`` are the typed decoders' types, by resource type."""

    def __init__(
        self, table: Table, rows: tuple[BoundRow, ...], schemas: Mapping[str, SchemaView], dialect: Dialect
    ) -> None:
        used = [bound for bound in rows if bound.fhir and bound.row.to_redox and bound.row.root in KINDS]
        source = Source()
        plans: dict[str, list[tuple[BoundRow, list[str]]]] = {kind: [] for kind in KINDS}
        for position, bound in enumerate(used):
            names = [f"read_{position}_{number}" for number in range(len(bound.fhir))]
            for name, told, (path, found) in zip(names, bound.row.fhir, bound.fhir, strict=True):
                reader(source, name, path, found.lists, f"{told}, for row {bound.row.key}")
            plans[bound.row.root or ""].append((bound, names))
        joins = _joins(dialect, schemas)
        for name, (path, found) in joins.items():
            reader(source, name, path, found.lists, f"{path}, to join the directory")
        for kind in KINDS:
            lists = _find(schemas[kind], _IDENTITY).lists
            reader(source, f"id_of_{kind}", _IDENTITY, lists, f"{kind}.id")
        scope = source.build(f"table {table.name}, read from FHIR")
        self.code = source.text
        self.resources: dict[str, type[msgspec.Struct]] = {}
        self._lists: dict[str, tuple[Ordered, ...]] = {}
        for kind in KINDS:
            read = [path for bound, _ in plans[kind] for path, _ in bound.fhir]
            read += [path for name, (path, _) in joins.items() if name.endswith(f"_of_{kind}")]
            self._lists[kind] = ordered_lists(read, schemas[kind])
            read += [*PATHS[kind], *(path for each in self._lists[kind] for path in each.paths)]
            needed = [(_IDENTITY, kind == "Schedule"), *((path, False) for path in read)]
            self.resources[kind] = struct(kind, needed, schemas[kind], tag=kind)
        self._columns = {
            kind: tuple(_Column(bound, tuple(scope[name] for name in names)) for bound, names in plans[kind])
            for kind in KINDS
        }
        self._ids: dict[str, Reader] = {kind: scope[f"id_of_{kind}"] for kind in KINDS}
        self._links = {kind: _link(kind, join, scope) for kind, join in dialect.joins.items()}

    def lines(
        self,
        found: Mapping[str, list[Located]],
        issues: list[Issue],
        in_force: InForce,
        bases: Collection[str] = (),
    ) -> Listed:
        """One line per Schedule, with the columns of the Practitioner and Location it joins. ``bases`` are
        the addresses of the server that has them all."""
        cells: dict[str, list[dict[str, str]]] = {}
        for kind in KINDS:
            for _, resource in found.get(kind, []):
                in_force.put_in_order(resource, self._lists[kind])
            cells[kind] = [self._cells(kind, resource, issues) for _, resource in found.get(kind, [])]
        finders = {
            kind: _Finder(link, found.get(kind, []), cells[kind], self._ids[kind], kind, bases)
            for kind, link in self._links.items()
        }
        listed = Listed()
        unusable = _Unusable(in_force)
        for (_, schedule), own in zip(found.get("Schedule", []), cells["Schedule"], strict=True):
            name = own.get("schedule")
            if not name:
                continue
            joined = {kind: finder.find(schedule) for kind, finder in finders.items()}
            if unusable.because_of(name, schedule, joined):
                listed.unusable.add(name)
                continue
            line: dict[str, str] = {}
            for match in joined.values():
                line.update(match.cells if match is not None else {})
            listed.lines.append({**line, **own})
            listed.horizons[name] = in_force.horizon(schedule)
        issues += unusable.issues
        return listed

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


@dataclass(frozen=True, slots=True)
class Listed:
    """The lines of an EHR's directory; the schedules that it lists and that must not be used; and from when
    until when each is planned."""

    lines: list[dict[str, str]] = field(default_factory=list)
    unusable: set[str] = field(default_factory=set)
    horizons: dict[str, tuple[datetime | None, datetime | None]] = field(default_factory=dict)


class _Unusable:
    """Which schedules must not be used, since they, or whom they join, say so; each reason is told once."""

    def __init__(self, in_force: InForce) -> None:
        self._in_force = in_force
        self._told: dict[tuple[str, str], list[str]] = {}

    def because_of(self, schedule: str, resource: Any, joined: Mapping[str, _Match | None]) -> bool:
        """Whether the schedule must not be used."""
        parts = {"Schedule": resource}
        parts |= {kind: match.resource for kind, match in joined.items() if match is not None}
        for kind, part in parts.items():
            why = self._in_force.unusable(kind, part)
            if why is not None:
                self._told.setdefault((kind, why), []).append(schedule)
                return True
        return False

    @property
    def issues(self) -> list[Issue]:
        """A warning for each reason, with the first schedules of which it is one."""
        return [
            Issue("business-rule", kind, _left_out(kind, why, of), "warning")
            for (kind, why), of in self._told.items()
        ]


def _left_out(kind: str, why: str, schedules: Sequence[str]) -> str:
    whose = f"the {kind} of " if kind != "Schedule" else ""
    named = ", ".join(f'"{shown(each)}"' for each in schedules[:_NAMED])
    more = f" and {len(schedules) - _NAMED} more" if len(schedules) > _NAMED else ""
    return f"{whose}{named}{more} {why}, so nobody is asked for it"


@dataclass(frozen=True, slots=True)
class _Match:
    """The resource that a Schedule joins, and its cells."""

    resource: Any
    cells: dict[str, str]


class _Finder:
    """Finds the Practitioner or Location that a Schedule joins."""

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
        self._by_url: dict[str, _Match] = {}
        self._by_id: dict[str, _Match] = {}
        self._by_name: dict[str, list[_Match]] = {}
        for (url, resource), line in zip(resources, cells, strict=True):
            match = _Match(resource, line)
            if url:
                self._by_url[url] = match
            for key in identity(resource):
                self._by_id[key] = match
            names = {name.strip().casefold() for read in link.names for name in read(resource)}
            for name in names:
                self._by_name.setdefault(name, []).append(match)

    def find(self, schedule: Any) -> _Match | None:
        if self._link.reference is not None:
            for reference in self._link.reference(schedule):
                # By the URL that its Bundle gives it, else by its id (FHIR R4, bundle: resolving references).
                if (match := self._by_url.get(reference)) is not None:
                    return match
                named = resolve(reference, self._bases)
                if named is not None and named.kind == self._kind and named.id in self._by_id:
                    return self._by_id[named.id]
        if self._link.text is not None:
            for text in self._link.text(schedule):
                found = self._named(text)
                if found is not None:
                    return found
        return None

    def _named(self, text: str) -> _Match | None:
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
