"""Where every field of a searchset comes from that a FHIR client is answered with."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from gateway.core.directory import Cells, Directory, identified
from gateway.core.fhir import resource_id
from gateway.core.values import at_once
from gateway.explain.cells import CellOrigins
from gateway.explain.leaves import Json, leaves
from gateway.explain.rows import Rows
from gateway.explain.told import Field, Origin, named
from gateway.tables.answer import convert, reference
from gateway.tables.answer.fhir_server import FhirServerTables
from gateway.tables.compile.bind import BoundRow
from gateway.tables.rows.model import Row
from gateway.tables.rows.paths import Path, Where

_SEARCHSET = "the searchset: set by the gateway"
_OUTCOME = "what the gateway has to say of the search"
_TYPE = "the type of the resource"
_OTHERS = "made by the gateway"


class SearchsetOrigins:
    """Of one answer. ``slots`` are those that the upstream answered, as Redox spells them; ``rows`` and
    ``directory_rows`` those of the answer and the directory table. ``before``: where the fields of these
    slots come from, where it is not Redox that answered them."""

    def __init__(
        self,
        slots: Iterable[Json],
        directory: Directory,
        server: FhirServerTables,
        answer_rows: tuple[BoundRow, ...],
        rows: Rows,
        directory_rows: Rows,
        cells: CellOrigins,
        before: Mapping[str, tuple[Origin, ...]],
    ) -> None:
        self._server = server
        self._answer_rows = answer_rows
        self._rows = rows
        self._directory_rows = directory_rows
        self._cells = cells
        self._slots = list(slots)
        self._before = before
        self._lines = {resource_id(line["schedule"]): line for line in reversed(directory.lines)}
        self._resources = at_once(server.fhir_directory(directory))

    def of(self, answer: Json) -> Iterator[Field]:
        """Each field of a Bundle, or of a resource that was read, once."""
        if answer.get("resourceType") != "Bundle":
            yield from self._resource(answer, "")
            return
        entries = answer.get("entry", [])
        yield from _made({name: value for name, value in answer.items() if name != "entry"}, "", _SEARCHSET)
        for position, entry in enumerate(entries):
            at = f"entry[{position}]"
            yield from _made(
                {name: each for name, each in entry.items() if name != "resource"}, at, _SEARCHSET
            )
            yield from self._resource(entry.get("resource", {}), f"{at}.resource.")

    def _resource(self, resource: Json, base: str) -> Iterator[Field]:
        kind = str(resource.get("resourceType"))
        if kind == "Slot":
            yield from self._slot(resource, base)
        elif kind in self._resources.lines:
            lines = self._resources.lines[kind].get(str(resource.get("id")), [])
            yield from self._of_directory(kind, resource, lines, base)
        else:
            yield from _made(resource, base.rstrip("."), _OUTCOME)

    def _slot(self, slot: Json, base: str) -> Iterator[Field]:
        line = self._line(slot)
        place, told = self._told(slot, line)
        written = _Written(bound for bound in self._answer_rows if bound.row.to_fhir and bound.fhir)
        for path, value in leaves(slot):
            bound = written.row(path)
            if path == "resourceType" or bound is None:
                yield Field(f"{base}{path}", value, made=_TYPE if path == "resourceType" else _OTHERS)
                continue
            origins: tuple[Origin, ...] = ()
            if bound.row.redox is not None and place is not None:
                field = f"{self._rows.table.below}[{place}].{bound.row.redox}"
                origins = self._before.get(field, (Origin(field, told.get(bound.row.key)),))
            elif bound.row.directory is not None and line is not None:
                origins = (self._cells.of(line, bound.row.directory),)
            elif bound.row.value is None:
                origins = (Origin(", ".join(bound.row.with_)),)
            yield Field(f"{base}{path}", value, origins, self._rows.told(bound.row))

    def _line(self, slot: Json) -> Cells | None:
        schedule = slot.get("schedule")
        reference_ = schedule.get("reference") if isinstance(schedule, dict) else None
        return self._lines.get(str(reference_).rpartition("/")[2])

    def _told(self, slot: Json, line: Cells | None) -> tuple[int | None, Mapping[str, Any]]:
        """Which of the upstream's slots became this one, and what its rows read there."""
        for position, told in enumerate(self._slots if line is not None else ()):
            found = reference.to_fhir(self._rows.table, self._answer_rows, told, line or {})
            if found.result is not None and found.result.get("id") == slot.get("id"):
                return position, {step.row: step.read for step in found.steps}
        return None, {}

    def _of_directory(self, kind: str, resource: Json, lines: Sequence[Cells], base: str) -> Iterator[Field]:
        rows = [each for each in self._server.directory_rows if each.row.root == kind and each.row.to_fhir]
        written = _Written(rows)
        for path, value in leaves(resource):
            origin, row = None, None
            for bound in written.rows(path):
                origin = next(self._cell(bound, value, lines), None)
                if origin is not None or bound.row.directory is None:
                    row = bound.row
                    break
            yield self._told_field(f"{base}{path}", path, value, origin, row)

    def _told_field(self, whole: str, path: str, value: Any, origin: Origin | None, row: Row | None) -> Field:
        told = self._directory_rows.told(row) if row is not None else None
        made = "" if row is not None else (_TYPE if path == "resourceType" else _OTHERS)
        return Field(whole, value, (origin,) if origin is not None else (), told, made)

    def _cell(self, bound: BoundRow, value: Any, lines: Sequence[Cells]) -> Iterator[Origin]:
        """The cells of these lines that a row makes the value of."""
        column = bound.row.directory or ""
        for line in lines:
            cell = identified(line).get(column)
            made = convert.cell(bound, bound.codec.to_fhir, cell) if cell else None
            if cell and (made == value or (isinstance(made, list) and value in made) or cell == value):
                if cell == line.get(column):
                    yield self._cells.of(line, column)
                else:
                    yield Origin(f"directory.{column}", cell, "made of what is known of them")


class _Written:
    """Which rows write a path of a resource: of several the one that says so most exactly comes first."""

    def __init__(self, rows: Iterable[BoundRow]) -> None:
        self._by_name: dict[str, list[BoundRow]] = {}
        for bound in rows:
            for name in _names(bound.fhir[0][0]):
                self._by_name.setdefault(name, []).append(bound)

    def row(self, path: str) -> BoundRow | None:
        """The one row of a path."""
        return next(iter(self.rows(path)), None)

    def rows(self, path: str) -> Sequence[BoundRow]:
        """All that may have written it."""
        return self._by_name.get(named(path), ())


def _names(path: Path) -> Iterator[str]:
    """The names that are written for a path: its own, and those of what its ``where`` says."""
    names = [step.name for step in path.steps]
    yield ".".join(names)
    for number, step in enumerate(path.steps, 1):
        for narrow in step.narrow:
            if isinstance(narrow, Where):
                yield ".".join([*names[:number], narrow.name])


def _made(value: Json, at: str, made: str) -> Iterator[Field]:
    return (Field(path, each, made=made) for path, each in leaves(value, at))


def slots_of(answer: bytes, list_: str) -> list[Json]:
    """The slots of an answer of Redox's; none where it cannot be read."""
    try:
        value = json.loads(answer)
    except (ValueError, RecursionError):
        return []
    slots = value.get(list_) if isinstance(value, dict) else None
    return [each for each in slots if isinstance(each, dict)] if isinstance(slots, list) else []
