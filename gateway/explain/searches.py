"""Where every parameter of the searches for slots comes from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from gateway.core import window
from gateway.core.chained import alternatives
from gateway.core.flows import Plan
from gateway.core.plan import Call
from gateway.explain.cells import CellOrigins
from gateway.explain.leaves import Json, at, leaves
from gateway.explain.rows import Rows
from gateway.explain.told import Field, Origin, named
from gateway.tables.answer import convert
from gateway.tables.answer.query import END, START
from gateway.tables.answer.site import SiteTables
from gateway.tables.compile.bind import BoundRow

_DURATION = "Visit.VisitPreference.Duration"
_LENGTH = "default_duration_minutes of the site: the message names no length"
_WINDOW = "default_window_days of the site: the message names no end"
_PART = "a part of the window: the EHR does not sort, and more came than one search may bring"
_PAGE = "page_size of dialect.yaml"
_DEFAULT = "the row's default: the message says nothing of it"


class SearchOrigins:
    """Of the searches that one plan makes. ``message`` is what was sent, as a JSON value."""

    def __init__(self, plan: Plan, message: Json, tables: SiteTables, rows: Rows, cells: CellOrigins) -> None:
        self._plan = plan
        self._fields = [(path, named(path), value) for path, value in leaves(message)]
        self._message = message
        self._tables = tables
        self._rows = rows
        self._cells = cells

    def of(self, call: Call) -> tuple[Field, ...]:
        """Each of the call's parameters once, in their order."""
        return tuple(self._field(name, value) for name, value in call.params)

    def _field(self, name: str, value: str) -> Field:
        asking = [bound for bound in self._tables.query.rows if bound.row.param == name]
        for bound in asking:
            found = self._read(bound, value)
            if found is not None:
                origins, made = found
                return Field(name, value, origins, self._rows.told(bound.row), made)
        if (name, value) in self._tables.dialect.page_of("Slot"):
            return Field(name, value, made=_PAGE)
        part = next((bound for bound in reversed(asking) if bound.row.key in (START, END)), None)
        row = self._rows.told(part.row) if part is not None else None
        return Field(name, value, row=row, made=_PART if part is not None else "")

    def _read(self, bound: BoundRow, value: str) -> tuple[tuple[Origin, ...], str] | None:
        """What a row read, and what filled in for it, if the value of the parameter is its own."""
        row = bound.row
        if row.value is not None:
            return ((), "") if row.value == value else None
        if row.key in (START, END):
            return self._bound(bound, value)
        if row.directory is not None:
            found = tuple(self._schedules(bound, alternatives(value)))
            return (found, "") if found else None
        if str(row.redox) == _DURATION:
            return self._length(bound, value)
        found = tuple(self._sent(bound, {value, *alternatives(value)}))
        if found:
            return found, ""
        return ((), _DEFAULT) if row.default is not None else None

    def _bound(self, bound: BoundRow, value: str) -> tuple[tuple[Origin, ...], str] | None:
        span = self._plan.span
        end = bound.row.key == END
        if bound.codec.to_fhir(window.to_utc_text(span.end if end else span.start)) != value:
            return None
        text = self._plan.asked.end if end else self._plan.asked.start
        return ((Origin(bound.row.key, text),), "") if text else ((), _WINDOW)

    def _schedules(self, bound: BoundRow, values: Sequence[str]) -> Iterator[Origin]:
        column = bound.row.directory or ""
        told: dict[str, Origin] = {}
        for line in self._plan.lines:
            cell = line.get(column)
            if cell and convert.cell(bound, bound.codec.to_fhir, cell) in values:
                told.setdefault(cell, self._cells.of(line, column))
        yield from told.values()

    def _length(self, bound: BoundRow, value: str) -> tuple[tuple[Origin, ...], str] | None:
        minutes = next(
            (each for each in self._plan.lengths if bound.codec.to_fhir(str(each), "minutes") == value), None
        )
        if minutes is None:
            return None
        found = tuple(self._sent(bound, {str(minutes)}))
        return (found, "") if found else ((), _LENGTH)

    def _sent(self, bound: BoundRow, values: set[str]) -> Iterator[Origin]:
        """The fields of the message that the row makes one of these values of."""
        for path, name, value in self._fields:
            if name == str(bound.row.redox):
                beside = [self._beside(path, each) for each in bound.row.with_]
                if convert.to_fhir(bound, _text(value), beside, path, []) in values:
                    yield Origin(path, value)

    def _beside(self, path: str, companion: str) -> Any:
        found = at(self._message, f"{path.rpartition('.')[0]}.{companion.rpartition('.')[2]}")
        return _text(found) if found is not None else None


def _text(value: Any) -> str:
    """As the lenient reader has it: a number where a text is meant is that text."""
    return value if isinstance(value, str) else str(value)
