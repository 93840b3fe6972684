"""The directory table, ready for use: Schedules and whom they lead to, into directory lines."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any, Final

import msgspec

from gateway.core.directory import ALIASES, IDENTITIES
from gateway.core.errors import Issue
from gateway.core.fhir import writable
from gateway.tables.answer import convert
from gateway.tables.answer.actors import MOST_LINES, Actors, Hit, Line, Missing, lines, usable
from gateway.tables.answer.in_force import PATHS, InForce, Ordered, ordered_lists
from gateway.tables.answer.places import ABOVE, LOCATION, PHYSICAL_TYPE, Places
from gateway.tables.answer.pool import Item, Located, Pool, Reader
from gateway.tables.answer.resource_paths import Paths, compiled, named_way
from gateway.tables.answer.slot_lines import step_of
from gateway.tables.answer.slot_schedules import ways_within
from gateway.tables.answer.untold import Untold
from gateway.tables.compile.bind import BoundRow
from gateway.tables.compile.structs import struct
from gateway.tables.read.dialect import Dialect
from gateway.tables.rows.model import Table
from gateway.tables.rows.paths import Path, Step, parse, render
from gateway.tables.rows.schema import SchemaView

KINDS: Final = ("Schedule", "Practitioner", LOCATION)
"""The types of which a directory is told to FHIR clients."""
READ: Final = (*KINDS, "PractitionerRole", "HealthcareService", "Organization")
"""The types that it is made of."""
LED_TO: Final = ("Practitioner", LOCATION)
"""The types that lines are made for."""
_IDENTITY: Final = parse("id")
_ACTOR: Final = parse("actor")


@dataclass(frozen=True, slots=True)
class Column:
    """A row that fills a column, and the readers of its paths, the first with a value first; ``codings`` read
    the whole Codings of those that read a code."""

    bound: BoundRow
    readers: tuple[Reader, ...]
    codings: tuple[Reader, ...]

    @property
    def name(self) -> str:
        return self.bound.row.directory or ""


@dataclass(slots=True)
class Listed:
    """The lines of an EHR's directory; the schedules that it lists and that must not be used; from when until
    when each is planned; whether lines are left out, as there are too many; what else its schedules are
    called, by URL and by identifier; and codes with their systems, by schedule and column."""

    lines: list[dict[str, str]] = field(default_factory=list)
    unusable: set[str] = field(default_factory=set)
    horizons: dict[str, tuple[datetime | None, datetime | None]] = field(default_factory=dict)
    cut: bool = False
    urls: Mapping[str, str | None] = field(default_factory=dict)
    identifiers: Mapping[tuple[str, str], str | None] = field(default_factory=dict)
    codings: dict[tuple[str, str], set[tuple[str, str]]] = field(default_factory=dict)


class ResourceTable:
    """Made once per site. ``resources`` are the typed decoders' types, by resource type; ``references`` read
    those references that lead from a Slot to its line, by type and path."""

    def __init__(
        self, table: Table, rows: tuple[BoundRow, ...], schemas: Mapping[str, SchemaView], dialect: Dialect
    ) -> None:
        used = [bound for bound in rows if bound.fhir and bound.row.to_redox and bound.row.root in READ]
        paths = Paths(schemas, READ)
        columns = [
            (
                bound,
                [
                    paths.value(bound.row.root or "", _all_of(path), f"{told}, for row {bound.row.key}")
                    for told, (path, _) in zip(bound.row.fhir, bound.fhir, strict=True)
                ],
                [name for path, _ in bound.fhir for name in paths.codings(bound.row.root or "", path)],
            )
            for bound in used
        ]
        ways = {kind: [named_way(join, paths) for join in joins] for kind, joins in dialect.joins.items()}
        names = {
            kind: [paths.value(kind, path.below(1), f"{path}, to join the directory") for path in listed]
            for kind, joins in dialect.joins.items()
            if (listed := [path for join in joins for path in join.names])
        }
        above, types = paths.reference(LOCATION, ABOVE), paths.value(LOCATION, PHYSICAL_TYPE, "physicalType")
        actor = paths.reference("Schedule", _ACTOR)
        further = {
            step_of(path): paths.reference(path.steps[0].name, path.below(1))
            for way in dialect.slots or ways_within(dialect.joins)
            for path in way.steps[1:]
        }
        scope = paths.source.build(f"table {table.name}, read from FHIR")
        self.code = paths.source.text
        self._lists: dict[str, tuple[Ordered, ...]] = {}
        self.resources = {kind: self._struct(kind, paths) for kind in READ}
        self._contained = msgspec.json.Decoder(reduce(or_, self.resources.values())).decode
        self._columns = [
            Column(bound, tuple(scope[each] for each in read), tuple(scope[each] for each in whole))
            for bound, read, whole in columns
        ]
        of_organizations = {each.name for each in self._columns if each.bound.row.root == "Organization"}
        self._organized = of_organizations - ALIASES.keys()  # which are those of what has no other name
        self._ways = {kind: tuple(compiled(each, scope) for each in given) for kind, given in ways.items()}
        self._names = {kind: tuple(scope[each] for each in given) for kind, given in names.items()}
        self._places = Places(dialect.levels, scope[above], scope[types])
        self._actor: Reader = scope[actor]
        self.references: dict[tuple[str, str], Reader] = {key: scope[name] for key, name in further.items()}

    def _struct(self, kind: str, paths: Paths) -> type[msgspec.Struct]:
        read = [path for path, _ in paths.needed[kind]]
        read += [parse("identifier.system"), parse("identifier.value")]
        self._lists[kind] = ordered_lists(read, paths.schemas[kind])
        read += [*PATHS[kind], *(path for each in self._lists[kind] for path in each.paths)]
        needed = [(_IDENTITY, kind == "Schedule"), *((path, False) for path in read)]
        made = struct(kind, needed, paths.schemas[kind])
        return msgspec.defstruct(
            kind,
            [("contained", list[msgspec.Raw] | None, None)],
            bases=(made,),
            tag=kind,
            tag_field="resourceType",
            gc=False,
            module=__name__,
        )

    def lines(
        self,
        found: Mapping[str, list[Located]],
        issues: list[Issue],
        in_force: InForce,
        bases: Collection[str] = (),
    ) -> Listed:
        """The lines of every Schedule: one for each practitioner and place that it leads to. ``bases`` are
        the addresses of the server that has them all."""
        return DirectoryLines(self, self.actors(found, in_force, bases), issues, in_force).listed()

    def missing(
        self, found: Mapping[str, list[Located]], in_force: InForce, bases: Collection[str] = ()
    ) -> Mapping[Missing, bool]:
        """The searches that would bring what Schedules, and whom they lead to, refer to and is not there;
        false: that may be of another type as well."""
        actors = self.actors(found, in_force, bases)
        work = DirectoryLines(self, actors, [], in_force)
        work.listed()
        return actors.missing

    def joined(
        self, found: Mapping[str, list[Located]], in_force: InForce, bases: Collection[str] = ()
    ) -> dict[str, tuple[int, int, int]]:
        """By its type, how many Schedules lead to a resource, name one that is not there, and name none."""
        actors = self.actors(found, in_force, bases)
        counted = {}
        for kind in LED_TO:
            led = [schedule for schedule in actors.pool.all("Schedule") if actors.hits(schedule, kind)]
            others = [schedule for schedule in actors.pool.all("Schedule") if schedule not in led]
            absent = sum(actors.names(schedule, kind) for schedule in others)
            counted[kind] = (len(led), absent, len(others) - absent)
        return counted

    def actors(self, found: Mapping[str, list[Located]], in_force: InForce, bases: Collection[str]) -> Actors:
        return Actors(self._ways, self.pool(found, in_force, bases))

    def pool(self, found: Mapping[str, Sequence[Located]], in_force: InForce, bases: Collection[str]) -> Pool:
        """What was read, put in order, so that references to it are found."""
        for kind in READ:
            for _, resource in found.get(kind, ()):
                in_force.put_in_order(resource, self._lists[kind])

        def contained(raw: msgspec.Raw) -> Any:
            resource = self._contained(raw)
            in_force.put_in_order(resource, self._lists[type(resource).__name__])
            return resource

        read = {kind: found[kind] for kind in READ if kind in found}
        return Pool(read, bases, contained, self._names)


class DirectoryLines:
    """The lines of one reading of a directory."""

    def __init__(self, table: ResourceTable, actors: Actors, issues: list[Issue], in_force: InForce) -> None:
        self._table = table
        self._actors = actors
        self._pool = actors.pool
        self._issues = issues
        self._in_force = in_force
        self._untold = Untold()

    def listed(self) -> Listed:
        listed = Listed()
        for schedule in self._pool.all("Schedule"):
            self._schedule(schedule, listed)
        self._issues += self._untold.issues
        urls, identifiers = self._pool.called("Schedule")
        listed.urls = {url: self._own(item, "schedule") for url, item in urls.items()}
        listed.identifiers = {
            key: self._own(item, "schedule") if item is not None else None
            for key, item in identifiers.items()
        }
        return listed

    def _schedule(self, schedule: Item, listed: Listed) -> None:
        name = self._own(schedule, "schedule")
        if not name:
            return
        why = self._in_force.unusable("Schedule", schedule.value)
        if why is not None:
            self._untold.unusable(name, "Schedule", why)
            listed.unusable.add(name)
            return
        self._actors.ended.clear()
        kept: dict[str, list[Hit]] = {}
        used: set[int] = set()
        for kind in LED_TO:
            hits = self._actors.hits(schedule, kind)
            used.update(hit.actor for hit in hits)
            kept[kind], reasons = usable(hits, lambda item: self._in_force.unusable(item.kind, item.value))
            for of, reason in dict.fromkeys(reasons):
                self._untold.unusable(name, of, reason, partly=bool(kept[kind]))
            if hits and not kept[kind]:
                listed.unusable.add(name)
                return
        made = lines(kept["Practitioner"], kept[LOCATION])
        if len(made) > MOST_LINES:
            self._untold.too_many(name, MOST_LINES)
            listed.cut = True
        actors = self._table._actor(schedule.value)
        if not used.issuperset(range(len(actors))):  # by ways that come too late to count
            used |= self._actors.used(schedule)
        self._untold.actors(name, schedule, actors, used, self._pool)
        self._untold.ended(name, self._actors.ended)
        for line in made[:MOST_LINES]:
            cells = self._cells(schedule, line, listed.codings)
            if cells not in listed.lines[-MOST_LINES:]:
                listed.lines.append(cells)
        listed.horizons[name] = self._in_force.horizon(schedule.value)

    def _own(self, schedule: Item, column: str) -> str | None:
        return next(
            (
                text
                for position, text in self._read(schedule).items()
                if self._table._columns[position].name == column
            ),
            None,
        )

    def _cells(
        self, schedule: Item, line: Line, codings: dict[tuple[str, str], set[tuple[str, str]]]
    ) -> dict[str, str]:
        sources: dict[tuple[str, str | None], Item] = {("Schedule", None): schedule}
        sources.update({(item.kind, None): item for item in reversed(line.through)})
        if line.practitioner is not None:
            sources["Practitioner", None] = line.practitioner
        upwards = self._table._places.upwards(line.place, self._pool) if line.place is not None else []
        upwards = [each for each in upwards if each is line.place or self._usable(each, schedule)]
        if upwards:
            sources[LOCATION, None] = upwards[0]
            at_levels = self._table._places.at_levels(upwards)
            sources.update({(LOCATION, name): item for name, item in at_levels.items()})
            self._above(upwards[0])
        cells = self._filled(sources)
        if self._table._organized - cells.keys():
            found = self._organization(line, upwards, schedule)
            cells = self._filled({**sources, ("Organization", None): found}) if found is not None else cells
        for column in self._table._columns:
            item = sources.get((column.bound.row.root or "", column.bound.row.level))
            if column.codings and item is not None and column.name in cells:
                told = codings.setdefault((cells["schedule"], column.name), set())
                told.update(each for read in column.codings for each in _systems(read(item.value)))
        return cells

    def _filled(self, sources: Mapping[tuple[str, str | None], Item]) -> dict[str, str]:
        cells: dict[str, str] = {}
        for position, column in enumerate(self._table._columns):
            row = column.bound.row
            item = sources.get((row.root or "", row.level))
            if item is not None and column.name not in cells:
                text = self._read(item).get(position)
                if text:
                    cells[column.name] = text
                    self._noted(column, item)
        return cells

    def _noted(self, column: Column, item: Item) -> None:
        """A cell was filled from that resource."""

    def _above(self, place: Item) -> None:
        """Notes that a place above is not there."""
        unknown = self._table._places.unknown(place, self._pool)
        if unknown is not None and (named := self._pool.named(unknown[1], LOCATION)) is not None:
            self._actors.missing[LOCATION, *named] = True

    def _organization(self, line: Line, upwards: Sequence[Item], schedule: Item) -> Item | None:
        """The nearest, from the place upwards, else what the resources between lead to."""
        for item in (*upwards, *line.through):
            hits = self._actors.hits(item, "Organization")
            if hits and self._usable(hits[0].item, schedule):
                return hits[0].item
        return None

    def _usable(self, item: Item, schedule: Item) -> bool:
        """Whether the name of what a place is in, or is run by, may be told."""
        why = self._in_force.unusable(item.kind, item.value)
        if why is not None:
            self._untold.unusable(self._own(schedule, "schedule") or "", item.kind, why, partly=True)
        return why is None

    def _read(self, item: Item) -> Mapping[int, str]:
        """What each row that reads this type finds in the resource."""
        if item.cells is None:
            item.cells = {
                position: text
                for position, column in enumerate(self._table._columns)
                if column.bound.row.root == item.kind and (text := self._text(column, item))
            }
        return item.cells

    def _text(self, column: Column, item: Item) -> str | None:
        found = next((each for read in column.readers if (each := _said(read(item.value)))), None)
        if found is None:
            return None
        value = found if column.bound.codec.many else found[0]
        path = str(column.bound.row.fhir[0])
        text = convert.to_redox(column.bound, value, (), path, self._issues)
        if not text or column.name in IDENTITIES:  # an EHR's own ids go back to it letter by letter
            return str(text) if text else None
        cell: str | None = writable(str(text))  # as one of schedules.csv is read, whatever an EHR has typed
        return cell


def _all_of(path: Path) -> Path:
    """What the first is taken of, where a path ends so: the first that is not blank."""
    *before, last = path.steps
    if last.narrow != (0,):
        return path
    steps = (*before, Step(last.name))
    return Path(steps, render(steps))


def _said(values: Iterable[Any]) -> list[Any]:
    """Those of the values that are no blank texts."""
    return [each for each in values if not isinstance(each, str) or each.strip()]


def _systems(codings: Iterable[Any]) -> Iterator[tuple[str, str]]:
    return ((each.system, each.code) for each in codings if each.system and each.code)
