"""What can be wrong with the joins and the levels of a dialect."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from gateway.files.marked import Fault, Mark, did_you_mean
from gateway.tables.read.dialect import Dialect
from gateway.tables.read.joins import Join
from gateway.tables.read.slot_ways import SlotWay
from gateway.tables.rows.model import Table
from gateway.tables.rows.paths import Path
from gateway.tables.rows.schema import Found, SchemaView

_STARTS: Mapping[str, tuple[str, ...]] = {
    "Organization": ("Location", "PractitionerRole", "HealthcareService"),
}
_START = ("Schedule",)
_FURTHER = ("Schedule", "PractitionerRole", "HealthcareService", "Location")
_BETWEEN = ("PractitionerRole", "HealthcareService", "Location")


def check_joins(
    dialect: Dialect, directory: Table | None, schemas: Mapping[str, SchemaView]
) -> Iterator[Fault]:
    """Every fault of the joins, and of the rows that read a level."""
    for kind, ways in dialect.joins.items():
        mark = dialect.marks.get(f"join of {kind}", Mark("dialect.yaml", 1, 1))
        for way in ways:
            for fault in (*_steps(way, kind, schemas), *_text(way, kind, dialect, schemas)):
                yield mark.fault(f"the join of {kind}: {fault}")
    columns = {row.directory for row in directory.rows} if directory is not None else set()
    for slot_way in dialect.slots:
        mark = dialect.marks.get("slots", Mark("dialect.yaml", 1, 1))
        for fault in _slot_way(slot_way, columns, schemas):
            yield mark.fault(f"slots: {fault}")
    for row in directory.rows if directory is not None else ():
        if row.level is not None and row.level not in dialect.levels:
            near = did_you_mean(row.level, sorted(dialect.levels), 0)
            known = near or "write one under levels: in dialect.yaml"
            yield row.at("level").fault(f'"{row.level}" is not a level of the dialect; {known}')


def _steps(way: Join, kind: str, schemas: Mapping[str, SchemaView]) -> Iterator[str]:
    for number, path in enumerate(way.steps):
        yield from _reference(path, _BETWEEN if number else _STARTS.get(kind, _START), schemas)


def _reference(path: Path, starts: Sequence[str], schemas: Mapping[str, SchemaView]) -> Iterator[str]:
    root = path.steps[0].name
    if root not in starts:
        yield f'"{path}" must begin with {" or ".join(f"{each}." for each in starts)}'
        return
    found = _element(path, schemas[root])
    children = schemas[root].children(found.schema) if found is not None else {}
    if not {"reference", "display"} <= children.keys():
        yield f'"{path}" is not an element of {root} that is a reference'


def _slot_way(
    way: SlotWay, columns: Collection[str | None], schemas: Mapping[str, SchemaView]
) -> Iterator[str]:
    if columns and way.column not in columns:
        yield f'"{way.column}" is not a column of the directory'
    for number, path in enumerate(way.steps):
        starts = _FURTHER if number else ("Slot",)
        yield from _reference(path, starts, schemas)
    if way.value is not None:
        found = _element(way.value, schemas["Slot"])
        if way.value.steps[0].name != "Slot" or found is None or found.kind != "string":
            yield f'"{way.value}" is not an element of Slot that holds text'


def _text(way: Join, kind: str, dialect: Dialect, schemas: Mapping[str, SchemaView]) -> Iterator[str]:
    paths = [(way.text, "Schedule")] if way.text is not None else []
    for path, root in (*paths, *((each, kind) for each in way.names)):
        if path.steps[0].name != root:
            yield f'"{path}" must begin with {root}.'
            continue
        found = _element(path, schemas[root])
        if found is None or found.kind == "object":
            yield f'"{path}" is not an element of {root} that holds text'
    if way.text is not None and dialect.directory == "upstream" and kind not in dialect.searches:
        yield f'a name is looked for among all of them: add "{kind}: {{}}" to searches'


def _element(path: Path, view: SchemaView) -> Found | None:
    found = view.find(path.below(1)) if len(path.steps) > 1 else None
    return found if isinstance(found, Found) else None
