"""A book: every effective table of a site as a sheet, each line of it with its layer and its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from gateway.files.flow import flow, unflow
from gateway.files.marked import Mark
from gateway.offline import origins
from gateway.tables.answer.site import SiteTables
from gateway.tables.read.code_tables import CODE_COLUMNS, SCHEDULE_COLUMNS
from gateway.tables.read.errors import ERROR_COLUMNS
from gateway.tables.read.layers import Source
from gateway.tables.rows.model import CodeTable, Example, Row, Table

Kind = Literal["fields", "dialect", "errors", "schedules", "codes"]

FIELD_COLUMNS = ("row", "cell", "value")
SETTING_COLUMNS = ("key", "value")
# Cells of a row that may be lists or maps: told as YAML has them on one line. Any other is the text itself.
_OF_YAML = frozenset({"fhir", "with", "ignore", "unless", "else", "example", "examples"})
DROPPED = "dropped"  # in place of a cell: the row is not in force
# Said of every line, and no part of it.
ORIGIN_COLUMNS = ("layer", "origin")
_ZONE = "America/Los_Angeles"  # of examples that name none


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a sheet: its cells in the order of the columns, and where it comes from."""

    cells: tuple[str, ...]
    layer: str
    mark: Mark

    @property
    def origin(self) -> str:
        """``file:line``, as a person is told it."""
        return origins.shown_place(f"{self.mark.file}:{self.mark.line}")


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table."""

    name: str
    kind: Kind
    columns: tuple[str, ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Book:
    """The tables of a site; ``hash`` is that of all files that they come from."""

    site: str
    hash: str
    sheets: tuple[Sheet, ...]

    def sheet(self, name: str) -> Sheet | None:
        """The sheet of that table."""
        return next((each for each in self.sheets if each.name == name), None)


@dataclass(frozen=True, slots=True)
class Files:
    """The files of a site, lowest layer first: YAML, code tables, and the CSV files beside the YAML."""

    yaml: tuple[Source, ...]
    csv: tuple[Source, ...]
    own: tuple[Source, ...]


def book(site: str, made: SiteTables, codes: Mapping[str, CodeTable], files: Files) -> Book:
    """The book of compiled tables and of the files that they come from."""
    sheets = [
        *(
            Sheet(name, "fields", FIELD_COLUMNS, (*_cells(table), *_dropped(table, files.yaml)))
            for name, table in made.tables.items()
        ),
        Sheet("dialect", "dialect", SETTING_COLUMNS, tuple(_settings(files.yaml))),
        Sheet("errors", "errors", ERROR_COLUMNS, tuple(_errors(made))),
        _schedules(files.own, made.schedules),
        *(
            Sheet(
                name,
                "codes",
                CODE_COLUMNS,
                tuple(_of_lines(CODE_COLUMNS, origins.code_lines(files.csv, table))),
            )
            for name, table in sorted(codes.items())
        ),
    ]
    return Book(site, made.hash, tuple(sheets))


def _cells(table: Table) -> Iterator[Line]:
    for row in table.rows:
        values = values_of(row)
        for name, cell in row.cells.items():
            told = flow(values[name]) if name in _OF_YAML else cell.text
            yield Line((row.key, name, told), cell.layer, cell.mark)


def _dropped(table: Table, yaml: Sequence[Source]) -> Iterator[Line]:
    """Rows that a layer drops, at the end: why."""
    for each in origins.dropped(yaml, table.name):
        if table.row(each.key) is None:
            yield Line((each.key, DROPPED, each.because), each.layer, each.mark)


def value_of(kind: Kind, cell: str, text: str) -> Any:
    """What a text means that is typed for a cell, or for a key of the dialect.

    Raises ValueError for brackets that do not end."""
    return unflow(text) if kind == "dialect" or cell in _OF_YAML else text


def values_of(row: Row) -> dict[str, Any]:
    """The cells of a row that are not one text only: lists, and examples."""
    lists = {
        "fhir": [str(each) for each in row.fhir],
        "with": row.with_,
        "ignore": row.ignore,
        "unless": row.unless,
        "else": row.others,
    }
    found: dict[str, Any] = {name: each[0] if len(each) == 1 else list(each) for name, each in lists.items()}
    told = [_example(each) for each in row.examples]
    if "example" in row.cells:
        found["example"] = told.pop(0)
    found["examples"] = told
    return found


def _example(example: Example) -> dict[str, Any]:
    told: dict[str, Any] = dict(example.sides)
    if example.with_:
        told["with"] = example.with_[0] if len(example.with_) == 1 else list(example.with_)
    if example.zone != _ZONE:
        told["zone"] = example.zone
    return told


def _settings(yaml: Sequence[Source]) -> Iterator[Line]:
    for each in origins.settings(yaml):
        yield Line((each.key, flow(each.plain)), each.layer, each.mark)


def _errors(made: SiteTables) -> Iterator[Line]:
    for row in made.errors:
        yield Line(tuple(getattr(row, name) or "" for name in ERROR_COLUMNS), row.layer, row.mark)


def _schedules(own: Sequence[Source], lines: Sequence[Mapping[str, str]]) -> Sheet:
    columns = tuple(dict.fromkeys([*(lines[0] if lines else ()), *SCHEDULE_COLUMNS]))
    found = origins.schedule_lines(own, lines)
    return Sheet("schedules", "schedules", columns, tuple(_of_lines(columns, found)))


def _of_lines(columns: Sequence[str], lines: Sequence[origins.LineInForce]) -> Iterator[Line]:
    for each in lines:
        yield Line(tuple(each.cells.get(name, "") for name in columns), each.layer, each.mark)
