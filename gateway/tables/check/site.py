"""Everything that can be wrong with tables that are well formed, found all at once.

Paths against the schemas, codecs against their arguments, rows against each other, every field of the
Redox schema accounted for, and every example run both ways.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from gateway.files.marked import Fault, Mark, did_you_mean, nearest
from gateway.tables.check.around import Around
from gateway.tables.check.examples import run
from gateway.tables.check.joins import check_joins
from gateway.tables.check.row import check_row
from gateway.tables.check.table import ANSWER, DIRECTORY, NEEDED_ROWS, QUERY, conflicts, gaps, missing
from gateway.tables.codecs.codec import Context
from gateway.tables.read.dialect import Dialect
from gateway.tables.rows.model import Row, Table
from gateway.tables.rows.paths import parse
from gateway.tables.rows.schema import SchemaView, Unknown

NEEDED = (QUERY, ANSWER, DIRECTORY)
_ROWS_NAMED = 3
# The search parameters of FHIR R4's Slot: one without a row is none that was mistyped.
_OF_SLOT = (
    "appointment-type",
    "identifier",
    "schedule",
    "service-category",
    "service-type",
    "specialty",
    "start",
    "status",
)


def check(
    tables: Mapping[str, Table],
    dialect: Dialect,
    context: Context,
    schemas: Mapping[str, SchemaView],
    faults: list[Fault],
) -> None:
    """Adds every fault of the effective tables to ``faults``.

    If there are some already, a part of the tables was not read, and nothing is said of what is missing.
    """
    whole = not faults
    found = list(_faults(tables, dialect, context, schemas, whole))
    short = [table for table in tables.values() if _lacking(table)]
    if found and short:
        completed = {name: _completed(table) for name, table in tables.items()}
        others = set(_faults(completed, dialect, context, schemas, whole))
        if len(left := [each for each in found if each in others]) < len(found):
            found = [*left, *map(_meant_over, short)]
    faults.extend(found)


def _faults(
    tables: Mapping[str, Table],
    dialect: Dialect,
    context: Context,
    schemas: Mapping[str, SchemaView],
    whole: bool,
) -> Iterator[Fault]:
    for name in NEEDED:
        if whole and name not in tables:
            yield Mark("mappings", 1, 1).fault(f'the table "{name}" is missing')
    columns = columns_of(tables.get(DIRECTORY))
    for table in tables.values():
        yield from _table(table, Around(table, context, schemas, columns))
        if whole:
            yield from missing(table, schemas)
    query = tables.get(QUERY)
    if query is not None:
        yield from _searches(query, dialect, whole)
    yield from check_joins(dialect, tables.get(DIRECTORY), schemas)
    yield from _withheld(dialect, tables.get(ANSWER), schemas)


def _lacking(table: Table) -> list[Row]:
    """The rows of the table below that a whole table in its place does not have."""
    return [row for row in table.replaced.rows if table.row(row.key) is None] if table.replaced else []


def _completed(table: Table) -> Table:
    """The table as it would be over the one that it replaces."""
    below = table.replaced
    if below is None:
        return table
    return replace(
        table,
        redox=table.redox or below.redox,
        below=table.below or below.below,
        fhir=table.fhir or below.fhir,
        rows=(*_lacking(table), *table.rows),
    )


def _meant_over(table: Table) -> Fault:
    """Said in place of all that is wrong only because rows of the table below are not there any more."""
    rows = [f'"{row.key}"' for row in _lacking(table)]
    more = f" and {len(rows) - _ROWS_NAMED} more" if len(rows) > _ROWS_NAMED else ""
    among = f"{', '.join(rows[:_ROWS_NAMED])}{more}"
    text = f"this whole table replaces the one below, and lacks rows of it that are needed, among {among}"
    return table.mark.fault(
        f'{text}; write "over: {table.name}" in place of "table: {table.name}" to keep them'
    )


def columns_of(directory: Table | None) -> frozenset[str]:
    """The columns that rows may name: also those whose own row has told a fault already."""
    if directory is None:
        return frozenset()
    own = {row.directory for row in directory.rows if row.directory}
    return frozenset({*own, *directory.unread, *NEEDED_ROWS[DIRECTORY]})


def _table(table: Table, around: Around) -> Iterator[Fault]:
    schemas = around.schemas
    if table.redox is not None and table.redox not in schemas:
        yield table.mark.fault(
            f'there is no Redox schema "{table.redox}"; {did_you_mean(table.redox, schemas)}'
        )
        return
    for name in table.fhir:
        if name not in schemas:
            yield table.mark.fault(f'there is no FHIR schema "{name}"; {did_you_mean(name, schemas)}')
            return
    for row in table.rows:
        faults = list(check_row(row, around))
        yield from faults or run(row, around.context)
    yield from conflicts(table)
    yield from gaps(table)


def _withheld(dialect: Dialect, answer: Table | None, schemas: Mapping[str, SchemaView]) -> Iterator[Fault]:
    """Fields that are not to go on, and are none of a slot, or are what makes it one."""
    if answer is None or answer.redox is None or answer.redox not in schemas:
        return
    view = schemas[answer.redox]
    for name in dialect.withheld:
        mark = dialect.marks.get(f"withheld {name}", Mark("dialect.yaml", 1, 1))
        path = parse(name)
        found = view.find(path, answer.below)
        if name in ("DateTime", "Duration"):
            yield mark.fault(f'withheld: a slot without "{name}" is none; delete it here')
        elif isinstance(found, Unknown):
            near = did_you_mean(found.name, found.known)
            yield mark.fault(f'withheld: a slot of {answer.redox} has no field "{name}"; {near}')


def _searches(query: Table, dialect: Dialect, whole: bool) -> Iterator[Fault]:
    """What the searches of a dialect cannot do without, and what they would send twice."""
    if dialect.upstream != "fhir":
        return
    asking = [row for row in query.rows if row.to_fhir and row.param is not None]
    if whole and not any(row.directory is not None for row in asking):
        yield _no_schedule(query)
    if dialect.page_size is not None:
        name = dialect.page_size[0]
        for row in (row for row in asking if row.param == name):
            place = dialect.marks.get("page_size", Mark("dialect.yaml", 1, 1))
            yield row.at("param").fault(f'"{name}" is sent already, by "page_size" at {place}; drop one')
    known = {row.param for row in asking if row.param is not None}
    for name in sorted(dialect.together - known.union(_OF_SLOT)):
        if whole and nearest(name, known):
            mark = dialect.marks.get(f"together {name}", Mark("dialect.yaml", 1, 1))
            yield mark.fault(f'no row sends the parameter "{name}"; {did_you_mean(name, sorted(known))}')


def _no_schedule(query: Table) -> Fault:
    """The fault that no row asks for a schedule, at the layer that took the row away."""
    need = 'no schedule can be asked for without a row that has "directory" and "param"'
    former = next((each for each in reversed(query.former) if _asks(each.row)), None)
    if former is not None and former.dropped:
        return former.mark.fault(
            f'the row "{former.row.key}" cannot be dropped: {need}; change its cells instead'
        )
    one_way = next((row for row in query.rows if row.directory is not None and row.param is not None), None)
    mark = one_way.at("way") if one_way is not None else query.mark
    return mark.fault(f"{need} and goes to FHIR; add one")


def _asks(row: Row) -> bool:
    return row.to_fhir and row.directory is not None and row.param is not None
