"""Where every field of the Redox query comes from that a FHIR search becomes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from gateway.core.directory import Cells
from gateway.explain.cells import CellOrigins
from gateway.explain.leaves import Json, leaves
from gateway.explain.relayed import ENVELOPE
from gateway.explain.rows import Rows
from gateway.explain.told import Field, Origin, named
from gateway.tables.answer import convert
from gateway.tables.answer.fhir_server import FhirServerTables
from gateway.tables.answer.search import END, START
from gateway.tables.compile.bind import BoundRow

_MADE = {
    START: "the present: the search names no start, or begins before it",
    END: "the end of the window: default_window_days or max_window_days of the site",
    "Visit.VisitPreference.Duration": "default_duration_minutes of the site: the search names no length",
}
_SLOT_ID = "the id of the slot that is asked for"

Given = Sequence[tuple[str, str, str]]
"""The parameters of a search: as they were sent, as the rows know them, and their values."""


class QueryOrigins:
    """Of the queries of one search, each about these ``lines`` of the directory."""

    def __init__(self, given: Given, server: FhirServerTables, rows: Rows, cells: CellOrigins) -> None:
        self._given = given
        self._server = server
        self._rows = rows
        self._cells = cells

    def of(self, query: Json, lines: Sequence[Cells]) -> tuple[Field, ...]:
        """The fields of the query, in order."""
        return tuple(self._field(path, value, lines) for path, value in leaves(query))

    def _field(self, path: str, value: Any, lines: Sequence[Cells]) -> Field:
        name = named(path)
        rows = [each for each in self._server.search.rows if str(each.row.redox) == name]
        for bound in rows:
            origins = tuple(self._read(bound, value, lines))
            if origins or bound.row.value is not None:
                return Field(path, value, origins, self._rows.told(bound.row))
        if not rows:
            return Field(path, value, made=ENVELOPE)
        made = _MADE.get(name, _SLOT_ID)
        return Field(path, value, row=self._rows.told(rows[0].row), made=made)

    def _read(self, bound: BoundRow, value: Any, lines: Sequence[Cells]) -> Iterator[Origin]:
        row = bound.row
        if row.select is not None:
            yield from self._cells_of(bound, value, lines)
            return
        for sent, name, text in self._given:
            if name == row.param and any(
                str(convert.to_redox(bound, each, (), name, [])) == str(value) for each in _spelt(text)
            ):
                yield Origin(sent, text)

    def _cells_of(self, bound: BoundRow, value: Any, lines: Sequence[Cells]) -> Iterator[Origin]:
        """The cells by which schedules are named, each once."""
        column = bound.row.select or ""
        found: dict[tuple[str, str], Origin] = {}
        for line in lines:
            cell = line.get(column)
            told = cell if bound.row.reads_id_type else convert.cell(bound, bound.codec.to_redox, cell or "")
            if cell and told == value:
                origin = self._cells.of(line, column)
                found.setdefault((origin.of, origin.place), origin)
        yield from found.values()


def _spelt(text: str) -> list[str]:
    """A value, its alternatives, and each with the prefix that it may be read with."""
    found = dict.fromkeys([text, *text.split(",")])
    return [*found, *(f"ge{each}" for each in found if each[:1].isdigit())]
