"""Where the cells of an EHR's directory come from: which element of which resource, by which row."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from gateway.tables.answer.actors import Line
from gateway.tables.answer.in_force import InForce
from gateway.tables.answer.pool import Item, Located
from gateway.tables.answer.resources import Column, DirectoryLines, ResourceTable
from gateway.tables.rows.model import Row


@dataclass(frozen=True, slots=True)
class Filled:
    """What fills a cell: an element of a resource, by a row of the directory table."""

    kind: str
    id: str
    element: str
    row: Row


Codings = dict[tuple[str, str], set[tuple[str, str]]]
LineOrigins = list[tuple[dict[str, str], Mapping[str, Filled]]]
"""The lines of a directory, each with what fills its cells, by column."""


def cell_origins(
    table: ResourceTable,
    found: Mapping[str, list[Located]],
    in_force: InForce,
    bases: Collection[str] = (),
) -> LineOrigins:
    """The same lines as of :meth:`ResourceTable.lines`, with what fills their cells."""
    return _NotedLines(table, table.actors(found, in_force, bases), [], in_force).told()


class _NotedLines(DirectoryLines):
    """Lines that know where their cells come from."""

    def told(self) -> LineOrigins:
        self._of_lines: dict[int, dict[str, Filled]] = {}
        return [(line, self._of_lines[id(line)]) for line in self.listed().lines]

    def _cells(
        self, schedule: Item, line: Line, codings: dict[tuple[str, str], set[tuple[str, str]]]
    ) -> dict[str, str]:
        self._filling: dict[str, Filled] = {}
        cells = super()._cells(schedule, line, codings)
        self._of_lines[id(cells)] = self._filling
        return cells

    def _noted(self, column: Column, item: Item) -> None:
        read = zip(column.readers, column.bound.row.fhir, strict=True)
        path = next((path for reader, path in read if reader(item.value)), column.bound.row.fhir[0])
        self._filling[column.name] = Filled(item.kind, item.value.id or "", str(path), column.bound.row)
